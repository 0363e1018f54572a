import { type ConfigOf, schema } from '../../config/index.js'
import type { Action, EnvManager, EnvTimestep, Obs } from '../../envs/index.js'
import type { Logger } from '../../logger/index.js'
import type { ById, EvalMode, PolicyOutput } from '../../policy/index.js'
import { SERIAL_EVALUATOR_REGISTRY } from '../../registry/index.js'
import { EnvError, NumericError, type Resumable, type StateTree, UsageError } from '../../utils/index.js'
import { BrokenEnvs } from '../broken_envs.js'
import { requireSound } from '../observations.js'
import { SuccessWatch } from '../success.js'

export const interactionEvaluatorConfig = schema({
  eval_freq: { doc: 'Evaluate every this many train iterations.', format: 'positive_int', default: 1000 },
  n_episode: {
    doc: 'Episodes per evaluation, spread over the evaluator environments. Filled from env.n_evaluator_episode.',
    format: 'positive_int',
    default: null,
    nullable: true,
  },
  stop_value: {
    doc: 'Mean return that ends the run. Filled from env.stop_value.',
    format: 'number',
    infinity: true,
    default: Number.POSITIVE_INFINITY,
  },
})

export type InteractionEvaluatorConfig = ConfigOf<typeof interactionEvaluatorConfig>

export interface EvaluatorOptions {
  readonly env: EnvManager
  readonly policy: EvalMode
  readonly logger: Logger
  /** Seed of the evaluation episodes: episode `k` of environment `i` is the same at every evaluation. */
  readonly seed: number
}

/** Saves the weights under a name; with their mean return, unless those saved under that name had a higher one. */
export type SaveCheckpoint = (name: string, mean_return?: number) => void

export interface EpisodeInfo {
  /** Returns of the episodes, environment by environment. */
  eval_episode_return: number[]
  eval_episode_return_mean: number
  [key: string]: number | number[]
}

/** Fails an evaluation whose environments keep breaking. */
const MAX_ABNORMAL = 100

/**
 * Plays a fixed set of episodes: the first `quota` of each environment, with the same seeds at every evaluation, and
 * environments that have filled their quota rest (DI-engine keeps the latest ones, which favours short episodes).
 */
@SERIAL_EVALUATOR_REGISTRY.register('interaction')
export class InteractionSerialEvaluator implements Resumable {
  static readonly config = interactionEvaluatorConfig
  /** False for a kind that plays no episodes and is made without environments. */
  static readonly evaluates: boolean = true
  private readonly env: EnvManager
  private readonly policy: EvalMode
  private readonly logger: Logger
  private readonly seed: number
  protected readonly broken: BrokenEnvs
  private lastEvalIter = -1
  private best = Number.NEGATIVE_INFINITY
  /** Any positive reward is an episode's success, where the environment does not tell of it otherwise. */
  success_by_reward = false

  constructor(
    readonly cfg: InteractionEvaluatorConfig,
    options: EvaluatorOptions,
  ) {
    this.env = options.env
    this.policy = options.policy
    this.logger = options.logger
    this.seed = options.seed
    this.broken = new BrokenEnvs('Evaluator', options.logger)
  }

  /** Whether this kind plays episodes at all. */
  get evaluates(): boolean {
    return (this.constructor as typeof InteractionSerialEvaluator).evaluates
  }

  /** The best mean return so far. */
  get max_episode_return(): number {
    return this.best
  }

  /** True before the first evaluation and when `eval_freq` iterations have passed since the last. */
  should_eval(train_iter: number): boolean {
    if (train_iter === this.lastEvalIter) return false
    return this.lastEvalIter < 0 || train_iter - this.lastEvalIter >= this.cfg.eval_freq
  }

