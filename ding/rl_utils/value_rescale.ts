import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'

/**
 * h(x) = sign(x) (sqrt(|x| + 1) - 1) + eps x, which shrinks large action values.
 * Any shape. Pohlen et al. 2018, arXiv:1805.11593, section 3.2.
 */
export function value_transform(x: Tensor, eps = 1e-2): Tensor {
  const root = tf.sub(tf.sqrt(tf.add(tf.abs(x), 1)), 1)
  return tf.add(tf.mul(tf.sign(x), root), tf.mul(x, eps))
}

/**
 * The inverse of {@link value_transform} for the same `eps`: sign(x) (((sqrt(1 + 4 eps (|x| + 1 + eps)) - 1) / (2 eps))^2 - 1).
 * Any shape. arXiv:1805.11593, proposition A.2. The bracket is worked out as 2 (|x| + 1 + eps) / (sqrt(...) + 1), the same number without the
 * difference, which would multiply float32's rounding by 1 / (2 eps) = 50.
 */
export function value_inv_transform(x: Tensor, eps = 1e-2): Tensor {
  const shifted = tf.add(tf.abs(x), 1 + eps)
  const root = tf.sqrt(tf.add(tf.mul(shifted, 4 * eps), 1))
  const size = tf.sub(tf.square(tf.div(tf.mul(shifted, 2), tf.add(root, 1))), 1)
  return tf.mul(tf.sign(x), size)
}

/** sign(x) ln(|x| + 1). Any shape. Hafner et al. 2023, arXiv:2301.04104, eq. 9. */
export function symlog(x: Tensor): Tensor {
  return tf.mul(tf.sign(x), tf.log1p(tf.abs(x)))
}

/** The inverse of {@link symlog}: sign(x) (exp(|x|) - 1). Any shape. */
export function inv_symlog(x: Tensor): Tensor {
  return tf.mul(tf.sign(x), tf.expm1(tf.abs(x)))
}
