import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'

/** Far below what float32 tells apart from 1 (6e-8), and far enough above its least normal number (1.2e-38) for layers of small weights in between. */
const LEAST = 1e-20

/**
 * Weights of rows, of an order of 1 where they count, with those below 1e-20 as exact zeros. What they add to a sum is below its rounding; but behind
 * the layers of a network the gradients of such rows become subnormal, and matrix products with subnormal numbers take several times as long.
 * @param weights not negative
 */
export function withoutNegligible<T extends Tensor>(weights: T): T {
  // In this order a NaN stays one.
  return tf.where(tf.less(weights, LEAST), tf.zerosLike(weights), weights)
}
