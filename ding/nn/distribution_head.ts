import * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../compute/index.js'
import { UsageError } from '../utils/index.js'
import type { Sequential } from './container.js'
import { DiscreteHead, type Head, type HeadOptions } from './head.js'
import { Module } from './module.js'

/** `count` numbers evenly from `first` to `last`, each rounded once: tf.linspace adds the step up in float32, and misses `last`. */
export function evenly(first: number, last: number, count: number): tf.Tensor1D {
  const step = count > 1 ? (last - first) / (count - 1) : 0
  const numbers = Float32Array.from({ length: count }, (_, i) =>
    i < count / 2 ? first + step * i : last - step * (count - 1 - i),
  )
  return tf.tensor1d(numbers)
}

/** The categorical support: n_atom values evenly from v_min to v_max. */
export interface CategoricalSupport {
  readonly v_min: number
  readonly v_max: number
  readonly n_atom: number
}

/** @throws UsageError unless there are two atoms at least, from a v_min up to a v_max above it */
export function checkSupport({ v_min, v_max, n_atom }: CategoricalSupport): void {
  if (
    Number.isInteger(n_atom) &&
    n_atom >= 2 &&
    Number.isFinite(v_min) &&
    Number.isFinite(v_max) &&
    v_min < v_max
  )
    return
  throw new UsageError(
    `The support of the returns has n_atom ${n_atom}, v_min ${v_min}, v_max ${v_max}: at least 2 atoms are needed, and finite numbers with ` +
      'v_min below v_max.',
  )
}

export interface DistributionHeadOptions extends HeadOptions {
  readonly n_atom?: number
  readonly v_min?: number
  readonly v_max?: number
}

/**
 * A categorical distribution of returns per action (C51, Bellemare et al. 2017): {logit [B, A] = expectation, distribution [B, A, n_atom]}.
 * DI-engine adds 1e-6 to the probabilities so that their logarithm is finite.
 */
export class DistributionHead extends Module implements Head {
  readonly Q: Sequential
  readonly nAtom: number
  readonly vMin: number
  readonly vMax: number

  constructor(
    hiddenSize: number,
    readonly outputSize: number,
    random: RandomStream,
    options: DistributionHeadOptions = {},
  ) {
    super()
    this.nAtom = options.n_atom ?? 51
    this.vMin = options.v_min ?? -10
    this.vMax = options.v_max ?? 10
    checkSupport({ v_min: this.vMin, v_max: this.vMax, n_atom: this.nAtom })
    this.Q = new DiscreteHead(hiddenSize, outputSize * this.nAtom, random, options).Q
  }

  forward(x: tf.Tensor): { logit: tf.Tensor; distribution: tf.Tensor } {
    const raw = tf.reshape(this.Q.forward(x), [-1, this.outputSize, this.nAtom])
    const distribution = tf.add(tf.softmax(raw, -1), 1e-6)
    const atoms = evenly(this.vMin, this.vMax, this.nAtom)
    return { logit: tf.sum(tf.mul(distribution, atoms), -1), distribution }
  }
}

export interface QRDQNHeadOptions extends HeadOptions {
  readonly num_quantiles?: number
}

/**
 * Quantiles of the return per action at fixed midpoints (QR-DQN, Dabney et al. 2018):
 * {logit [B, A] = mean, q [B, A, N], tau [B, N, 1]}.
 */
export class QRDQNHead extends Module implements Head {
  readonly Q: Sequential
  readonly quantiles: number

  constructor(
    hiddenSize: number,
    readonly outputSize: number,
    random: RandomStream,
    options: QRDQNHeadOptions = {},
  ) {
    super()
    this.quantiles = options.num_quantiles ?? 32
    this.Q = new DiscreteHead(hiddenSize, outputSize * this.quantiles, random, options).Q
  }

  forward(x: tf.Tensor): { logit: tf.Tensor; q: tf.Tensor; tau: tf.Tensor } {
    const n = this.quantiles
    const q = tf.reshape(this.Q.forward(x), [-1, this.outputSize, n])
    const midpoints = evenly(0.5 / n, 1 - 0.5 / n, n)
    const tau = tf.tile(tf.reshape(midpoints, [1, n, 1]), [x.shape[0]!, 1, 1])
    return { logit: tf.mean(q, -1), q, tau }
  }
}
