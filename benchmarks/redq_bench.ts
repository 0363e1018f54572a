import {
  type Compute,
  createCompute,
  defaultsOf,
  RandomTree,
  type REDQConfig,
  REDQPolicy,
  redqPolicyConfig,
} from 'ding'
import { continuousBatch } from './continuous_batch.js'
import { type Figure, timePerCall } from './measure.js'

const OBS = 17
const ACTIONS = 6
const BATCH = 256

/** A learner with 10 critics of 256-256. */
export function redqLearner(compute: Compute, actor_update_freq: number): REDQPolicy {
  const defaults = defaultsOf(redqPolicyConfig)
  const cfg: REDQConfig = {
    ...defaults,
    model: {
      obs_shape: OBS,
      action_shape: ACTIONS,
      ensemble_num: 10,
      action_space: 'reparameterization',
    } as REDQConfig['model'],
    learn: { ...defaults.learn, actor_update_freq },
  }
  return new REDQPolicy(cfg, { compute, random: RandomTree.fromSeed(0), enable_field: ['learn'] })
}

/** REDQ's update with 10 critics of 256-256, target update included, by the names of the PyTorch script. */
export async function redqFigures(): Promise<Figure[]> {
  const compute = await createCompute()
  const figures: Figure[] = []
  const batch = continuousBatch(BATCH, OBS, ACTIONS)
  // An actor that is never due, and one that always is.
  for (const [name, actor_update_freq] of [
    ['redq_critic_step', 1e9],
    ['redq_critic_and_actor_step', 1],
  ] as const) {
    const { forward } = redqLearner(compute, actor_update_freq).learn_mode
    figures.push(await timePerCall(name, 'ms', 15, () => forward(batch), { warmup: 10 }))
  }
  await compute.dispose()
  return figures
}
