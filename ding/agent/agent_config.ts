import setPath from 'lodash-es/set.js'
import { type CompiledConfig, type ConfigPair, compile_config, type Registries } from '../config/index.js'
import { type Box, Dict, Discrete, type EnvClass, MultiDiscrete, type Space } from '../envs/index.js'
import type { EnvSetting } from '../pipeline/index.js'
import { Registry, registries } from '../registry/index.js'
import { UsageError } from '../utils/index.js'
import { needsScaling, type ResolvedEnv, withWrapper, wrapped } from './agent_env.js'
import { type AgentTable, type Arguments, type ConfigSetting, placesOf } from './arguments.js'
import { type Cadence, cadenceOf, timesPerUpdate, updatesIn } from './cadence.js'
import { mergeSections } from './sections.js'
import { hasImages, natureCnn, obsShapeOf } from './spaces.js'

/** What an agent's config is made from. */
export interface ConfigInput {
  readonly table: AgentTable
  readonly args: Arguments
  readonly observation_space: Space
  readonly action_space: Space
  /** Left out: an agent that only predicts. */
  readonly env: ResolvedEnv | undefined
  readonly seed: number
}

type Section = Record<string, unknown>

/** The names by which SB3 calls what the buffers here are. */
const BUFFER_CLASSES: Readonly<Record<string, string>> = {
  ReplayBuffer: 'naive',
  DictReplayBuffer: 'naive',
  NStepReplayBuffer: 'naive',
  HerReplayBuffer: 'her',
  PrioritizedReplayBuffer: 'advanced',
}
/** Type of an environment that is given as an object: no config can name it. */
const GIVEN_ENV = 'given'
const NEVER = Number.MAX_SAFE_INTEGER

/** The `[main_config, create_config]` that an agent's arguments stand for. */
export function configOf(input: ConfigInput): ConfigPair {
  const { table, args, env, seed } = input
  const { values } = args
  const cadence = cadenceOf(values)
  const at: ConfigSetting = {
    observation_space: input.observation_space,
    action_space: input.action_space,
    updatesIn: (env_steps) => updatesIn(env_steps, cadence),
    timesPerUpdate: (interval) => timesPerUpdate(interval, cadence),
  }
  const policy: Section = {}
  for (const { argument, definition } of placesOf(table.definitions)) {
    const value = argument.reduce<unknown>((part, name) => (part as Section)[name], values)
    const { to = [], convert } = definition
    if (value === null && definition.null_sets_nothing === true) continue
    for (const place of [to].flat())
      setPath(policy, place, convert === undefined || value === null ? value : convert(value as never))
  }
  mergeSections(
    policy,
    modelConfig(table, args, at),
    cadence === undefined ? {} : offPolicyConfig(values, cadence),
    quiet(args),
    table.more?.(values, at),
    args.given.config,
  )
  const buffer = values['replay_buffer_class'] as string | null | undefined
  const name = buffer ?? 'ReplayBuffer'
  return [
    { exp_name: table.name, seed, env: envConfig(input, values['n_envs'] as number), policy },
    {
      env:
        env?.spec === undefined
          ? { type: GIVEN_ENV }
          : { type: env.spec.type, import_names: [...(env.spec.import_names ?? [])] },
      env_manager: { type: 'base' },
      policy: { type: table.policy },
      ...(cadence === undefined
        ? {}
        : { collector: { type: cadence.unit === 'step' ? 'sample' : 'episode' } }),
      replay_buffer: { type: BUFFER_CLASSES[name] ?? name },
    },
  ]
}

function modelConfig(table: AgentTable, { values, given }: Arguments, at: ConfigSetting): Section {
  const { observation_space, action_space } = at
  const kwargs = values['policy_kwargs'] as
    | { normalize_images?: boolean; share_features_extractor?: boolean }
    | undefined
  const pixels = isPixels(observation_space) && kwargs?.normalize_images === true
  const wanted = values['policy'] !== 'MlpPolicy' || observation_space instanceof Dict
  const cnn = table.continuous && wanted && hasImages(observation_space)
  return {
    model: {
      obs_shape: obsShapeOf(observation_space),
      action_shape: actionShapeOf(action_space),
      ...(pixels ? { normalize_images: true } : {}),
      ...(cnn ? natureCnn(observation_space) : {}),
      ...(kwargs?.share_features_extractor === true && !cnn && !hasOwnEncoder(given.config)
        ? { share_encoder: false }
        : {}),
    },
  }
}