  /**
   * Evaluates. @param save_ckpt_fn called with 'ckpt_best' and the mean return when that is the best so far.
   * `stop` is true when the mean return has reached `stop_value` after some training.
   * @throws UsageError unless n_episode is a positive integer
   */
  async eval(
    save_ckpt_fn?: SaveCheckpoint,
    train_iter = -1,
    envstep = -1,
    n_episode = this.cfg.n_episode ?? this.env.env_num,
  ): Promise<{ stop: boolean; episode_info: EpisodeInfo }> {
    if (!Number.isInteger(n_episode) || n_episode < 1)
      throw new UsageError(
        `An evaluation of ${n_episode} episodes is not possible: n_episode must be a positive integer.`,
      )
    this.broken.beginRound()
    const start = this.logger.now()
    const { returns, steps, extra } = await this.play(n_episode)
    const seconds = (this.logger.now() - start) / 1000
    const episode_info: EpisodeInfo = {
      ...summarise(extra),
      eval_episode_return: returns,
      eval_episode_return_mean: mean(returns),
    }
    this.report(episode_info, { train_iter, envstep, steps, seconds })
    this.lastEvalIter = train_iter
    const value = episode_info.eval_episode_return_mean
    if (value > this.best) {
      this.best = value
      save_ckpt_fn?.('ckpt_best', value)
    }
    return { stop: value >= this.cfg.stop_value && train_iter > 0, episode_info }
  }

  private async play(n_episode: number) {
    const { env } = this
    const [each, rest] = [Math.floor(n_episode / env.env_num), n_episode % env.env_num]
    const quota = Array.from({ length: env.env_num }, (_, i) => each + (i < rest ? 1 : 0))
    const returns: number[][] = quota.map(() => [])
    const attempts = quota.map(() => 0)
    const extra: Record<string, number[]> = {}
    const success = new SuccessWatch(this.success_by_reward)
    let steps = 0
    let abnormal = 0
    let waiting = quota.flatMap((n, id) => (n > 0 ? [id] : []))
    const active = new Set(waiting)
    while (active.size > 0) {
      if (waiting.length > 0) await this.startEpisodes(waiting, attempts)
      waiting = []
      const timesteps = await this.step(active)
      for (const key in timesteps) {
        const id = Number(key)
        const timestep = timesteps[id] as EnvTimestep
        const broken = timestep.info['abnormal'] === true
        if (broken) this.broken.note(id, timestep.info)
        if (broken && ++abnormal > MAX_ABNORMAL) {
          throw new EnvError(
            `Evaluation gave up: environments broke ${abnormal} times. The last one was environment ${id}: ${String(timestep.info['reason'] ?? 'no reason given')}.`,
          )
        }
        if (broken) success.drop(id)
        else {
          steps++
          success.step(id, timestep)
        }
        if (!broken && !timestep.done) continue
        if (!broken) {
          const own = returns[id] as number[]
          own.push(episodeReturn(id, timestep))
          const line = `[EVALUATOR]env ${id} finish episode, final reward: ${own.at(-1)?.toFixed(4)}, current episode: ${own.length}`
          this.logger.info(line, { console: false })
          collectExtra(extra, timestep.info['episode_info'])
          collectSuccess(extra, success.end(id, timestep))
          if (own.length >= (quota[id] as number)) {
            active.delete(id)
            continue
          }
        }
        attempts[id] = (attempts[id] as number) + 1
        waiting.push(id)
      }
    }
    return { returns: returns.flat(), steps, extra }
  }

  /** Starts the next episode of these environments. */
  private async startEpisodes(ids: readonly number[], attempts: readonly number[]): Promise<void> {
    const param: Record<number, { seed: number }> = {}
    for (const id of ids) param[id] = { seed: this.episodeSeed(id, attempts[id] as number) }
    await this.env.reset(param)
    this.policy.reset(ids)
  }

