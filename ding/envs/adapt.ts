import { EnvError, type JsonValue, type StateTree } from '../utils/index.js'
import { ActionError } from './action_error.js'
import type { EnvWrapperSpec } from './env_config.js'
import { EpisodeRandom } from './env_random.js'
import { stateRecord } from './env_state.js'
import { EpisodeRecorder } from './episode_recorder.js'
import { RandomStream } from './light_imports.js'
import { NotDrawnError, renderScene } from './render/renderer.js'
import type { Frame, RenderOptions, ReplayOptions, Scene } from './render/types.js'
import { Box, coerceToSpace, describeValue, Space } from './spaces/index.js'
import {
  type Action,
  createTimestep,
  type Env,
  type EnvTimestep,
  type MaybePromise,
  type Obs,
  type ResetOptions,
  type StepInfo,
  whenReady,
} from './types.js'
import { EnvWrapper, EvalEpisodeReturnWrapper, TimeLimitWrapper, wrapWith } from './wrappers/index.js'

/**
 * An environment in Gymnasium's manner, as a plain object or class instance. Methods may be asynchronous. `reset` returns
 * the observation or `[obs, info]`; `step` returns `[obs, reward, terminated, truncated, info]` or an object with those
 * names. Observations may be nested arrays of numbers; they are brought into the form of `observation_space`.
 */
export interface GymLikeEnv {
  readonly observation_space: Space
  readonly action_space: Space
  readonly reward_space?: Space
  reset(options?: ResetOptions): unknown
  step(action: never): unknown
  seed?(seed: number, dynamic_seed?: boolean): void
  close?(): MaybePromise<void>
  compute_reward?(achieved_goal: Obs, desired_goal: Obs, info: Readonly<StepInfo>): number
  state_dict?(): MaybePromise<StateTree | null>
  load_state_dict?(state: StateTree): MaybePromise<void>
  /** What there is to see at the moment; or draw it yourself by `render`, which returns a {@link Frame}. */
  scene?(): Scene
  render?(options?: RenderOptions): unknown
  /** Steps a second at which the task is shown as it happens; default 30. */
  readonly render_fps?: number
}

export interface WrapEnvOptions {
  /** Name for messages. */
  readonly env_id?: string
  /** Truncate episodes after so many steps. */
  readonly max_episode_steps?: number | null
  readonly env_wrapper?: readonly EnvWrapperSpec[]
}

/** Makes an Env of a Gymnasium-like object, with the raw episode return, a time limit and wrappers as asked. */
export function wrapEnv(gymLike: GymLikeEnv, options: WrapEnvOptions = {}): Env {
  const adapted = new AdaptedEnv(gymLike, options.env_id ?? gymLike.constructor.name)
  let env: Env = new EvalEpisodeReturnWrapper(adapted)
  if (typeof options.max_episode_steps === 'number') {
    env = new TimeLimitWrapper(env, { max_episode_steps: options.max_episode_steps })
  }
  return (options.env_wrapper ?? []).reduce<Env>(wrapWith, new RecordedEnv(env, adapted))
}

/** Records the episodes of an adapted env, whose ends only the wrappers around it know. */
class RecordedEnv extends EnvWrapper {
  override readonly transparent = true
  private recorder: EpisodeRecorder | undefined

  constructor(
    env: Env,
    private readonly adapted: AdaptedEnv,
  ) {
    super(env)
  }

  override enable_save_replay(path: string, options: ReplayOptions = {}): void {
    this.recorder = new EpisodeRecorder(path, this.adapted, options)
  }

  override end_replay(timestep: EnvTimestep): void {
    this.recorder?.end(timestep)
  }

  protected override onReset(obs: Obs): Obs {
    this.recorder?.start(obs)
    return obs
  }

  protected override onStep(timestep: EnvTimestep, action: Action): EnvTimestep {
    this.recorder?.add(action, timestep)
    return timestep
  }
}

class AdaptedEnv implements Env {
  readonly observation_space: Space
  readonly action_space: Space
  readonly reward_space: Space
  readonly compute_reward: Env['compute_reward']
  private readonly seeds = new EpisodeRandom('episode_seeds')
  private actionRandom = RandomStream.fromSeed(0).child('random_action')

