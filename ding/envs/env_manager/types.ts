import type { StateTree } from '../../utils/index.js'
import type { ReplayOptions } from '../render/types.js'
import type { Space } from '../spaces/index.js'
import type { Action, EnvTimestep, Obs, ResetOptions } from '../types.js'

/**
 * Where an env of a manager stands. VOID: not created. INIT: created, never reset. RESET: being reset. RUN: takes steps.
 * NEED_RESET: its episode is over and auto_reset is off. DONE: has played its `episode_num`. ERROR: given up.
 */
export type EnvState = 'VOID' | 'INIT' | 'RUN' | 'RESET' | 'DONE' | 'ERROR' | 'NEED_RESET'

/** Env id -> options of its reset; undefined or null: none. */
export type ResetParam = Readonly<Record<number, ResetOptions | null | undefined>>

/** Several envs stepped together; everything goes by env id, 0 to env_num - 1. */
export interface EnvManager {
  readonly env_num: number
  readonly closed: boolean
  /** Spaces of the first env; known once launched. */
  readonly observation_space: Space
  readonly action_space: Space
  readonly reward_space: Space
  /** Current observation of every env that can take a step. */
  readonly ready_obs: Record<number, Obs>
  readonly ready_obs_id: number[]
  /** Ids of the envs that are not DONE, once launched. */
  readonly active_env: number[]
  readonly env_states: Record<number, EnvState>
  /** Whether every env has played its `episode_num`. */
  readonly done: boolean
  /** Creates and resets the envs. @throws EnvError when launched already, or when an env cannot be made or reset; none is open then. */
  launch(reset_param?: ResetParam): Promise<void>
  /** Resets the envs named, or all; launches first if need be. */
  reset(reset_param?: ResetParam): Promise<void>
  /**
   * One step of the envs named; waits for all of them. A done env is reset at once (`auto_reset`): its timestep holds the
   * final observation, `ready_obs` the new one. An env that throws, dies or hangs costs its episode: its timestep has
   * `info.abnormal` true, `info.reason` and, after an error, `info.at`, the line that threw; and the env is made new.
   * @throws EnvError when an env fails more than `max_retry` episodes in a row.
   */
  step(actions: Readonly<Record<number, Action>>): Promise<Record<number, EnvTimestep>>
  /** Seeds from the next reset on: env i gets seed + i, or its entry of the list or record. */
  seed(seed: number | readonly number[] | Readonly<Record<number, number>>, dynamic_seed?: boolean): void
  /** An action of each ready env's action space, from its own stream. */
  random_action(): Promise<Record<number, Action>>
  /** Each env records its episodes below `path` from now on. */
  enable_save_replay(path: string, options?: ReplayOptions): Promise<void>
  close(): Promise<void>
  /** Everything to go on bit for bit, in mid-episode, for envs that can save themselves. */
  state_dict(): Promise<StateTree>
  load_state_dict(state: StateTree): Promise<void>
}
