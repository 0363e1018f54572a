import * as tf from '@tensorflow/tfjs-core'
import { Parameter, stopGradient } from '../compute/index.js'
import { didYouMean, UsageError } from '../utils/index.js'
import { Module } from './module.js'

function filled(shape: number[], value: number, trainable: boolean): Parameter {
  return new Parameter(shape, trainable, new Float32Array(shape.reduce((p, d) => p * d, 1)).fill(value))
}

/**
 * x [..., n] with its last axis brought to mean 0 and (biased) variance 1; torch's layer_norm without weight and bias.
 * With y the result and s the standard deviation, its gradient is (dy - mean(dy) - y mean(dy y)) / s: written out, it is a
 * third of the operations that tfjs derives.
 */
export function layerNorm(x: tf.Tensor, eps = 1e-5): tf.Tensor {
  const normalise = tf.customGrad((input, save) => {
    ;(save as tf.GradSaveFunc)([input as tf.Tensor])
    return {
      value: standardised(input as tf.Tensor, eps).value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        // Computed again from x, so that a gradient of this gradient sees that y and s depend on it. A program merges the two.
        const { value: y, scale: s } = standardised(saved[0] as tf.Tensor, eps)
        const along = tf.mul(y, tf.mean(tf.mul(dy, y), -1, true))
        return tf.mul(tf.sub(tf.sub(dy, tf.mean(dy, -1, true)), along), s)
      },
    }
  })
  return normalise(x)
}

/** The last axis brought to mean 0 and variance 1, and what it was multiplied by for that, [..., 1]. */
function standardised(x: tf.Tensor, eps: number): { value: tf.Tensor; scale: tf.Tensor } {
  const centred = tf.sub(x, tf.mean(x, -1, true))
  const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), eps))
  return { value: tf.mul(centred, scale), scale }
}

/** Normalises the last axis to mean 0 and (biased) variance 1, then scales and shifts: torch's LayerNorm over one axis. */
export class LayerNorm extends Module {
  readonly weight: Parameter
  readonly bias: Parameter

  constructor(
    readonly size: number,
    readonly eps = 1e-5,
  ) {
    super()
    this.weight = filled([size], 1, true)
    this.bias = filled([size], 0, true)
  }

  /** x [..., size] -> the same shape. @throws UsageError for another number of features */
  forward(x: tf.Tensor): tf.Tensor {
    if (x.shape.at(-1) !== this.size)
      throw new UsageError(`LayerNorm takes ${this.size} features but its input is [${x.shape}].`)
    return tf.add(tf.mul(layerNorm(x, this.eps), this.weight.value), this.bias.value)
  }
}

/**
 * Batch normalisation over axis 0, as torch's BatchNorm1d: biased variance to normalise, unbiased in the running statistics,
 * which move by `momentum` at each training forward and serve in evaluation.
 */
export class BatchNorm1d extends Module {
  readonly weight: Parameter
  readonly bias: Parameter
  readonly running_mean: Parameter
  readonly running_var: Parameter

  constructor(
    readonly size: number,
    readonly eps = 1e-5,
    readonly momentum = 0.1,
  ) {
    super()
    this.weight = filled([size], 1, true)
    this.bias = filled([size], 0, true)
    this.running_mean = filled([size], 0, false)
    this.running_var = filled([size], 1, false)
  }

  /** x [B, size] -> [B, size]; B > 1 in training. @throws UsageError for any other shape */
  forward(x: tf.Tensor): tf.Tensor {
    if (x.rank !== 2 || x.shape[1] !== this.size)
      throw new UsageError(`BatchNorm1d takes [B, ${this.size}] but its input is [${x.shape}].`)
    let mean = this.running_mean.value
    let variance = this.running_var.value
    let centred: tf.Tensor
    if (this.training) {
      const batch = x.shape[0]!
      if (batch < 2) {
        throw new UsageError(
          `BatchNorm1d in training needs [B, ${this.size}] with B > 1, got [${x.shape}]. Call module.eval() to act on one observation.`,
        )
      }
      mean = tf.mean(x, 0)
      centred = tf.sub(x, mean)
      variance = tf.mean(tf.square(centred), 0)
      this.move(this.running_mean, mean)
      this.move(this.running_var, tf.mul(variance, batch / (batch - 1)))
    } else centred = tf.sub(x, mean)
    const unit = tf.mul(centred, tf.rsqrt(tf.add(variance, this.eps)))
    return tf.add(tf.mul(unit, this.weight.value), this.bias.value)
  }

  private move(running: Parameter, seen: tf.Tensor): void {
    const old = running.value
    running.assign(tf.add(tf.mul(old, 1 - this.momentum), tf.mul(stopGradient(seen), this.momentum)))
  }
}

const NORMS: Readonly<Record<string, (size: number) => LayerNorm | BatchNorm1d>> = {
  LN: (size) => new LayerNorm(size),
  BN: (size) => new BatchNorm1d(size),
}

export const NORM_NAMES: readonly string[] = Object.keys(NORMS)

/** A normalisation layer by DI-engine's name: `LN` or `BN`. @throws UsageError for another. */
export function buildNorm(name: string, size: number): LayerNorm | BatchNorm1d {
  const build = Object.hasOwn(NORMS, name) ? NORMS[name] : undefined
  if (build === undefined) {
    throw new UsageError(
      `Unknown norm_type "${name}".${didYouMean(name, NORM_NAMES)} Known: ${NORM_NAMES.join(', ')}.`,
    )
  }
  return build(size)
}
