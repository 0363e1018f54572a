import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { random } from '../../ding/compute/index.js'
import type { NormalParameters, SquashedSample } from '../../ding/rl_utils/index.js'

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI)
/** SB3's guard in log(1 - a^2 + eps). */
const EPS = 1e-6
/** float32's epsilon, which SB3 keeps actions away from 1 by before it takes their inverse tanh. */
const FLOAT32_EPS = 2 ** -23
/** The distance of float32 numbers just below 1. */
const ULP = 2 ** -24

/**
 * A sample and its log-density computed as SB3 does (stable_baselines3/common/distributions.py), from the float32 action: log(1 - a^2 + 1e-6)
 * and, with gSDE, the density at the inverse tanh of the action. By the maths it is what `tanh_normal_sample(parameters, 1e-6)` gives; in float32 it
 * loses digits as |a| comes near 1. Not for policies: it shows how far SB3's own rounding reaches (sb3_shadows.ts).
 */
export function sb3Sample({ mu, sigma, log_sigma, noise }: NormalParameters): SquashedSample {
  const u = tf.add(mu, noise ?? tf.mul(sigma, random.normal(mu.shape)))
  const action = roundedTanh(u)
  const at = noise === undefined ? u : inverseTanh(action)
  const standard = tf.div(tf.sub(at, mu), sigma)
  const normal = tf.add(tf.add(tf.mul(tf.square(standard), 0.5), log_sigma), HALF_LOG_2PI)
  const squashed = noise === undefined ? action : tf.tanh(at)
  const rest = tf.maximum(oneLessSquare(squashed, uniformly(u.shape)), 0)
  const correction = tf.log(tf.add(rest, EPS))
  return { action, log_prob: tf.neg(tf.sum(tf.add(normal, correction), -1)) }
}

/** Uniform numbers in [-1, 1). */
function uniformly(shape: number[]): Tensor {
  return tf.sub(tf.mul(random.uniform(shape), 2), 1)
}

/** 1 - a^2 with the rounding of a^2 to either side: for a near 1 that is all of the difference's. */
function oneLessSquare(a: Tensor, roundings: Tensor): Tensor {
  return tf.add(tf.sub(1, tf.square(a)), tf.mul(roundings, ULP / 2))
}

/**
 * tanh in float32, of which implementations differ by an ulp: here an ulp up or down by uniform draws. The derivative is that of automatic
 * differentiation, 1 - a^2 of the rounded a.
 */
function roundedTanh(u: Tensor): Tensor {
  const [ulps, roundings] = [uniformly(u.shape), uniformly(u.shape)]
  const rounded = tf.customGrad((x, save) => {
    const value = tf.clipByValue(tf.add(tf.tanh(x as Tensor), tf.mul(ulps, ULP)), -1, 1)
    ;(save as tf.GradSaveFunc)([value, roundings])
    return {
      value,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [a, r] = saved as [Tensor, Tensor]
        return tf.mul(dy, tf.maximum(oneLessSquare(a, r), 0))
      },
    }
  })
  return rounded(u)
}

function inverseTanh(action: Tensor): Tensor {
  const a = tf.clipByValue(action, -1 + FLOAT32_EPS, 1 - FLOAT32_EPS)
  return tf.mul(tf.sub(tf.log1p(a), tf.log1p(tf.neg(a))), 0.5)
}
