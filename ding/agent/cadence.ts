import { UsageError } from '../utils/index.js'
import type { Arguments } from './arguments.js'
import type { TrainFreq } from './tables/shared.js'

/** How often updates come. */
export interface Cadence {
  /** Steps of all environments at once, or episodes, in a collect. */
  readonly count: number
  readonly unit: 'step' | 'episode'
  readonly n_envs: number
  /** Updates after it: -1 as many as env steps were taken. */
  readonly gradient_steps: number
}

/** The cadence that an agent's arguments say; undefined of one that collects nothing. @throws UsageError for episodes of several environments */
export function cadenceOf(values: Arguments['values']): Cadence | undefined {
  const freq = values['train_freq'] as TrainFreq | undefined
  if (freq === undefined) return undefined
  const [count, unit] = typeof freq === 'number' ? ([freq, 'step'] as const) : freq
  const [n_envs, gradient_steps] = [values['n_envs'] as number, values['gradient_steps'] as number]
  if (unit === 'episode' && n_envs > 1) {
    throw new UsageError(
      `train_freq is [${count}, 'episode'], but there are ${n_envs} environments: episodes can be counted of one alone. Use steps.`,
    )
  }
  return { count, unit, n_envs, gradient_steps }
}

/** The updates that come to so many env steps, at least 1. @throws UsageError where that is no fixed number */
export function updatesIn(env_steps: number, cadence: Cadence | undefined): number {
  if (cadence === undefined || cadence.gradient_steps <= 0) return env_steps
  const { count, unit, n_envs, gradient_steps } = cadence
  if (unit === 'episode') throw noFixedNumber(env_steps, cadence)
  return Math.max(1, Math.round((env_steps * gradient_steps) / (count * n_envs)))
}

/**
 * How many times something that SB3 does at every `interval` env steps is due for each update: 1 where nothing is collected, below 1 where
 * several updates follow a collect.
 * @throws UsageError where that is no fixed number, or where the interval is longer than a collect
 */
export function timesPerUpdate(interval: number, cadence: Cadence | undefined): number {
  if (cadence === undefined || cadence.gradient_steps === 0) return 1
  const { count, unit, n_envs, gradient_steps } = cadence
  // SB3 counts steps of all environments at once.
  const every = Math.max(1, Math.floor(interval / n_envs))
  if (unit === 'episode') {
    if (every === 1 && gradient_steps === -1) return 1
    throw noFixedNumber(interval, cadence)
  }
  if (every > count) {
    throw new UsageError(
      `target_update_interval is ${interval} env steps, longer than a collect (${count * n_envs}), but tau is below 1: a soft update comes ` +
        'with every update. Set target_update_interval to 1, or tau to 1.',
    )
  }
  return count / (every * (gradient_steps === -1 ? count * n_envs : gradient_steps))
}

function noFixedNumber(interval: number, { count, gradient_steps }: Cadence): UsageError {
  const mend =
    gradient_steps === -1
      ? 'Set target_update_interval to 1, or count train_freq in steps.'
      : 'Set gradient_steps to -1, or count train_freq in steps.'
  return new UsageError(
    `target_update_interval is ${interval} env steps, which come to no fixed number of updates with train_freq [${count}, 'episode'] and gradient_steps ${gradient_steps}. ${mend}`,
  )
}
