import { afterEach } from 'vitest'
import { CQN, type CQNOptions } from '../../../../ding/agent/index.js'
import { RandomStream } from '../../../../ding/compute/index.js'
import type { Batch } from '../../../../ding/data/index.js'
import { Box, createTimestep, Discrete, type Env } from '../../../../ding/envs/index.js'
import type { HostTensor, StateTree } from '../../../../ding/utils/index.js'
import { f32, i32 } from '../../policy/support.js'

export const observations = new Box(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, [4])
export const actions = new Discrete(3)
export const small: CQNOptions = {
  lr: 0.01,
  batch_size: 8,
  net_config: { latent_dim: 16, encoder_config: { hidden_size: [48] }, head_config: { hidden_size: [48] } },
}

const made: CQN[] = []
/** Has the agents cleaned up after the test. */
export function keep<T extends CQN | readonly CQN[]>(agents: T): T {
  made.push(...(Array.isArray(agents) ? (agents as readonly CQN[]) : [agents as CQN]))
  return agents
}
afterEach(async () => {
  for (const one of made.splice(0)) await one.clean_up()
})

export const agent = (options: CQNOptions = small): CQN => keep(new CQN(observations, actions, options))
export const population = (size: number, options: CQNOptions = small): CQN[] =>
  keep(CQN.population(size, observations, actions, options))

const ROWS = 64
const random = RandomStream.fromSeed(3)
const data = {
  obs: random.normal(ROWS * 4),
  next_obs: random.normal(ROWS * 4),
  action: random.integers(ROWS, 0, 3),
  reward: random.normal(ROWS),
  done: random.uniform(ROWS).map((u) => Number(u < 0.2)),
}

/** Rows of the data of these tests as a batch. */
export function rows(picks: ArrayLike<number>): Batch {
  const list = Array.from(picks)
  const wide = (from: Float32Array) => list.flatMap((i) => [...from.subarray(4 * i, 4 * i + 4)])
  const column = (from: ArrayLike<number>) => list.map((i) => from[i] as number)
  const B = list.length
  return {
    obs: f32(wide(data.obs), [B, 4]),
    next_obs: f32(wide(data.next_obs), [B, 4]),
    action: i32(column(data.action), [B]),
    reward: f32(column(data.reward), [B]),
    done: f32(column(data.done), [B]),
  }
}
export const ROW_COUNT = ROWS

/** Pays 1 for action 0. What it shows depends on its seed. */
export class Bandit implements Env {
  readonly observation_space = observations
  readonly action_space = actions
  readonly reward_space = new Box(0, 1)
  private random = RandomStream.fromSeed(0)
  private steps = 0

  private obs() {
    return this.random.normal(4)
  }

  reset() {
    this.steps = 0
    return this.obs()
  }

  step(action: unknown) {
    this.steps++
    return createTimestep(this.obs(), Number(action === 0), this.steps === 10)
  }

  seed(seed: number) {
    this.random = RandomStream.fromSeed(seed)
  }

  close() {}
}

type Weights = Record<string, HostTensor<Float32Array>>
/** The parts of an agent's learned state. */
export async function learned(one: CQN) {
  const { policy } = (await one.state_dict()) as { policy: StateTree }
  return policy as unknown as { model: Weights; target_model: Weights; optimizer: StateTree; updates: number }
}
