import { ENV_REGISTRY, importNames } from '../registry/index.js'
import { EnvError } from '../utils/index.js'
import { copiesOf, env_wrapper_list, resolveConfig } from './env_config.js'
import { isSchema } from './light_imports.js'
import type { Env, MaybePromise } from './types.js'
import { EvalEpisodeReturnWrapper, wrapWith } from './wrappers/index.js'

/**
 * How to make an env anywhere, in a worker thread as well: its registered name, the modules that register it, and its
 * config. Plain data only.
 */
export interface EnvSource {
  readonly type: string
  /** Modules to import first, as in a config's `import_names`. */
  readonly import_names?: readonly string[]
  /** Folder that relative paths in `import_names` start from; default the working directory. */
  readonly base_dir?: string
  /** The env's config, over the defaults of its schema where it has one; its `env_wrapper` list is applied here. */
  readonly cfg: Readonly<Record<string, unknown>>
}

/** A source, or, for managers that run envs in this thread, a function. */
export type EnvFactory = EnvSource | (() => MaybePromise<Env>)

/**
 * Makes the env of a source: imports, resolves the config, constructs, adds the raw return if the env does not keep it, wraps.
 * @throws ConfigError for a config that does not fit the schema that the env has as its static `config`
 */
export async function createEnv(source: EnvSource): Promise<Env> {
  const { type, import_names = [], base_dir = process.cwd(), cfg: given } = source
  await importNames(import_names, base_dir, { registry: ENV_REGISTRY, name: type })
  const cfg = fillIn(ENV_REGISTRY.get(type).config, given, `The config of env "${type}"`)
  const built: unknown = await ENV_REGISTRY.build(type, cfg as never)
  return finish(built as Env, cfg, `Env "${type}"`)
}

/** The config over its schema's defaults; as it is without a schema. */
function fillIn(config: unknown, given: EnvSource['cfg'], where: string): EnvSource['cfg'] {
  if (!isSchema(config)) return given
  const { env_wrapper, ...own } = given
  const known = env_wrapper === undefined || config.root.children.has('env_wrapper')
  // A schema that does not extend baseEnvConfig need not have the key that is for createEnv itself.
  return known
    ? { ...(resolveConfig(config, given, where) as object) }
    : { ...(resolveConfig(config, own, where) as object), env_wrapper }
}

/** Makes the env of a factory of either kind. */
export async function createFromFactory(factory: EnvFactory): Promise<Env> {
  return typeof factory === 'function'
    ? finish(await factory(), {}, 'The env of a function')
    : createEnv(factory)
}

function finish(env: Env, cfg: Readonly<Record<string, unknown>>, what: string): Env {
  for (const member of ['reset', 'step', 'observation_space', 'action_space'] as const) {
    if (env?.[member] === undefined) {
      throw new EnvError(
        `${what} has no ${member}. Extend BaseEnv, or pass an object in Gymnasium's manner through wrapEnv().`,
      )
    }
  }
  const complete = env.episode_return === undefined ? new EvalEpisodeReturnWrapper(env) : env
  const specs = cfg['env_wrapper'] ?? []
  if (!env_wrapper_list(specs)) throw new EnvError(`${what}: env_wrapper is not a list`)
  return specs.reduce<Env>(wrapWith, complete)
}

/** The `env` part of a config, as far as it says which envs to make. */
export interface EnvPart {
  readonly type: string
  readonly import_names?: readonly string[]
  readonly collector_env_num?: number
  readonly evaluator_env_num?: number
  readonly [key: string]: unknown
}

/**
 * The sources of the collector's or evaluator's envs, one each, with independent configs: what the env class's
 * `create_collector_env_cfg` / `create_evaluator_env_cfg` returns, else that many copies of the config. The class must be
 * registered already.
 */
export function envSources(
  role: 'collector' | 'evaluator',
  env: EnvPart,
  base_dir: string = process.cwd(),
): EnvSource[] {
  const { type, import_names = [], manager: _manager, ...cfg } = env
  const builder = ENV_REGISTRY.get(type)
  const method = role === 'collector' ? builder.create_collector_env_cfg : builder.create_evaluator_env_cfg
  const count = (role === 'collector' ? env.collector_env_num : env.evaluator_env_num) ?? 1
  const configs = method === undefined ? copiesOf(cfg, count) : method.call(builder, cfg as never)
  return configs.map((each) => ({ type, import_names: [...import_names], base_dir, cfg: each }))
}
