import { join } from 'node:path'
import { checkOptions, UsageError, writeFileAtomic } from '../../utils/index.js'
import { type EvaluationEnv, evaluatePolicy } from '../evaluate_policy.js'
import { mean } from '../monitor.js'
import { checkCount } from '../options.js'
import { type BaseCallback, EventCallback } from './base.js'

export interface EvalCallbackOptions {
  /** Called when an evaluation's mean return is the best so far. */
  readonly callback_on_new_best?: BaseCallback | null
  /** Called after every evaluation, unless `callback_on_new_best` has ended the training. */
  readonly callback_after_eval?: BaseCallback | null
  readonly n_eval_episodes?: number
  /** Evaluate every this many calls (steps of all environments at once). */
  readonly eval_freq?: number
  /** Folder for evaluations.json. */
  readonly log_path?: string | null
  /** Folder for best_model.safetensors. */
  readonly best_model_save_path?: string | null
  readonly deterministic?: boolean
  readonly verbose?: number
  /** SB3's, for its scripts: environments are checked in any case. */
  readonly warn?: boolean
  /** SB3's, for its scripts: there is no window. `enable_save_replay` of the environment records what is played. */
  readonly render?: false
}

const OPTIONS = [
  'callback_on_new_best',
  'callback_after_eval',
  'n_eval_episodes',
  'eval_freq',
  'log_path',
  'best_model_save_path',
  'deterministic',
  'verbose',
  'warn',
  'render',
]

/** Evaluates the agent now and then, in an environment of its own; keeps the best. */
export class EvalCallback extends EventCallback {
  best_mean_reward = Number.NEGATIVE_INFINITY
  last_mean_reward = Number.NEGATIVE_INFINITY
  readonly evaluations_timesteps: number[] = []
  readonly evaluations_results: number[][] = []
  readonly evaluations_length: number[][] = []
  /** Of environments whose last info has `is_success`. */
  readonly evaluations_successes: boolean[][] = []
  readonly callback_on_new_best: BaseCallback | null
  private readonly options: EvalCallbackOptions

  constructor(
    private readonly eval_env: EvaluationEnv,
    options: EvalCallbackOptions = {},
  ) {
    checkOptions('EvalCallback', options, OPTIONS)
    super(options.callback_after_eval ?? null, options.verbose ?? 1)
    checkCount('EvalCallback', 'n_eval_episodes', options.n_eval_episodes ?? 5)
    if (!Number.isSafeInteger(options.eval_freq ?? 1))
      checkCount('EvalCallback', 'eval_freq', options.eval_freq)
    if (options.render !== undefined && options.render !== false) {
      throw new UsageError(
        'EvalCallback: render is not possible, there is no window. Call enable_save_replay of the environment to have its episodes as GIFs.',
      )
    }
    if (eval_env === undefined || eval_env === null)
      throw new UsageError('EvalCallback needs an environment to evaluate in as its first argument.')
    this.options = options
    this.callback_on_new_best = options.callback_on_new_best ?? null
    if (this.callback_on_new_best !== null) this.callback_on_new_best.parent = this
  }

  protected override async onInit(): Promise<void> {
    await super.onInit()
    await this.callback_on_new_best?.initCallback(this.model)
  }

  protected override async onStep(): Promise<boolean> {
    const { eval_freq = 10_000, n_eval_episodes = 5, deterministic = true } = this.options
    if (eval_freq <= 0 || this.n_calls % eval_freq !== 0) return true
    const successes: boolean[] = []
    const [rewards, lengths] = await evaluatePolicy(this.model, this.eval_env, {
      n_eval_episodes,
      deterministic,
      return_episode_rewards: true,
      callback: ({ done, info: { is_success } }) => {
        if (done && is_success !== undefined) successes.push(Boolean(is_success))
      },
    })
    const reward = mean(rewards)
    this.last_mean_reward = reward
    this.keep(rewards, lengths, successes)
    this.logger.scalars(
      {
        'eval/mean_reward': reward,
        'eval/mean_ep_length': mean(lengths),
        ...(successes.length > 0 && { 'eval/success_rate': mean(successes.map(Number)) }),
        'time/total_timesteps': this.num_timesteps,
      },
      this.num_timesteps,
    )
    this.say(
      `Evaluation at ${this.num_timesteps} steps: mean return ${reward.toFixed(2)} over ${rewards.length} episodes.`,
    )
    let goOn = true
    if (reward > this.best_mean_reward) {
      this.best_mean_reward = reward
      const { best_model_save_path } = this.options
      if (typeof best_model_save_path === 'string')
        await this.model.save(join(best_model_save_path, 'best_model.safetensors'))
      if (this.callback_on_new_best !== null) goOn = await this.callback_on_new_best.step(this.locals)
    }
    return goOn && (await this.onEvent())
  }

  private keep(rewards: number[], lengths: number[], successes: boolean[]): void {
    this.evaluations_timesteps.push(this.num_timesteps)
    this.evaluations_results.push(rewards)
    this.evaluations_length.push(lengths)
    if (successes.length > 0) this.evaluations_successes.push(successes)
    const { log_path } = this.options
    if (typeof log_path !== 'string') return
    const record = {
      timesteps: this.evaluations_timesteps,
      results: this.evaluations_results,
      ep_lengths: this.evaluations_length,
      ...(successes.length > 0 && { successes: this.evaluations_successes }),
    }
    writeFileAtomic(join(log_path, 'evaluations.json'), `${JSON.stringify(record)}\n`)
  }
}
