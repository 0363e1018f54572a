import { checkOptions, UsageError } from '../../utils/index.js'
import { checkCount, checkNumber } from '../options.js'
import { BaseCallback, CallbackList, EventCallback, type StepAnswer } from './base.js'
import { EvalCallback } from './evaluation.js'

/** The evaluation that called a callback. @throws UsageError when it was called by nothing of the kind */
function evaluationOf(callback: BaseCallback): EvalCallback {
  if (callback.parent instanceof EvalCallback) return callback.parent
  throw new UsageError(
    `${callback.constructor.name} looks at the results of an EvalCallback: give it to one, as callback_on_new_best or callback_after_eval.`,
  )
}

/** For EvalCallback's `callback_on_new_best`: ends the training once the best mean return is at the threshold. */
export class StopTrainingOnRewardThreshold extends BaseCallback {
  readonly reward_threshold: number

  constructor(options: { reward_threshold: number; verbose?: number }) {
    checkOptions('StopTrainingOnRewardThreshold', options, ['reward_threshold', 'verbose'])
    const { reward_threshold, verbose = 0 } = options
    super(verbose)
    checkNumber('StopTrainingOnRewardThreshold', 'reward_threshold', reward_threshold)
    this.reward_threshold = reward_threshold
  }

  protected override onStep(): StepAnswer {
    const { best_mean_reward } = evaluationOf(this)
    const goOn = best_mean_reward < this.reward_threshold
    if (!goOn)
      this.say(
        `Stopping: the mean return ${best_mean_reward.toFixed(2)} is at or above ${this.reward_threshold}.`,
      )
    return goOn
  }
}

/** For EvalCallback's `callback_after_eval`: ends the training after too many evaluations without a new best mean return. */
export class StopTrainingOnNoModelImprovement extends BaseCallback {
  readonly max_no_improvement_evals: number
  readonly min_evals: number
  private best = Number.NEGATIVE_INFINITY
  private without = 0

  constructor(options: { max_no_improvement_evals: number; min_evals?: number; verbose?: number }) {
    const name = 'StopTrainingOnNoModelImprovement'
    checkOptions(name, options, ['max_no_improvement_evals', 'min_evals', 'verbose'])
    super(options.verbose)
    checkNumber(name, 'max_no_improvement_evals', options.max_no_improvement_evals)
    this.max_no_improvement_evals = options.max_no_improvement_evals
    this.min_evals = options.min_evals ?? 0
  }

  protected override onStep(): StepAnswer {
    const { best_mean_reward } = evaluationOf(this)
    let goOn = true
    if (this.n_calls > this.min_evals) {
      if (best_mean_reward > this.best) this.without = 0
      else {
        this.without++
        goOn = this.without <= this.max_no_improvement_evals
      }
    }
    this.best = best_mean_reward
    if (!goOn) this.say(`Stopping: no new best mean return in the last ${this.without} evaluations.`)
    return goOn
  }
}

/** Calls another callback every so many env steps. */
export class EveryNTimesteps extends EventCallback {
  readonly n_steps: number
  private last = 0

  constructor(options: { n_steps: number; callback: BaseCallback }) {
    checkOptions('EveryNTimesteps', options, ['n_steps', 'callback'])
    const { n_steps, callback } = options
    super(callback)
    checkCount('EveryNTimesteps', 'n_steps', n_steps)
    this.n_steps = n_steps
  }

  protected override async onTrainingStart(): Promise<void> {
    await super.onTrainingStart()
    // A run that counts from 0 again must not wait for where the last one ended.
    if (this.last > this.num_timesteps) this.last = 0
  }

  protected override onStep(): StepAnswer {
    if (this.num_timesteps - this.last < this.n_steps) return true
    this.last = this.num_timesteps
    return this.onEvent()
  }
}

/** Logs the statistics of the rollouts every so many env steps, beside `log_interval`. */
export class LogEveryNTimesteps extends EveryNTimesteps {
  constructor(options: { n_steps: number }) {
    checkOptions('LogEveryNTimesteps', options, ['n_steps'])
    super({ ...options, callback: new CallbackList([]) })
  }

  protected override onEvent(): Promise<boolean> {
    this.model.monitor.dump(this.logger, this.num_timesteps)
    return Promise.resolve(true)
  }
}

/** Ends the training after so many episodes of each environment, whatever `total_timesteps` says. */
export class StopTrainingOnMaxEpisodes extends BaseCallback {
  readonly max_episodes: number
  n_episodes = 0
  /** Of the agent's count. */
  private seen = 0

  constructor(options: { max_episodes: number; verbose?: number }) {
    const { max_episodes, verbose = 0 } = options
    super(verbose)
    checkOptions('StopTrainingOnMaxEpisodes', options, ['max_episodes', 'verbose'])
    checkCount('StopTrainingOnMaxEpisodes', 'max_episodes', max_episodes)
    this.max_episodes = max_episodes
  }

  protected override onTrainingStart(): void {
    const { collects, monitor } = this.model
    if (!collects) {
      throw new UsageError(
        'StopTrainingOnMaxEpisodes counts episodes, which an agent that learns from a dataset alone has none of.',
      )
    }
    this.seen = monitor.episodes
  }

  protected override onStep(): StepAnswer {
    const { monitor, n_envs } = this.model
    this.n_episodes += monitor.episodes - this.seen
    this.seen = monitor.episodes
    const goOn = this.n_episodes < this.max_episodes * n_envs
    if (!goOn) this.say(`Stopping: ${this.n_episodes} episodes in ${this.num_timesteps} steps.`)
    return goOn
  }
}
