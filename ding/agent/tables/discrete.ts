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

/**
 * What the agents with discrete actions share beside single keys.
 * @param theta the share of the online network in a soft update, which comes with every update
 */
function learnConfig(
  { tau, target_update_interval, max_grad_norm, policy_kwargs }: ValueArguments,
  at: ConfigSetting,
  theta: number,
): Record<string, unknown> {
  return {
    target_update_freq: tau < 1 ? null : at.updatesIn(target_update_interval),
    target_theta: theta,
    grad_clip_type: max_grad_norm === null ? null : 'clip_norm',
    ...(max_grad_norm === null ? {} : { grad_clip_value: max_grad_norm }),
    ...optimizerConfig(policy_kwargs.optimizer_kwargs),
  }
}

/** The target follows env steps, as SB3's: what several of its moves by `tau` between two updates come to. */
function thetaByEnvSteps({ tau, target_update_interval }: ValueArguments, at: ConfigSetting): number {
  if (tau === 1) return tau
  const times = at.timesPerUpdate(target_update_interval)
  return times === 1 ? tau : 1 - (1 - tau) ** times
}

/** The target follows updates, as AgileRL's. @throws UsageError for an interval longer than a collect */
function thetaByUpdates({ tau, target_update_interval }: ValueArguments, at: ConfigSetting): number {
  if (tau < 1 && target_update_interval > 1) at.timesPerUpdate(target_update_interval)
  return tau
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
    learn: { criterion: 'smooth_l1', ...learnConfig(args, at, thetaByEnvSteps(args, at)) },
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
    learn: {
      // SB3-contrib's, unless another optimizer is named.
      ...(args.policy_kwargs.optimizer_class === 'Adam' && { optimizer_eps: 0.01 / args.batch_size }),
      ...learnConfig(args, at, thetaByEnvSteps(args, at)),
    },
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
    tau: {
      doc: 'Share of the online network in each target update; below 1, every update moves the target.',
      format: 'unit_interval',
      default: 1e-3,
      becomes: 'learn.target_theta',
    },
    target_update_interval: {
      doc: 'With tau 1: env steps between copies to the target network.',
      format: 'positive_int',
      default: 1,
      becomes: 'learn.target_update_freq',
    },
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
      learn: learnConfig(args, at, thetaByUpdates(args, at)),
      other: { eps: { type: 'linear' } },
    }
  },
})
