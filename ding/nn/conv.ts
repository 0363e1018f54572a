import * as tf from '@tensorflow/tfjs-core'
import { Parameter, type RandomStream } from '../compute/index.js'
import { Activation } from './activation.js'
import { Sequential } from './container.js'
import { type BiasInit, fansOf, initBias, initWeight, type WeightInit } from './init.js'
import { Module } from './module.js'

export interface Conv2dOptions {
  readonly stride?: number
  /** Zeros added on each side. Default 0. */
  readonly padding?: number
  readonly weightInit?: WeightInit
  readonly biasInit?: BiasInit
}

/**
 * 2-D convolution. Activations are NHWC, tfjs's layout; `weight` is kept as torch's [out, in, kernel, kernel], so that
 * initialisation and checkpoints are torch's, and transposed inside the program.
 */
export class Conv2d extends Module {
  readonly weight: Parameter
  readonly bias: Parameter
  readonly stride: number
  readonly padding: number

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    readonly kernelSize: number,
    random: RandomStream,
    options: Conv2dOptions = {},
  ) {
    super()
    this.stride = options.stride ?? 1
    this.padding = options.padding ?? 0
    const shape = [outChannels, inChannels, kernelSize, kernelSize]
    this.weight = new Parameter(shape, true, initWeight(shape, random, options.weightInit))
    this.bias = new Parameter(
      [outChannels],
      true,
      initBias(outChannels, fansOf(shape).fanIn, random, options.biasInit),
    )
  }

  /** Height or width after this layer. */
  outputLength(length: number): number {
    return Math.floor((length + 2 * this.padding - this.kernelSize) / this.stride) + 1
  }

  /** x [B, H, W, in] -> [B, H', W', out]. */
  forward(x: tf.Tensor): tf.Tensor {
    const filter = tf.transpose(this.weight.value, [2, 3, 1, 0]) as tf.Tensor4D
    const y = tf.conv2d(x as tf.Tensor4D, filter, this.stride, this.padding)
    return tf.add(y, this.bias.value)
  }
}

/** Two 3x3 convolutions around which the input is added, then the activation (DI-engine's basic ResBlock). NHWC. */
export class ResBlock extends Module {
  readonly conv1: Sequential
  readonly conv2: Conv2d
  readonly act: Activation

  constructor(channels: number, activation: string, random: RandomStream) {
    super()
    this.conv1 = new Sequential(
      new Conv2d(channels, channels, 3, random, { padding: 1 }),
      new Activation(activation),
    )
    this.conv2 = new Conv2d(channels, channels, 3, random, { padding: 1 })
    this.act = new Activation(activation)
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.act.forward(tf.add(this.conv2.forward(this.conv1.forward(x)), x))
  }
}
