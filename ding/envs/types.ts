import type { StateTree } from '../utils/index.js'
import type { Frame, RenderOptions, ReplayOptions } from './render/types.js'
import type { Box, Space, SpaceValue } from './spaces/index.js'

export type Obs = SpaceValue
export type Action = SpaceValue

/** Extra facts about a step. When an episode is over it holds `eval_episode_return`, the sum of the raw rewards. */
export type StepInfo = Record<string, unknown>

/**
 * What one step returns. `terminated`: the task itself ended, no reward follows. `truncated`: the episode was cut, by a
 * time limit for instance, and targets bootstrap through it. `done` is either. `reward` is a plain number.
 */
export interface EnvTimestep<O extends Obs = Obs> {
  obs: O
  reward: number
  terminated: boolean
  truncated: boolean
  done: boolean
  info: StepInfo
}

export interface ResetOptions {
  /** Seed of this one episode; the sequence of episodes that `seed()` set up goes on afterwards. */
  readonly seed?: number
}

export type MaybePromise<T> = T | Promise<T>

/** An environment. Both synchronous and asynchronous ones are served; only the methods without `?` are required. */
export interface Env<O extends Obs = Obs, A extends Action = Action> {
  readonly observation_space: Space
  readonly action_space: Space
  /** Where actions are scaled: the box of the environment's own units, onto which those in [-1, 1] are mapped. */
  readonly native_action_space?: Box
  readonly reward_space: Space
  reset(options?: ResetOptions): MaybePromise<O>
  step(action: A): MaybePromise<EnvTimestep<O>>
  /**
   * Seeds the env's own random stream. Static (`dynamic_seed` false): every reset starts the same episode. Dynamic
   * (default): each reset continues the stream, so the episodes differ and the whole sequence repeats with the seed.
   */
  seed(seed: number, dynamic_seed?: boolean): void
  close(): MaybePromise<void>
  /** An action of the action space from a stream of the env's own, apart from the one that drives the dynamics. */
  random_action?(): A
  /** Everything needed to go on bit for bit, or null when the env cannot save itself in mid-episode (its wrappers are saved all the same). */
  state_dict?(): MaybePromise<StateTree | null>
  load_state_dict?(state: StateTree): MaybePromise<void>
  /** From now on each episode is written below `path`: as JSON, and as an animated GIF where the env draws itself. */
  enable_save_replay?(path: string, options?: ReplayOptions): MaybePromise<void>
  /** Told by a wrapper that cuts the episode with this timestep, so that what records it can end here. */
  end_replay?(timestep: EnvTimestep): void
  /** A picture of the env as it is. @throws NotDrawnError where the env has nothing to show */
  render?(options?: RenderOptions): Frame
  /** Steps a second at which the task is shown as it happens. */
  readonly render_fps?: number | undefined
  /**
   * Goal environments: the reward of coming to `achieved_goal` when `desired_goal` was wanted. A pure function of its
   * arguments and the env's config, which hindsight experience replay calls on an env that it never runs.
   */
  compute_reward?(achieved_goal: Obs, desired_goal: Obs, info: Readonly<StepInfo>): number
  /** Sum of the raw rewards of the running episode, kept by the innermost layer that knows it. */
  readonly episode_return?: number | undefined
}

/** A class that ENV_REGISTRY may hold. `config` is its schema, by which every config that the env is made of is checked; the statics default to copies of the whole config. */
export type EnvClass = (new (cfg: never) => Env) & EnvClassStatics

/** A function that makes an env of a config may be registered in place of a class. */
export type EnvBuilder = EnvClass | (((cfg: never) => MaybePromise<Env>) & EnvClassStatics)

export interface EnvClassStatics {
  readonly config?: unknown
  create_collector_env_cfg?(cfg: never): Record<string, unknown>[]
  create_evaluator_env_cfg?(cfg: never): Record<string, unknown>[]
}

/** Puts a timestep together; `done` follows from the two flags. */
export function createTimestep<O extends Obs>(
  obs: O,
  reward: number,
  terminated: boolean,
  truncated = false,
  info: StepInfo = {},
): EnvTimestep<O> {
  return { obs, reward, terminated, truncated, done: terminated || truncated, info }
}

/** Applies `next` to a value, at once if it is there already and when it arrives if it is a promise. */
export function whenReady<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}

declare module '../registry/index.js' {
  interface RegistryTypes {
    env: EnvBuilder
  }
}
