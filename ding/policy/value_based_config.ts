import { type ConfigOf, extendSchema } from '../config/index.js'
import { datasetKeys } from '../data/index.js'
import { basePolicyConfig } from './base_config.js'
import { updatePerCollectKey } from './cadence.js'
import { LR_SCHEDULE_DOC } from './lr_schedule.js'
import { phaseKeys } from './phases.js'
import { herKeys } from './replay.js'

/** The keys that all value-based policies have, with DI-engine's names, places and defaults of its dqn. */
export const valueBasedPolicyConfig = extendSchema(basePolicyConfig, {
  priority: {
    doc: 'Use prioritised experience replay (the buffer is told to as well).',
    format: 'boolean',
    default: false,
  },
  priority_IS_weight: {
    doc: 'Correct the bias of prioritised replay with importance-sampling weights in the loss.',
    format: 'boolean',
    default: false,
  },
  discount_factor: { doc: 'Discount factor gamma.', format: 'unit_interval', default: 0.97 },
  nstep: { doc: 'Number of rewards in a target before it bootstraps.', format: 'positive_int', default: 1 },
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
    train_epoch: {
      doc: 'Offline: passes over the dataset after which the run ends. null: no such limit.',
      format: 'positive_int',
      default: null,
      nullable: true,
    },
    ...phaseKeys,
    update_per_collect: updatePerCollectKey(3),
    batch_size: { doc: 'Transitions in one update.', format: 'positive_int', default: 64 },
    learning_rate: { doc: "Adam's learning rate.", format: 'nonnegative_number', default: 0.001 },
    lr_schedule: {
      doc: LR_SCHEDULE_DOC,
      format: 'any_record',
      default: null,
      nullable: true,
    },
    optimizer_eps: { doc: "Adam's epsilon.", format: 'positive_number', default: 1e-8 },
    grad_clip_type: {
      doc: "Gradient clipping: by the total norm ('clip_norm') or by each value ('clip_value').",
      format: ['clip_norm', 'clip_value'],
      default: null,
      nullable: true,
    },
    grad_clip_value: { doc: 'Bound for grad_clip_type.', format: 'positive_number', default: 10 },
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
    ignore_done: {
      doc: 'Bootstrap through terminations too (time limits are bootstrapped through in any case).',
      format: 'boolean',
      default: false,
    },
  },
  collect: {
    n_sample: {
      doc: 'Transitions per collect. Give this or n_episode.',
      format: 'positive_int',
      default: 8,
      nullable: true,
    },
    n_episode: {
      doc: 'Episodes per collect, for the episode collector.',
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
    her: herKeys,
    replay_buffer: {
      replay_buffer_size: {
        doc: 'Transitions that the replay buffer holds.',
        format: 'positive_int',
        default: 10000,
      },
    },
  },
})

export type ValueBasedConfig = ConfigOf<typeof valueBasedPolicyConfig> & { model: Record<string, unknown> }
