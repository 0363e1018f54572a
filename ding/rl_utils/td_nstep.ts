import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { stopGradient } from '../compute/index.js'
import { bootstrapped, generalized_lambda_returns, nstep_return, powerOf } from './returns.js'
import {
  type Criterion,
  type Discount,
  type OptionalTensor,
  perSample,
  pick,
  type TdError,
  tdLoss,
  weightedMean,
} from './td_common.js'
import { value_inv_transform, value_transform } from './value_rescale.js'

export interface QNstepTdData {
  /** (B, N) action values, or (B, A, N) with agents. */
  readonly q: Tensor
  /** Action values of the observation n steps later, same shape. */
  readonly next_n_q: Tensor
  /** (B,) or (B, A) int32. */
  readonly action: Tensor
  readonly next_n_action: Tensor
  /** (nstep, B), or (B,) with `cum_reward` or nstep 1; see to_time_major for a batch column (B, nstep). */
  readonly reward: Tensor
  /** (B,): whether the n-th step ended in a terminal state. */
  readonly done: Tensor
  /** (B,) importance weights; 1 when absent. */
  readonly weight?: OptionalTensor
  /** (B,) factor of the bootstrapped value; gamma^nstep when absent. */
  readonly value_gamma?: OptionalTensor
}

export interface NstepOptions {
  /** Rewards before the bootstrap (1). */
  readonly nstep?: number
  /** Whether reward is already the discounted sum, (B,) (false). */
  readonly cum_reward?: boolean
  /** Loss of one error ('mse'). */
  readonly criterion?: Criterion
}

/** The return that an n-step error aims at, from the value after the window. */
export function nstepTarget(
  data: Pick<QNstepTdData, 'reward' | 'done' | 'value_gamma'>,
  next_value: Tensor,
  gamma: Discount,
  { nstep = 1, cum_reward = false }: NstepOptions,
): Tensor {
  if (cum_reward)
    return bootstrapped(data.reward, next_value, data.done, data.value_gamma ?? powerOf(gamma, nstep))
  return nstep_return({ reward: data.reward, next_value, done: data.done }, gamma, nstep, data.value_gamma)
}

/**
 * n-step Q-learning error (Sutton & Barto 2018, eq. 7.4 with a bootstrapped action value): criterion(q[action],
 * sum gamma^i r_i + value_gamma next_n_q[next_n_action] where not done). Choose next_n_action by the online network for
 * double Q-learning, by the target network for plain Q-learning.
 * @param gamma a number, or one discount per sample (B,)
 * @returns loss (scalar) and td_error_per_sample (B,) or (B, A). Source: DI-engine, ding/rl_utils/td.py q_nstep_td_error.
 */
export function q_nstep_td_error(data: QNstepTdData, gamma: Discount, options: NstepOptions = {}): TdError {
  const next = pick(data.next_n_q, data.next_n_action)
  return tdLoss(
    pick(data.q, data.action),
    nstepTarget(data, next, gamma, options),
    data.weight,
    options.criterion,
  )
}

/**
 * n-step error of branching action values (Tavakoli et al. 2018, eq. 5 and 6, with n steps): each of D branches has a target of its own, and
 * the error of a sample is the mean over its branches.
 * @param data q and next_n_q (B, D, N), action and next_n_action (B, D)
 * @returns loss (scalar) and td_error_per_sample (B,). Source: DI-engine, ding/rl_utils/td.py bdq_nstep_td_error.
 */
export function bdq_nstep_td_error(data: QNstepTdData, gamma: Discount, options: NstepOptions = {}): TdError {
  const branches = q_nstep_td_error({ ...data, weight: undefined }, gamma, options).td_error_per_sample
  const td_error_per_sample = tf.mean(branches, -1)
  return { loss: weightedMean(td_error_per_sample, data.weight), td_error_per_sample }
}

