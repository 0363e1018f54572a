import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { stopGradient } from '../compute/index.js'
import { UsageError } from '../utils/index.js'
import { nstep_return } from './returns.js'
import {
  type Discount,
  huber,
  type OptionalTensor,
  pick,
  pickRow,
  type TdError,
  weightedMean,
} from './td_common.js'

interface QuantileNstepTdData {
  /** (B,) int32. */
  readonly action: Tensor
  /** (B,) int32. */
  readonly next_n_action: Tensor
  /** (nstep, B), or (B,) when nstep is 1. */
  readonly reward: Tensor
  /** (B,). */
  readonly done: Tensor
  readonly weight?: OptionalTensor
  /** (B,) factor of the bootstrapped quantiles; gamma^nstep when absent. */
  readonly value_gamma?: OptionalTensor
}

export interface QrdqnNstepTdData extends QuantileNstepTdData {
  /** (B, N, n_quantile). */
  readonly q: Tensor
  /** (B, N, n_quantile). */
  readonly next_n_q: Tensor
  /** Quantile fractions, (1, n_quantile, 1), or any shape of n_quantile (or B times n_quantile) entries. */
  readonly tau: Tensor
}

export interface QuantileOptions {
  readonly nstep?: number
  /** Huber threshold (1). 0 gives the plain quantile regression loss. */
  readonly kappa?: number
}

/**
 * n-step quantile-regression DQN error (Dabney et al. 2018a, eq. 10 and algorithm 1): the quantile Huber loss of every
 * target quantile against every own quantile, summed over target quantiles and averaged over own ones, as DI-engine has
 * it (the paper sums over its own and averages over the targets; with equal counts the sum is the same).
 * DI-engine ignores kappa; here it is honoured, and its default of 1 gives DI-engine's numbers.
 * @returns loss (scalar) and td_error_per_sample (B,)
 */
export function qrdqn_nstep_td_error(
  data: QrdqnNstepTdData,
  gamma: Discount,
  options: QuantileOptions = {},
): TdError {
  const own = pickRow(data.q, data.action)
  const target = quantileTargets(pickRow(data.next_n_q, data.next_n_action), data, gamma, options.nstep)
  const quantiles = own.shape[1]!
  const rows = data.tau.size === quantiles ? 1 : own.shape[0]!
  const tau = fractions(data.tau, [rows, 1, quantiles])
  return quantileHuber(own, target, tau, 'at most 0', options.kappa, data.weight, (pairs) =>
    tf.mean(tf.sum(pairs, 1), 1),
  )
}

export interface IqnNstepTdData extends QuantileNstepTdData {
  /** (tau, B, N): values at the sampled fractions. */
  readonly q: Tensor
  /** (tau', B, N). */
  readonly next_n_q: Tensor
  /** (tau * B, 1): the fractions of q, tau first. */
  readonly replay_quantiles: Tensor
}

/**
 * n-step implicit quantile network error (Dabney et al. 2018b, eq. 3): quantile Huber loss, summed over own fractions,
 * averaged over target fractions.
 * @returns loss (scalar) and td_error_per_sample (B,)
 */
export function iqn_nstep_td_error(
  data: IqnNstepTdData,
  gamma: Discount,
  options: QuantileOptions = {},
): TdError {
  const [taus, batch] = data.q.shape as [number, number]
  const own = pick(tf.transpose(data.q, [1, 0, 2]), tiled(data.action, taus))
  const nextTaus = data.next_n_q.shape[0]!
  const next = pick(tf.transpose(data.next_n_q, [1, 0, 2]), tiled(data.next_n_action, nextTaus))
  const target = quantileTargets(next, data, gamma, options.nstep)
  const tau = tf.expandDims(tf.transpose(fractions(data.replay_quantiles, [taus, batch]), [1, 0]), 1)
  return quantileHuber(own, target, tau, 'below 0', options.kappa, data.weight, (pairs) =>
    tf.mean(tf.sum(pairs, 2), 1),
  )
}

export interface FqfNstepTdData extends QuantileNstepTdData {
  /** (B, tau, N): values at the proposed fractions. */
  readonly q: Tensor
  /** (B, tau', N). */
  readonly next_n_q: Tensor
  /** (B, tau): midpoints of the proposed fractions. */
  readonly quantiles_hats: Tensor
}

/**
 * n-step error of a fully parameterised quantile function (Yang et al. 2019, eq. 6): as iqn_nstep_td_error, at proposed
 * fractions. kappa is honoured as a Huber threshold (DI-engine only divides by it).
 * @returns loss (scalar) and td_error_per_sample (B,)
 */
