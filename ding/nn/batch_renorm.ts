import * as tf from '@tensorflow/tfjs-core'
import { Parameter, stopGradient } from '../compute/index.js'
import { UsageError } from '../utils/index.js'
import { Module } from './module.js'

export interface BatchRenormOptions {
  /** Share of a new batch in the running statistics (torch's convention). Default 0.01. */
  readonly momentum?: number
  /** Added to variances before their root. Default 1e-3. */
  readonly eps?: number
  /** Training passes of this layer that normalise by the batch alone; the corrections set in after more than these. Default 100000. */
  readonly warmup_steps?: number
  /** Bounds of the corrections: r in [1 / rmax, rmax], d in [-dmax, dmax]. Defaults 3 and 5. */
  readonly rmax?: number
  readonly dmax?: number
  /** Learn a scale and a shift. Default true. */
  readonly affine?: boolean
  /** Variance over N - 1 (SB3-contrib) or N (SBX). Default true. */
  readonly unbiased?: boolean
  /** Number of independent layers in one; the input is then [ensemble, B, size]. */
  readonly ensemble?: number
}

/**
 * Where units fade away, their scale and the weights behind it fall together, by many orders of magnitude in a long run of CrossQ. Their product
 * with a gradient then is subnormal, and a matrix product with one such column in a hundred takes several times as long (measured: the programs of
 * an update with 1024-1024 critics at 30,000 steps 136 ms instead of 71). A feature with a scale below this passes no gradient on to what is before it; its scale and
 * bias keep theirs.
 */
const FADED = 1e-15

/** Statistics of one batch: one value a feature, with the batch axis kept as 1. */
interface BatchStatistics {
  /** x - mean, of x's shape. */
  readonly centred: tf.Tensor
  readonly mean: tf.Tensor
  readonly variance: tf.Tensor
}

/** The corrections of batch renormalisation, constants to the gradient. */
interface Corrections {
  readonly r: tf.Tensor
  readonly d: tf.Tensor
}

/** What the result is made of: y = a (centred + shift) + bias. */
interface Factors {
  /** scale / sqrt(w + eps). */
  readonly a: tf.Tensor
  /** 1 / sqrt(w + eps). */
  readonly inverse: tf.Tensor
  /** d sqrt(var) / r. */
  readonly shift: tf.Tensor
  /** r^2. */
  readonly squaredR: tf.Tensor
  /** sqrt(var). */
  readonly root: tf.Tensor
}

/**
 * Batch renormalisation (Ioffe 2017) as CrossQ uses it, step by step as SB3-contrib's BatchRenorm. In training
 *
 *     y = scale (x - m) / sqrt(w + eps) + bias,    m = mean - d sqrt(var) / r,    w = var / r^2
 *     r = clip(sqrt(var + eps) / sqrt(ra_var + eps)),    d = clip((mean - ra_mean) / sqrt(ra_var + eps))
 *
 * with r = 1 and d = 0 while `steps` <= warmup_steps. Gradients flow through mean and var, not through r and d. Then the running
 * statistics move by `momentum` and `steps` counts up. In evaluation the running statistics serve as they are.
 *
 * `steps` is a buffer: it is saved with the weights. It counts exactly up to 2^24.
 */
export class BatchRenorm extends Module {
  readonly scale: Parameter | undefined
  readonly bias: Parameter | undefined
  readonly ra_mean: Parameter
  readonly ra_var: Parameter
  readonly steps: Parameter
  private readonly momentum: number
  private readonly eps: number
  private readonly warmup: number
  private readonly rmax: number
  private readonly dmax: number
  private readonly unbiased: boolean
  private readonly ensemble: number | undefined

  constructor(
    readonly size: number,
    options: BatchRenormOptions = {},
  ) {
    super()
    this.momentum = options.momentum ?? 0.01
    this.eps = options.eps ?? 1e-3
    this.warmup = options.warmup_steps ?? 100_000
    this.rmax = options.rmax ?? 3
    this.dmax = options.dmax ?? 5
    this.unbiased = options.unbiased ?? true
    this.ensemble = options.ensemble
    const shape = this.ensemble === undefined ? [size] : [this.ensemble, 1, size]
    const filled = (value: number, trainable: boolean) =>
      new Parameter(shape, trainable, new Float32Array((this.ensemble ?? 1) * size).fill(value))
    if (options.affine ?? true) {
      this.scale = filled(1, true)
      this.bias = filled(0, true)
    }
    this.ra_mean = filled(0, false)
    this.ra_var = filled(1, false)
    this.steps = new Parameter([1], false)
  }

