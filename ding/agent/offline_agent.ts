import {
  OFFLINE_STAGES,
  OFFLINE_TO_ONLINE_STAGES,
  type OfflineRun,
  OfflineToOnlineRun,
  type OnlineRun,
  offlineToOnlineLimits,
  type Run,
  runLoop,
  type Stage,
  tellLimits,
} from '../pipeline/index.js'
import { checkOptions, UsageError } from '../utils/index.js'
import type { AgentState } from './agent_file.js'
import { BaseAgent } from './base_agent.js'
import type { BaseCallback } from './callbacks/index.js'
import { restoreOnline } from './online_agent.js'
import { checkCount, type LearnOptions, LOG_EPISODES } from './options.js'
import type { Session } from './session.js'

/** Updates from the dataset, beyond those done before, env steps in the environment, or both. */
type Iterations =
  | { readonly train_iterations: number; readonly online_iterations?: number }
  | { readonly train_iterations?: number; readonly online_iterations: number }

export type OfflineLearnOptions = LearnOptions & Iterations

const OPTIONS = [
  'train_iterations',
  'online_iterations',
  'callback',
  'log_interval',
  'tb_log_name',
  'progress_bar',
  'signal',
]
/** Default of `log_interval` while it learns from a dataset. */
const LOG_UPDATES = 1000
/** What of the pipeline's round an agent does: it evaluates and saves by callbacks. */
const ROUND = ['collect', 'push', 'learn']
const FREE = { max_train_iter: Number.POSITIVE_INFINITY, max_env_step: Number.POSITIVE_INFINITY }

/** An agent that learns from a dataset: the updates of the offline pipeline, and its environment's part in offline-to-online runs. */
export class OfflineAgent extends BaseAgent {
  protected readonly offline = true
  /** Whether it learns from a replay buffer that the dataset is in, and may collect into. */
  private fromBuffer = false
  /** Whether the `learn` at hand has env steps to take. */
  private goesOnline = false

  override get collects(): boolean {
    return this.fromBuffer || this.restored?.online_timesteps !== undefined
  }

  /** Env steps since it went on in the environment; undefined: it has not. */
  override get online_timesteps(): number | undefined {
    if (this.run === undefined) return this.restored?.online_timesteps
    return this.run instanceof OfflineToOnlineRun && this.run.online ? this.run.env_step : undefined
  }

  protected countOf(run: Run): number {
    return run.train_iter
  }

  protected bufferOf(run: Run): OnlineRun['buffer'] | undefined {
    return run instanceof OfflineToOnlineRun ? run.buffer : undefined
  }

  protected restoreCounters(run: Run, { n_updates, episodes, online_timesteps }: AgentState): void {
    if (run instanceof OfflineToOnlineRun && online_timesteps !== undefined) {
      restoreOnline(run, { env_step: online_timesteps, n_updates, episodes })
      run.stayOnline()
    } else run.learner.load_state_dict({ ...run.learner.state_dict(), last_iter: n_updates })
  }

  protected override compose(session: Session): Promise<Run> {
    return this.collects ? session.runOnline() : super.compose(session)
  }

