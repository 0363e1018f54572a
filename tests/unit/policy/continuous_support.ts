import type { Tensor } from '@tensorflow/tfjs-core'
import { RandomStream } from '../../../ding/compute/index.js'
import { resolveConfig, type Schema } from '../../../ding/config/index.js'
import type { Batch } from '../../../ding/data/index.js'
import type { ActorCriticModel } from '../../../ding/model/index.js'
import type { LearnOutput, Policy, PolicyOptions } from '../../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../../ding/utils/index.js'
import { f32, policyOptions, sharedCompute } from './support.js'

export const OBS = 3
export const ACTIONS = 2
const ROWS = 6

const random = RandomStream.fromSeed(3)

/** Six fixed transitions; row 1 ends its episode. */
export function continuousBatch(more: Record<string, unknown> = {}): Batch {
  const stream = RandomStream.fromSeed(5)
  return {
    obs: f32([...stream.normal(ROWS * OBS)], [ROWS, OBS]),
    next_obs: f32([...stream.normal(ROWS * OBS)], [ROWS, OBS]),
    action: f32([...stream.normal(ROWS * ACTIONS)].map(Math.tanh), [ROWS, ACTIONS]),
    reward: f32([...stream.normal(ROWS)]),
    done: { dtype: 'bool', shape: [ROWS], data: Uint8Array.of(0, 1, 0, 0, 0, 0) },
    ...more,
  } as Batch
}

/** A policy of class `kind` with small networks, from the keys given. */
export async function build<P extends Policy>(
  kind: { new (cfg: never, options: PolicyOptions): P; readonly config?: unknown },
  given: Record<string, unknown> = {},
  options: { seed?: number; max_train_iter?: number } = {},
): Promise<P> {
  const { model = {}, ...rest } = given
  const filled = resolveConfig(kind.config as Schema, rest, 'policy') as { model: object }
  const cfg = {
    ...filled,
    model: { ...filled.model, obs_shape: OBS, action_shape: ACTIONS, net_arch: [8, 6], ...(model as object) },
  }
  const policy = new kind(cfg as never, await policyOptions(undefined, options.seed))
  if (options.max_train_iter !== undefined) policy.setAttribute('max_train_iter', options.max_train_iter)
  return policy
}

/** What the present networks in a state answer: used to work out targets by hand. */
export async function ask(model: ActorCriticModel, obs: HostTensor, action?: HostTensor) {
  const compute = await sharedCompute()
  const program = compute.program('ask', (inputs: { obs: Tensor; action?: Tensor }) => {
    const own = model.actor.forward(inputs.obs)
    const chosen = inputs.action ?? (own['action'] as Tensor)
    return {
      action: own['action'] as Tensor,
      q: model.critic.forward({ obs: inputs.obs, action: chosen })['q_value'] as Tensor,
    }
  })
  const out = await program.run({ obs, ...(action && { action }) })
  program.dispose()
  return out
}

export async function learn(policy: Policy, batch: Batch = continuousBatch()): Promise<LearnOutput> {
  return (await policy.learn_mode.forward(batch)) as LearnOutput
}

/** All of a part of a state in one list of numbers. */
export function values(state: StateTree, part: string, prefix = ''): number[] {
  return Object.entries(state[part] as Record<string, HostTensor>)
    .filter(([name]) => name.startsWith(prefix))
    .flatMap(([, tensor]) => Array.from(tensor.data))
}

/** Observations of environments 0 ... n - 1. */
export function observations(n: number): Record<number, Float32Array> {
  return Object.fromEntries(Array.from({ length: n }, (_, id) => [id, random.normal(OBS)]))
}

/** The actions in a mode's answer, by id. */
export function actionsOf(out: Record<number, { action: unknown }>): number[][] {
  return Object.values(out).map(({ action }) => Array.from(action as Float32Array))
}
