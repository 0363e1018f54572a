import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { stopGradient } from '../compute/index.js'
import { type CategoricalSupport, checkSupport, evenly } from '../nn/index.js'
import { UsageError } from '../utils/index.js'
import { discountedRewards, powerOf } from './returns.js'
import {
  type Discount,
  type OptionalTensor,
  perSample,
  pickRow,
  sameShape,
  type TdError,
  weightedMean,
  zeroWhereDone,
} from './td_common.js'

/** Below this a probability counts as this: the logarithm stays finite, so that a target mass of 0 times it is 0. */
const SMALLEST_PROBABILITY = 1e-30

export interface DistNstepTdData {
  /** (B, N, n_atom) probabilities, or (B, A, N, n_atom) with agents. */
  readonly dist: Tensor
  /** Probabilities n steps later, same shape. */
  readonly next_n_dist: Tensor
  /** (B,) or (B, A) int32. */
  readonly act: Tensor
  readonly next_n_act: Tensor
  /** (nstep, B), or (B,) when nstep is 1. */
  readonly reward: Tensor
  readonly done: Tensor
  readonly weight?: OptionalTensor
  /** (B,) factor of the bootstrapped distribution; gamma^nstep when absent. */
  readonly value_gamma?: OptionalTensor
}

/**
 * n-step C51 error (Bellemare et al. 2017, algorithm 1): cross-entropy between the projected target distribution and the
 * chosen action's distribution.
 * @returns loss (scalar) and td_error_per_sample (B,) or (B, A)
 * @throws UsageError when the distributions have not n_atom atoms, or v_max is not above v_min
 */
export function dist_nstep_td_error(
  data: DistNstepTdData,
  gamma: Discount,
  options: CategoricalSupport & { readonly nstep?: number },
): TdError {
  const { nstep = 1, n_atom } = options
  checkSupport(options)
  if (data.dist.shape[data.dist.rank - 1] !== n_atom) {
    throw new UsageError(`n_atom is ${n_atom}, but the distribution has shape [${data.dist.shape}].`)
  }
  const chosen = pickRow(data.dist, data.act)
  const next = stopGradient(pickRow(data.next_n_dist, data.next_n_act))
  const { shape } = data.act
  const reward = discountedRewards(data.reward, gamma, nstep, shape)
  const factor = data.value_gamma ?? powerOf(gamma, nstep)
  const projected = stopGradient(project(next, reward, perSample(data.done, shape, 'done'), factor, options))
  const logP = tf.log(tf.maximum(chosen, tf.scalar(SMALLEST_PROBABILITY)))
  const td_error_per_sample = tf.neg(tf.sum(tf.mul(logP, projected), -1))
  return { loss: weightedMean(td_error_per_sample, data.weight), td_error_per_sample }
}

export interface Dist1stepTdData {
  readonly dist: Tensor
  readonly next_dist: Tensor
  readonly act: Tensor
  readonly next_act: Tensor
  /** (B,). */
  readonly reward: Tensor
  readonly done: Tensor
  readonly weight?: OptionalTensor
}

/** One-step C51 error: {@link dist_nstep_td_error} with nstep 1 and the names of DI-engine's one-step data. */
export function dist_1step_td_error(
  data: Dist1stepTdData,
  gamma: number,
  support: CategoricalSupport,
): TdError {
  return dist_nstep_td_error({ ...data, next_n_dist: data.next_dist, next_n_act: data.next_act }, gamma, {
    ...support,
    nstep: 1,
  })
}

/**
 * The target distribution on the support. Atom k lands at b_k = (clip(reward + factor z_k) - v_min) / delta and gives atom j
 * the share max(0, 1 - |b_k - j|): the usual split between floor and ceiling, without their special case where b_k is an
 * integer, and without a scatter.
 * @param next (..., n_atom); reward, done (...); factor a number or (...)
 */
function project(
  next: Tensor,
  reward: Tensor,
  done: Tensor,
  factor: Discount,
  support: CategoricalSupport,
): Tensor {
  const { v_min, v_max, n_atom } = support
  const delta = (v_max - v_min) / (n_atom - 1)
  const atoms = evenly(v_min, v_max, n_atom)
  const shape = next.shape
  const scaled =
    typeof factor === 'number'
      ? tf.mul(atoms, factor)
      : tf.mul(atoms, perSample(factor, shape, 'value_gamma'))
  const future = sameShape(scaled.shape, shape) ? scaled : tf.broadcastTo(scaled, shape)
  const target = tf.add(tf.expandDims(reward, -1), zeroWhereDone(future, tf.expandDims(done, -1)))
  const position = tf.div(tf.sub(tf.clipByValue(target, v_min, v_max), v_min), delta)
  const distance = tf.abs(tf.sub(tf.expandDims(position, -1), tf.range(0, n_atom, 1, 'float32')))
  const share = tf.relu(tf.sub(1, distance))
  return tf.sum(tf.mul(tf.expandDims(next, -1), share), -2)
}
