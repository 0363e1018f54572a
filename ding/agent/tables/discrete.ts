import { UsageError } from '../../utils/index.js'
import { type ConfigSetting, defineAgentTable, withDefault } from '../arguments.js'
import { imageRangeOf } from '../spaces.js'
import { encoderConfig, optimizerConfig, valueBasedArguments, valueBasedKwargs } from './shared.js'

const rate = 'learn.learning_rate'

interface ValueArguments {
  readonly tau: number
  readonly target_update_interval: number
  readonly max_grad_norm: number | null
  readonly policy_kwargs: { readonly optimizer_kwargs: Readonly<Record<string, unknown>> | null }
}

/** What the agents with discrete actions share beside single keys. */
function learnConfig(name: string, args: ValueArguments, at: ConfigSetting): Record<string, unknown> {
  const { tau, target_update_interval, max_grad_norm } = args
  const interval = at.updatesIn(target_update_interval)
  if (tau < 1 && interval > 1) {
    throw new UsageError(
      `${name}: tau is ${tau} and target_update_interval ${target_update_interval}, which is ${interval} updates. A soft update ` +
        '(tau below 1) comes with every update: set target_update_interval to 1, or tau to 1.',
    )
  }
  return {
    target_update_freq: tau < 1 ? null : interval,
    target_theta: tau,
    grad_clip_type: max_grad_norm === null ? null : 'clip_norm',
    ...(max_grad_norm === null ? {} : { grad_clip_value: max_grad_norm }),
    ...optimizerConfig(args.policy_kwargs.optimizer_kwargs),
  }
}

/** SB3's DQN(...) -> policy `dqn`. */
export const DQN_TABLE = defineAgentTable({
  name: 'DQN',
  policy: 'dqn',
  continuous: false,
  sampling: 'epsilon',
  arguments: {
    ...valueBasedArguments,
    learning_rate: withDefault(valueBasedArguments.learning_rate, 1e-4, rate),
    batch_size: withDefault(valueBasedArguments.batch_size, 32),
    train_freq: withDefault(valueBasedArguments.train_freq, 4),
    policy_kwargs: valueBasedKwargs,
  },
  more: (args, at) => ({
    double: false,
    model: {
      dueling: false,
      head_layer_num: 0,
      ...encoderConfig(args.policy_kwargs.net_arch, at),
    },
    learn: { criterion: 'smooth_l1', ...learnConfig('DQN', args, at) },
    other: { eps: { type: 'linear' } },
  }),
})

/** SB3-contrib's QRDQN(...) -> policy `qrdqn`. */
export const QRDQN_TABLE = defineAgentTable({
  name: 'QRDQN',
  policy: 'qrdqn',
  continuous: false,
  sampling: 'epsilon',
  arguments: {
    ...valueBasedArguments,
    learning_rate: withDefault(valueBasedArguments.learning_rate, 5e-5, rate),
    batch_size: withDefault(valueBasedArguments.batch_size, 32),
    train_freq: withDefault(valueBasedArguments.train_freq, 4),
    exploration_fraction: withDefault(valueBasedArguments.exploration_fraction, 0.005),
    exploration_final_eps: withDefault(valueBasedArguments.exploration_final_eps, 0.01),
    max_grad_norm: withDefault(valueBasedArguments.max_grad_norm, null),
    policy_kwargs: {
      ...valueBasedKwargs,
      n_quantiles: {
        doc: 'Quantiles of the return of each action.',
        format: 'positive_int',
        default: 200,
        to: 'model.num_quantiles',
      },
    },
  },
  more: (args, at) => ({
    double: false,
    model: { head_layer_num: 0, ...encoderConfig(args.policy_kwargs.net_arch, at) },
    learn: { optimizer_eps: 0.01 / args.batch_size, ...learnConfig('QRDQN', args, at) },
    other: { eps: { type: 'linear' } },
  }),
})

/** AgileRL's CQN in an online loop -> policy `cqn`: AgileRL's learning, SB3's loop. */
export const CQN_TABLE = defineAgentTable({
  name: 'CQN',
  policy: 'cqn',
  continuous: false,
  sampling: 'epsilon',
  arguments: {
    ...valueBasedArguments,
    learning_rate: withDefault(valueBasedArguments.learning_rate, 1e-4, rate),
    buffer_size: withDefault(valueBasedArguments.buffer_size, 100_000),
    batch_size: withDefault(valueBasedArguments.batch_size, 64),
    train_freq: withDefault(valueBasedArguments.train_freq, 5),
    tau: withDefault(valueBasedArguments.tau, 1e-3),
    target_update_interval: withDefault(valueBasedArguments.target_update_interval, 1),
    max_grad_norm: withDefault(valueBasedArguments.max_grad_norm, 1),
    double: { doc: 'Double Q-learning.', format: 'boolean', default: false, to: 'double' },
    cql_alpha: {
      doc: 'Weight of the conservative term.',
      format: 'nonnegative_number',
      default: 1,
      to: 'learn.cql_alpha',
    },
    td_weight: {
      doc: 'Weight of the squared TD error.',
      format: 'nonnegative_number',
      default: 0.5,
      to: 'learn.td_weight',
    },
    conservative_term: {
      doc: "'dataset' (the paper) or 'mean' (AgileRL).",
      format: ['dataset', 'mean'],
      default: 'dataset',
      to: 'learn.conservative_term',
    },
    net_config: {
      doc: "AgileRL's description of the network: latent_dim, encoder_config, head_config, simba.",
      format: 'any_record',
      default: {},
      to: 'model.net_config',
    },
    normalize_images: {
      doc: 'Bring images from the bounds of their space to [0, 1].',
      format: 'boolean',
      default: true,
    },
    policy_kwargs: { optimizer_kwargs: valueBasedKwargs.optimizer_kwargs },
  },
  more: (args, at) => {
    const range = imageRangeOf(at.observation_space)
    return {
      model: { normalize_images: args.normalize_images && range !== null, image_range: range ?? [0, 255] },
      learn: learnConfig('CQN', args, at),
      other: { eps: { type: 'linear' } },
    }
  },
})