  /** One step of the environments that still play. */
  private async step(active: ReadonlySet<number>): Promise<Record<number, EnvTimestep>> {
    const ready = this.env.ready_obs
    const obs: ById<Obs> = {}
    let found = false
    for (const id of active) {
      const own = ready[id]
      if (own === undefined) continue
      requireSound(own, id)
      obs[id] = own
      found = true
    }
    if (!found) {
      throw new EnvError(
        `The evaluator waits for environments ${[...active].join(', ')}, but their manager has none of them ready after a reset.`,
      )
    }
    const outputs = await this.policy.forward(obs)
    const actions: ById<Action> = {}
    for (const id in outputs) actions[id] = (outputs[id] as PolicyOutput).action
    return this.env.step(actions)
  }

  /** Seeds by (environment, episode), the same at each evaluation; a broken episode is replaced by the next in line. */
  private episodeSeed(id: number, episode: number): number {
    return this.seed + id + episode * this.env.env_num
  }

  private report(
    info: EpisodeInfo,
    at: { train_iter: number; envstep: number; steps: number; seconds: number },
  ): void {
    const returns = info.eval_episode_return
    const average = info.eval_episode_return_mean
    const row: Record<string, number | string> = {
      train_iter: at.train_iter,
      episode_count: returns.length,
      envstep_count: at.steps,
      avg_envstep_per_episode: at.steps / returns.length,
      evaluate_time: at.seconds,
      avg_envstep_per_sec: at.seconds > 0 ? at.steps / at.seconds : 0,
      avg_time_per_episode: at.seconds / returns.length,
      reward_mean: average,
      reward_std: Math.sqrt(mean(returns.map((r) => (r - average) ** 2))),
      reward_max: Math.max(...returns),
      reward_min: Math.min(...returns),
      ...Object.fromEntries(
        Object.entries(info).filter((e): e is [string, number] => typeof e[1] === 'number'),
      ),
    }
    this.logger.table('evaluation', row)
    for (const [name, value] of Object.entries(row)) {
      if (name === 'train_iter' || typeof value !== 'number') continue
      if (at.train_iter >= 0) this.logger.scalar(`evaluator_iter/${name}`, value, at.train_iter)
      if (at.envstep >= 0) this.logger.scalar(`evaluator_step/${name}`, value, at.envstep)
    }
  }

  async close(): Promise<void> {
    await this.env.close()
  }

  state_dict(): StateTree {
    return { last_eval_iter: this.lastEvalIter, best: this.best }
  }

  load_state_dict(state: StateTree): void {
    this.lastEvalIter = state['last_eval_iter'] as number
    this.best = state['best'] as number
  }

  /** State of the environments, whose wrappers may have statistics of their own; null without environments. */
  async envs_state(): Promise<StateTree | null> {
    if (!this.evaluates) return null
    return { env_num: this.env.env_num, manager: await this.env.state_dict() }
  }

  /** Takes back {@link envs_state}, unless there is another number of environments now: those start anew. */
  async load_envs_state(state: StateTree): Promise<void> {
    if (!this.evaluates || state['env_num'] !== this.env.env_num) return
    await this.env.load_state_dict(state['manager'] as StateTree)
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}

/** The return of a finished episode. @throws NumericError when it is no finite number */
function episodeReturn(id: number, timestep: EnvTimestep): number {
  const value = Number(timestep.info['eval_episode_return'])
  if (Number.isFinite(value)) return value
  throw new NumericError(
    `Environment ${id} gave info.eval_episode_return = ${value}: its rewards are not finite numbers.`,
  )
}

function collectExtra(into: Record<string, number[]>, info: unknown): void {
  if (typeof info !== 'object' || info === null) return
  for (const [name, value] of Object.entries(info)) {
    if (typeof value !== 'number') continue
    into[name] ??= []
    into[name].push(value)
  }
}

/** An episode's success, where there is something that tells it; the mean over episodes is `success_rate`. */
function collectSuccess(into: Record<string, number[]>, is_success: boolean | undefined): void {
  if (is_success === undefined) return
  into['success_rate'] ??= []
  into['success_rate'].push(Number(is_success))
}

function summarise(extra: Record<string, number[]>): Record<string, number> {
  return Object.fromEntries(Object.entries(extra).map(([name, values]) => [name, mean(values)]))
}