  /** x [B, size], or [ensemble, B, size] -> the same shape. In training B must be above 1. */
  forward(x: tf.Tensor): tf.Tensor {
    this.check(x)
    return this.training ? this.normaliseByBatch(x) : this.normaliseByRunning(x)
  }

  private check(x: tf.Tensor): void {
    const leading = this.ensemble === undefined ? [] : [this.ensemble]
    const fits =
      x.rank === leading.length + 2 && x.shape.at(-1) === this.size && leading.every((e) => x.shape[0] === e)
    if (!fits) {
      throw new UsageError(
        `BatchRenorm needs [${[...leading, 'B', this.size].join(', ')}], got [${x.shape.join(', ')}].`,
      )
    }
    if (this.training && x.shape.at(-2)! < 2) {
      throw new UsageError(
        'BatchRenorm in training needs more than one row to take a variance of. Raise the batch size, or call module.eval() to act on one observation.',
      )
    }
  }

  private normaliseByRunning(x: tf.Tensor): tf.Tensor {
    const inverse = tf.rsqrt(tf.add(this.ra_var.value, this.eps))
    const factor = this.scale === undefined ? inverse : tf.mul(this.scale.value, inverse)
    const y = tf.mul(tf.sub(x, this.ra_mean.value), factor)
    return this.bias === undefined ? y : tf.add(y, this.bias.value)
  }

  private normaliseByBatch(x: tf.Tensor): tf.Tensor {
    const batch = this.statistics(stopGradient(x))
    const corrections = this.corrections(batch)
    this.track(batch)
    return this.apply(x, batch, corrections)
  }

  private statistics(x: tf.Tensor): BatchStatistics {
    const rows = x.shape.at(-2)!
    const mean = tf.div(columnSum(x), rows)
    const centred = tf.sub(x, mean)
    const variance = tf.div(columnSum(tf.square(centred)), this.unbiased ? rows - 1 : rows)
    return { centred, mean, variance }
  }

  private corrections({ mean, variance }: BatchStatistics): Corrections {
    const [running, runningMean] = [this.ra_var.value, this.ra_mean.value]
    const deviation = tf.sqrt(tf.add(running, this.eps))
    const r = tf.clipByValue(tf.div(tf.sqrt(tf.add(variance, this.eps)), deviation), 1 / this.rmax, this.rmax)
    const d = tf.clipByValue(tf.div(tf.sub(mean, runningMean), deviation), -this.dmax, this.dmax)
    const active = tf.greater(this.steps.value, this.warmup)
    return { r: tf.where(active, r, tf.onesLike(r)), d: tf.where(active, d, tf.zerosLike(d)) }
  }

  /** The parts of a and b, one value a feature. */
  private factors(variance: tf.Tensor, scale: tf.Tensor, { r, d }: Corrections): Factors {
    const root = rootOf(variance)
    const shift = tf.div(tf.mul(d, root), r)
    const squaredR = tf.square(r)
    const inverse = tf.rsqrt(tf.add(tf.div(variance, squaredR), this.eps))
    return { a: tf.mul(scale, inverse), inverse, shift, squaredR, root }
  }

  /** Moves the running statistics towards the batch's and counts the pass. */
  private track({ mean, variance }: BatchStatistics): void {
    const move = (running: Parameter, seen: tf.Tensor) => {
      const old = running.value
      const target = tf.reshape(seen, [...running.shape])
      running.assign(tf.add(old, tf.mul(tf.sub(target, old), this.momentum)))
    }
    move(this.ra_mean, mean)
    move(this.ra_var, variance)
    this.steps.assign(tf.add(this.steps.value, 1))
  }

