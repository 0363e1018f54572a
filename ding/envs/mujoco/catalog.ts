import { copiesOf, resolveConfig } from '../env_config.js'
import type { Schema } from '../light_imports.js'
import type { EnvBuilder } from '../types.js'
import type { MujocoBaseConfig } from './config.js'
import { loadMujoco, type Mujoco } from './mujoco.js'
import type { MujocoEnv } from './mujoco_env.js'

/** An env id: its schema and how the env is made once MuJoCo is there. */
export interface MujocoEntry<C extends MujocoBaseConfig = MujocoBaseConfig> {
  readonly id: string
  readonly config: Schema<C>
  create(mujoco: Mujoco, settings: C): MujocoEnv
}

export type MujocoConfigInput = Readonly<Record<string, unknown>>

/** Makes the env of an entry with the keys that differ from its defaults. */
export async function createMujocoEnv<C extends MujocoBaseConfig>(
  entry: MujocoEntry<C>,
  cfg: MujocoConfigInput,
): Promise<MujocoEnv> {
  const settings = resolveConfig(entry.config, cfg, `The config of ${entry.id}`)
  return entry.create(await loadMujoco(), settings)
}

/** What is registered: MuJoCo loads when the first env is made, so making one is asynchronous. */
export function builderOf<C>(
  config: Schema<C>,
  create: (cfg: MujocoConfigInput) => Promise<MujocoEnv>,
): EnvBuilder {
  const copies =
    (key: string) =>
    (cfg: Record<string, unknown>): Record<string, unknown>[] =>
      copiesOf(cfg, Number(cfg[key] ?? 1))
  return Object.assign((cfg: MujocoConfigInput = {}) => create(cfg), {
    config,
    create_collector_env_cfg: copies('collector_env_num'),
    create_evaluator_env_cfg: copies('evaluator_env_num'),
  })
}
