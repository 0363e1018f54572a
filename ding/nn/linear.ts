import * as tf from '@tensorflow/tfjs-core'
import { Parameter, type RandomStream } from '../compute/index.js'
import { UsageError } from '../utils/index.js'
import { type BiasInit, initBias, initWeight, type WeightInit } from './init.js'
import { Module } from './module.js'

export interface LinearOptions {
  /** Whether to add a bias. Default true. */
  readonly bias?: boolean
  readonly weightInit?: WeightInit
  readonly biasInit?: BiasInit
}

/**
 * x W^T + b for x [..., in] -> [..., out].
 * A product and a sum, which the compiler joins to one Gemm (and ONNX Runtime fuses an activation behind it): tfjs's fused
 * product goes by way of three axes, which costs four reshapes a layer.
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const rows = x.shape.slice(0, -1)
  const flat = x.rank === 2 ? x : tf.reshape(x, [-1, weight.shape[1]!])
  const product = tf.matMul(flat as tf.Tensor2D, weight as tf.Tensor2D, false, true)
  const y = bias === undefined ? product : tf.add(product, bias)
  return x.rank === 2 ? y : tf.reshape(y, [...rows, weight.shape[0]!])
}

/** Fully connected layer. `weight` [out, in], `bias` [out]; both start at U(+-1/sqrt(in)), PyTorch's default. */
export class Linear extends Module {
  readonly weight: Parameter
  readonly bias: Parameter | undefined

  constructor(
    readonly inSize: number,
    readonly outSize: number,
    random: RandomStream,
    options: LinearOptions = {},
  ) {
    super()
    this.weight = new Parameter(
      [outSize, inSize],
      true,
      initWeight([outSize, inSize], random, options.weightInit),
    )
    if (options.bias ?? true) {
      this.bias = new Parameter([outSize], true, initBias(outSize, inSize, random, options.biasInit))
    }
  }

  /** x [..., in] -> [..., out]. */
  forward(x: tf.Tensor): tf.Tensor {
    if (x.shape.at(-1) !== this.inSize) {
      throw new UsageError(
        `The linear layer "${this.weight.name}" takes ${this.inSize} features but its input is [${x.shape}]. ` +
          'If this is the first layer, obs_shape (or action_shape) of the model does not match the environment.',
      )
    }
    return linear(x, this.weight.value, this.bias?.value)
  }
}

/**
 * `ensembleSize` independent linear layers in one batched product, laid out as tianshou's: `weight` [E, in, out], `bias` [E, 1, out].
 * Each member starts as a {@link Linear} would.
 */
export class EnsembleLinear extends Module {
  readonly weight: Parameter
  readonly bias: Parameter | undefined

  constructor(
    readonly ensembleSize: number,
    readonly inSize: number,
    readonly outSize: number,
    random: RandomStream,
    options: LinearOptions = {},
  ) {
    super()
    const weights = new Float32Array(ensembleSize * inSize * outSize)
    const biases = new Float32Array(ensembleSize * outSize)
    for (let e = 0; e < ensembleSize; e++) {
      const member = initWeight([outSize, inSize], random, options.weightInit)
      const base = e * inSize * outSize
      for (let i = 0; i < inSize; i++) {
        for (let o = 0; o < outSize; o++) weights[base + i * outSize + o] = member[o * inSize + i]!
      }
      if (options.bias ?? true) biases.set(initBias(outSize, inSize, random, options.biasInit), e * outSize)
    }
    this.weight = new Parameter([ensembleSize, inSize, outSize], true, weights)
    if (options.bias ?? true) this.bias = new Parameter([ensembleSize, 1, outSize], true, biases)
  }

  /** x [B, in], the same for all members, or [E, B, in] -> [E, B, out]. */
  forward(x: tf.Tensor): tf.Tensor {
    // The gradient of a tfjs matMul does not sum over broadcast batch axes, so a shared input is tiled.
    const each = x.rank === 2 ? tf.tile(tf.expandDims(x, 0), [this.ensembleSize, 1, 1]) : x
    const y = tf.matMul(each, this.weight.value)
    return this.bias === undefined ? y : tf.add(y, this.bias.value)
  }
}
