import { extendSchema } from '../config/index.js'
import { datasetKeys } from '../data/index.js'
import { basePolicyConfig } from './base_config.js'
import { updatePerCollectKey } from './cadence.js'
import { LR_SCHEDULE_DOC } from './lr_schedule.js'
import { phaseKeys } from './phases.js'
import { herKeys } from './replay.js'

/** The keys of every policy that learns from batches of transitions, collected or from a dataset, with DI-engine's names and places. */
export const batchPolicyConfig = extendSchema(basePolicyConfig, {
  learn: {
    train_epoch: {
      doc: 'Offline: passes over the dataset after which the run ends. null: no such limit.',
      format: 'positive_int',
      default: null,
      nullable: true,
    },
    ...phaseKeys,
    update_per_collect: updatePerCollectKey(1),
    batch_size: { doc: 'Transitions in one update.', format: 'positive_int', default: 64 },
    lr_schedule: { doc: LR_SCHEDULE_DOC, format: 'any_record', default: null, nullable: true },
    grad_clip_type: {
      doc: "Gradient clipping of each network: by its total norm ('clip_norm') or by each value ('clip_value').",
      format: ['clip_norm', 'clip_value'],
      default: null,
      nullable: true,
    },
    grad_clip_value: { doc: 'Bound for grad_clip_type.', format: 'positive_number', default: 10 },
  },
  collect: {
    n_sample: {
      doc: "Transitions per collect (SB3's train_freq in steps, times the environments). Give this or n_episode.",
      format: 'positive_int',
      default: 8,
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
  },
  other: {
    replay_buffer: {
      replay_buffer_size: {
        doc: 'Transitions that the replay buffer holds.',
        format: 'positive_int',
        default: 10000,
      },
    },
  },
})

/** The same with what learning values takes: n-step targets, prioritised and hindsight replay, Adam. */
export const offPolicyConfig = extendSchema(batchPolicyConfig, {
  priority: {
    doc: 'Use prioritised experience replay (the buffer is told to as well).',
    format: 'boolean',
    default: false,
  },
  priority_IS_weight: {
    doc: 'Correct the bias of prioritised replay with importance-sampling weights in the loss of the values.',
    format: 'boolean',
    default: false,
  },
  nstep: { doc: 'Number of rewards in a target before it bootstraps.', format: 'positive_int', default: 1 },
  learn: {
    optimizer_eps: { doc: "Adam's epsilon.", format: 'positive_number', default: 1e-8 },
    optimizer_betas: {
      doc: "Decay rates of Adam's first and second moment.",
      format: 'number_list',
      default: [0.9, 0.999],
    },
    ignore_done: {
      doc: 'Bootstrap through terminations too (time limits are bootstrapped through in any case).',
      format: 'boolean',
      default: false,
    },
  },
  other: { her: herKeys },
})
