import { ConfigError, didYouMean } from '../../utils/index.js'
import { baseEnvConfig, resolveConfig } from '../env_config.js'
import { extendSchema, type Schema, type SchemaDefinition } from '../light_imports.js'
import { createMujocoEnv, type MujocoConfigInput, type MujocoEntry } from './catalog.js'
import type { MujocoEnv } from './mujoco_env.js'

/** `env_id` when a config of type `mujoco` names none. */
const DEFAULT_ID = 'HalfCheetah-v4'

/**
 * Schema of the type `mujoco`: the keys of all ids, null unless given, which means the default of the chosen `env_id`.
 */
export function anyMujocoSchema<T>(entries: readonly MujocoEntry[]): Schema<T> {
  const keys: Record<string, SchemaDefinition[string]> = {}
  for (const { config } of entries) {
    for (const [key, node] of config.root.children) {
      if (node.kind === 'group' || baseEnvConfig.root.children.has(key) || key in keys) continue
      const doc = `${node.doc} null: the default of env_id.`
      keys[key] = { doc, format: node.format, infinity: node.infinity, nullable: true, default: null }
    }
  }
  return extendSchema(baseEnvConfig, { ...keys, env_id: { default: DEFAULT_ID } }) as unknown as Schema<T>
}

/** Makes the env that `env_id` names, of the keys that were given. @throws ConfigError for an id that there is not */
export function createAnyMujoco(
  entries: readonly MujocoEntry[],
  config: Schema<unknown>,
  cfg: MujocoConfigInput,
): Promise<MujocoEnv> {
  const { env_id } = resolveConfig(config, cfg, 'The env config') as { env_id: string }
  const entry = entries.find(({ id }) => id === env_id)
  if (entry === undefined) {
    const known = entries.map(({ id }) => id)
    throw new ConfigError(
      `env_id is "${env_id}", but the env "mujoco" serves ${known.join(', ')}.${didYouMean(env_id, known)}`,
      { path: 'env.env_id' },
    )
  }
  const given = Object.entries(cfg).filter(([, value]) => value !== null)
  return createMujocoEnv(entry, Object.fromEntries(given))
}
