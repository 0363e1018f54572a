import {
  type Batch,
  type CQNConfig,
  CQNPolicy,
  cqnPolicyConfig,
  createCompute,
  defaultsOf,
  RandomStream,
  RandomTree,
} from 'ding'
import { type Figure, timePerCall } from './measure.js'

const OBS = 4
const ACTIONS = 2
const BATCH = 64

/** Networks by name: AgileRL's default, and a plain one with two hidden layers of 64. */
const MODELS: Readonly<Record<string, Record<string, unknown>>> = {
  default_net: { obs_shape: OBS, action_shape: ACTIONS },
  '64_64': {
    type: 'dqn',
    obs_shape: OBS,
    action_shape: ACTIONS,
    encoder_hidden_size_list: [64],
    dueling: false,
  },
}

function batchOf(rows: number): Batch {
  const random = RandomStream.fromSeed(1)
  const normal = (...shape: number[]) => ({
    dtype: 'float32' as const,
    shape,
    data: random.normal(shape.reduce((a, b) => a * b, 1)),
  })
  return {
    obs: normal(rows, OBS),
    next_obs: normal(rows, OBS),
    action: { dtype: 'int32', shape: [rows], data: random.integers(rows, 0, ACTIONS) },
    reward: normal(rows),
    done: {
      dtype: 'bool',
      shape: [rows],
      data: Uint8Array.from({ length: rows }, () => (random.nextFloat() < 0.05 ? 1 : 0)),
    },
  }
}

/** AgileRL's learn step, by the names of the PyTorch script. */
export async function cqnFigures(): Promise<Figure[]> {
  const compute = await createCompute()
  const figures: Figure[] = []
  const defaults = defaultsOf(cqnPolicyConfig)
  for (const [name, model] of Object.entries(MODELS)) {
    const cfg: CQNConfig = { ...defaults, learn: { ...defaults.learn, conservative_term: 'mean' }, model }
    const policy = new CQNPolicy(cfg, { compute, random: RandomTree.fromSeed(0), enable_field: ['learn'] })
    const { forward } = policy.learn_mode
    const batch = batchOf(BATCH)
    figures.push(await timePerCall(`cqn_${name}_batch_${BATCH}`, 'us', 500, () => forward(batch)))
  }
  await compute.dispose()
  return figures
}
