import * as tf from '@tensorflow/tfjs-core'
import { random as draws, Parameter, type RandomStream } from '../compute/index.js'
import { Linear, type LinearOptions } from './linear.js'
import { Module } from './module.js'

/** Bounds of the log standard deviation (Haarnoja et al. 2018, appendix D). */
const LOG_SIGMA_MIN = -20
const LOG_SIGMA_MAX = 2

/** A normal distribution over actions before the tanh; tensors [B, A]. (A type, so that it is a record of tensors too.) */
export type NormalLogit = {
  readonly mu: tf.Tensor
  readonly sigma: tf.Tensor
  readonly log_sigma: tf.Tensor
  /** What to add to mu for a sample, where it is not independent normal noise (gSDE). */
  readonly noise?: tf.Tensor
}

/** The last part of a stochastic actor: from features [B, n] to a normal distribution. */
export interface StochasticHead extends Module {
  /** The layers that give the distribution's parameters, for their initialisation. */
  readonly outputLayers: readonly Linear[]
  forward(features: tf.Tensor, exploration?: tf.Tensor): NormalLogit
  /** Inside a program: new noise where the head keeps it; otherwise nothing. */
  resetNoise(): void
}

/** Two linear layers: mu, and log sigma clamped to [-20, 2]. */
export class NormalHead extends Module implements StochasticHead {
  readonly mu: Linear
  readonly log_sigma_layer: Linear

  constructor(inSize: number, actions: number, random: RandomStream, options: LinearOptions = {}) {
    super()
    this.mu = new Linear(inSize, actions, random, options)
    this.log_sigma_layer = new Linear(inSize, actions, random, options)
  }

  get outputLayers(): readonly Linear[] {
    return [this.mu, this.log_sigma_layer]
  }

  forward(features: tf.Tensor): NormalLogit {
    const log_sigma = tf.clipByValue(this.log_sigma_layer.forward(features), LOG_SIGMA_MIN, LOG_SIGMA_MAX)
    return { mu: this.mu.forward(features), sigma: tf.exp(log_sigma), log_sigma }
  }

  resetNoise(): void {}
}

/** Options of gSDE, by SB3's names and with its defaults. */
export interface GsdeOptions {
  /** Start value of log_std. Default -3. */
  readonly log_std_init?: number
  /** One log_std for each feature and action; false: one a feature. Default true. */
  readonly full_std?: boolean
  /** std = exp(x) up to 0 and log(1 + x) + 1 above, which grows slower than exp. Default false. */
  readonly use_expln?: boolean
  /** mu is kept in [-clip_mean, clip_mean]; 0: not at all. Default 2. */
  readonly clip_mean?: number
}

/** SB3's guard against log(0) and the variance's floor. */
const EPSILON = 1e-6

/**
 * Generalised state-dependent exploration (Raffin et al. 2022; stable_baselines3/common/distributions.py): the noise is a linear function
 * of the features, features E, whose weights E = std * z are held for many steps. The action's variance is features^2 std^2 + 1e-6.
 * For learning one z is kept (`noise`, drawn by {@link resetNoise}); for acting, `exploration` gives each row its own weights.
 */
export class GsdeHead extends Module implements StochasticHead {
  readonly mu: Linear
  /** [features, actions], or [features, 1]. */
  readonly log_std: Parameter
  /** z of the present update, [features, actions]. */
  readonly noise: Parameter
  private readonly expln: boolean
  private readonly clipMean: number

  constructor(
    readonly inSize: number,
    readonly actions: number,
    random: RandomStream,
    options: GsdeOptions & LinearOptions = {},
  ) {
    super()
    const { log_std_init = -3, full_std = true, use_expln = false, clip_mean = 2 } = options
    const columns = full_std ? actions : 1
    this.mu = new Linear(inSize, actions, random, options)
    this.log_std = new Parameter(
      [inSize, columns],
      true,
      new Float32Array(inSize * columns).fill(log_std_init),
    )
    this.noise = new Parameter([inSize, actions], false, random.normal(inSize * actions))
    this.expln = use_expln
    this.clipMean = clip_mean
  }

  get outputLayers(): readonly Linear[] {
    return [this.mu]
  }

  /**
   * @param features [B, n]
   * @param exploration weights of each row's noise, [B, n * actions]; those of the present update when absent
   */
  forward(features: tf.Tensor, exploration?: tf.Tensor): NormalLogit {
    const raw = this.mu.forward(features)
    const mu = this.clipMean > 0 ? tf.clipByValue(raw, -this.clipMean, this.clipMean) : raw
    const std = this.std()
    const variance = tf.matMul(tf.square(features) as tf.Tensor2D, tf.square(std) as tf.Tensor2D)
    const sigma = tf.sqrt(tf.add(variance, EPSILON))
    const noise =
      exploration === undefined
        ? tf.matMul(features as tf.Tensor2D, tf.mul(std, this.noise.value) as tf.Tensor2D)
        : tf.sum(
            tf.mul(tf.expandDims(features, 2), tf.reshape(exploration, [-1, this.inSize, this.actions])),
            1,
          )
    return { mu, sigma, log_sigma: tf.log(sigma), noise }
  }

  resetNoise(): void {
    this.noise.assign(draws.normal([this.inSize, this.actions]))
  }

  /** On the host: new weights of one environment's noise, [features * actions], drawn at the present std. */
  drawExploration(random: RandomStream): Float32Array {
    const weights = random.normal(this.inSize * this.actions)
    const log_std = this.log_std.data
    const columns = log_std.length / this.inSize
    for (let i = 0; i < weights.length; i++) {
      const at = columns === 1 ? Math.floor(i / this.actions) : i
      weights[i]! *= this.stdOf(log_std[at]!)
    }
    return weights
  }

  /** The standard deviation of the weights, [features, actions] (or [features, 1] broadcast to it). */
  private std(): tf.Tensor {
    const log_std = this.log_std.value
    const std = this.expln ? expln(log_std) : tf.exp(log_std)
    return log_std.shape[1] === this.actions ? std : tf.tile(std, [1, this.actions])
  }

  private stdOf(log_std: number): number {
    if (!this.expln || log_std <= 0) return Math.exp(log_std)
    return Math.log1p(log_std + EPSILON) + 1
  }
}

/** exp(x) for x <= 0, log(1 + x) + 1 above; each branch is computed where it is finite only. */
function expln(x: tf.Tensor): tf.Tensor {
  const positive = tf.greater(x, 0)
  // Selected by where: at 0 (a start value) minimum and maximum share the gradient, which is all of the exponential's there, as in SB3.
  const zero = tf.zerosLike(x)
  const below = tf.exp(tf.where(positive, zero, x))
  const above = tf.add(tf.log1p(tf.add(tf.where(positive, x, zero), EPSILON)), 1)
  return tf.where(positive, above, below)
}
