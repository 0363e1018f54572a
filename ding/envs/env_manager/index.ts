import { ENV_MANAGER_REGISTRY } from '../../registry/index.js'
import { EnvError } from '../../utils/index.js'
import type { EnvFactory } from '../create_env.js'
import { resolveConfig } from '../env_config.js'
import type { ConfigOf } from '../light_imports.js'
import { envManagerConfig, subprocessConfig } from './config.js'
import { type EnvHost, LocalHost } from './host.js'
import { HostedEnvManager } from './manager.js'
import type { EnvManager } from './types.js'
import { WorkerHost } from './worker_host.js'

/** All envs in this thread, one after the other. The right choice for cheap envs: a step costs no message. */
export class BaseEnvManager extends HostedEnvManager {
  static readonly config = envManagerConfig

  constructor(envs: readonly EnvFactory[], cfg: Partial<ConfigOf<typeof envManagerConfig>> = {}) {
    super(envs, resolveConfig(envManagerConfig, cfg, 'Env manager "base"'), null, envs.length)
  }

  protected override createHost(): EnvHost {
    return new LocalHost()
  }
}

/** Envs in worker threads that step at the same time. For envs whose step takes longer than a message, about 0.1 ms. */
export class SubprocessEnvManager extends HostedEnvManager {
  static readonly config = subprocessConfig
  private readonly connect: number

  constructor(envs: readonly EnvFactory[], cfg: Partial<ConfigOf<typeof subprocessConfig>> = {}) {
    for (const [id, env] of envs.entries()) {
      if (typeof env === 'function') {
        throw new EnvError(
          `Env manager "subprocess": env ${id} is given as a function, which cannot be sent to a worker thread. ` +
            'Give {type, import_names, cfg} of a registered env, or use the env manager "base".',
        )
      }
    }
    const settings = resolveConfig(subprocessConfig, cfg, 'Env manager "subprocess"')
    super(envs, settings, settings.connect_timeout, settings.env_num_per_worker)
    this.connect = settings.connect_timeout
  }

  protected override createHost(): EnvHost {
    return new WorkerHost(this.connect)
  }
}

/** A class that ENV_MANAGER_REGISTRY may hold. */
export interface EnvManagerClass {
  new (envs: readonly EnvFactory[], cfg?: never): EnvManager
  readonly config?: unknown
}

declare module '../../registry/index.js' {
  interface RegistryTypes {
    env_manager: EnvManagerClass
  }
}

ENV_MANAGER_REGISTRY.register('base', BaseEnvManager, { aliases: ['base_v2'] })
ENV_MANAGER_REGISTRY.register('subprocess', SubprocessEnvManager, {
  aliases: ['subprocess_v2', 'async_subprocess'],
})

/** Makes the env manager that a config's `env.manager` names by `type` (default `base`). */
export function createEnvManager(
  cfg: Readonly<Record<string, unknown>>,
  envs: readonly EnvFactory[],
): EnvManager {
  const { type = 'base', import_names: _names, cfg_type: _cfgType, ...given } = cfg
  return new (ENV_MANAGER_REGISTRY.get(String(type)))(envs, given as never)
}

export { envManagerConfig, subprocessConfig } from './config.js'
export type { EnvManager, EnvState, ResetParam } from './types.js'
