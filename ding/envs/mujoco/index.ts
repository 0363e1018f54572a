import { ENV_REGISTRY } from '../../registry/index.js'
import type { baseEnvConfig } from '../env_config.js'
import type { ConfigOf, Schema } from '../light_imports.js'
import { ANT_V4_ENTRY, ANT_V5_ENTRY } from './ant.js'
import { anyMujocoSchema, createAnyMujoco } from './any_mujoco.js'
import { builderOf, createMujocoEnv, type MujocoEntry } from './catalog.js'
import { HALF_CHEETAH_ENTRIES } from './half_cheetah.js'
import { HUMANOID_V4_ENTRY, HUMANOID_V5_ENTRY } from './humanoid.js'
import { HUMANOID_STANDUP_V4_ENTRY, HUMANOID_STANDUP_V5_ENTRY } from './humanoid_standup.js'
import { INVERTED_DOUBLE_PENDULUM_ENTRIES, INVERTED_PENDULUM_ENTRIES } from './pendulums.js'
import { HOPPER_ENTRIES, WALKER2D_ENTRIES } from './planar_walkers.js'
import { PUSHER_ENTRIES } from './pusher.js'
import { REACHER_ENTRIES } from './reacher.js'
import { SWIMMER_ENTRIES } from './swimmer.js'

const CATALOG = [
  ...HALF_CHEETAH_ENTRIES,
  ...HOPPER_ENTRIES,
  ...WALKER2D_ENTRIES,
  ...SWIMMER_ENTRIES,
  ...REACHER_ENTRIES,
  ...PUSHER_ENTRIES,
  ...INVERTED_PENDULUM_ENTRIES,
  ...INVERTED_DOUBLE_PENDULUM_ENTRIES,
  ANT_V4_ENTRY,
  ANT_V5_ENTRY,
  HUMANOID_V4_ENTRY,
  HUMANOID_V5_ENTRY,
  HUMANOID_STANDUP_V4_ENTRY,
  HUMANOID_STANDUP_V5_ENTRY,
] as const

type ConfigsOf<E> = E extends { readonly config: Schema<infer C> } ? C : never
type KeyOf<C> = C extends unknown ? keyof C : never
type ValueAt<C, K> = C extends unknown ? (K extends keyof C ? C[K] : never) : never
type AnyConfig = ConfigsOf<(typeof CATALOG)[number]>
type BaseConfig = ConfigOf<typeof baseEnvConfig>

/** An id of a MuJoCo environment. */
export type MujocoId = (typeof CATALOG)[number]['id']

/** Config of the type `mujoco`: `env_id` and the keys of any id, null for the id's default. */
export type MujocoConfig = Omit<BaseConfig, 'env_id'> & { env_id: MujocoId } & {
  [K in Exclude<KeyOf<AnyConfig>, keyof BaseConfig>]: ValueAt<AnyConfig, K> | null
}

// An entry takes the config of its own schema, which createMujocoEnv makes; the list forgets which one that is.
const ENTRIES = CATALOG as unknown as readonly MujocoEntry[]

/** The ids of the MuJoCo environments. */
export const MUJOCO_IDS: readonly MujocoId[] = CATALOG.map(({ id }) => id)

for (const entry of ENTRIES) {
  ENV_REGISTRY.register(
    entry.id,
    builderOf(entry.config, (cfg) => createMujocoEnv(entry, cfg)),
  )
}

const anyConfig = anyMujocoSchema<MujocoConfig>(ENTRIES)
ENV_REGISTRY.register(
  'mujoco',
  builderOf(anyConfig, (cfg) => createAnyMujoco(ENTRIES, anyConfig, cfg)),
)

export type { Range } from './config.js'
export { loadMujoco, type ModelOptions, Mujoco, Simulation } from './mujoco.js'
export { MujocoEnv } from './mujoco_env.js'

declare module '../../config/index.js' {
  interface EnvConfigMap {
    mujoco: MujocoConfig
  }
}
