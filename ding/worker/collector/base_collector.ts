import { type ConfigOf, schema } from '../../config/index.js'
import { type EpisodeMarks, plainInfo, type Transition } from '../../data/index.js'
import type { Action, EnvManager, EnvTimestep, Obs, Space } from '../../envs/index.js'
import type { Logger } from '../../logger/index.js'
import type { ById, CollectMode, CollectSettings, PolicyOutput } from '../../policy/index.js'
import { EnvError, type Resumable, type StateTree } from '../../utils/index.js'
import { BrokenEnvs } from '../broken_envs.js'
import { copyObs, requireFiniteReward, requireSound } from '../observations.js'
import { CollectStatistics } from './statistics.js'
import { decodeTransitions, encodeTransitions } from './trajectory.js'

export const baseCollectorConfig = schema({
  deepcopy_obs: {
    doc: 'Copy observations before they are kept, for environments that write each one into the same array.',
    format: 'boolean',
    default: false,
  },
  transform_obs: {
    doc: "DI-engine's observation transform switch; has no effect.",
    format: 'boolean',
    default: false,
  },
  collect_print_freq: {
    doc: 'Log collection statistics every this many train iterations.',
    format: 'positive_int',
    default: 100,
  },
})

export type CollectorConfig = ConfigOf<typeof baseCollectorConfig>

export interface CollectorOptions {
  readonly env: EnvManager
  readonly policy: CollectMode
  readonly logger: Logger
}

/** What a collect may be told. */
export interface CollectOptions {
  readonly train_iter?: number
  /** Keyword arguments of `collect_mode.forward`, such as `{ eps }`; a function is asked before each step of the environments. */
  readonly policy_kwargs?: CollectSettings | (() => CollectSettings)
  /** False: the statistics of this collect are left out (env steps still count). */
  readonly record?: boolean
  /** Told of each step of the environments, before what it brought is handed on. `false` ends the collect early, with what there is. */
  readonly on_step?: StepListener
}

/** One step of the collector's environments: the actions as the policy acts, and what came of them, by environment id. */
export interface CollectedStep {
  readonly actions: ById<Action>
  readonly timesteps: ById<EnvTimestep<Obs>>
}

export type StepListener = (step: CollectedStep) => boolean | Promise<boolean>

/** Where running trajectories are cut into pieces. */
export interface Cut {
  /** New transitions in a piece. */
  readonly length: number
  /** Transitions after them that the piece also shows, for n-step returns; they come again at the start of the next piece. */
  readonly lookahead: number
}

/** A piece of one environment's trajectory. */
export interface Piece {
  readonly transitions: Transition[]
  /** How many of them are new; the rest is lookahead. All of them when the episode has ended. */
  readonly fresh: number
}

/** What both collectors share: stepping the ready environments with the policy and keeping the pieces of trajectories. */
export abstract class BaseCollector<C extends CollectorConfig = CollectorConfig> implements Resumable {
  protected readonly env: EnvManager
  protected readonly logger: Logger
  protected policy: CollectMode
  protected readonly statistics = new CollectStatistics()
  protected readonly pending = new Map<number, Transition[]>()
  /** What the replay buffer wants to know of episodes, noted in every transition. */
  episode_marks: EpisodeMarks | undefined
  /** The last step's listener wants no more of them in this collect. */
  protected stopped = false
  private readonly episodeLength = new Map<number, number>()
  /** The observation that each running episode's last step led to, which was looked at then. */
  private readonly sound = new Map<number, Obs>()
  private readonly broken: BrokenEnvs

  constructor(
    readonly cfg: C,
    options: CollectorOptions,
  ) {
    this.env = options.env
    this.policy = options.policy
    this.logger = options.logger
    this.broken = new BrokenEnvs('Collector', options.logger)
  }

  /** Collects `count` samples or episodes, whatever the class counts (its static `unit`). */
  abstract collect(count: number, options?: CollectOptions): Promise<Transition[]>

  /** Env steps taken so far, warm-up included. */
  get envstep(): number {
    return this.statistics.total_envstep
  }

  get episode_count(): number {
    return this.statistics.total_episode
  }

  get env_num(): number {
    return this.env.env_num
  }

  /** The space that the policy acts in. */
  get action_space(): Space {
    return this.env.action_space
  }

  /** Counts from 0 again and forgets what was not handed on yet, for environments that start anew. */
  reset(): void {
    this.statistics.reset()
    this.restart()
  }

  /** Forgets the running episodes, for environments that start anew; counts, and what waits to be handed on, stay. */
  restart(): void {
    this.pending.clear()
    this.sound.clear()
    this.episodeLength.clear()
    this.policy.reset()
  }

  /** Swaps the acting policy, as the warm-up does; returns the one that acted before. */
  reset_policy(policy: CollectMode): CollectMode {
    const before = this.policy
    this.policy = policy
    return before
  }

