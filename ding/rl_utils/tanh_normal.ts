import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { random } from '../compute/index.js'

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI)

/** A normal distribution before the tanh; tensors [B, A]. */
export interface NormalParameters {
  readonly mu: Tensor
  readonly sigma: Tensor
  readonly log_sigma: Tensor
  /** What to add to mu for a sample; independent normal noise is drawn when absent. */
  readonly noise?: Tensor
}

/** A sample of a tanh-normal distribution. */
export interface SquashedSample {
  /** [B, A], in [-1, 1]. */
  readonly action: Tensor
  /** [B] */
  readonly log_prob: Tensor
}

/**
 * log(1 - tanh(u)^2), the logarithm of the tanh's derivative, element by element, by 2 (log 2 - u - softplus(-2u)), which loses no digits in the
 * tails.
 * @param eps null: exactly that. A number: log(1 - tanh(u)^2 + eps), as SB3 and DI-engine (1e-6) and tianshou (1.1920929e-7) have it, which
 *   differs in the tails only.
 */
export function log_tanh_derivative(u: Tensor, eps: number | null = null): Tensor {
  const exact = tf.mul(tf.sub(Math.LN2, tf.add(u, tf.softplus(tf.mul(u, -2)))), 2)
  return eps === null ? exact : tf.log(tf.add(tf.exp(exact), eps))
}

/**
 * Inside a program: an action a = tanh(u), u = mu + noise, and its log-density (Haarnoja et al. 2018, appendix C). Gradients flow through
 * both (reparameterisation). Without `noise` in the parameters it draws one normal number for each entry.
 * @param eps see {@link log_tanh_derivative}
 */
export function tanh_normal_sample(
  { mu, sigma, log_sigma, noise }: NormalParameters,
  eps: number | null = null,
): SquashedSample {
  if (noise !== undefined) return sampleWithNoise({ mu, sigma, log_sigma, noise }, eps)
  // With u = mu + sigma z the standardised sample is z itself, a constant to the gradient.
  const z = random.normal(mu.shape)
  const u = tf.add(mu, tf.mul(sigma, z))
  return { action: tf.tanh(u), log_prob: logDensity(z, log_sigma, u, eps) }
}

/** atanh(1 - 2^-23): SB3's TanhBijector clips actions so before it takes them back. */
const FARTHEST = 8.317766166719343

/**
 * The same with given noise (gSDE). With `eps`, as SB3 has it, the density is that of atanh(clip(a)): what lies beyond counts as if it lay at the clip,
 * since SB3 knows such samples by their actions alone.
 */
function sampleWithNoise(
  { mu, sigma, log_sigma, noise }: Required<NormalParameters>,
  eps: number | null,
): SquashedSample {
  const u = tf.add(mu, noise)
  const z = tf.div(noise, sigma)
  const action = tf.tanh(u)
  if (eps === null) return { action, log_prob: logDensity(z, log_sigma, u, eps) }
  const at = tf.clipByValue(u, -FARTHEST, FARTHEST)
  const beyond = tf.greater(tf.abs(u), FARTHEST)
  const seen = tf.where(beyond, tf.div(tf.sub(at, mu), sigma), z)
  return { action, log_prob: logDensity(seen, log_sigma, at, eps) }
}

/** log-density of tanh(u), [B], where u is z standard deviations from its mean. */
function logDensity(z: Tensor, log_sigma: Tensor, u: Tensor, eps: number | null): Tensor {
  const normal = tf.add(tf.add(tf.mul(tf.square(z), 0.5), log_sigma), HALF_LOG_2PI)
  return tf.neg(tf.sum(tf.add(normal, log_tanh_derivative(u, eps)), -1))
}
