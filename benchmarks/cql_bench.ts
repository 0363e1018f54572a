import {
  type Compute,
  type CQLConfig,
  CQLPolicy,
  cqlPolicyConfig,
  createCompute,
  defaultsOf,
  type HostTensor,
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

/** Standard deviation of a state's values where they are as far apart as they come to be in training. */
const APART = 40

/** Scales the critics' last layers so that their values of random actions have this deviation. */
async function spread(policy: CQLPolicy, batch: ReturnType<typeof continuousBatch>): Promise<void> {
  const { cql_std_q1, cql_std_q2 } = (await policy.learn_mode.forward(batch)) as Record<string, number>
  const state = policy.learn_mode.state_dict()
  for (const [name, tensor] of Object.entries(state['model'] as Record<string, HostTensor>)) {
    const [, critic] = /^critic\.q\.([01])\.6\./.exec(name) ?? []
    if (critic === undefined) continue
    const factor = APART / ((critic === '0' ? cql_std_q1 : cql_std_q2) as number)
    tensor.data.forEach((value, i) => {
      tensor.data[i] = value * factor
    })
  }
  policy.learn_mode.load_state_dict(state)
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
  const apart = cqlLearner(compute, {})
  await spread(apart, batch)
  const { forward } = apart.learn_mode
  figures.push(
    await timePerCall('cql_256x3_batch_256_values_apart', 'ms', 4, () => forward(batch), { warmup: 2 }),
  )
  await compute.dispose()
  return figures
}