  constructor(
    private readonly gym: GymLikeEnv,
    readonly name: string,
  ) {
    for (const method of ['reset', 'step'] as const) {
      if (typeof gym[method] !== 'function') {
        throw new EnvError(`wrapEnv: ${name} has no method ${method}(); expected Gymnasium's reset and step`)
      }
    }
    for (const key of ['observation_space', 'action_space'] as const) {
      if (!(gym[key] instanceof Space)) {
        throw new EnvError(
          `wrapEnv: ${name}.${key} is ${describeValue(gym[key])}, expected a Space such as new Discrete(2)`,
        )
      }
    }
    this.observation_space = gym.observation_space
    this.action_space = gym.action_space
    this.compute_reward = gym.compute_reward?.bind(gym)
    this.reward_space = gym.reward_space ?? new Box(-Infinity, Infinity, [1])
    this.seed(0)
  }

  /** An env without a method of its own gets the seed of each episode by `reset({seed})`. */
  seed(seed: number, dynamic_seed = true): void {
    this.actionRandom = RandomStream.fromSeed(seed).child('random_action')
    this.seeds.seed(seed, dynamic_seed)
    this.gym.seed?.(seed, dynamic_seed)
  }

  reset(options?: ResetOptions): MaybePromise<Obs> {
    const own = this.gym.seed === undefined ? { seed: this.seeds.begin().nextInt(0, 2 ** 31) } : {}
    return whenReady(this.gym.reset({ ...own, ...options }) as MaybePromise<unknown>, (result) => {
      const pair = Array.isArray(result) && result.length === 2 && isInfo(result[1])
      return this.obs(pair ? result[0] : result)
    })
  }

  step(action: Action): MaybePromise<EnvTimestep> {
    const space = this.action_space
    const why = space instanceof Box ? space.explainForm(action) : space.explain(action)
    if (why !== null) throw new ActionError(`${this.name}: bad action: ${why}. The action space is ${space}`)
    return whenReady(this.gym.step(action as never) as MaybePromise<unknown>, (result) =>
      this.timestep(result),
    )
  }

  random_action(): Action {
    return this.action_space.sample(this.actionRandom)
  }

  get render_fps(): number {
    return this.gym.render_fps ?? 30
  }

  render(options?: RenderOptions): Frame {
    const { gym, name } = this
    if (typeof gym.scene === 'function') return renderScene(name, gym.scene(), options)
    if (typeof gym.render !== 'function') throw new NotDrawnError(name)
    const frame = gym.render(options)
    if (!isFrame(frame)) {
      throw new EnvError(
        `${name}: render() returned ${describeValue(frame)}; expected a picture {width, height, data}, data being a ` +
          'Uint8Array of width x height x 4 bytes',
      )
    }
    return frame
  }

  close(): MaybePromise<void> {
    return this.gym.close?.()
  }

  state_dict(): MaybePromise<StateTree | null> {
    return whenReady(this.gym.state_dict?.() ?? null, (env) =>
      env === null ? null : { env, seeds: this.seeds.state(), random_action: this.actionRandom.state() },
    )
  }

  load_state_dict(state: StateTree): MaybePromise<void> {
    this.seeds.restore(state['seeds'] as JsonValue)
    this.actionRandom.restore(state['random_action'] as JsonValue)
    return this.gym.load_state_dict?.(stateRecord(state, 'env', this.name))
  }

  private obs(value: unknown): Obs {
    try {
      return coerceToSpace(this.observation_space, value)
    } catch (cause) {
      throw new EnvError(`${this.name}: the observation does not fit observation_space`, { cause })
    }
  }

  private timestep(result: unknown): EnvTimestep {
    const fields = Array.isArray(result)
      ? { obs: result[0], reward: result[1], terminated: result[2], truncated: result[3], info: result[4] }
      : ((result ?? {}) as Record<string, unknown>)
    const { reward, terminated, truncated } = fields as Record<string, unknown>
    if (
      typeof reward !== 'number' ||
      typeof terminated !== 'boolean' ||
      typeof (truncated ?? false) !== 'boolean'
    ) {
      throw new EnvError(
        `${this.name}: step() returned ${describeValue(result)}; expected [obs, reward, terminated, truncated, info] with ` +
          'a number and two booleans, or an object with these names',
      )
    }
    const info = isInfo(fields.info) ? { ...fields.info } : {}
    return createTimestep(this.obs(fields.obs), reward, terminated, truncated === true, info)
  }
}

function isInfo(value: unknown): value is StepInfo {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}

function isFrame(value: unknown): value is Frame {
  if (!isInfo(value)) return false
  const { width, height, data } = value
  return data instanceof Uint8Array && data.length > 0 && data.length === Number(width) * Number(height) * 4
}
