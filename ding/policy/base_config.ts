import { type ConfigOf, schema } from '../config/index.js'
import { vecNormalizeKeys } from './normaliser.js'

/** The keys every policy has. A policy's own schema extends this one. */
export const basePolicyConfig = schema({
  on_policy: {
    doc: 'Whether the policy learns only from data that it has just collected.',
    format: 'boolean',
    default: false,
  },
  cuda: {
    doc: 'Run programs on a GPU. An error, never a silent fall-back, when there is none to be had.',
    format: 'boolean',
    default: false,
  },
  runtime: {
    doc: "What runs the programs: 'onnx' compiles them (fast); 'eager' runs each tfjs kernel by itself (for kernels without a row in the table).",
    format: ['onnx', 'eager'],
    default: 'onnx',
  },
  eager_backend: {
    doc: "The tfjs backend of the eager runtime. 'tensorflow' needs @tensorflow/tfjs-node, or tfjs-node-gpu with cuda.",
    format: ['cpu', 'wasm', 'tensorflow'],
    default: 'cpu',
  },
  threads: { doc: 'Threads that one program may use.', format: 'positive_int', default: 1 },
  multi_gpu: {
    doc: "DI-engine's data-parallel switch; only false is supported.",
    format: 'boolean',
    default: false,
  },
  bp_update_sync: {
    doc: "DI-engine's gradient synchronisation switch; has no effect on one device.",
    format: 'boolean',
    default: true,
  },
  traj_len_inf: {
    doc: 'Hand a trajectory to get_train_sample only when its episode ends (n-step targets are then never cut short).',
    format: 'boolean',
    default: false,
  },
  random_collect_size: {
    doc: "Transitions to collect with uniformly random actions before training (SB3's learning_starts); the episode collector collects whole episodes until there are as many.",
    format: 'nonnegative_int',
    default: 0,
  },
  transition_with_policy_data: {
    doc: 'Let the untrained policy itself act during random collection, for transitions that need its outputs.',
    format: 'boolean',
    default: false,
  },
  vec_normalize: vecNormalizeKeys,
  load_path: {
    doc: 'Checkpoint whose weights the eval and collect entries load.',
    format: 'path',
    default: null,
    nullable: true,
  },
  learn: {
    resume_training: {
      doc: 'Take no new experiment folder when it exists already, and go on with the run whose run state is in it, as --resume does, but with the config that is given.',
      format: 'boolean',
      default: false,
    },
  },
  // DI-engine's configs have it, with nothing in it.
  command: {},
})

export type BasePolicyConfig = ConfigOf<typeof basePolicyConfig>
