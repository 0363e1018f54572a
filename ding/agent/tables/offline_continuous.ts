import { archOf, type NetArch, net_arch, VAE_TYPES } from '../../model/index.js'
import { type ConfigSetting, defineAgentTable, withDefault } from '../arguments.js'
import {
  actionConfig,
  dataArguments,
  learningRate,
  normalizeReward,
  offlineActorCriticArguments,
  rateOf,
} from './dataset.js'
import { actorCriticKwargs, entropyArguments, optimizerConfig, targetNoise } from './shared.js'

const { activation_fn, normalize_images, optimizer_kwargs } = actorCriticKwargs
const { tau: tauArgument, discount: discountArgument } = offlineActorCriticArguments

const netArch = {
  doc: 'Hidden widths: one list, or {pi: [...], qf: [...]}.',
  format: net_arch,
  default: [256, 256],
} as const

/** What all the tables of this file say of the optimizer and of the data's actions. */
function offlineConfig(
  args: {
    readonly action_scale: number | null
    readonly policy_kwargs: { readonly optimizer_kwargs: Readonly<Record<string, unknown>> | null }
  },
  at: ConfigSetting,
  learn: Record<string, unknown> = {},
): { learn: Record<string, unknown>; collect: Record<string, unknown> } {
  return {
    learn: { ...learn, ...optimizerConfig(args.policy_kwargs.optimizer_kwargs) },
    collect: actionConfig(args.action_scale, at),
  }
}

const hiddenDim = {
  doc: 'Width of all hidden layers.',
  format: 'positive_int',
  default: 256,
  to: ['model.actor_head_hidden_size', 'model.critic_head_hidden_size'],
} as const

const { tau: _tau, ...withoutTau } = offlineActorCriticArguments

/** CORL's CQL (algorithms/offline/cql.py) -> policy `cql`. */
export const CQL_TABLE = defineAgentTable({
  name: 'CQL',
  policy: 'cql',
  continuous: true,
  sampling: 'distribution',
  arguments: {
    ...withoutTau,
    buffer_size: withDefault(dataArguments.buffer_size, 2_000_000),
    soft_target_update_rate: tauArgument,
    target_update_period: {
      doc: 'Updates between moves of the target networks.',
      format: 'positive_int',
      default: 1,
      to: 'learn.target_update_period',
    },
    policy_lr: withDefault(
      rateOf('the actor, and of alpha', ['learn.learning_rate_policy', 'learn.learning_rate_alpha']),
      3e-5,
    ),
    qf_lr: rateOf('the critics, and of the Lagrange multiplier', 'learn.learning_rate_q'),
    use_automatic_entropy_tuning: {
      doc: 'Adjust alpha, the weight of the entropy; false: it is alpha_multiplier.',
      format: 'boolean',
      default: true,
      to: 'learn.auto_alpha',
    },
    target_entropy: entropyArguments.target_entropy,
    alpha_multiplier: {
      doc: 'Factor on alpha.',
      format: 'nonnegative_number',
      default: 1,
      to: 'learn.alpha_multiplier',
    },
    backup_entropy: {
      doc: 'Targets have the entropy bonus of the next action.',
      format: 'boolean',
      default: false,
      to: 'learn.backup_entropy',
    },
    cql_alpha: {
      doc: 'Weight of the conservative term.',
      format: 'nonnegative_number',
      default: 10,
      to: 'learn.min_q_weight',
    },
    cql_alpha_online: {
      doc: 'The same once it is online. null: as before.',
      format: 'nonnegative_number',
      default: null,
      nullable: true,
      to: 'learn.cql_alpha_online',
    },
    cql_n_actions: {
      doc: 'Actions drawn for each state, of each of three kinds.',
      format: 'positive_int',
      default: 10,
      to: 'learn.num_actions',
    },
    cql_importance_sample: {
      doc: "Correct values by their actions' log-densities.",
      format: 'boolean',
      default: true,
      to: 'learn.cql_importance_sample',
    },
    cql_lagrange: {
      doc: 'Adjust the weight so that the gap comes to cql_target_action_gap.',
      format: 'boolean',
      default: false,
      to: 'learn.with_lagrange',
    },
    cql_target_action_gap: {
      doc: 'With cql_lagrange: the gap aimed at.',
      format: 'number',
      default: -1,
      to: 'learn.lagrange_thresh',
    },
    cql_temp: {
      doc: 'Temperature of the logsumexp.',
      format: 'positive_number',
      default: 1,
      to: 'learn.cql_temp',
    },
    cql_max_target_backup: {
      doc: 'Targets take the best of cql_n_actions next actions.',
      format: 'boolean',
      default: false,
      to: 'learn.cql_max_target_backup',
    },
    cql_clip_diff_min: {
      doc: 'Least gap that counts.',
      format: 'number',
      infinity: true,
      default: Number.NEGATIVE_INFINITY,
      to: 'learn.cql_clip_diff_min',
    },
    cql_clip_diff_max: {
      doc: 'Largest gap that counts.',
      format: 'number',
      infinity: true,
      default: Number.POSITIVE_INFINITY,
      to: 'learn.cql_clip_diff_max',
    },
    bc_steps: {
      doc: "Updates at the start in which the actor follows the data's actions.",
      format: 'nonnegative_int',
      default: 0,
      to: 'learn.bc_steps',
    },
    orthogonal_init: {
      doc: 'Critics start from orthogonal matrices.',
      format: 'boolean',
      default: true,
      to: 'model.orthogonal_init',
    },
    q_n_hidden_layers: {
      doc: "The critics' hidden layers.",
      format: 'positive_int',
      default: 3,
      to: 'model.q_n_hidden_layers',
    },
    policy_log_std_multiplier: {
      doc: "Start value of the factor on the actor's log standard deviation.",
      format: 'number',
      default: 1,
      to: 'model.policy_log_std_multiplier',
    },
    hidden_dim: hiddenDim,
    policy_kwargs: { activation_fn, optimizer_kwargs },
  },
  more: (args, at) => offlineConfig(args, at),
})

