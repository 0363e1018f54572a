import { EnvError, type StateTree } from '../../utils/index.js'
import { stateRecord, wrapperState } from '../env_state.js'
import { NotDrawnError } from '../render/renderer.js'
import type { Frame, RenderOptions, ReplayOptions } from '../render/types.js'
import { Box, type Space } from '../spaces/index.js'
import {
  type Action,
  type Env,
  type EnvTimestep,
  type MaybePromise,
  type Obs,
  type ResetOptions,
  whenReady,
} from '../types.js'

/**
 * Base of env wrappers: everything passes through. A subclass overrides `onReset`, `onStep` and `mapAction`, and, when it
 * has a state, `saveOwn` and `loadOwn`. Timesteps are not changed in place: return a new one.
 */
export abstract class EnvWrapper implements Env {
  /** Whether observations and rewards are those of the inner env, so that its compute_reward holds outside too. */
  readonly transparent: boolean = false
  readonly observation_space: Space
  readonly action_space: Space
  readonly reward_space: Space

  constructor(readonly env: Env) {
    this.observation_space = env.observation_space
    this.action_space = env.action_space
    this.reward_space = env.reward_space
  }

  get episode_return(): number | undefined {
    return this.env.episode_return
  }

  reset(options?: ResetOptions): MaybePromise<Obs> {
    return whenReady(this.env.reset(options), (obs) => this.onReset(obs))
  }

  step(action: Action): MaybePromise<EnvTimestep> {
    return whenReady(this.env.step(this.mapAction(action)), (timestep) => this.onStep(timestep, action))
  }

  /** The first observation of an episode, as the outside sees it. */
  protected onReset(obs: Obs): Obs {
    return obs
  }

  /** What a step returned, as the outside sees it; `action` is the outside's. */
  protected onStep(timestep: EnvTimestep, _action: Action): EnvTimestep {
    return timestep
  }

  /** The inner env's action for an action from outside. */
  protected mapAction(action: Action): Action {
    return action
  }

  /** The wrapper's own state as JSON values and arrays. */
  protected saveOwn(): StateTree {
    return {}
  }

  protected loadOwn(_state: StateTree): void {}

  seed(seed: number, dynamic_seed = true): void {
    this.env.seed(seed, dynamic_seed)
  }

  close(): MaybePromise<void> {
    return this.env.close()
  }

  random_action(): Action {
    if (this.env.random_action === undefined) throw new EnvError('The wrapped env has no random_action()')
    return this.env.random_action()
  }

  enable_save_replay(path: string, options?: ReplayOptions): MaybePromise<void> {
    return this.env.enable_save_replay?.(path, options)
  }

  end_replay(timestep: EnvTimestep): void {
    this.env.end_replay?.(timestep)
  }

  get render_fps(): number | undefined {
    return this.env.render_fps
  }

  render(options?: RenderOptions): Frame {
    if (this.env.render === undefined) throw new NotDrawnError('The wrapped env')
    return this.env.render(options)
  }

  /** The wrapper's own state and, where it can save itself, the inner env's. */
  state_dict(): MaybePromise<StateTree> {
    const inner = this.env.state_dict?.() ?? null
    return whenReady(inner, (env) => wrapperState(env, this.saveOwn()))
  }

  load_state_dict(state: StateTree): MaybePromise<void> {
    this.loadOwn(stateRecord(state, 'wrapper', this.constructor.name))
    if (state['env'] === null) return
    return this.env.load_state_dict?.(stateRecord(state, 'env', this.constructor.name))
  }

  /** A timestep whose episode this wrapper ends by a cut, with the raw return that ends every episode. */
  protected truncate(timestep: EnvTimestep): EnvTimestep {
    const info = { ...timestep.info }
    if (typeof info['eval_episode_return'] !== 'number') info['eval_episode_return'] = this.episode_return
    const last = { ...timestep, truncated: true, done: true, info }
    if (!timestep.done) this.env.end_replay?.(last)
    return last
  }
}

/** An environment's wrappers from the outermost, and itself. */
export function* layersOf(env: Env): Generator<Env> {
  yield env
  if (env instanceof EnvWrapper) yield* layersOf(env.env)
}

/** The env's observation space as a Box. @throws EnvError naming the wrapper when it is none. */
export function boxOf(env: Env, wrapper: string): Box {
  const space = env.observation_space
  if (space instanceof Box) return space
  throw new EnvError(
    `Env wrapper "${wrapper}" works on Box observations, but the observation space is ${space}`,
  )
}
