import {
  type Compute,
  type CrossQConfig,
  CrossQPolicy,
  createCompute,
  crossqPolicyConfig,
  defaultsOf,
  RandomTree,
} from 'ding'
import { continuousBatch } from './continuous_batch.js'
import { type Figure, timePerCall } from './measure.js'

const OBS = 17
const ACTIONS = 6
const BATCH = 256

/** A learner at SB3-contrib's default sizes. */
export function crossqLearner(compute: Compute, actor_update_freq: number): CrossQPolicy {
  const defaults = defaultsOf(crossqPolicyConfig)
  const cfg: CrossQConfig = {
    ...defaults,
    model: { obs_shape: OBS, action_shape: ACTIONS, action_space: 'reparameterization' },
    learn: { ...defaults.learn, ent_coef: 'auto', actor_update_freq },
  }
  return new CrossQPolicy(cfg, { compute, random: RandomTree.fromSeed(0), enable_field: ['learn'] })
}

/** CrossQ's gradient step at SB3-contrib's default sizes (actor 256-256, critics 1024-1024), by the names of the PyTorch script. */
export async function crossqFigures(): Promise<Figure[]> {
  const compute = await createCompute()
  const figures: Figure[] = []
  const batch = continuousBatch(BATCH, OBS, ACTIONS)
  // An actor that is never due, and one that always is.
  for (const [name, actor_update_freq] of [
    ['crossq_critic_step', 1e9],
    ['crossq_critic_and_actor_step', 1],
  ] as const) {
    const { forward } = crossqLearner(compute, actor_update_freq).learn_mode
    figures.push(await timePerCall(name, 'ms', 8, () => forward(batch), { warmup: 5 }))
  }
  await compute.dispose()
  return figures
}
