import { type ConfigOf, type SchemaDefinition, schema } from '../../config/index.js'

/** How rewards can be normalised before `reward_scale` and `reward_bias`. */
export const REWARD_NORMS = [
  'none',
  'normalize',
  'return_range',
  'iql_locomotion',
  'iql_antmaze',
  'cql_antmaze',
  'antmaze',
  'corl',
] as const

/** The keys of `policy.collect` that say which data an offline run learns from. A policy adds them to its own schema. */
export const datasetKeys = {
  data_type: {
    doc: "Layout of the data: a name in the dataset registry; 'auto' looks into the file.",
    format: 'string',
    default: 'auto',
  },
  data_path: {
    doc: 'The data: a file, or the folder of a Minari dataset.',
    format: 'path',
    default: '',
  },
  env_id: {
    doc: 'Environment of the data, for reference scores and episode lengths; null: what the file says.',
    format: 'string',
    nullable: true,
    default: null,
  },
  max_transitions: {
    doc: 'Use only this many transitions: the first ones, or the last ones with agilerl_compat; null: all.',
    format: 'positive_int',
    nullable: true,
    default: null,
  },
  max_episode_steps: {
    doc: 'Length at which episodes of a D4RL file without time-outs are cut; null: the one that belongs to the env.',
    format: 'positive_int',
    nullable: true,
    default: null,
  },
  reward_norm: {
    doc:
      "Normalisation of rewards: 'normalize' to mean 0 and deviation 1; 'return_range' divides by the range of returns " +
      "and multiplies by the episode length; 'iql_locomotion' the same times 1000; 'iql_antmaze' r - 1; 'cql_antmaze' " +
      "4 (r - 0.5); 'antmaze' 2 (r - 0.25); 'corl', by the environment of the data: 'return_range' for halfcheetah, hopper and walker2d, r - 1 for antmaze " +
      "(what normalize_reward does in CORL's IQL, TD3+BC and EDAC).",
    format: REWARD_NORMS,
    default: 'none',
  },
  normalize_reward: {
    doc: "CORL's switch: 'return_range' for halfcheetah, hopper and walker2d, nothing for others. reward_norm goes first.",
    format: 'boolean',
    default: false,
  },
  reward_scale: {
    doc: 'Factor on every reward, after reward_norm and before reward_bias.',
    format: 'number',
    default: 1,
  },
  reward_bias: { doc: 'Added to every reward, last.', format: 'number', default: 0 },
  action_scale: {
    doc: 'Factor on every continuous action, for policies that act in [-1, 1] and data that are in the units of the environment: 0.5 for torques in [-2, 2], beside env.act_scale.',
    format: 'positive_number',
    default: 1,
  },
  use_norm: {
    doc: "Normalise observations by the data's mean and deviation (+ 1e-3). They become part of the policy's checkpoints, so that acting and evaluating do the same without the data.",
    format: 'boolean',
    default: false,
  },
  agilerl_compat: {
    doc:
      "Read a d3rlpy file as AgileRL's example does: every row but the last, obs[i + 1] as successor even across " +
      'episodes, terminals as they stand.',
    format: 'boolean',
    default: false,
  },
  sampling: {
    doc:
      "'epoch': shuffled passes over the data (what does not fill a batch at a pass's end waits for the next shuffle); " +
      "'free': with replacement; 'free_no_replace': distinct rows in each batch.",
    format: ['epoch', 'free', 'free_no_replace'],
    default: 'epoch',
  },
} as const satisfies SchemaDefinition

/** Schema of {@link datasetKeys}. */
export const datasetConfig = schema(datasetKeys)

export type DatasetConfig = ConfigOf<typeof datasetConfig>
