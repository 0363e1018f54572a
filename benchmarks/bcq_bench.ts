import {
  type BCQConfig,
  BCQPolicy,
  bcqPolicyConfig,
  type Compute,
  createCompute,
  defaultsOf,
  RandomTree,
} from 'ding'
import { continuousBatch } from './continuous_batch.js'
import { type Figure, timePerCall } from './measure.js'

const OBS = 17
const ACTIONS = 6

/** BCQ with DI-engine's sizes. */
export function bcqLearner(compute: Compute, vae_type: 'gated' | 'concat'): BCQPolicy {
  const cfg = {
    ...defaultsOf(bcqPolicyConfig),
    model: { obs_shape: OBS, action_shape: ACTIONS, vae_type },
  } as unknown as BCQConfig
  return new BCQPolicy(cfg, { compute, random: RandomTree.fromSeed(0), enable_field: ['learn'] })
}

/** BCQ's update at DI-engine's sizes, with its VAE and with the authors', by the names of the PyTorch script. */
export async function bcqFigures(): Promise<Figure[]> {
  const compute = await createCompute()
  const figures: Figure[] = []
  for (const vae_type of ['gated', 'concat'] as const) {
    for (const rows of [100, 256]) {
      const { forward } = bcqLearner(compute, vae_type).learn_mode
      const batch = continuousBatch(rows, OBS, ACTIONS)
      const name = `bcq_${vae_type}_batch_${rows}`
      figures.push(await timePerCall(name, 'ms', 5, () => forward(batch), { warmup: 5 }))
    }
  }
  await compute.dispose()
  return figures
}