export function fqf_nstep_td_error(
  data: FqfNstepTdData,
  gamma: Discount,
  options: QuantileOptions = {},
): TdError {
  const own = pick(data.q, tiled(data.action, data.q.shape[1]!))
  const next = pick(data.next_n_q, tiled(data.next_n_action, data.next_n_q.shape[1]!))
  const target = quantileTargets(next, data, gamma, options.nstep)
  const tau = tf.expandDims(fractions(data.quantiles_hats, own.shape), 1)
  return quantileHuber(own, target, tau, 'below 0', options.kappa, data.weight, (pairs) =>
    tf.mean(tf.sum(pairs, 2), 1),
  )
}

export interface FqfFractionData {
  /** (B, K - 1, N): values at the proposed fractions, without 0 and 1. */
  readonly q_tau_i: Tensor
  /** (B, K, N): values at the midpoints of the fractions. */
  readonly q_value: Tensor
  /** (B, K + 1): the proposed fractions, from 0 to 1. */
  readonly quantiles: Tensor
  /** (B,) int32. */
  readonly actions: Tensor
}

/**
 * Loss of the fractions that a fully parameterised quantile function proposes (Yang et al. 2019, proposition 1): its gradient to fraction i is
 * 2 F(tau_i) - F(tau^_i) - F(tau^_{i-1}), each difference taken with the sign that it has where the values do not decrease. Values take no gradient.
 * @returns a scalar, the mean over rows. Source: DI-engine, ding/rl_utils/td.py fqf_calculate_fraction_loss.
 */
export function fqf_calculate_fraction_loss(data: FqfFractionData): Tensor {
  const { q_tau_i, q_value, quantiles, actions } = data
  const count = q_value.shape[1]!
  const at = stopGradient(pick(q_tau_i, tiled(actions, count - 1)))
  const middle = stopGradient(pick(q_value, tiled(actions, count)))
  const part = (of: Tensor, from: number, size: number) => tf.slice(of, [0, from], [of.shape[0]!, size])
  const [first, last] = [part(middle, 0, 1), part(middle, count - 1, 1)]
  const before = count > 2 ? tf.concat([first, part(at, 0, count - 2)], 1) : first
  const after = count > 2 ? tf.concat([part(at, 1, count - 2), last], 1) : last
  const signed = (rising: Tensor, by: Tensor) => tf.where(rising, by, tf.neg(by))
  const slope = tf.add(
    signed(tf.greater(at, before), tf.sub(at, part(middle, 0, count - 1))),
    signed(tf.less(at, after), tf.sub(at, part(middle, 1, count - 1))),
  )
  return tf.mean(tf.sum(tf.mul(stopGradient(slope), part(quantiles, 1, count - 1)), 1))
}

/** One action for each of `count` quantiles: (B,) -> (B, count). */
function tiled(action: Tensor, count: number): Tensor {
  return tf.tile(tf.expandDims(action, 1), [1, count])
}

function fractions(tau: Tensor, shape: number[]): Tensor {
  if (tau.size !== shape.reduce((a, b) => a * b, 1)) {
    throw new UsageError(
      `The quantile fractions have shape [${tau.shape}], but [${shape}] of them are needed.`,
    )
  }
  return stopGradient(tf.reshape(tau, shape))
}

/** n-step returns of each target quantile, (B, tau'), without gradient. */
function quantileTargets(next: Tensor, data: QuantileNstepTdData, gamma: Discount, nstep = 1): Tensor {
  const { reward, done, value_gamma } = data
  return stopGradient(nstep_return({ reward, next_value: next, done }, gamma, nstep, value_gamma))
}

/**
 * |tau - [u < 0]| huber_kappa(u) / kappa for u = target - own, every pair: (B, tau', tau), then reduced to (B,).
 * `counted` says whether u = 0 counts as below: it does in DI-engine's qrdqn, not in its iqn and fqf.
 */
function quantileHuber(
  own: Tensor,
  target: Tensor,
  tau: Tensor,
  counted: 'below 0' | 'at most 0',
  kappa = 1,
  weight: OptionalTensor,
  reduce: (pairs: Tensor) => Tensor,
): TdError {
  if (!(kappa >= 0)) throw new UsageError(`kappa must be 0 or more, got ${kappa}.`)
  const u = tf.sub(tf.expandDims(target, 2), tf.expandDims(own, 1))
  const fixed = stopGradient(u)
  const below = tf.cast(counted === 'below 0' ? tf.less(fixed, 0) : tf.lessEqual(fixed, 0), 'float32')
  const loss = huber(u, kappa)
  const scaled = kappa === 0 || kappa === 1 ? loss : tf.div(loss, kappa)
  const td_error_per_sample = reduce(tf.mul(tf.abs(tf.sub(tau, below)), scaled))
  return { loss: weightedMean(td_error_per_sample, weight), td_error_per_sample }
}
