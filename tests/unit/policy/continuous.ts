import type { Batch } from '../../../ding/data/index.js'
import { RandomStream } from '../../../ding/index.js'
import type { LearnMode, LearnOutput } from '../../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../../ding/utils/index.js'
import { f32 } from './support.js'

/** Made-up transitions with continuous actions; batches of different `seed` differ. */
export function continuousBatch(seed: number, rows = 8, obs = 3, actions = 2): Batch {
  const random = RandomStream.fromSeed(seed)
  const normal = (width: number) => f32([...random.normal(rows * width)], [rows, width])
  return {
    obs: normal(obs),
    next_obs: normal(obs),
    action: f32(
      Array.from(random.uniform(rows * actions), (u) => 2 * u - 1),
      [rows, actions],
    ),
    reward: f32([...random.normal(rows)]),
    done: {
      dtype: 'bool',
      shape: [rows],
      data: Uint8Array.from({ length: rows }, (_, i) => Number(i === 0)),
    },
  }
}

/** Updates with the batches of seeds from..to - 1. */
export async function updates(learn: LearnMode, from: number, to: number): Promise<LearnOutput[]> {
  const outputs: LearnOutput[] = []
  for (let seed = from; seed < to; seed++)
    outputs.push([await learn.forward(continuousBatch(seed))].flat()[0] as LearnOutput)
  return outputs
}

/** A tensor in the part of a state, by name. */
export function tensorOf(state: StateTree, part: string, name: string): number[] {
  const tensor = (state[part] as Record<string, HostTensor>)[name]
  if (tensor === undefined) throw new Error(`There is no ${part} ${name}.`)
  return Array.from(tensor.data)
}