/** Whether the keys of the user's own name an encoder, or a model. Without one SB3's extractors have no weights that could be shared. */
function hasOwnEncoder(config: Section | undefined): boolean {
  const { type, encoder_hidden_size_list } = (config?.['model'] ?? {}) as Section
  return (type ?? encoder_hidden_size_list ?? null) !== null
}

/** Whether there are images of raw pixels. */
function isPixels(space: Space): boolean {
  if (space instanceof Dict) return Object.values(space.spaces).some(isPixels)
  return hasImages(space) && (space as Box).dtype === 'uint8'
}

/** The `action_shape` of models: a number of choices (or several), or the size of a vector. */
function actionShapeOf(space: Space): number | number[] {
  if (space instanceof Discrete) return space.n
  return space instanceof MultiDiscrete ? [...space.nvec] : space.flatdim
}

function offPolicyConfig(values: Section, { count, unit, n_envs, gradient_steps }: Cadence): Section {
  const { handle_timeout_termination: _always, ...kwargs } = (values['replay_buffer_kwargs'] ?? {}) as Section
  const buffer = (values['replay_buffer_class'] ?? 'ReplayBuffer') as string
  const uniform = (BUFFER_CLASSES[buffer] ?? buffer) === 'naive'
  return {
    ...(buffer === 'PrioritizedReplayBuffer' ? { priority: true, priority_IS_weight: true } : {}),
    learn: { update_per_collect: gradient_steps === 0 ? 1 : gradient_steps },
    collect: unit === 'step' ? { n_sample: count * n_envs } : { n_sample: null, n_episode: count },
    other: {
      replay_buffer: {
        ...(uniform ? { replace: true } : {}),
        ...(values['optimize_memory_usage'] === true ? { optimize_memory_usage: true } : {}),
        ...kwargs,
      },
    },
  }
}

/** An agent writes no checkpoints of its own accord, and its callbacks evaluate. */
function quiet({ values, schedule }: Arguments): Section {
  return {
    cuda: values['device'] === 'cuda',
    learn: {
      ...(schedule === undefined ? {} : { lr_schedule: { type: 'function' } }),
      learner: { hook: { save_run_state: false, save_ckpt_after_run: false, save_ckpt_after_iter: NEVER } },
    },
  }
}

function envConfig({ env, table, action_space }: ConfigInput, n_envs: number): Section {
  const count = { collector_env_num: n_envs, evaluator_env_num: 1 }
  if (env?.spec === undefined) return count
  const cfg = env.spec.cfg ?? {}
  return {
    ...(table.continuous && needsScaling(action_space) ? withWrapper(cfg, 'act_scale') : cfg),
    ...count,
  }
}

/** The environments of an agent whose config does not name them. */
export function envSettingOf(
  { env, table, action_space }: ConfigInput,
  n_envs: number,
): EnvSetting | undefined {
  if (env === undefined) return { collector: [noEnv], evaluator: [noEnv] }
  if (env.spec !== undefined) return undefined
  const make =
    table.continuous && needsScaling(action_space) ? wrapped(env.factory, 'act_scale') : env.factory
  return { collector: Array.from({ length: n_envs }, () => make), evaluator: [make] }
}

function noEnv(): never {
  throw new UsageError('This agent has no environment: give one to its constructor, to load, or to setEnv.')
}

/** Compiles an agent's config; nothing is written. @throws ConfigError listing every key at fault */
export function compileAgentConfig(input: ConfigInput): Promise<CompiledConfig> {
  const [main, create] = configOf(input)
  const own = input.env?.spec === undefined ? { registries: withGivenEnv() } : {}
  return compile_config(main, create, { save: false, renew_dir: false, ...own })
}

function withGivenEnv(): Registries {
  const env = new Registry<EnvClass | typeof noEnv>('env')
  env.register(GIVEN_ENV, noEnv)
  return { ...registries, env } as Registries
}
