import { Box } from '../../envs/index.js'
import { UsageError } from '../../utils/index.js'
import { type ArgumentDefinitions, type ConfigSetting, withDefault } from '../arguments.js'
import { commonArguments, nStepsArgument, tauArgument } from './shared.js'

/** Arguments of agents that learn from a dataset. */
export const datasetArguments = {
  ...commonArguments,
  dataset: {
    doc: 'The file, or the folder of a Minari dataset, to learn from.',
    format: 'any',
    default: null,
    nullable: true,
    to: 'collect.data_path',
    null_sets_nothing: true,
  },
  batch_size: { doc: 'Rows of one update.', format: 'positive_int', default: 256, to: 'learn.batch_size' },
  buffer_size: {
    doc: "Rows of the replay buffer that learn with online_iterations learns from: the data, and what is collected. null: the policy's.",
    format: 'positive_int',
    default: null,
    nullable: true,
    to: 'other.replay_buffer.replay_buffer_size',
    null_sets_nothing: true,
  },
} as const satisfies ArgumentDefinitions

/** The learning rate of an agent that has one for all networks, or for what has none of its own. */
export const learningRate = {
  doc: 'Learning rate; a number, or a function of the remaining progress.',
  format: 'nonnegative_number',
  default: 3e-4,
} as const

/** What CORL does to a dataset before it learns from it. */
export const dataArguments = {
  ...datasetArguments,
  normalize: {
    doc: "Observations by the data's mean and deviation; predicting does the same, without the data.",
    format: 'boolean',
    default: true,
    to: 'collect.use_norm',
  },
  normalize_reward: {
    doc: 'Rewards by the range of returns, for halfcheetah, hopper and walker2d.',
    format: 'boolean',
    default: false,
    to: 'collect.normalize_reward',
  },
  reward_scale: {
    doc: 'Factor on every reward, after normalize_reward.',
    format: 'number',
    default: 1,
    to: 'collect.reward_scale',
  },
  reward_bias: {
    doc: 'Added to every reward, last.',
    format: 'number',
    default: 0,
    to: 'collect.reward_bias',
  },
  sampling: {
    doc: "'free': with replacement, as CORL. 'free_no_replace': distinct rows in each batch. 'epoch': shuffled passes over the data, as DI-engine.",
    format: ['free', 'free_no_replace', 'epoch'],
    default: 'free',
    to: 'collect.sampling',
  },
  action_scale: {
    doc: "Factor that brings the data's actions to [-1, 1]. null: the data are in the units of the environment. 1: they are in [-1, 1] already, as replay buffers hold them.",
    format: 'positive_number',
    default: null,
    nullable: true,
  },
} as const satisfies ArgumentDefinitions

/** The same for continuous actor-critic policies, with targets that bootstrap. */
export const offlineActorCriticArguments = {
  ...dataArguments,
  ...nStepsArgument,
  discount: { doc: 'Discount factor.', format: 'unit_interval', default: 0.99, to: 'learn.discount_factor' },
  ...tauArgument,
} as const satisfies ArgumentDefinitions

/** `normalize_reward` of CORL's IQL, TD3+BC and EDAC, which do something to the rewards of antmaze too. */
export const normalizeReward = {
  doc: 'Rewards by the range of returns, for halfcheetah, hopper and walker2d; less 1, for antmaze.',
  format: 'boolean',
  default: false,
  to: 'collect.reward_norm',
  convert: (on: boolean) => (on ? 'corl' : 'none'),
} as const

/** An argument that is one network's learning rate. */
export function rateOf(network: string, to: string | readonly string[]) {
  return withDefault(
    { doc: `Learning rate of ${network}.`, format: 'nonnegative_number', default: 3e-4 },
    3e-4,
    to,
  )
}

/**
 * `policy.collect` for the actions of the data: what brings them to the [-1, 1] that policies act in.
 * @throws UsageError where no one factor does, as the bounds differ
 */
export function actionConfig(given: number | null, { action_space }: ConfigSetting): Record<string, unknown> {
  if (!(action_space instanceof Box)) return {}
  if (given !== null) return { action_scale: given }
  const bound = Number(action_space.high[0])
  const isEven = action_space.high.every((v) => v === bound) && action_space.low.every((v) => v === -bound)
  if (isEven && Number.isFinite(bound)) return { action_scale: 1 / bound }
  throw new UsageError(
    `The environment's actions are ${action_space}: no one factor brings the data's to [-1, 1]. Scale the data's actions yourself and set action_scale to 1.`,
  )
}
