import { type ConfigOf, extendSchema, type SchemaDefinition } from '../config/index.js'
import type { LearningRate } from './actor_critic_update.js'
import { noise_sigma, sde_sample_freq } from './exploration.js'
import { offPolicyConfig } from './off_policy_config.js'

/**
 * The keys that all continuous off-policy actor-critic policies have, with DI-engine's names and places: unlike the value-based ones they
 * keep discount_factor in `learn`. SB3's train_freq is collect.n_sample (or n_episode), its gradient_steps learn.update_per_collect, its
 * learning_starts random_collect_size.
 */
export const actorCriticPolicyConfig = extendSchema(offPolicyConfig, {
  random_collect_size: { default: 10000 },
  learn: {
    batch_size: { default: 256 },
    discount_factor: { doc: 'Discount factor gamma.', format: 'unit_interval', default: 0.99 },
  },
  collect: {
    n_sample: { default: 1 },
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
  other: { replay_buffer: { replay_buffer_size: { default: 100000 } } },
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
    critic: { start: learn.learning_rate_q, key: 'learning_rate_q', logged: 'cur_lr_q' },
    actor: { start: learn.learning_rate_policy, key: 'learning_rate_policy', logged: 'cur_lr_p' },
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
      format: sde_sample_freq,
      default: -1,
    },
  },
} as const satisfies SchemaDefinition