  /**
   * y = a centred + b, with a = scale / sqrt(w + eps) and b = bias + a d sqrt(var) / r.
   * Its gradient by hand: with S1 = sum(dy) and S2 = sum(dy centred) over the batch of n rows, all of mean's and var's share comes to
   * dx = a (dy - S1 / n) + c centred with one number c a feature, in a third of the passes that automatic differentiation takes.
   */
  private apply(x: tf.Tensor, batch: BatchStatistics, { r, d }: Corrections): tf.Tensor {
    const rows = x.shape.at(-2)!
    const normalise = tf.customGrad((...args) => {
      const save = args.at(-1) as tf.GradSaveFunc
      const [input, scale, bias] = args as [tf.Tensor, tf.Tensor, tf.Tensor]
      const { a, shift } = this.factors(batch.variance, scale, { r, d })
      const value = tf.add(tf.mul(batch.centred, a), tf.add(bias, tf.mul(a, shift)))
      save([input, scale, r, d])
      return {
        value,
        gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
          const [again, gamma, rHeld, dHeld] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
          // Computed again from x, so that a gradient of this gradient sees that they depend on it. A program merges the two.
          const { centred: c, variance } = this.statistics(again)
          const held = { r: rHeld, d: dHeld }
          const {
            a: factor,
            inverse: inv,
            shift: offset,
            squaredR: r2,
            root: s,
          } = this.factors(variance, gamma, held)
          const dOverR = tf.div(dHeld, rHeld)
          const s1 = columnSum(dy)
          const unscaled = tf.add(columnSum(tf.mul(dy, c)), tf.mul(offset, s1))
          const dScale = tf.mul(inv, unscaled)
          // By way of 1 / sqrt(w + eps), and by way of sqrt(var) in m.
          const byInverse = tf.div(tf.mul(tf.mul(gamma, unscaled), tf.mul(tf.square(inv), inv)), r2)
          // A feature that is constant over the batch (a dead relu) has the root of 0, whose derivative is infinite: taken as 0 here.
          const varies = tf.greater(s, 0)
          const byRoot = tf.where(
            varies,
            tf.div(tf.mul(tf.mul(factor, dOverR), s1), tf.where(varies, s, tf.onesLike(s))),
            tf.zerosLike(s),
          )
          const dVariance = tf.mul(tf.sub(byRoot, byInverse), 0.5)
          const slope = tf.mul(dVariance, 2 / (this.unbiased ? rows - 1 : rows))
          const bright = tf.greater(tf.abs(gamma), FADED)
          const kept = (t: tf.Tensor) => tf.where(bright, t, tf.zerosLike(t))
          const dx = tf.add(tf.mul(tf.sub(dy, tf.div(s1, rows)), kept(factor)), tf.mul(c, kept(slope)))
          const like = (t: tf.Tensor) => tf.reshape(t, gamma.shape)
          return [dx, like(dScale), like(s1)]
        },
      }
    })
    const [scale, bias] =
      this.scale === undefined || this.bias === undefined
        ? [tf.onesLike(this.ra_var.value), tf.zerosLike(this.ra_mean.value)]
        : [this.scale.value, this.bias.value]
    return normalise(x, scale, bias)
  }
}

/** sqrt(variance), whose derivative at 0, a feature that is constant over the batch, is taken as 0 and not as infinite. */
function rootOf(variance: tf.Tensor): tf.Tensor {
  const root = tf.customGrad((input, save) => {
    const value = tf.sqrt(input as tf.Tensor)
    ;(save as tf.GradSaveFunc)([input as tf.Tensor])
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [v] = saved as [tf.Tensor]
        const varies = tf.greater(v, 0)
        const slope = tf.div(0.5, tf.sqrt(tf.where(varies, v, tf.onesLike(v))))
        return tf.where(varies, tf.mul(dy, slope), tf.zerosLike(v))
      },
    }
  })
  return root(variance)
}

/** Sums over the rows: [..., n, F] -> [..., 1, F]. As a product with a row of ones, which runs several times faster than a reduction. */
function columnSum(x: tf.Tensor): tf.Tensor {
  const ones = tf.ones([...x.shape.slice(0, -2), 1, x.shape.at(-2)!])
  return tf.matMul(ones, x)
}