  /**
   * Does `train_iterations` updates from the dataset; each is a step for callbacks. With `online_iterations` it then takes so many env steps, as
   * serial_pipeline_offline_to_online: the dataset is in a replay buffer that it collects into and learns from, and each round is a step for callbacks.
   * Called again it goes on; once online, with `online_iterations` alone.
   */
  async learn(options: OfflineLearnOptions): Promise<this> {
    this.refuseWhileLearning('taught')
    checkOptions('learn', options, OPTIONS)
    const { train_iterations, online_iterations } = options
    if (train_iterations !== undefined || online_iterations === undefined)
      checkCount('learn', 'train_iterations', train_iterations)
    if (online_iterations !== undefined) checkCount('learn', 'online_iterations', online_iterations)
    if (train_iterations !== undefined && this.online_timesteps !== undefined) {
      throw new UsageError(
        `This ${this.table.name} agent has gone online and goes on there: give online_iterations, without train_iterations.`,
      )
    }
    const { collect } = (await this.config()).main_config.policy as { collect: { data_path?: unknown } }
    if (!collect.data_path)
      throw new UsageError(
        `This ${this.table.name} agent has no dataset to learn from: give one to its constructor, or to load.`,
      )
    if (online_iterations !== undefined) this.needEnv()
    const iterations = { offline: train_iterations ?? 0, online: online_iterations ?? 0 }
    let limit = iterations.offline
    const prepare = async (run: OfflineRun | OfflineToOnlineRun) => {
      limit = run.train_iter + iterations.offline
      if (run instanceof OfflineToOnlineRun) {
        if (!run.online) run.offline_iterations = limit
        const { max_train_iter, max_env_step } = offlineToOnlineLimits(run.config, FREE, iterations)
        limit = run.train_iter + max_train_iter
        Object.assign(run.limits, { max_train_iter: limit, max_env_step: run.env_step + max_env_step })
      } else Object.assign(run.limits, { max_train_iter: limit })
      tellLimits(run.policy, run.limits)
    }
    const body = async (run: OfflineRun | OfflineToOnlineRun, callback: BaseCallback) => {
      const { log_interval } = options
      const tell = () => this.logUpdate(run, log_interval)
      if (run instanceof OfflineToOnlineRun) await this.bothPhases(run, callback, { log_interval, tell })
      else await runLoop(run, [update(callback, this, tell)], { result_file: false })
    }
    this.goesOnline = online_iterations !== undefined
    await this.train<OfflineRun | OfflineToOnlineRun>(options, { total: () => limit, prepare, body })
    return this
  }

  /** With env steps to take: from here on it learns from a replay buffer. A run that learned from the dataset alone hands over its parts. */
  protected override async readyRun(): Promise<Run> {
    if (this.fromBuffer || !this.goesOnline) return super.readyRun()
    this.fromBuffer = true
    try {
      await super.readyRun()
      this.run = await (await this.session()).runOnline()
      return this.run
    } catch (error) {
      this.fromBuffer = false
      // What is half made is no good for another try; what was learned is kept.
      await this.reopen().catch(() => {})
      throw error
    }
  }

  /** Logs speed and progress now and then, after an update from the data. */
  private logUpdate(run: Run, log_interval = LOG_UPDATES): void {
    if (run.train_iter % log_interval === 0) this.monitor.dump(run.logger, this.num_timesteps)
  }

  private async bothPhases(
    run: OfflineToOnlineRun,
    callback: BaseCallback,
    { log_interval = LOG_EPISODES, tell }: { log_interval: number | undefined; tell: () => void },
  ): Promise<void> {
    run.on_step = ({ timesteps }) => {
      const ended = Object.keys(this.monitor.record(timesteps)).length
      this.monitor.dumpIfDue(log_interval, ended, run.logger, this.num_timesteps)
      return true
    }
    try {
      await runLoop(run, [round(callback, this, tell)], { result_file: false })
    } finally {
      run.on_step = undefined
    }
  }
}

/** @param tell called after each update */
function update(callback: BaseCallback, self: OfflineAgent, tell: () => void): Stage<OfflineRun> {
  const learn = OFFLINE_STAGES.filter(({ name }) => name === 'learn')
  return {
    name: 'learn',
    async run(run) {
      for (const stage of learn) await stage.run(run)
      tell()
      if (!(await callback.step({ self }))) run.stop_reason = 'callback'
    },
  }
}

/** The pipeline's round of either phase, and the switch between them. @param tell called after each update from the data */
function round(callback: BaseCallback, self: OfflineAgent, tell: () => void): Stage<OfflineToOnlineRun> {
  const stages = OFFLINE_TO_ONLINE_STAGES.filter(({ name }) => ROUND.includes(name))
  return {
    name: 'learn',
    async run(run) {
      if (!run.online && run.train_iter >= run.offline_iterations) run.goOnline()
      for (const stage of stages) await stage.run(run)
      if (!run.online) tell()
      if (!(await callback.step({ self }))) run.stop_reason = 'callback'
    },
  }
}
