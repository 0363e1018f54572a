import { ENV_REGISTRY } from '../registry/index.js'
import { EnvError } from '../utils/index.js'
import { baseEnvConfig } from './env_config.js'

/** The type of an environment that is not there. */
export const NO_ENV = 'none'

/**
 * Stands for an environment that is not there: data alone (D4RL's AntMaze and Adroit, data of a machine). A run that learns from data trains with it
 * and never evaluates; whatever needs an environment says so.
 */
export class NoEnv {
  static readonly config = baseEnvConfig

  /** @throws EnvError always */
  constructor() {
    throw new EnvError(
      `env.type is '${NO_ENV}': there is no environment, so nothing can be collected, evaluated or replayed. Only serial_offline can do without. ` +
        'Name one that is registered (ding registry env), or your own with import_names.',
    )
  }
}

ENV_REGISTRY.register(NO_ENV, NoEnv as never)

declare module '../config/index.js' {
  interface EnvConfigMap {
    none: import('../config/index.js').ConfigOf<typeof baseEnvConfig>
  }
}
