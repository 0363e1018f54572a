import { isSchema } from '../config/index.js'
import {
  Box,
  channelAxis,
  createFromFactory,
  Dict,
  type Env,
  type EnvFactory,
  EnvWrapper,
  hasChannelsLast,
  isImageSpace,
  layersOf,
  type MaybePromise,
  type Obs,
  ObsTransposeWrapper,
  type Space,
  withChannelsFirst,
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
  /** With the channels of images in front. */
  readonly observation_space: Space
  /** The environment's own. */
  readonly action_space: Space
  /** What makes it, with those observations and its own actions. */
  readonly factory: EnvFactory
  /** The same, where it is one that a config can name. */
  readonly spec: EnvSpec | undefined
  /** Whether it is one object, of which there is no second. */
  readonly single: boolean
}

function isEnvObject(env: EnvArgument): env is Env {
  return typeof env === 'object' && env !== null && 'step' in env
}

/** What makes an environment: its spec, or a function. Where an environment can scale its actions itself, it is left to the agent. */
export async function envFactory(env: EnvArgument): Promise<EnvFactory> {
  if (typeof env === 'function') return env
  if (isEnvObject(env)) return () => new Borrowed(env)
  const { type, cfg = {}, import_names = [] } = typeof env === 'string' ? { type: env } : (env ?? {})
  if (typeof type !== 'string') {
    throw new UsageError(
      "env must be an id ('Pendulum-v1'), {type, cfg}, a function that makes an Env, or an Env.",
    )
  }
  await importNames([...import_names], process.cwd(), { registry: ENV_REGISTRY, name: type })
  const { config } = ENV_REGISTRY.get(type) as { config?: unknown }
  const scales = isSchema(config) && config.root.children.has('act_scale')
  return { type, import_names, cfg: scales ? { act_scale: false, ...cfg } : { ...cfg } }
}

/** What an environment must be like for an agent. */
export interface EnvDemand {
  /** Undefined while nobody has looked at an environment: any will do. */
  readonly spaces: Pick<ResolvedEnv, 'observation_space' | 'action_space'> | undefined
  readonly n_envs: number
}

/**
 * Makes an environment once, to see its spaces. Around one whose images have their channels last goes `obs_transpose`, as SB3's VecTransposeImage.
 * @throws EnvError, RegistryError when it cannot be made
 * @throws UsageError when it is not of an agent's spaces, or is one object where several are needed
 */
export async function resolveEnv(env: EnvArgument, demand: EnvDemand): Promise<ResolvedEnv> {
  const plain = await envFactory(env)
  const probe = await createFromFactory(plain)
  try {
    const { action_space } = probe
    const turned = isTurned(probe, demand.spaces?.observation_space)
    const { observation_space } = turned ? wrapWith(probe, 'obs_transpose') : probe
    const factory = turned ? wrapped(plain, 'obs_transpose') : plain
    const spec = typeof factory === 'function' ? undefined : factory
    const resolved = { observation_space, action_space, factory, spec, single: isEnvObject(env) }
    checkEnv(resolved, demand)
    return resolved
  } finally {
    await probe.close()
  }
}

/**
 * Whether the observations of an environment are to be turned: there are images with their channels last, no `obs_transpose` says what
 * is to become of them, and the agent is not one that was made for them as they are.
 */
function isTurned(env: Env, demanded: Space | undefined): boolean {
  const { observation_space } = env
  if (!hasChannelsLast(observation_space) || demanded?.equals(observation_space)) return false
  if ([...layersOf(env)].some((layer) => layer instanceof ObsTransposeWrapper)) return false
  const parts =
    observation_space instanceof Dict ? Object.values(observation_space.spaces) : [observation_space]
  const odd = parts.find((part) => isImageSpace(part) && channelAxis(part) === 1)
  if (odd !== undefined) {
    process.emitWarning(
      `The images ${odd} of the environment have their smallest axis in the middle. They are taken for [height, width, channels]; if they are not, ` +
        "put { type: 'obs_transpose', skip: true } around it.",
      'ImageWarning',
    )
  }
  return true
}

/** @throws UsageError when an environment is not of an agent's spaces, or is one object where several are needed */
function checkEnv(env: ResolvedEnv, { spaces, n_envs }: EnvDemand): void {
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

/** How observations of a space come to an agent that takes those of another: turned, where that is the difference, else as they are. */
export function turnFor(agent: Space | undefined, own: Space): (obs: Obs) => Obs {
  if (agent !== undefined && hasChannelsLast(own) && !own.equals(agent)) {
    const { space, move } = withChannelsFirst(own)
    if (space.equals(agent)) return move
  }
  return (obs) => obs
}

/** The factory with a wrapper without keys outermost: `act_scale` for actions in [-1, 1]. */
export function wrapped(factory: EnvFactory, wrapper: string): EnvFactory {
  if (typeof factory !== 'function') return { ...factory, cfg: withWrapper(factory.cfg, wrapper) }
  return async () => wrapWith(await factory(), wrapper)
}

/** An env's config with a wrapper outermost. */
export function withWrapper(
  cfg: Readonly<Record<string, unknown>>,
  wrapper: string,
): Record<string, unknown> {
  const before = Array.isArray(cfg['env_wrapper']) ? (cfg['env_wrapper'] as unknown[]) : []
  return { ...cfg, env_wrapper: [...before, wrapper] }
}

/** How a file keeps an environment: null where it cannot. */
export function envToJson(env: EnvArgument | null | undefined): JsonValue {
  if (typeof env === 'string') return env
  if (env === null || env === undefined || typeof env === 'function' || 'step' in env) return null
  return structuredClone(env) as unknown as JsonValue
}
