import type { GradSaveFunc, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { withoutNegligible } from '../compute/index.js'

/**
 * temp * log sum exp(x / temp) over the last axis. Its gradient is softmax(x / temp), taken from the kernel of that name: behind the division
 * and the logarithm of the obvious form the compiler could not turn the gates of relu into products (see ding/compute/onnx/passes/gate.ts).
 * Shares below 1e-20, which values that differ by 46 temperatures have, count as zero: with subnormal ones an update took five times as long.
 */
export function tempered_log_sum_exp(x: Tensor, temp: number): Tensor {
  const scaled = temp === 1 ? x : tf.mul(x, 1 / temp)
  const value = tf.customGrad<Tensor>((...inputs) => {
    const [input, save] = inputs as [Tensor, GradSaveFunc]
    save([input])
    return {
      value: tf.logSumExp(input, -1),
      gradFunc: (dy: Tensor, [saved]: Tensor[]) =>
        tf.mul(tf.expandDims(dy, -1), withoutNegligible(tf.softmax(saved as Tensor, -1))),
    }
  })(scaled)
  return temp === 1 ? value : tf.mul(value, temp)
}

/** Keeps a gap in [min, max]; outside there is no gradient. Infinite bounds cost nothing. */
export function clip_gap(gap: Tensor, min: number, max: number): Tensor {
  if (min === Number.NEGATIVE_INFINITY && max === Number.POSITIVE_INFINITY) return gap
  const bound = (value: number) => Math.max(-LARGEST_FLOAT32, Math.min(LARGEST_FLOAT32, value))
  return tf.clipByValue(gap, bound(min), bound(max))
}

const LARGEST_FLOAT32 = 3.4028234663852886e38
