import { type ConfigOf, extendSchema, type SchemaDefinition } from '../config/index.js'
import { datasetKeys } from '../data/index.js'
import type { LearningRate } from './actor_critic_update.js'
import { basePolicyConfig } from './base_config.js'
import { updatePerCollectKey } from './cadence.js'
import { noise_sigma } from './exploration.js'
import { LR_SCHEDULE_DOC } from './lr_schedule.js'
import { phaseKeys } from './phases.js'
import { herKeys } from './replay.js'

/**
 * The keys that all continuous off-policy actor-critic policies have, with DI-engine's names and places: unlike the value-based ones they
 * keep discount_factor in `learn`. SB3's train_freq is collect.n_sample (or n_episode), its gradient_steps learn.update_per_collect, its
 * learning_starts random_collect_size.
 */
export const actorCriticPolicyConfig = extendSchema(basePolicyConfig, {
  priority: {
    doc: 'Use prioritised experience replay (the buffer is told to as well).',
    format: 'boolean',
    default: false,
  },
  priority_IS_weight: {
    doc: 'Correct the bias of prioritised replay with importance-sampling weights in the critic loss.',
    format: 'boolean',
    default: false,
  },
  nstep: { doc: 'Number of rewards in a target before it bootstraps.', format: 'positive_int', default: 1 },
  random_collect_size: { default: 10000 },
  learn: {
    train_epoch: {
      doc: 'Offline: passes over the dataset after which the run ends. null: no such limit.',
      format: 'positive_int',
      default: null,
      nullable: true,
    },
    ...phaseKeys,
    update_per_collect: updatePerCollectKey(1),
    batch_size: { doc: 'Transitions in one update.', format: 'positive_int', default: 256 },
    lr_schedule: {
      doc: LR_SCHEDULE_DOC,
      format: 'any_record',
      default: null,
      nullable: true,
    },
    optimizer_eps: { doc: "Adam's epsilon.", format: 'positive_number', default: 1e-8 },
    optimizer_betas: {
      doc: "Decay rates of Adam's first and second moment.",
      format: 'number_list',
      default: [0.9, 0.999],
    },
    grad_clip_type: {
      doc: "Gradient clipping of each network: by its total norm ('clip_norm') or by each value ('clip_value').",
      format: ['clip_norm', 'clip_value'],
      default: null,
      nullable: true,
    },
    grad_clip_value: { doc: 'Bound for grad_clip_type.', format: 'positive_number', default: 10 },
    discount_factor: { doc: 'Discount factor gamma.', format: 'unit_interval', default: 0.99 },
    ignore_done: {
      doc: 'Bootstrap through terminations too (time limits are bootstrapped through in any case).',
      format: 'boolean',
      default: false,
    },
  },
  collect: {
    n_sample: {
      doc: "Transitions per collect (SB3's train_freq in steps, times the environments). Give this or n_episode.",
      format: 'positive_int',
      default: 1,
      nullable: true,
    },
    n_episode: {
      doc: "Episodes per collect, for the episode collector (SB3's train_freq in episodes).",
      format: 'positive_int',
      default: null,
      nullable: true,
    },
    ...datasetKeys,
    unroll_len: {
      doc: 'Length of the pieces that training samples are cut into.',
      format: 'positive_int',
      default: 1,
    },
    noise_type: {
      doc: "Noise added to collected actions: 'gauss' (independent) or 'ou' (Ornstein-Uhlenbeck, correlated within an episode). null: none.",
      format: ['gauss', 'ou'],
      default: null,
      nullable: true,
    },
    noise_sigma: {
      doc: 'Standard deviation of the noise: one number, or a list of one for each action dimension.',
      format: noise_sigma,
      default: 0.1,
    },
    noise_kwargs: {
      doc: 'More of the noise: gauss {mu}; ou {mu, theta, dt, x0}. mu and x0 may be lists, as noise_sigma.',
      format: 'any_record',
      default: {},
    },
  },
  eval: {
    deterministic: {
      doc: "Evaluate with the distribution's mode; false: with samples of it.",
      format: 'boolean',
      default: true,
    },
  },
  other: {
    her: herKeys,
    replay_buffer: {
      replay_buffer_size: {
        doc: 'Transitions that the replay buffer holds.',
        format: 'positive_int',
        default: 100000,
      },
    },
  },
})

export type ActorCriticConfig = ConfigOf<typeof actorCriticPolicyConfig> & { model: Record<string, unknown> }

/** A key below `learn`: a network's learning rate. */
export function learningRateKey(network: string) {
  return {
    doc: `Adam's learning rate for the ${network}.`,
    format: 'nonnegative_number',
    default: 3e-4,
  } as const
}

/** The learning rates of policies that have DI-engine's names of its sac. */
export function learningRatesOf(learn: {
  readonly learning_rate_q: number
  readonly learning_rate_policy: number
}): Record<'critic' | 'actor', LearningRate> {
  return {
    critic: { start: learn.learning_rate_q, logged: 'cur_lr_q' },
    actor: { start: learn.learning_rate_policy, logged: 'cur_lr_p' },
  }
}

/** Keys below `learn` of policies with target networks. */
export const targetKeys = {
  target_theta: {
    doc: "Soft target update: target <- (1 - theta) target + theta online (SB3's tau).",
    format: 'unit_interval',
    default: 0.005,
  },
  target_update_interval: {
    doc: 'Move the target networks at every this many updates.',
    format: 'positive_int',
    default: 1,
  },
} as const satisfies SchemaDefinition

/** Keys of policies with a stochastic actor: below `learn`, and below `collect`. */
export const stochasticKeys = {
  learn: {
    log_prob_eps: {
      doc: 'null: the exact log-density of a squashed action. A number: with log(1 - a^2 + eps) in it, as SB3 and DI-engine (1e-6) and tianshou (1.2e-7).',
      format: 'nonnegative_number',
      default: null,
      nullable: true,
    },
  },
  collect: {
    collector_logit: {
      doc: 'Keep the distribution of each action (logit: mu, sigma) in the transitions.',
      format: 'boolean',
      default: false,
    },
    sde_sample_freq: {
      doc: 'gSDE: new noise weights every this many steps of an environment. -1: only at the start of each collect.',
      format: 'int',
      default: -1,
    },
  },
} as const satisfies SchemaDefinition
