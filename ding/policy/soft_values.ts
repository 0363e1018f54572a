import type { Obs } from '../envs/index.js'
import type { ById, PolicyOutput } from './types.js'

/** Name of the policy attribute that holds a {@link SoftValues}. */
export const SOFT_VALUES = 'soft_values'

/** One environment's answer: what a stochastic policy would do, and what it makes of that. */
export interface ValuedSample extends PolicyOutput {
  /** Log-density of the action. */
  readonly log_prob: number
  /** Mean of the critics' values of observation and action. */
  readonly value: number
}

/**
 * What measuring the bias of a maximum-entropy policy's critics takes: samples with their log-densities and values, and what weighs them.
 * Such policies have it as the attribute {@link SOFT_VALUES} of their eval mode; null in one that was built to evaluate alone.
 */
export interface SoftValues {
  sample(data: ById<Obs>): Promise<ById<ValuedSample>>
  /** The weight of the entropy now. */
  readonly alpha: number
  readonly discount_factor: number
}
