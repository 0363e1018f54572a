import type { Container } from 'inversify'
import type { RandomTree } from '../compute/index.js'
import type { CompiledConfig } from '../config/index.js'
import type { ReplayBuffer, Transition } from '../data/index.js'
import type { EnvManager } from '../envs/index.js'
import type { RunLogger } from '../logger/index.js'
import type { Policy } from '../policy/index.js'
import type { StateTree } from '../utils/index.js'
import type { BaseCollector, BaseLearner, InteractionSerialEvaluator } from '../worker/index.js'
import type { Interrupt } from './interrupt.js'
import type { RunResult, StopReason } from './result.js'
import { ROLES } from './roles.js'

/** When a run ends at the latest. */
export interface RunLimits {
  readonly max_train_iter: number
  readonly max_env_step: number
}

/** What the stages of a run share: its parts, its limits, and where it stands. */
export class Run {
  /** Samples of this round's collect on their way to the buffer. */
  new_data: Transition[] = []
  warmed_up = false
  stop_reason: StopReason | undefined
  /** Training iteration at which the run state was last saved. */
  saved_at = 0
  last_eval: { iter: number; mean: number; raw: readonly number[] } | undefined

  private constructor(
    readonly config: CompiledConfig,
    /** The experiment folder. */
    readonly exp_dir: string,
    readonly random: RandomTree,
    readonly logger: RunLogger,
    readonly policy: Policy,
    /** The collector's environments. */
    readonly envs: EnvManager,
    readonly buffer: ReplayBuffer,
    readonly learner: BaseLearner,
    readonly collector: BaseCollector,
    readonly evaluator: InteractionSerialEvaluator,
    readonly limits: RunLimits,
    readonly interrupt: Interrupt,
  ) {}

  /** Resolves every role from the container. */
  static async compose(container: Container, exp_dir: string, limits: RunLimits, interrupt: Interrupt): Promise<Run> {
    return new Run(
      await container.getAsync(ROLES.config),
      exp_dir,
      await container.getAsync(ROLES.random),
      await container.getAsync(ROLES.logger),
      await container.getAsync(ROLES.policy),
      await container.getAsync(ROLES.collector_env),
      await container.getAsync(ROLES.buffer),
      await container.getAsync(ROLES.learner),
      await container.getAsync(ROLES.collector),
      await container.getAsync(ROLES.evaluator),
      limits,
      interrupt,
    )
  }

  get progress(): { env_step: number; train_iter: number } {
    return { env_step: this.collector.envstep, train_iter: this.learner.train_iter }
  }

  get result(): RunResult {
    return {
      policy: this.policy,
      stop: this.stop_reason === 'stop_value',
      stop_reason: this.stop_reason ?? 'done',
      env_step: this.collector.envstep,
      train_iter: this.learner.train_iter,
      eval_value: this.last_eval?.mean ?? Number.NaN,
      eval_value_raw: this.last_eval?.raw ?? [],
      exp_name: this.exp_dir,
    }
  }

  /** Everything that the rest of the run depends on. Taken between two rounds of the loop. */
  state_dict(): StateTree {
    return {
      warmed_up: this.warmed_up,
      last_eval: this.last_eval === undefined ? null : { ...this.last_eval, raw: [...this.last_eval.raw] },
      random: this.random.state_dict(),
      learner: this.learner.state_dict(),
      collector: this.collector.state_dict(),
      evaluator: this.evaluator.state_dict(),
      buffer: this.buffer.state_dict(),
    }
  }
}
