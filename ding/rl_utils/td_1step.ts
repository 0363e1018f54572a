import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { stopGradient } from '../compute/index.js'
import { UsageError } from '../utils/index.js'
import { bootstrapped } from './returns.js'
import {
  type Criterion,
  type OptionalTensor,
  perSample,
  pick,
  sameShape,
  type TdError,
  tdLoss,
} from './td_common.js'

export interface Q1stepTdData {
  /** (B, N) action values of the observations. */
  readonly q: Tensor
  /** (B, N) action values of the next observations. */
  readonly next_q: Tensor
  /** (B,) int32. */
  readonly act: Tensor
  /** (B,) int32. */
  readonly next_act: Tensor
  readonly reward: Tensor
  readonly done: Tensor
  readonly weight?: OptionalTensor
}

/**
 * One-step Q-learning error: criterion(q[act], reward + gamma next_q[next_act] where not done).
 * @returns loss (scalar) and td_error_per_sample (B,). Source: DI-engine, ding/rl_utils/td.py q_1step_td_error.
 */
export function q_1step_td_error(
  data: Q1stepTdData,
  gamma: number,
  options: { criterion?: Criterion } = {},
): TdError {
  const estimate = pick(data.q, data.act)
  const target = bootstrapped(data.reward, pick(data.next_q, data.next_act), data.done, gamma)
  return tdLoss(estimate, target, data.weight, options.criterion)
}

export interface MQ1stepTdData {
  /** (B, N) action values of the observations. */
  readonly q: Tensor
  /** (B, N) the target network's values of the observations. */
  readonly target_q: Tensor
  /** (B, N) the target network's values of the next observations. */
  readonly next_q: Tensor
  /** (B,) int32. */
  readonly act: Tensor
  readonly reward: Tensor
  readonly done: Tensor
  readonly weight?: OptionalTensor
}

export interface MQ1stepTdError extends TdError {
  /** Scalar: mean gap between the best and the second best target value; 0 with a single action. */
  readonly action_gap: Tensor
  /** (B,): 1 where the Munchausen term was clipped. */
  readonly clipfrac: Tensor
}

/**
 * One-step Munchausen DQN error (Vieillard et al. 2020, arXiv:2007.14430, eq. 3): the reward gains
 * alpha clip(tau log pi(a|s), -1, 1), and the next value is sum_a pi (q - tau log pi), pi = softmax(target_q / tau).
 */
export function m_q_1step_td_error(
  data: MQ1stepTdData,
  gamma: number,
  tau: number,
  alpha: number,
  options: { criterion?: Criterion } = {},
): MQ1stepTdError {
  const target_q = stopGradient(data.target_q)
  const next_q = stopGradient(data.next_q)
  const logPi = tf.mul(tf.logSoftmax(tf.div(target_q, tau)), tau)
  const addon = pick(logPi, data.act)
  const nextLogPi = tf.logSoftmax(tf.div(next_q, tau))
  const softValue = tf.sum(tf.mul(tf.exp(nextLogPi), tf.sub(next_q, tf.mul(nextLogPi, tau))), -1)
  const reward = tf.add(
    perSample(data.reward, addon.shape, 'reward'),
    tf.mul(tf.clipByValue(addon, -1, 1), alpha),
  )
  const target = bootstrapped(reward, softValue, data.done, gamma)
  const clipped = tf.logicalOr(tf.greater(addon, 1), tf.less(addon, -1))
  return {
    ...tdLoss(pick(data.q, data.act), target, data.weight, options.criterion),
    action_gap: actionGap(target_q),
    clipfrac: tf.cast(clipped, 'float32'),
  }
}

function actionGap(q: Tensor): Tensor {
  if (q.shape[q.rank - 1]! < 2) return tf.scalar(0)
  const { values } = tf.topk(q, 2)
  const [best, second] = tf.unstack(values, -1)
  return tf.mean(tf.sub(best!, second!))
}

export interface QV1stepTdData {
  /** (B, N), or (B, A, N) with agents. */
  readonly q: Tensor
  /** State value of the next observations, (B,) or (B, A). */
  readonly v: Tensor
  /** (B,) or (B, A) int32. */
  readonly act: Tensor
  readonly reward: Tensor
  readonly done: Tensor
  readonly weight?: OptionalTensor
}

/**
 * One-step error of an action value against a state value (discrete SAC): criterion(q[act], reward + gamma v where not done).
 * @returns td_error_per_sample (B,) or (B, A)
 */
export function q_v_1step_td_error(
  data: QV1stepTdData,
  gamma: number,
  options: { criterion?: Criterion } = {},
): TdError {
  return tdLoss(
    pick(data.q, data.act),
    bootstrapped(data.reward, data.v, data.done, gamma),
    data.weight,
    options.criterion,
  )
}

export interface V1stepTdData {
  /** (B,), or (B, A) with agents. */
  readonly v: Tensor
  /** As v, give or take axes of size 1 behind. */
  readonly next_v: Tensor
  readonly reward: Tensor
  /** Absent: no step is terminal. */
  readonly done?: OptionalTensor
  readonly weight?: OptionalTensor
}

/**
 * One-step state-value error: criterion(v, reward + gamma next_v where not done). A next_v of shape (B, 1) beside a v of
 * shape (B,) is taken as (B,): DI-engine's own function broadcasts the two to (B, B), which loses the state dependence.
 * @throws UsageError when next_v has not one value per entry of v
 */
export function v_1step_td_error(
  data: V1stepTdData,
  gamma: number,
  options: { criterion?: Criterion } = {},
): TdError {
  const { v, next_v } = data
  if (!sameShape(withoutOnes(next_v.shape), withoutOnes(v.shape))) {
    throw new UsageError(
      `next_v of shape [${next_v.shape}] must hold one value per entry of v, whose shape is [${v.shape}].`,
    )
  }
  const next = tf.reshape(next_v, v.shape)
  const done = data.done ?? tf.zeros(v.shape, 'bool')
  return tdLoss(v, bootstrapped(data.reward, next, done, gamma), data.weight, options.criterion)
}

/** A shape without the axes of size 1 at its end. */
function withoutOnes(shape: readonly number[]): readonly number[] {
  const last = shape.findLastIndex((size) => size !== 1)
  return shape.slice(0, last + 1)
}