/** BCQ with DI-engine's names and defaults, where the authors' code has no other -> policy `bcq`. */
export const BCQ_TABLE = defineAgentTable({
  name: 'BCQ',
  policy: 'bcq',
  continuous: true,
  sampling: 'none',
  arguments: {
    ...offlineActorCriticArguments,
    normalize: withDefault(dataArguments.normalize, false),
    batch_size: withDefault(dataArguments.batch_size, 100),
    sampling: withDefault(dataArguments.sampling, 'epoch'),
    learning_rate_q: rateOf('the critics', 'learn.learning_rate_q'),
    learning_rate_policy: rateOf('the perturbation network', 'learn.learning_rate_policy'),
    learning_rate_vae: rateOf('the VAE', 'learn.learning_rate_vae'),
    lmbda: {
      doc: "The target's weight of the lower critic.",
      format: 'unit_interval',
      default: 0.75,
      to: 'learn.lmbda',
    },
    phi: {
      doc: "The most that a sampled action is perturbed by, as a share of the actions' bound.",
      format: 'nonnegative_number',
      default: 0.05,
      to: 'model.phi',
    },
    vae_type: {
      doc: "'gated': DI-engine's VAE. 'concat': the authors'.",
      format: VAE_TYPES,
      default: 'gated',
      to: 'model.vae_type',
    },
    candidates: {
      doc: 'Actions sampled for each next observation, of which targets take the best.',
      format: 'positive_int',
      default: 10,
      to: 'learn.candidates',
    },
    eval_candidates: {
      doc: 'Actions sampled for each observation when acting.',
      format: 'positive_int',
      default: 100,
      to: 'eval.candidates',
    },
    policy_kwargs: {
      net_arch: { ...netArch, default: [400, 300] },
      vae_hidden_dims: {
        doc: 'Hidden widths of the VAE.',
        format: 'positive_int_list',
        default: [750, 750],
        to: 'model.vae_hidden_dims',
      },
      activation_fn,
      optimizer_kwargs,
    },
  },
  more: (args, at) => {
    const { pi, qf } = archOf(args.policy_kwargs.net_arch as NetArch)
    return {
      ...offlineConfig(args, at),
      model: { actor_head_hidden_size: pi, critic_head_hidden_size: qf },
    }
  },
})

