import { UsageError } from '../utils/index.js'
import type { CallbackArgument } from './callbacks/index.js'

/** Options of `learn` that all agents have. */
export interface LearnOptions {
  readonly callback?: CallbackArgument
  /** Log statistics every this many episodes (4), and while it learns from a dataset every this many updates (1000). */
  readonly log_interval?: number
  /** Name of the folder below `tensorboard_log`; the class's by default. */
  readonly tb_log_name?: string
  readonly progress_bar?: boolean
  /** Aborting it ends the training in order. */
  readonly signal?: AbortSignal
}

export interface PredictOptions {
  /** The mode of the distribution, or the best action, instead of a sample (false). */
  readonly deterministic?: boolean
  /** States of recurrent policies, of which there are none: handed back as they are. */
  readonly state?: unknown
  readonly episode_start?: unknown
}

/** Default of `log_interval`, in episodes. */
export const LOG_EPISODES = 4

/** @throws UsageError unless the option is a whole number above 0 */
export function checkCount(where: string, name: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) > 0) return
  throw new UsageError(`${where}: ${name} is ${String(value)}, expected a whole number above 0.`)
}

/** @throws UsageError unless the option is a number */
export function checkNumber(where: string, name: string, value: unknown): void {
  if (typeof value === 'number' && !Number.isNaN(value)) return
  throw new UsageError(`${where}: ${name} is ${String(value)}, expected a number.`)
}
