import { createStore, Registry, type RegistryOptions, type RegistryStore } from './registry.js'
import type { Registered } from './types.js'

const pins = globalThis as typeof globalThis & Record<symbol, RegistryStore | undefined>

/**
 * The registry of a role, shared by everything in the process, even by a second copy of the library: its data is
 * kept on globalThis.
 */
export function globalRegistry<K extends string>(
  name: K,
  options: RegistryOptions = {},
): Registry<Registered<K>> {
  const key = Symbol.for(`ding.registry.${name}`)
  pins[key] ??= createStore()
  return new Registry<Registered<K>>(name, { ...options, store: pins[key] })
}

/** Policies: `<policy>_command` of every policy means `<policy>`. */
export const POLICY_REGISTRY = globalRegistry('policy', {
  ignoredSuffixes: ['_command'],
  aliases: { cql_discrete: 'discrete_cql' },
})
export const MODEL_REGISTRY = globalRegistry('model')
export const ENV_REGISTRY = globalRegistry('env', {
  advice: {
    d4rl:
      "DI-engine's type of that name goes by datasets of D4RL. Here env.type is 'mujoco', with env.env_id 'HalfCheetah-v4', 'Hopper-v4' or 'Walker2d-v4', or " +
      "'none' where there is no such environment (antmaze, maze2d, Adroit); the data are named by policy.collect.data_path. The settings published for a dataset come with " +
      'ding: see ding config list.',
  },
})
export const ENV_WRAPPER_REGISTRY = globalRegistry('env_wrapper')
export const ENV_MANAGER_REGISTRY = globalRegistry('env_manager')
export const BUFFER_REGISTRY = globalRegistry('buffer')
export const DATASET_REGISTRY = globalRegistry('dataset')
export const LEARNER_REGISTRY = globalRegistry('learner')
/** Learning rates as functions of the remaining progress, for `policy.learn.lr_schedule.type`. */
export const LR_SCHEDULE_REGISTRY = globalRegistry('lr_schedule')
export const SERIAL_COLLECTOR_REGISTRY = globalRegistry('serial_collector')
export const PARALLEL_COLLECTOR_REGISTRY = globalRegistry('parallel_collector')
export const SERIAL_EVALUATOR_REGISTRY = globalRegistry('serial_evaluator')
export const COMMANDER_REGISTRY = globalRegistry('commander')
export const REWARD_MODEL_REGISTRY = globalRegistry('reward_model')
export const WORLD_MODEL_REGISTRY = globalRegistry('world_model')
/** What carries chunks, parameters and messages between the roles of a parallel run. */
export const EXCHANGE_REGISTRY = globalRegistry('exchange')
export const STOCHASTIC_OPTIMIZER_REGISTRY = globalRegistry('stochastic_optimizer')

/** The global registries by the names that `ding registry <name>` takes. */
export const registries = {
  policy: POLICY_REGISTRY,
  model: MODEL_REGISTRY,
  env: ENV_REGISTRY,
  env_wrapper: ENV_WRAPPER_REGISTRY,
  env_manager: ENV_MANAGER_REGISTRY,
  buffer: BUFFER_REGISTRY,
  dataset: DATASET_REGISTRY,
  learner: LEARNER_REGISTRY,
  lr_schedule: LR_SCHEDULE_REGISTRY,
  serial_collector: SERIAL_COLLECTOR_REGISTRY,
  parallel_collector: PARALLEL_COLLECTOR_REGISTRY,
  serial_evaluator: SERIAL_EVALUATOR_REGISTRY,
  commander: COMMANDER_REGISTRY,
  reward_model: REWARD_MODEL_REGISTRY,
  world_model: WORLD_MODEL_REGISTRY,
  exchange: EXCHANGE_REGISTRY,
  stochastic_optimizer: STOCHASTIC_OPTIMIZER_REGISTRY,
} as const

export type RegistryName = keyof typeof registries