  /**
   * One step of every ready environment. Returns the pieces that the step completed: by `cut`, or by an episode's end. An
   * abnormal step drops the environment's piece, with a warning.
   */
  protected async stepAll(options: CollectOptions, cut: Cut): Promise<Piece[]> {
    const obs = this.readyObs()
    this.policy.observe?.(obs)
    const { policy_kwargs } = options
    const settings = typeof policy_kwargs === 'function' ? policy_kwargs() : policy_kwargs
    const outputs = await this.policy.forward(obs, settings)
    const actions: ById<Action> = {}
    for (const id in outputs) actions[id] = (outputs[id] as PolicyOutput).action
    const timesteps = await this.env.step(actions)
    this.policy.observe_step?.(timesteps)
    const pieces: Piece[] = []
    for (const key in timesteps) {
      const id = Number(key)
      const timestep = timesteps[id] as EnvTimestep<Obs>
      if (timestep.info['abnormal'] === true) {
        this.broken.note(id, timestep.info)
        this.drop(id)
        continue
      }
      this.statistics.total_envstep++
      const piece = this.take(id, obs[id] as Obs, outputs[id] as PolicyOutput, timestep, options)
      if (timestep.done) {
        pieces.push({ transitions: piece, fresh: piece.length })
        this.pending.set(id, [])
        this.finishEpisode(id, timestep, options)
      } else if (piece.length >= cut.length + cut.lookahead) {
        const fresh = piece.length - cut.lookahead
        pieces.push({ transitions: piece, fresh })
        this.pending.set(id, piece.slice(fresh))
      }
    }
    this.stopped = (await options.on_step?.({ actions, timesteps })) === false
    return pieces
  }

  /** The observations to act on. @throws EnvError when no environment takes a step any more, which nothing would change */
  private readyObs(): ById<Obs> {
    const obs = this.env.ready_obs
    let ready = 0
    for (const key in obs) {
      const id = Number(key)
      ready++
      const known = this.sound.get(id)
      if (known === undefined || known !== obs[id]) requireSound(obs[id] as Obs, id)
      if (this.cfg.deepcopy_obs) obs[id] = copyObs(obs[id] as Obs)
    }
    if (ready > 0) return obs
    const why = this.env.done
      ? 'all have played env.manager.episode_num episodes. Raise it, or leave it out'
      : 'their episodes are over and env.manager.auto_reset is false. Set it to true'
    throw new EnvError(`The collector has no environment to step: ${why}.`)
  }

  private take(
    id: number,
    obs: Obs,
    output: PolicyOutput,
    timestep: EnvTimestep<Obs>,
    options: CollectOptions,
  ): Transition[] {
    requireFiniteReward(timestep.reward, id)
    requireSound(timestep.obs, id)
    if (timestep.done) this.sound.delete(id)
    else this.sound.set(id, timestep.obs)
    const seen = this.cfg.deepcopy_obs ? { ...timestep, obs: copyObs(timestep.obs) } : timestep
    const transition = this.policy.process_transition(obs, output, seen)
    transition['collect_iter'] = options.train_iter ?? 0
    const step = this.episodeLength.get(id) ?? 0
    if (this.episode_marks !== undefined) {
      transition['episode'] = { env_id: id, step, end: timestep.done }
      if (this.episode_marks.info) transition['info'] = plainInfo(timestep.info)
    }
    const piece = this.pending.get(id) ?? []
    piece.push(transition)
    this.pending.set(id, piece)
    this.episodeLength.set(id, step + 1)
    return piece
  }

  private finishEpisode(id: number, timestep: EnvTimestep<Obs>, options: CollectOptions): void {
    if (options.record !== false) {
      this.statistics.addEpisode(
        Number(timestep.info['eval_episode_return']),
        this.episodeLength.get(id) ?? 0,
      )
    }
    this.episodeLength.set(id, 0)
    this.policy.reset([id])
  }

  private drop(id: number): void {
    this.sound.delete(id)
    this.pending.set(id, [])
    this.episodeLength.set(id, 0)
    this.policy.reset([id])
  }

  /** An attribute of the policy, undefined when it has none of that name. */
  protected attribute(name: string): unknown {
    return this.policy.has_attribute(name) ? this.policy.get_attribute(name) : undefined
  }

  /** Runs a collect and counts what it brought. */
  protected async timed<T>(
    options: CollectOptions,
    body: () => Promise<T>,
    samplesIn: (result: T) => number,
  ): Promise<T> {
    this.broken.beginRound()
    const start = this.logger.now()
    const stepsBefore = this.envstep
    const result = await body()
    if (options.record !== false) {
      const seconds = (this.logger.now() - start) / 1000
      this.statistics.addCollect(this.envstep - stepsBefore, samplesIn(result), seconds)
      this.statistics.show(this.logger, options.train_iter ?? 0, this.cfg.collect_print_freq)
    }
    return result
  }

  async close(): Promise<void> {
    await this.env.close()
  }

  state_dict(): StateTree {
    return {
      statistics: this.statistics.state_dict(),
      pending: Object.fromEntries(
        [...this.pending].map(([id, piece]) => [String(id), encodeTransitions(piece)]),
      ),
      episode_length: Object.fromEntries([...this.episodeLength].map(([id, n]) => [String(id), n])),
    }
  }

  load_state_dict(state: StateTree): void {
    this.statistics.load_state_dict(state['statistics'] as StateTree)
    this.sound.clear()
    this.pending.clear()
    for (const [id, piece] of Object.entries((state['pending'] ?? {}) as StateTree)) {
      this.pending.set(Number(id), decodeTransitions(piece as StateTree))
    }
    this.episodeLength.clear()
    for (const [id, n] of Object.entries((state['episode_length'] ?? {}) as StateTree))
      this.episodeLength.set(Number(id), n as number)
  }
}
