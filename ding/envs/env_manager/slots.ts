import { CheckpointError, isHostTensor, type StateTree, type StateValue } from '../../utils/index.js'
import { stateNumber, valueFromState, valueToState } from '../env_state.js'
import { RandomStream } from '../light_imports.js'
import { createTimestep, type EnvTimestep, type Obs } from '../types.js'
import type { EnvState } from './types.js'

/** What a manager knows of one env. */
export class EnvSlot {
  state: EnvState = 'VOID'
  ready_obs: Obs | undefined
  /** Episodes finished since the last reset from outside. */
  episodes = 0
  /** Failed episodes since the last good one. */
  failures = 0
  /** How often the env was made anew. */
  restarts = 0
  seed: number
  dynamic = true
  /** The seed has still to be given to the env, at its next reset. */
  seedPending = true
  /** The episode was lost between two steps, with the worker: what the next step has to report. */
  lost: string | undefined

  constructor(readonly id: number) {
    this.seed = id
  }

  setSeed(seed: number, dynamic: boolean): void {
    this.seed = seed
    this.dynamic = dynamic
    this.seedPending = true
    this.restarts = 0
  }

  /**
   * The seed that the env gets now. An env made anew under dynamic seeding gets another one than the first time:
   * otherwise it would play its first episodes again.
   */
  currentSeed(): number {
    if (this.restarts === 0 || !this.dynamic) return this.seed
    return RandomStream.fromSeed(this.seed)
      .child(`restart ${this.restarts}`)
      .nextInt(0, 2 ** 31)
  }

  /** Ready to step from `obs`. */
  run(obs: Obs): void {
    this.state = 'RUN'
    this.ready_obs = obs
  }

  /**
   * What a step reports of an episode that was lost: the last observation known, no reward, the trajectory's end.
   * @param stack of the error, whose first line goes with the reason
   */
  abnormal(reason: string, stack = ''): EnvTimestep {
    const at = /^ *(at .*)$/m.exec(stack)?.[1]
    const info = { abnormal: true, reason, ...(at === undefined ? {} : { at }) }
    return createTimestep(this.ready_obs as Obs, 0, false, true, info)
  }

  save(env: StateTree | null): StateTree {
    return {
      state: this.state,
      ready_obs: this.ready_obs === undefined ? null : valueToState(this.ready_obs),
      episodes: this.episodes,
      failures: this.failures,
      restarts: this.restarts,
      seed: this.seed,
      dynamic: this.dynamic,
      seed_pending: this.seedPending,
      lost: this.lost ?? null,
      env,
    }
  }

  /** Takes back all of {@link save} but the env's own state, which it returns. */
  load(saved: StateValue | undefined): StateTree | null {
    if (typeof saved !== 'object' || saved === null || Array.isArray(saved) || isHostTensor(saved)) {
      throw new CheckpointError(`The saved state of the env manager has nothing for env ${this.id}`)
    }
    const tree = saved as StateTree
    const owner = `env ${this.id}`
    this.state = tree['state'] as EnvState
    const obs = tree['ready_obs']
    this.ready_obs = obs === null || obs === undefined ? undefined : valueFromState(obs)
    this.episodes = stateNumber(tree, 'episodes', owner)
    this.failures = stateNumber(tree, 'failures', owner)
    this.restarts = stateNumber(tree, 'restarts', owner)
    this.seed = stateNumber(tree, 'seed', owner)
    this.dynamic = tree['dynamic'] === true
    this.seedPending = tree['seed_pending'] === true
    this.lost = typeof tree['lost'] === 'string' ? tree['lost'] : undefined
    return (tree['env'] ?? null) as StateTree | null
  }
}
