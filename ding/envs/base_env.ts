import { EnvError, type JsonValue, type StateTree } from '../utils/index.js'
import { ActionError } from './action_error.js'
import { EpisodeRandom } from './env_random.js'
import { stateNumber, stateRecord } from './env_state.js'
import { EpisodeRecorder } from './episode_recorder.js'
import { RandomStream } from './light_imports.js'
import { renderScene } from './render/renderer.js'
import type { Frame, RenderOptions, ReplayOptions, Scene } from './render/types.js'
import { Box, type Space } from './spaces/index.js'
import {
  type Action,
  createTimestep,
  type Env,
  type EnvTimestep,
  type Obs,
  type ResetOptions,
  type StepInfo,
} from './types.js'

/** What the dynamics of an env (`BaseEnv.advance`) return for one action. */
export interface StepOutcome<O extends Obs = Obs> {
  readonly obs: O
  readonly reward: number
  readonly terminated: boolean
  /** Cut by the env itself; the time limit is added by {@link BaseEnv}. */
  readonly truncated?: boolean
  readonly info?: StepInfo
}

/**
 * Base of synchronous envs: it keeps the random stream, the time limit, the raw return and the saved state, and checks
 * the actions, so that a subclass writes `begin`, `advance` and, to be resumable in mid-episode, `saveState` and
 * `restoreState`.
 */
export abstract class BaseEnv<O extends Obs = Obs, A extends Action = Action> implements Env<O, A> {
  abstract readonly observation_space: Space
  abstract readonly action_space: Space
  readonly reward_space: Space = new Box(-Infinity, Infinity, [1])
  /** Steps a second at which the task is shown as it happens; that of the task where it has a clock. */
  readonly render_fps: number = 30

  private readonly random = new EpisodeRandom('env')
  private actionRandom = RandomStream.fromSeed(0).child('random_action')
  private recorder: EpisodeRecorder | undefined
  private running = false
  private steps = 0
  private rawReturn = 0

  /**
   * @param name shown in messages, such as `CartPole-v1`
   * @param maxEpisodeSteps after how many steps an episode is truncated; null: never
   */
  constructor(
    readonly name: string,
    protected readonly maxEpisodeSteps: number | null = null,
  ) {
    if (maxEpisodeSteps !== null && !(Number.isInteger(maxEpisodeSteps) && maxEpisodeSteps > 0)) {
      throw new EnvError(
        `${name}: max_episode_steps is ${maxEpisodeSteps}, expected a positive integer or null`,
      )
    }
  }

  /** Starts an episode, drawing from `random` only, and returns its first observation. */
  protected abstract begin(random: RandomStream): O
  /** Does one step of the dynamics. `action` has been checked. Any randomness comes from `random`. */
  protected abstract advance(action: A, random: RandomStream): StepOutcome<O>
  /** State of the dynamics in mid-episode; null: cannot be saved, a resumed run starts a new episode instead. */
  protected saveState(): StateTree | null {
    return null
  }
  /** Takes back what {@link saveState} returned. */
  protected restoreState(_state: StateTree): void {}

  get episode_return(): number {
    return this.rawReturn
  }

  /** Steps done in the running episode. */
  get episode_steps(): number {
    return this.steps
  }

  seed(seed: number, dynamic_seed = true): void {
    this.random.seed(seed, dynamic_seed)
    this.actionRandom = RandomStream.fromSeed(seed).child('random_action')
  }

  reset(options: ResetOptions = {}): O {
    const obs = this.begin(this.random.begin(options.seed))
    this.startEpisode()
    this.recorder?.start(obs)
    return obs
  }

  step(action: A): EnvTimestep<O> {
    if (!this.running) {
      throw new EnvError(`${this.name}: step() was called while no episode is running; call reset() first`)
    }
    const why = this.explainAction(action)
    if (why !== null)
      throw new ActionError(`${this.name}: bad action: ${why}. The action space is ${this.action_space}`)
    const { obs, reward, terminated, truncated, info } = this.advance(action, this.random.current)
    this.steps++
    this.rawReturn += reward
    const limit = this.maxEpisodeSteps !== null && this.steps >= this.maxEpisodeSteps
    const timestep = createTimestep(obs, reward, terminated, (truncated ?? false) || limit, info ?? {})
    if (timestep.done) {
      this.running = false
      timestep.info['eval_episode_return'] = this.rawReturn
    }
    this.recorder?.add(action, timestep)
    return timestep
  }

  random_action(): A {
    return this.action_space.sample(this.actionRandom) as A
  }

  close(): void {
    this.running = false
  }

  /**
   * What there is to see at the moment, which `render` paints; null: nothing, and `render` throws. It only reads: whether
   * and when it is called changes nothing else.
   */
  scene(): Scene | null {
    return null
  }

  /** A picture of the env as it is. @throws NotDrawnError where the env has nothing to show */
  render(options: RenderOptions = {}): Frame {
    return renderScene(this.name, this.scene(), options)
  }

  /** From the next episode on each is written below `path` when it ends: as JSON, and as an animation if the env draws itself. */
  enable_save_replay(path: string, options: ReplayOptions = {}): void {
    this.recorder = new EpisodeRecorder(path, this, options)
  }

  /** Writes the files of an episode that a wrapper has cut with this timestep. */
  end_replay(timestep: EnvTimestep): void {
    this.recorder?.end(timestep)
  }

  state_dict(): StateTree | null {
    const dynamics = this.saveState()
    if (dynamics === null) return null
    return {
      random: this.random.state(),
      random_action: this.actionRandom.state(),
      running: this.running,
      steps: this.steps,
      episode_return: this.rawReturn,
      dynamics,
    }
  }

  load_state_dict(state: StateTree): void {
    this.restoreState(stateRecord(state, 'dynamics', this.name))
    this.steps = stateNumber(state, 'steps', this.name)
    this.rawReturn = stateNumber(state, 'episode_return', this.name)
    this.running = state['running'] === true
    this.random.restore(state['random'] as JsonValue)
    this.actionRandom.restore(state['random_action'] as JsonValue)
  }

  /**
   * Why an action cannot be executed, or null. A Box's bounds are left to the dynamics: the classic tasks clip, and an
   * action may exceed a bound by a rounding error.
   */
  protected explainAction(action: unknown): string | null {
    const space = this.action_space
    return space instanceof Box ? space.explainForm(action) : space.explain(action)
  }

  /** Marks a fresh episode as running; for subclasses that put a state of their own choice. */
  protected startEpisode(): void {
    this.running = true
    this.steps = 0
    this.rawReturn = 0
  }
}
