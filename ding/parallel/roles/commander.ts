import type { StopReason } from '../../pipeline/index.js'
import type { JsonRecord } from '../../utils/index.js'
import type { BaseLearner } from '../../worker/index.js'
import type { Exchange } from '../exchange/index.js'
import { patiently } from '../patience.js'
import type { RoleLogger } from '../remote_logger.js'
import { type EvaluationJob, type EvaluationResult, type RoleStatus, TOPICS } from '../topics.js'
import { evaluationBlob } from './evaluator.js'

export interface CommanderOptions {
  readonly exchange: Exchange
  readonly learner: BaseLearner
  readonly logger: RoleLogger
  /** Train iterations between evaluations. */
  readonly eval_freq: number
  readonly heartbeat_seconds: number
  readonly missed_heartbeats: number
  /** The parameters to evaluate, as they are now. */
  readonly parameters: () => Uint8Array
  /** How often the run has been resumed. */
  readonly session: () => number
  /** Whether there is or will be an evaluator: whoever started this run starts one, and replaces it. */
  readonly evaluator_comes: boolean
}

/** The last evaluation that came back. */
export interface LastEvaluation {
  readonly iter: number
  readonly mean: number
  readonly raw: readonly number[]
}

/** Where the weights are kept that are being evaluated, until it is known whether they are the best. */
const EVALUATED = 'ckpt_evaluated'

/**
 * Decides when the run is evaluated and when it ends, beside the learner. One evaluation is under way at a time; it is of the weights that the learner had
 * when it was asked for, and `ckpt_best` are those weights. The learner learns on meanwhile until the next one is due, so that none is left out and the stop
 * value is seen where the serial pipeline would see it. An evaluator that stops answering loses its job to another.
 */
export class Commander {
  last: LastEvaluation | undefined
  best = Number.NEGATIVE_INFINITY
  stop_reason: StopReason | undefined
  private started = -1
  private pending: { job: EvaluationJob; evaluator: string | undefined; silent: number } | undefined
  /** Called whenever the evaluation under way has come back, or has lost its evaluator. */
  private changed: (() => void)[] = []
  private serial = 0
  private asking = false
  private readonly ends: (() => void)[]
  private readonly timer: NodeJS.Timeout

  constructor(private readonly options: CommanderOptions) {
    const { control } = options.exchange
    this.ends = [
      control.serve(TOPICS.evaluation_result, async (result) => this.take(result as EvaluationResult)),
      control.subscribe(TOPICS.status, (status) => this.heard(status as RoleStatus)),
    ]
    this.timer = setInterval(() => this.tick(), options.heartbeat_seconds * 1000)
  }

  /** As the serial evaluator: at once, then every `eval_freq` train iterations, counted from one evaluation's start to the next. */
  due(train_iter: number): boolean {
    if (this.pending !== undefined || this.stop_reason !== undefined || train_iter === this.started)
      return false
    return this.started < 0 || train_iter - this.started >= this.options.eval_freq
  }

  /** Has the weights evaluated as they are now; it stays due when `signal` is aborted before the exchange has them. */
  async start(train_iter: number, env_step: number, signal: AbortSignal): Promise<void> {
    const { exchange, learner, parameters, session } = this.options
    const job = { job: String(session() * 1e6 + ++this.serial), train_iter, env_step }
    learner.save_checkpoint(EVALUATED)
    const storing = exchange.store.put(evaluationBlob(job.job), parameters()).then(() => true)
    if ((await patiently(storing, signal)) !== true) return
    this.started = train_iter
    this.pending = { job, evaluator: undefined, silent: 0 }
    await this.ask()
  }

  /** Whether the next evaluation is due while one is under way that will come back. Without an evaluator, nothing is waited for. */
  behind(train_iter: number): boolean {
    const { eval_freq, evaluator_comes } = this.options
    if (this.pending === undefined || train_iter - this.started < eval_freq) return false
    return evaluator_comes || this.pending.evaluator !== undefined
  }