export interface RescaleOptions extends NstepOptions {
  /** Transformation of values (value_transform) and its inverse (value_inv_transform). */
  readonly trans_fn?: (value: Tensor) => Tensor
  readonly inv_trans_fn?: (value: Tensor) => Tensor
}

/**
 * {@link q_nstep_td_error} on transformed values, h(sum gamma^i r_i + value_gamma h^-1(next)): R2D2's target
 * (Kapturowski et al. 2019, section 2.3).
 */
export function q_nstep_td_error_with_rescale(
  data: QNstepTdData,
  gamma: Discount,
  options: RescaleOptions = {},
): TdError {
  const { trans_fn = value_transform, inv_trans_fn = value_inv_transform } = options
  const next = inv_trans_fn(pick(data.next_n_q, data.next_n_action))
  const target = trans_fn(nstepTarget(data, next, gamma, options))
  return tdLoss(pick(data.q, data.action), target, data.weight, options.criterion)
}

export interface SqlTdError extends TdError {
  /** (B,): the soft values that were bootstrapped from. */
  readonly record_target_v: Tensor
}

/**
 * Soft Q-learning: the next value is alpha logsumexp(next_n_q / alpha) in place of one action's value (Haarnoja et al.
 * 2017, eq. 5). The logsumexp is stable, so DI-engine's replacement of infinite values by +-20 has nothing to do here;
 * an infinite q is left to show itself.
 * @returns the td error and record_target_v (B,)
 */
export function q_nstep_sql_td_error(
  data: Omit<QNstepTdData, 'next_n_action'>,
  gamma: Discount,
  alpha: number,
  options: NstepOptions = {},
): SqlTdError {
  const record_target_v = tf.mul(tf.logSumExp(tf.div(data.next_n_q, alpha), -1), alpha)
  const target = nstepTarget(data, record_target_v, gamma, options)
  return {
    ...tdLoss(pick(data.q, data.action), target, data.weight, options.criterion),
    record_target_v: stopGradient(record_target_v),
  }
}

export interface VNstepTdData {
  /** (B,). */
  readonly v: Tensor
  /** (B,): state value after n steps. */
  readonly next_n_v: Tensor
  /** (nstep, B), or (B,) with `cum_reward` or nstep 1. */
  readonly reward: Tensor
  readonly done: Tensor
  readonly weight?: OptionalTensor
  readonly value_gamma?: OptionalTensor
}

/** n-step state-value error: criterion(v, n-step return). td_error_per_sample (B,). */
export function v_nstep_td_error(data: VNstepTdData, gamma: Discount, options: NstepOptions = {}): TdError {
  return tdLoss(data.v, nstepTarget(data, data.next_n_v, gamma, options), data.weight, options.criterion)
}

export interface TdLambdaData {
  /** (T + 1, B). */
  readonly value: Tensor
  /** (T, B). */
  readonly reward: Tensor
  /** (T, B), or (B,): one weight for each trajectory. */
  readonly weight?: OptionalTensor
}

/**
 * TD(lambda) error: half the squared distance of the first T values to their lambda returns (Sutton & Barto 2018, ch. 12).
 * @returns loss and td_error_per_sample (T, B), both with the half
 */
export function td_lambda_error(
  data: TdLambdaData,
  options: { gamma?: number; lambda_?: number } = {},
): TdError {
  const { gamma = 0.9, lambda_ = 0.8 } = options
  const steps = data.reward.shape[0]!
  const returns = stopGradient(
    generalized_lambda_returns(stopGradient(data.value), data.reward, gamma, lambda_),
  )
  const values = tf.slice(data.value, [0], [steps])
  const td_error_per_sample = tf.mul(tf.squaredDifference(returns, values), 0.5)
  // Time comes first here, so a weight for each trajectory stands along the last axis.
  const { shape } = td_error_per_sample
  const weight =
    data.weight?.rank === 1
      ? tf.broadcastTo(perSample(data.weight, shape.slice(1), 'weight'), shape)
      : data.weight
  return { loss: weightedMean(td_error_per_sample, weight), td_error_per_sample }
}
