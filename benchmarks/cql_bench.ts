import {
  type Compute,
  type CQLConfig,
  CQLPolicy,
  cqlPolicyConfig,
  createCompute,
  defaultsOf,
  RandomTree,
} from 'ding'
import { continuousBatch } from './continuous_batch.js'
import { type Figure, timePerCall } from './measure.js'

const OBS = 17
const ACTIONS = 6
const BATCH = 256

/** A learner at CORL's size. */
export function cqlLearner(compute: Compute, learn: Partial<CQLConfig['learn']>): CQLPolicy {
  const defaults = defaultsOf(cqlPolicyConfig)
  const cfg: CQLConfig = {
    ...defaults,
    model: { ...defaults.model, obs_shape: OBS, action_shape: ACTIONS },
    learn: { ...defaults.learn, ...learn },
  }
  return new CQLPolicy(cfg, { compute, random: RandomTree.fromSeed(0), enable_field: ['learn'] })
}

/** CQL's update at CORL's size, target update included, by the names of the PyTorch script. */
export async function cqlFigures(): Promise<Figure[]> {
  const compute = await createCompute()
  const figures: Figure[] = []
  const batch = continuousBatch(BATCH, OBS, ACTIONS)
  const cases: Readonly<Record<string, Partial<CQLConfig['learn']>>> = {
    cql_256x3_batch_256: {},
    cql_lagrange_max_backup_256x3_batch_256: {
      with_lagrange: true,
      lagrange_thresh: 0.8,
      cql_max_target_backup: true,
    },
  }
  for (const [name, learn] of Object.entries(cases)) {
    const { forward } = cqlLearner(compute, learn).learn_mode
    figures.push(await timePerCall(name, 'ms', 4, () => forward(batch), { warmup: 2 }))
  }
  await compute.dispose()
  return figures
}
