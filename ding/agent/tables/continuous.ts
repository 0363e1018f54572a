import { Box } from '../../envs/index.js'
import { type ConfigSetting, defineAgentTable, withDefault } from '../arguments.js'
import { noiseConfig } from '../noise.js'
import {
  actorCriticArguments,
  actorCriticKwargs,
  entropyArguments,
  net_arch_of,
  optimizerConfig,
  sdeKwargs,
  stochasticArguments,
  targetNoise,
  tauArgument,
} from './shared.js'

const entropyRates = ['learn.learning_rate_q', 'learn.learning_rate_policy', 'learn.learning_rate_alpha']
const twoRates = ['learn.learning_rate_critic', 'learn.learning_rate_actor']
const { learning_rate } = actorCriticArguments

/** The warm-up acts by the policy where gSDE is to explore in it. */
const warmup = ({ use_sde, use_sde_at_warmup }: { use_sde: boolean; use_sde_at_warmup: boolean }) =>
  use_sde && use_sde_at_warmup

/** SB3-contrib's CrossQ(...) -> policy `crossq`. */
export const CROSSQ_TABLE = defineAgentTable({
  name: 'CrossQ',
  policy: 'crossq',
  continuous: true,
  sampling: 'distribution',
  arguments: {
    ...actorCriticArguments,
    learning_rate: withDefault(learning_rate, 1e-3, entropyRates),
    ...stochasticArguments,
    policy_delay: {
      doc: 'Actor and entropy coefficient learn at every this many updates.',
      format: 'positive_int',
      default: 3,
      to: 'learn.actor_update_freq',
    },
    policy_kwargs: {
      ...actorCriticKwargs,
      ...sdeKwargs,
      net_arch: withDefault(actorCriticKwargs.net_arch, { pi: [256, 256], qf: [1024, 1024] }),
      batch_norm: {
        doc: 'Batch renormalisation in actor and critics.',
        format: 'boolean',
        default: true,
        to: 'model.batch_norm',
      },
      batch_norm_momentum: {
        doc: "Share of a new batch in the running statistics (torch's convention).",
        format: 'unit_interval',
        default: 0.01,
        to: 'model.batch_norm_momentum',
      },
      batch_norm_eps: {
        doc: 'Added to variances before their root.',
        format: 'positive_number',
        default: 0.001,
        to: 'model.batch_norm_eps',
      },
      renorm_warmup_steps: {
        doc: 'Updates of a network that normalise by the batch alone.',
        format: 'int',
        default: 100_000,
        to: 'model.renorm_warmup_steps',
      },
    },
  },
  more: ({ policy_kwargs: { optimizer_kwargs }, action_noise, ...args }) => ({
    transition_with_policy_data: warmup(args),
    // CrossQ's betas stand in for no arguments at all; with any, torch's defaults are behind them.
    learn: optimizerConfig(
      optimizer_kwargs === null ? { betas: [0.5, 0.999] } : { betas: [0.9, 0.999], ...optimizer_kwargs },
    ),
    collect: noiseConfig(action_noise),
  }),
})

/** SB3's SAC(...) -> policy `sac`. */
export const SAC_TABLE = defineAgentTable({
  name: 'SAC',
  policy: 'sac',
  continuous: true,
  sampling: 'distribution',
  arguments: {
    ...actorCriticArguments,
    ...tauArgument,
    learning_rate: withDefault(learning_rate, 3e-4, entropyRates),
    ...stochasticArguments,
    target_update_interval: {
      doc: "Updates between moves of the target networks, counted over the whole run (SB3's SAC begins anew with every train(), so that with one gradient step at a time the targets move every time).",
      format: 'positive_int',
      default: 1,
      to: 'learn.target_update_interval',
    },
    policy_kwargs: { ...actorCriticKwargs, ...sdeKwargs },
  },
  more: ({ policy_kwargs: { optimizer_kwargs }, action_noise, ...args }) => ({
    transition_with_policy_data: warmup(args),
    // SB3 starts all layers alike, and alpha at 1; its log-density has a 1e-6.
    learn: { init_w: null, log_prob_eps: 1e-6, ...optimizerConfig(optimizer_kwargs) },
    collect: noiseConfig(action_noise),
  }),
})

const td3Arguments = {
  ...actorCriticArguments,
  ...tauArgument,
  learning_rate: withDefault(learning_rate, 1e-3, twoRates),
  policy_delay: {
    doc: 'Actor and targets are updated at every this many updates.',
    format: 'positive_int',
    default: 2,
    to: 'learn.actor_update_freq',
  },
  target_policy_noise: targetNoise.sigma,
  target_noise_clip: targetNoise.bound,
  policy_kwargs: {
    ...actorCriticKwargs,
    net_arch: {
      doc: 'Hidden widths: one list, or {pi: [...], qf: [...]}. null: [400, 300]; behind the CNN of an image [256, 256].',
      format: net_arch_of,
      default: null,
      nullable: true,
      null_sets_nothing: true,
      to: 'model.net_arch',
    },
  },
} as const

