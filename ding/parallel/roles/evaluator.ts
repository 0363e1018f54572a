import { randomBytes } from 'node:crypto'
import { RandomTree } from '../../compute/index.js'
import type { CompiledConfig } from '../../config/index.js'
import { ROLES } from '../../pipeline/index.js'
import type { Policy } from '../../policy/index.js'
import { SERIAL_EVALUATOR_REGISTRY } from '../../registry/index.js'
import type { InteractionSerialEvaluator } from '../../worker/index.js'
import { breathe } from '../breathe.js'
import { commanderConfig } from '../commander_config.js'
import type { Exchange } from '../exchange/index.js'
import { Heartbeat } from '../heartbeat.js'
import { decodeState } from '../parameters.js'
import { patiently } from '../patience.js'
import { type RoleLogger, remoteLogger } from '../remote_logger.js'
import { type EvaluationJob, type EvaluationResult, type RoleStatus, TOPICS } from '../topics.js'
import { composeRole, type RoleContainer } from './parts.js'

export interface EvaluatorRoleOptions {
  readonly signal?: AbortSignal
  readonly incarnation?: number | string
  readonly logger?: RoleLogger
  readonly exp_dir?: string
}

/** The blob that an evaluation is done with. */
export function evaluationBlob(job: string): string {
  return `evaluation_${job}`
}

/** Evaluates what the learner asks for until the run is over or `signal` is aborted. Several share the jobs. */
export async function runEvaluator(
  exchange: Exchange,
  config: CompiledConfig,
  options: EvaluatorRoleOptions = {},
): Promise<void> {
  const role = new EvaluatorRole(exchange, config, options)
  try {
    await role.run()
  } finally {
    await role.close()
  }
}

class EvaluatorRole {
  private readonly member: string
  private readonly ended = new AbortController()
  private readonly heartbeat: Heartbeat
  private readonly logger: RoleLogger
  private readonly ends: (() => void)[]
  private parts: RoleContainer | undefined
  private worker: InteractionSerialEvaluator | undefined
  private policy: Policy | undefined
  private job: EvaluationJob | undefined
  private working: Promise<void> | undefined
  private failure: unknown
  private steps = 0
  private evaluations = 0
  private notifyEnd: () => void = () => undefined

  constructor(
    private readonly exchange: Exchange,
    private readonly config: CompiledConfig,
    private readonly options: EvaluatorRoleOptions,
  ) {
    this.member = `evaluator.${options.incarnation ?? randomBytes(4).toString('hex')}`
    this.logger = options.logger ?? remoteLogger(exchange)
    const end = () => {
      this.ended.abort()
      this.notifyEnd()
    }
    options.signal?.addEventListener('abort', end)
    if (options.signal?.aborted === true) end()
    this.ends = [exchange.control.subscribe(TOPICS.stop, end)]
    const { heartbeat_seconds } = commanderConfig(config)
    this.heartbeat = new Heartbeat(exchange.control, heartbeat_seconds, () => this.status())
  }

  async run(): Promise<void> {
    this.heartbeat.start()
    await this.compose()
    this.ends.push(this.exchange.control.serve(TOPICS.evaluate, (job) => this.accept(job as EvaluationJob)))
    await new Promise<void>((resolve) => {
      this.notifyEnd = resolve
      if (this.ended.signal.aborted) resolve()
    })
    await this.working
    if (this.failure !== undefined) throw this.failure
  }

  async close(): Promise<void> {
    this.heartbeat.stop()
    for (const end of this.ends) end()
    await this.logger.flush()
    await this.parts?.close()
  }

  private async compose(): Promise<void> {
    const { main_config, create_config, seed } = this.config
    const setting = {
      config: this.config,
      exp_dir: this.options.exp_dir ?? main_config.exp_name,
      logger: this.logger,
    }
    this.parts = composeRole(setting, ['eval'])
    const { container } = this.parts
    const policy = await container.getAsync(ROLES.policy)
    const mode = policy.eval_mode
    this.policy = policy
    const kind = SERIAL_EVALUATOR_REGISTRY.get(create_config.evaluator.type)
    this.worker = new kind(main_config.policy.eval.evaluator as never, {
      env: await container.getAsync(ROLES.evaluator_env),
      policy: {
        ...mode,
        forward: async (data) => {
          await breathe()
          if (this.ended.signal.aborted) throw new Ended()
          this.steps += Object.keys(data).length
          return mode.forward(data)
        },
      },
      logger: this.logger.component('evaluator'),
      // The episodes of the serial pipeline.
      seed: RandomTree.fromSeed(seed).branch('base_seed').stream('evaluation').nextUint32(),
    })
  }

  /** Takes a job on, or refuses it when there is one already. */
  private async accept(job: EvaluationJob): Promise<string> {
    if (this.job !== undefined && this.job.job !== job.job)
      throw new Error(`${this.member} is at work already`)
    if (this.job === undefined) {
      this.job = job
      this.working = this.evaluate(job).catch((error: unknown) => {
        if (error instanceof Ended) return
        this.failure = error
        this.notifyEnd()
      })
    }
    return this.member
  }

  private async evaluate(job: EvaluationJob): Promise<void> {
    const fetching = this.exchange.store.get(evaluationBlob(job.job))
    const blob = await patiently(fetching, this.ended.signal)
    if (blob !== undefined && this.policy !== undefined && this.worker !== undefined) {
      this.policy.loadActingState('eval', decodeState(blob).tree)
      const { train_iter, env_step } = job
      const { stop, episode_info } = await this.worker.eval(undefined, train_iter, env_step)
      this.evaluations++
      await this.logger.flush()
      await this.report({
        ...job,
        returns: episode_info.eval_episode_return,
        mean: episode_info.eval_episode_return_mean,
        stop,
      })
    }
    this.job = undefined
  }

  /** Until the learner has it; a learner that was replaced meanwhile asks anew. */
  private async report(result: EvaluationResult): Promise<void> {
    for (let attempt = 0; attempt < REPORTS && !this.ended.signal.aborted; attempt++) {
      try {
        await this.exchange.control.request(TOPICS.evaluation_result, result, 2000)
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
  }

  private status(): RoleStatus {
    return {
      role: 'evaluator',
      member: this.member,
      state: this.worker === undefined ? 'starting' : this.job === undefined ? 'waiting' : 'working',
      progress: this.steps,
      version: 0,
      details: { evaluations: this.evaluations, job: this.job === undefined ? null : Number(this.job.job) },
    }
  }
}

/** Attempts to hand in a result. */
const REPORTS = 30

/** Ends an evaluation that nobody wants any more. */
class Ended extends Error {}
