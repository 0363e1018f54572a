import * as tf from '@tensorflow/tfjs-core'
import { Parameter, type RandomStream } from '../compute/index.js'
import { UsageError } from '../utils/index.js'
import type { Head } from './head.js'
import { Linear, type LinearOptions } from './linear.js'
import { MLP } from './mlp.js'
import { Module } from './module.js'

/** Bounds of a conditioned log standard deviation (Haarnoja et al. 2018, appendix D). */
const LOG_SIGMA_MIN = -20
const LOG_SIGMA_MAX = 2

export interface ContinuousHeadOptions {
  /** Hidden layers before the last linear one. Default 2. */
  readonly layer_num?: number
  /** Their width; that of the input when left out. */
  readonly hidden_size?: number
  readonly activation?: string
  readonly norm_type?: string | null
  /** Initialisation of the last layer(s). */
  readonly last?: LinearOptions
}

function body(inSize: number, random: RandomStream, options: ContinuousHeadOptions): MLP {
  const hidden = options.hidden_size ?? inSize
  const { activation = 'relu', norm_type } = options
  return new MLP(inSize, hidden, hidden, options.layer_num ?? 2, random, { activation, norm_type })
}

export interface RegressionHeadOptions extends ContinuousHeadOptions {
  /** Squash to (-1, 1). Default false. */
  readonly final_tanh?: boolean
}

/** Hidden layers, then a linear layer: {pred [B, n]}, or [B] for one output. */
export class RegressionHead extends Module implements Head {
  readonly main: MLP
  readonly last: Linear
  private readonly squash: boolean

  constructor(inSize: number, outputSize: number, random: RandomStream, options: RegressionHeadOptions = {}) {
    super()
    this.main = body(inSize, random, options)
    this.last = new Linear(inputOfLast(this.main, inSize), outputSize, random, options.last)
    this.squash = options.final_tanh ?? false
  }

  forward(x: tf.Tensor): { pred: tf.Tensor } {
    const y = this.last.forward(this.main.forward(x))
    const pred = this.squash ? tf.tanh(y) : y
    return { pred: this.last.outSize === 1 ? tf.squeeze(pred, [-1]) : pred }
  }
}

export const SIGMA_TYPES = ['fixed', 'independent', 'conditioned'] as const
export type SigmaType = (typeof SIGMA_TYPES)[number]

export interface ReparameterizationHeadOptions extends ContinuousHeadOptions {
  /** sigma: a constant, one learned value per dimension, or a function of the features. Default `conditioned`. */
  readonly sigma_type?: SigmaType
  /** Value of a `fixed` sigma. Default 1. */
  readonly fixed_sigma_value?: number
  /** `tanh` bounds mu to (-1, 1). Default none. */
  readonly bound_type?: 'tanh' | null
}

/** A diagonal normal distribution over actions: {mu [B, n], sigma [B, n]}; conditioned log sigma is clamped to [-20, 2]. */
export class ReparameterizationHead extends Module implements Head {
  readonly main: MLP
  readonly mu: Linear
  readonly log_sigma_layer: Linear | undefined
  readonly log_sigma_param: Parameter | undefined
  private readonly fixedSigma: number
  private readonly bounded: boolean

  constructor(
    inSize: number,
    outputSize: number,
    random: RandomStream,
    options: ReparameterizationHeadOptions = {},
  ) {
    super()
    const type = options.sigma_type ?? 'conditioned'
    if (!SIGMA_TYPES.includes(type)) {
      throw new UsageError(`Unknown sigma_type "${String(type)}". Known: ${SIGMA_TYPES.join(', ')}.`)
    }
    this.main = body(inSize, random, options)
    const features = inputOfLast(this.main, inSize)
    this.mu = new Linear(features, outputSize, random, options.last)
    if (type === 'independent') this.log_sigma_param = new Parameter([1, outputSize], true)
    if (type === 'conditioned') this.log_sigma_layer = new Linear(features, outputSize, random, options.last)
    this.fixedSigma = options.fixed_sigma_value ?? 1
    this.bounded = options.bound_type === 'tanh'
  }

  forward(x: tf.Tensor): { mu: tf.Tensor; sigma: tf.Tensor } {
    const features = this.main.forward(x)
    const raw = this.mu.forward(features)
    const mu = this.bounded ? tf.tanh(raw) : raw
    return { mu, sigma: this.sigma(features, mu) }
  }

  private sigma(features: tf.Tensor, mu: tf.Tensor): tf.Tensor {
    if (this.log_sigma_layer !== undefined) {
      const log = this.log_sigma_layer.forward(features)
      return tf.exp(tf.clipByValue(log, LOG_SIGMA_MIN, LOG_SIGMA_MAX))
    }
    if (this.log_sigma_param !== undefined)
      return tf.tile(tf.exp(this.log_sigma_param.value), [mu.shape[0]!, 1])
    return tf.fill([...mu.shape], this.fixedSigma)
  }
}

/** Width that the body leaves: its own, or the input's when it has no layers. */
function inputOfLast(main: MLP, inSize: number): number {
  return main.layers.length === 0 ? inSize : main.outSize
}
