import type { RunLimits, StopReason } from '../../pipeline/index.js'
import type { RoleLogger } from '../remote_logger.js'

export interface LearnerRoleOptions {
  /** Ends it in order: what has come in is saved. */
  readonly signal?: AbortSignal
  readonly incarnation?: number | string
  readonly logger?: RoleLogger
  /** The experiment folder; the config's exp_name when left out. */
  readonly exp_dir?: string
  readonly limits?: Partial<RunLimits>
  /** Go on from the run state in the experiment folder. */
  readonly resume?: boolean
  /** The other roles wait when this one is interrupted, for it to come back: they were started by others. */
  readonly comes_back?: boolean
  /** Whoever starts this role starts an evaluator, too: evaluations that are due are waited for, though nobody has taken one on yet. */
  readonly evaluator_comes?: boolean
}

/** What a learner has come to. */
export interface LearnerReport {
  readonly stop_reason: StopReason
  readonly env_step: number
  readonly train_iter: number
  readonly eval_value: number
  readonly eval_value_raw: readonly number[]
}
