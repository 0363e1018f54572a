import type { Policy } from '../policy/index.js'

/** Why a run ended. */
export type StopReason =
  | 'stop_value'
  | 'max_train_iter'
  | 'max_env_step'
  | 'max_epoch'
  | 'interrupted'
  | 'callback'
  | 'done'

/** What every entry resolves to. */
export interface RunResult {
  /** The policy, with the weights of the end of the run. */
  readonly policy: Policy
  /** True when the mean evaluation return reached env.stop_value. */
  readonly stop: boolean
  readonly stop_reason: StopReason
  readonly env_step: number
  readonly train_iter: number
  /** Mean return of the last evaluation; NaN when there was none. */
  readonly eval_value: number
  /** The returns it is the mean of. */
  readonly eval_value_raw: readonly number[]
  /** D4RL's score of eval_value, for datasets whose environment has reference returns. */
  readonly normalised_score?: number
  /** Offline to online: mean return at the switch. */
  readonly offline_eval_value?: number
  /** Offline to online, where episodes can succeed: the share of the collected episodes that did not. */
  readonly regret?: number
  /** The experiment folder. */
  readonly exp_name: string
}