/** What TD3 and DDPG say of their target's noise, and of the rest. */
function td3Config(
  args: {
    readonly policy: string
    readonly target_policy_noise: number
    readonly action_noise: Parameters<typeof noiseConfig>[0]
    readonly policy_kwargs: {
      readonly net_arch: unknown
      readonly optimizer_kwargs: Readonly<Record<string, unknown>> | null
    }
  },
  { observation_space }: ConfigSetting,
): Record<string, unknown> {
  const cnn =
    args.policy === 'CnnPolicy' && observation_space instanceof Box && observation_space.shape.length === 3
  return {
    ...(args.policy_kwargs.net_arch === null && { model: { net_arch: cnn ? [256, 256] : [400, 300] } }),
    learn: {
      noise: args.target_policy_noise > 0,
      target_update_with_actor: true,
      ...optimizerConfig(args.policy_kwargs.optimizer_kwargs),
    },
    collect: noiseConfig(args.action_noise),
  }
}

/** SB3's TD3(...) -> policy `td3`. */
export const TD3_TABLE = defineAgentTable({
  name: 'TD3',
  policy: 'td3',
  continuous: true,
  sampling: 'none',
  arguments: td3Arguments,
  more: td3Config,
})

/** SB3's DDPG(...) -> policy `ddpg`: TD3 without its three additions. */
export const DDPG_TABLE = defineAgentTable({
  name: 'DDPG',
  policy: 'ddpg',
  continuous: true,
  sampling: 'none',
  arguments: {
    ...td3Arguments,
    policy_delay: withDefault(td3Arguments.policy_delay, 1),
    target_policy_noise: withDefault(td3Arguments.target_policy_noise, 0),
    target_noise_clip: withDefault(td3Arguments.target_noise_clip, 0),
    policy_kwargs: { ...td3Arguments.policy_kwargs, n_critics: withDefault(actorCriticKwargs.n_critics, 1) },
  },
  more: td3Config,
})

/** Tianshou's REDQ, its policy and its trainer -> policy `redq`; where it has no such thing, SB3's names. */
export const REDQ_TABLE = defineAgentTable({
  name: 'REDQ',
  policy: 'redq',
  continuous: true,
  sampling: 'distribution',
  arguments: {
    ...actorCriticArguments,
    ...tauArgument,
    learning_rate: withDefault(learning_rate, 1e-3, ['learn.learning_rate_q', 'learn.learning_rate_policy']),
    learning_starts: withDefault(actorCriticArguments.learning_starts, 10_000),
    gradient_steps: withDefault(actorCriticArguments.gradient_steps, 20),
    n_steps: withDefault(actorCriticArguments.n_steps, 1),
    ...entropyArguments,
    ent_coef: withDefault(entropyArguments.ent_coef, 0.2),
    alpha_learning_rate: {
      doc: 'Learning rate of an adjusted entropy coefficient.',
      format: 'nonnegative_number',
      default: 3e-4,
      to: 'learn.learning_rate_alpha',
    },
    ensemble_size: {
      doc: 'Number of critics (N).',
      format: 'positive_int',
      default: 10,
      to: 'model.ensemble_num',
    },
    subset_size: {
      doc: 'Target critics drawn for each update (M).',
      format: 'positive_number',
      default: 2,
      to: 'learn.subset_size',
    },
    actor_delay: {
      doc: 'The actor learns at every this many updates.',
      format: 'positive_int',
      default: 20,
      to: 'learn.actor_update_freq',
    },
    target_mode: {
      doc: "What the target takes of the drawn critics: 'min', 'mean', or the authors' 'ave', 'rem'.",
      format: ['min', 'mean', 'ave', 'rem'],
      default: 'min',
      to: 'learn.target_mode',
    },
    policy_kwargs: {
      net_arch: actorCriticKwargs.net_arch,
      activation_fn: actorCriticKwargs.activation_fn,
      normalize_images: actorCriticKwargs.normalize_images,
      optimizer_class: actorCriticKwargs.optimizer_class,
      optimizer_kwargs: actorCriticKwargs.optimizer_kwargs,
    },
  },
  more: ({ policy_kwargs: { optimizer_kwargs }, action_noise }) => ({
    learn: optimizerConfig(optimizer_kwargs),
    collect: noiseConfig(action_noise),
  }),
})
