import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { pick } from './td_common.js'

/**
 * Mean cross-entropy of logits against class labels, stable for large logits.
 * @param logit (B, N)
 * @param label (B,) int32
 * @param smoothing share of the probability that is spread over the other N - 1 classes (0)
 * @returns a scalar
 */
export function cross_entropy(logit: Tensor, label: Tensor, smoothing = 0): Tensor {
  const logProbability = tf.logSoftmax(logit, -1)
  const own = pick(logProbability, label)
  if (smoothing === 0) return tf.neg(tf.mean(own))
  const others = tf.sub(tf.sum(logProbability, -1), own)
  const spread = smoothing / (logit.shape.at(-1)! - 1)
  return tf.neg(tf.mean(tf.add(tf.mul(own, 1 - smoothing), tf.mul(others, spread))))
}

/** Actions are kept this far inside (-1, 1), where atanh is finite in float32. */
const EDGE = 1e-6

/**
 * Log-density of actions under a normal distribution squashed by tanh (Haarnoja et al. 2018, appendix C), the correction in the
 * exact form log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u)). Actions at or beyond the bounds are moved 1e-6 inside.
 * @param mu (B, A), before the tanh
 * @param sigma (B, A)
 * @param action (B, A), in [-1, 1]
 * @returns (B,)
 */
export function tanh_normal_log_prob(mu: Tensor, sigma: Tensor, action: Tensor): Tensor {
  const a = tf.clipByValue(action, EDGE - 1, 1 - EDGE)
  const u = tf.mul(tf.sub(tf.log1p(a), tf.log1p(tf.neg(a))), 0.5)
  const z = tf.div(tf.sub(u, mu), sigma)
  const normal = tf.sub(tf.mul(tf.square(z), -0.5), tf.add(tf.log(sigma), 0.5 * Math.log(2 * Math.PI)))
  const correction = tf.mul(tf.sub(Math.LN2, tf.add(u, tf.softplus(tf.mul(u, -2)))), 2)
  return tf.sum(tf.sub(normal, correction), -1)
}
