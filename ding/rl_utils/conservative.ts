import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { stopGradient } from '../compute/index.js'
import { asBool, type OptionalTensor, pick } from './td_common.js'

export const CONSERVATIVE_TERMS = ['dataset', 'mean'] as const
export type ConservativeTerm = (typeof CONSERVATIVE_TERMS)[number]

/** Stands for minus infinity at illegal actions; finite, so that no NaN can come of it. */
const ILLEGAL = -1e30

/**
 * The conservative term of discrete CQL (Kumar et al. 2020, eq. 4): mean logsumexp_a q(s, a) - mean q(s, a_data). It lowers the
 * values of all actions and raises those of the dataset's; its gradient is (softmax(q) - onehot(a_data)) / B.
 * `mean` is the term as AgileRL's CQN has it, with the mean over all actions in place of the dataset's action: its gradient,
 * (softmax(q) - 1/A) / B, only pulls the values of the actions towards each other.
 * @param q (B, A) action values
 * @param action (B,) int32, the dataset's actions
 * @param mask (B, A), which actions are legal; the others are left out of both parts
 * @returns a scalar
 */
export function conservative_term(
  q: Tensor,
  action: Tensor,
  term: ConservativeTerm = 'dataset',
  mask?: OptionalTensor,
): Tensor {
  const legal = mask === undefined || mask === null ? undefined : asBool(mask)
  const all = tf.mean(logSumExp(legal === undefined ? q : tf.where(legal, q, tf.fill([...q.shape], ILLEGAL))))
  if (term === 'dataset') return tf.sub(all, tf.mean(pick(q, action)))
  if (legal === undefined) return tf.sub(all, tf.mean(q))
  const count = tf.sum(tf.cast(legal, 'float32'), -1)
  return tf.sub(all, tf.mean(tf.div(tf.sum(tf.where(legal, q, tf.zerosLike(q)), -1), count)))
}

/** Over the last axis. The shift is a constant: tfjs's own sends a gradient through the maximum that cancels out. */
function logSumExp(q: Tensor): Tensor {
  const shift = stopGradient(tf.max(q, -1, true))
  return tf.add(tf.log(tf.sum(tf.exp(tf.sub(q, shift)), -1)), tf.squeeze(shift, [-1]))
}