/** CORL's TD3+BC (algorithms/offline/td3_bc.py) -> policy `td3_bc`. */
export const TD3_BC_TABLE = defineAgentTable({
  name: 'TD3BC',
  policy: 'td3_bc',
  continuous: true,
  sampling: 'none',
  arguments: {
    ...offlineActorCriticArguments,
    normalize_reward: normalizeReward,
    learning_rate: withDefault(learningRate, 3e-4, [
      'learn.learning_rate_critic',
      'learn.learning_rate_actor',
    ]),
    alpha: {
      doc: "Weight of the critic's value in the actor's loss; cloning the data has weight 1.",
      format: 'nonnegative_number',
      default: 2.5,
      to: 'learn.alpha',
    },
    policy_noise: targetNoise.sigma,
    noise_clip: targetNoise.bound,
    policy_freq: {
      doc: 'Actor and targets are updated at every this many updates.',
      format: 'positive_int',
      default: 2,
      to: 'learn.actor_update_freq',
    },
    policy_kwargs: {
      net_arch: { ...netArch, to: 'model.net_arch' },
      activation_fn,
      normalize_images,
      optimizer_kwargs,
    },
  },
  more: ({ policy_noise, ...args }, at) => offlineConfig(args, at, { noise: policy_noise > 0 }),
})

/** CORL's IQL (algorithms/offline/iql.py) -> policy `iql`. */
export const IQL_TABLE = defineAgentTable({
  name: 'IQL',
  policy: 'iql',
  continuous: true,
  sampling: 'distribution',
  arguments: {
    ...offlineActorCriticArguments,
    normalize_reward: normalizeReward,
    qf_lr: rateOf('the critics', 'learn.learning_rate_q'),
    vf_lr: rateOf('the value network', 'learn.learning_rate_value'),
    actor_lr: rateOf('the actor', 'learn.learning_rate_policy'),
    actor_lr_schedule: {
      doc: "'cosine': the actor's falls to 0 over the run. null: it stays.",
      format: ['cosine'],
      default: 'cosine',
      nullable: true,
      to: 'learn.policy_lr_schedule',
      convert: (type: string) => ({ type }),
    },
    iql_tau: {
      doc: "Expectile of the values of the data's actions that a state is worth.",
      format: 'unit_interval',
      default: 0.7,
      to: 'learn.iql_tau',
    },
    beta: {
      doc: 'How much better actions count more: the weight of cloning one is exp(beta advantage).',
      format: 'nonnegative_number',
      default: 3,
      to: 'learn.beta',
    },
    iql_deterministic: {
      doc: 'The actor gives an action instead of a distribution.',
      format: 'boolean',
      default: false,
      to: 'model.iql_deterministic',
    },
    actor_dropout: {
      doc: "Dropout rate behind the actor's hidden layers. null: none.",
      format: 'unit_interval',
      default: null,
      nullable: true,
      to: 'model.actor_dropout',
    },
    policy_kwargs: { net_arch: netArch, activation_fn, optimizer_kwargs },
  },
  more: (args, at) => {
    const { pi, qf } = archOf(args.policy_kwargs.net_arch as NetArch)
    return {
      ...offlineConfig(args, at),
      model: { actor_hidden_size: pi, critic_hidden_size: qf, value_hidden_size: qf },
    }
  },
})

const { discount: _discount, ...withoutDiscount } = offlineActorCriticArguments

/** CORL's EDAC (algorithms/offline/edac.py) -> policy `edac`. */
export const EDAC_TABLE = defineAgentTable({
  name: 'EDAC',
  policy: 'edac',
  continuous: true,
  sampling: 'distribution',
  arguments: {
    ...withoutDiscount,
    normalize_reward: normalizeReward,
    normalize: withDefault(dataArguments.normalize, false),
    gamma: discountArgument,
    num_critics: { doc: 'Number of critics.', format: 'positive_int', default: 10, to: 'model.ensemble_num' },
    eta: {
      doc: "Weight of the critics' diversity. 0: SAC-N.",
      format: 'nonnegative_number',
      default: 1,
      to: 'learn.eta',
    },
    actor_learning_rate: rateOf('the actor', 'learn.learning_rate_policy'),
    critic_learning_rate: rateOf('the critics', 'learn.learning_rate_q'),
    alpha_learning_rate: rateOf('alpha', 'learn.learning_rate_alpha'),
    hidden_dim: hiddenDim,
    policy_kwargs: { optimizer_kwargs },
  },
  more: (args, at) => offlineConfig(args, at),
})
