import { isSchema } from '../config/index.js'
import {
  Box,
  createFromFactory,
  type Env,
  type EnvFactory,
  EnvWrapper,
  type MaybePromise,
  type Space,
  wrapWith,
} from '../envs/index.js'
import { ENV_REGISTRY, importNames } from '../registry/index.js'
import type { JsonValue } from '../utils/index.js'
import { UsageError } from '../utils/index.js'

/** A registered environment with its config, as in a config's `env` and `create_config.env`. */
export interface EnvSpec {
  readonly type: string
  readonly cfg?: Readonly<Record<string, unknown>>
  /** Modules that register it. */
  readonly import_names?: readonly string[]
}

/** An environment as agents take it. */
export type EnvArgument = string | EnvSpec | (() => MaybePromise<Env>) | Env

/** An environment that is the caller's: closing it is too. */
class Borrowed extends EnvWrapper {
  override readonly transparent = true

  override close(): void {}
}

/** Whether actions of a space have to be scaled for a policy that acts in [-1, 1]. */
export function needsScaling(space: Space): boolean {
  return space instanceof Box && !(space.low.every((v) => v === -1) && space.high.every((v) => v === 1))
}

/** An environment that was looked at. */
export interface ResolvedEnv {
  readonly observation_space: Space
  /** The environment's own. */
  readonly action_space: Space
  /** What makes it, with its own actions. */
  readonly factory: EnvFactory
  /** Where it is one that a config can name. */
  readonly spec: EnvSpec | undefined
  /** Whether it is one object, of which there is no second. */
  readonly single: boolean
}

function isEnvObject(env: EnvArgument): env is Env {
  return typeof env === 'object' && env !== null && 'step' in env
}

/** An environment's spec, and what makes it. Where an environment can scale its actions itself, it is left to the agent. */
export async function envFactory(env: EnvArgument): Promise<{ factory: EnvFactory; spec?: EnvSpec }> {
  if (typeof env === 'function') return { factory: env }
  if (isEnvObject(env)) return { factory: () => new Borrowed(env) }
  const { type, cfg = {}, import_names = [] } = typeof env === 'string' ? { type: env } : (env ?? {})
  if (typeof type !== 'string') {
    throw new UsageError(
      "env must be an id ('Pendulum-v1'), {type, cfg}, a function that makes an Env, or an Env.",
    )
  }
  await importNames([...import_names], process.cwd(), { registry: ENV_REGISTRY, name: type })
  const { config } = ENV_REGISTRY.get(type) as { config?: unknown }
  const scales = isSchema(config) && config.root.children.has('act_scale')
  const spec = { type, import_names, cfg: scales ? { act_scale: false, ...cfg } : { ...cfg } }
  return { factory: spec, spec }
}

/** Makes an environment once, to see its spaces. @throws EnvError, RegistryError when it cannot be made */
export async function resolveEnv(env: EnvArgument): Promise<ResolvedEnv> {
  const { factory, spec } = await envFactory(env)
  const probe = await createFromFactory(factory)
  const { observation_space, action_space } = probe
  await probe.close()
  return { observation_space, action_space, factory, spec, single: isEnvObject(env) }
}

/** What an environment must be like for an agent. */
export interface EnvDemand {
  /** Undefined while nobody has looked at an environment: any will do. */
  readonly spaces: Pick<ResolvedEnv, 'observation_space' | 'action_space'> | undefined
  readonly n_envs: number
}

/** @throws UsageError when an environment is not of an agent's spaces, or is one object where several are needed */
export function checkEnv(env: ResolvedEnv, { spaces, n_envs }: EnvDemand): void {
  if (env.single && n_envs > 1) {
    throw new UsageError(
      `n_envs is ${n_envs}, but env is one environment, which cannot be in ${n_envs} episodes at once. Give a function that makes one: env: () => new MyEnv().`,
    )
  }
  if (spaces === undefined) return
  const { observation_space, action_space } = spaces
  if (env.observation_space.equals(observation_space) && env.action_space.equals(action_space)) return
  throw new UsageError(
    `The environment has observations ${env.observation_space} and actions ${env.action_space}; the agent was made for ` +
      `${observation_space} and ${action_space}.`,
  )
}

/** The factory with actions in [-1, 1]. */
export function scaled(factory: EnvFactory): EnvFactory {
  if (typeof factory !== 'function') return { ...factory, cfg: withScaling(factory.cfg) }
  return async () => wrapWith(await factory(), 'act_scale')
}

/** An env's config with actions in [-1, 1]. */
export function withScaling(cfg: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const before = Array.isArray(cfg['env_wrapper']) ? (cfg['env_wrapper'] as unknown[]) : []
  return { ...cfg, env_wrapper: [...before, 'act_scale'] }
}

/** How a file keeps an environment: null where it cannot. */
export function envToJson(env: EnvArgument | null | undefined): JsonValue {
  if (typeof env === 'string') return env
  if (env === null || env === undefined || typeof env === 'function' || 'step' in env) return null
  return structuredClone(env) as unknown as JsonValue
}