  /** Resolves when the learner is not {@link behind} any more, or `signal` is aborted. */
  async catchUp(train_iter: number, signal: AbortSignal): Promise<void> {
    while (this.behind(train_iter) && !signal.aborted) await this.change(signal)
  }

  /** Resolves when no evaluation is under way, or `signal` is aborted. */
  async result(signal: AbortSignal): Promise<void> {
    while (this.pending !== undefined && !signal.aborted) await this.change(signal)
  }

  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        signal.removeEventListener('abort', settle)
        resolve()
      }
      signal.addEventListener('abort', settle, { once: true })
      this.changed.push(settle)
    })
  }

  private tellChange(): void {
    for (const settle of this.changed.splice(0)) settle()
  }

  /** Offers the job to whoever evaluates. */
  private async ask(): Promise<void> {
    const { pending } = this
    if (pending === undefined || this.asking) return
    this.asking = true
    try {
      const { heartbeat_seconds } = this.options
      const timeout = Math.max(1000, heartbeat_seconds * 1000)
      const evaluator = await this.options.exchange.control.request(TOPICS.evaluate, pending.job, timeout)
      pending.evaluator = String(evaluator)
      pending.silent = 0
    } catch {
      // Nobody evaluates yet, or all are at work: asked again at the next heartbeat.
    } finally {
      this.asking = false
    }
  }

  private heard({ member, details }: RoleStatus): void {
    const { pending } = this
    if (pending?.evaluator === member && details['job'] === Number(pending.job.job)) pending.silent = 0
  }

  private tick(): void {
    const { pending } = this
    if (pending === undefined) return
    if (pending.evaluator !== undefined && ++pending.silent > this.options.missed_heartbeats) {
      this.options.logger.root.warn(
        `The evaluator ${pending.evaluator} has said nothing of its evaluation for ${pending.silent} heartbeats; it is asked for anew.`,
      )
      pending.evaluator = undefined
      this.tellChange()
    }
    if (pending.evaluator === undefined) void this.ask()
  }

  private take(result: EvaluationResult): boolean {
    const { learner, exchange } = this.options
    if (this.pending?.job.job !== result.job) return false
    this.pending = undefined
    this.last = { iter: result.train_iter, mean: result.mean, raw: result.returns }
    const is_best = result.mean > this.best
    if (is_best) this.best = result.mean
    this.report(result, is_best && learner.promote_checkpoint(EVALUATED, 'ckpt_best', result.mean))
    if (result.stop) this.stop_reason = 'stop_value'
    void exchange.store.delete(evaluationBlob(result.job)).catch(() => undefined)
    this.tellChange()
    return true
  }

  private report({ env_step, train_iter, returns, mean }: EvaluationResult, saved: boolean): void {
    const std = Math.sqrt(returns.reduce((sum, value) => sum + (value - mean) ** 2, 0) / returns.length)
    const numbers = [mean, std, Math.min(...returns), Math.max(...returns)].map((value) => value.toFixed(2))
    const [average, deviation, least, most] = numbers
    this.options.logger.root.info(
      `Evaluation at env step ${env_step}, train iter ${train_iter}: mean return ${average}, std ${deviation}, min ${least}, max ${most}` +
        `${saved ? ', best so far, saved' : ''}.`,
    )
  }

  close(): void {
    clearInterval(this.timer)
    for (const end of this.ends) end()
  }

  state_dict(): JsonRecord {
    const { last, best, started } = this
    // An evaluation that is under way is asked for again.
    const begun = this.pending === undefined ? started : (last?.iter ?? -1)
    return { last: last === undefined ? null : { ...last, raw: [...last.raw] }, best, started: begun }
  }

  load_state_dict(state: JsonRecord): void {
    this.last = (state['last'] ?? undefined) as LastEvaluation | undefined
    this.best = state['best'] as number
    this.started = state['started'] as number
  }
}
