import { type ConfigOf, extendSchema } from '../config/index.js'
import { adamKeys } from './adam_options.js'
import { offPolicyConfig } from './off_policy_config.js'

/** The keys that all value-based policies have, with DI-engine's names, places and defaults of its dqn. */
export const valueBasedPolicyConfig = extendSchema(offPolicyConfig, {
  discount_factor: { doc: 'Discount factor gamma.', format: 'unit_interval', default: 0.97 },
  double: {
    doc: 'Double Q-learning: the online network chooses the next action, the target network values it.',
    format: 'boolean',
    default: true,
  },
  noisy_net: {
    doc: 'The model has noisy layers: draw new noise at each update, and explore by it.',
    format: 'boolean',
    default: false,
  },
  learn: {
    update_per_collect: { default: 3 },
    learning_rate: { doc: "Adam's learning rate.", format: 'nonnegative_number', default: 0.001 },
    ...adamKeys,
    target_update_freq: {
      doc: 'Copy the online network to the target every this many updates. null: soft update by target_theta instead.',
      format: 'positive_int',
      default: 100,
      nullable: true,
    },
    target_theta: {
      doc: 'Soft update after each update: target <- (1 - theta) target + theta online. Used when target_update_freq is null.',
      format: 'unit_interval',
      default: 0.005,
    },
  },
  other: {
    eps: {
      type: {
        doc: "Shape of the exploration schedule: 'exp' or 'linear'.",
        format: ['exp', 'linear'],
        default: 'exp',
      },
      start: { doc: 'Probability of a random action at env step 0.', format: 'unit_interval', default: 0.95 },
      end: { doc: 'Probability of a random action in the end.', format: 'unit_interval', default: 0.1 },
      decay: {
        doc: "Env steps: the time constant of 'exp', the length of 'linear'.",
        format: 'positive_int',
        default: 10000,
      },
      decay_fraction: {
        doc: "In place of decay: how much of the run's env steps (max_env_step) it is (SB3's exploration_fraction). null: decay.",
        format: 'unit_interval',
        default: null,
        nullable: true,
      },
    },
  },
})

export type ValueBasedConfig = ConfigOf<typeof valueBasedPolicyConfig> & { model: Record<string, unknown> }
