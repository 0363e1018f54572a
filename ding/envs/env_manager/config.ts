import { type ConfigOf, extendSchema, schema } from '../light_imports.js'

const UNUSED = 'Accepted for configs written for DI-engine; has no effect.'

/** Keys of every env manager: the same for all, so that changing its type needs no other change. */
export const envManagerConfig = schema({
  episode_num: {
    doc: 'Episodes that each environment plays before it counts as done.',
    format: 'positive_int',
    infinity: true,
    default: Number.POSITIVE_INFINITY,
  },
  max_retry: {
    doc: 'Failed episodes in a row that each environment is forgiven; one more ends the run.',
    format: 'nonnegative_int',
    default: 1,
  },
  retry_type: {
    doc: 'After an exception: reset the environment, or renew (construct) it first. Lost workers are always renewed.',
    format: ['reset', 'renew'],
    default: 'reset',
  },
  auto_reset: {
    doc: 'Reset an environment at once when its episode ends.',
    format: 'boolean',
    default: true,
  },
  step_timeout: {
    doc: 'Seconds that a step may take; null: any time. Without workers it can only interrupt asynchronous environments.',
    format: 'positive_number',
    nullable: true,
    default: null,
  },
  reset_timeout: {
    doc: 'Seconds that a reset may take; null: any time. Without workers as for step_timeout.',
    format: 'positive_number',
    nullable: true,
    default: null,
  },
  retry_waiting_time: {
    doc: 'Seconds to wait before an environment that failed is tried again.',
    format: 'nonnegative_number',
    default: 0.1,
  },
  connect_timeout: {
    doc: 'Seconds that a worker may take to start and to construct its environments; for subprocess only.',
    format: 'positive_number',
    default: 60,
  },
  env_num_per_worker: {
    doc: 'Environments that share a worker thread, and are lost together when it is; for subprocess only.',
    format: 'positive_int',
    default: 1,
  },
  shared_memory: { doc: UNUSED, format: 'boolean', default: true },
  copy_on_get: { doc: UNUSED, format: 'boolean', default: true },
  context: { doc: UNUSED, format: 'string', default: 'spawn' },
  wait_num: { doc: UNUSED, format: 'number', default: 2 },
  step_wait_timeout: { doc: UNUSED, format: 'number', nullable: true, default: 0.01 },
  reset_inplace: { doc: UNUSED, format: 'boolean', default: false },
})

/** The manager with worker threads has other defaults. */
export const subprocessConfig = extendSchema(envManagerConfig, {
  step_timeout: {
    default: 60,
    doc: 'Seconds that a step may take before its worker is replaced; null: any time.',
  },
  reset_timeout: {
    default: 60,
    doc: 'Seconds that a reset may take before its worker is replaced; null: any time.',
  },
})

export type EnvManagerConfig = ConfigOf<typeof envManagerConfig>
