import * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../compute/index.js'
import { UsageError } from '../utils/index.js'
import { Activation } from './activation.js'
import { Flatten, flatten, type Layer, Sequential } from './container.js'
import { Conv2d, ResBlock } from './conv.js'
import { Linear } from './linear.js'
import { blockLayers } from './mlp.js'
import { Module } from './module.js'
import { buildNorm } from './norm.js'

/** An observation inside a program: one tensor with a leading batch axis, or a nested record of such. */
export type ObsTensor = tf.Tensor | { readonly [key: string]: ObsTensor }

/** From an observation to one feature vector per row. */
export interface Encoder extends Module {
  readonly outputSize: number
  /** obs [B, ...] (or a record of such) -> [B, outputSize]. */
  forward(obs: ObsTensor): tf.Tensor
}

export interface EncoderOptions {
  readonly activation?: string
  readonly norm_type?: string | null
  readonly dropout?: number | null
}

/** The one tensor of an observation. @throws UsageError for a record. */
export function oneTensor(obs: ObsTensor): tf.Tensor {
  if (obs instanceof tf.Tensor) return obs
  throw new UsageError(
    `The model takes one observation tensor but got a record with the keys ${Object.keys(obs).join(', ')}. ` +
      'Give obs_shape as a record with the same keys.',
  )
}

/** Float32, whatever the environment's type: uint8 images arrive as int32. */
export function toFloat(x: tf.Tensor): tf.Tensor {
  return x.dtype === 'float32' ? x : tf.cast(x, 'float32')
}

/** Fully connected encoder: Linear -> activation for each size; names are DI-engine's (`init`, `main.0`, `main.2`, ...). */
export class FCEncoder extends Module implements Encoder {
  readonly init: Linear
  readonly norm: ReturnType<typeof buildNorm> | undefined
  readonly act: Activation
  readonly main: Sequential
  readonly outputSize: number

  constructor(
    readonly inSize: number,
    hiddenSizes: readonly number[],
    random: RandomStream,
    options: EncoderOptions = {},
  ) {
    super()
    const activation = options.activation ?? 'relu'
    const [first, ...rest] = hiddenSizes
    if (first === undefined)
      throw new UsageError('FCEncoder needs at least one hidden size, got an empty list.')
    this.init = new Linear(inSize, first, random)
    if (options.norm_type != null) this.norm = buildNorm(options.norm_type, first)
    this.act = new Activation(activation)
    const layers: Layer[] = []
    let size = first
    for (const next of rest) {
      layers.push(...blockLayers(size, next, random, { ...options, activation }))
      size = next
    }
    this.main = new Sequential(...layers)
    this.outputSize = size
  }

  forward(obs: ObsTensor): tf.Tensor {
    const x = this.init.forward(toFloat(flatten(oneTensor(obs))))
    return this.main.forward(this.act.forward(this.norm?.forward(x) ?? x))
  }
}

/** Passes a vector observation through, flattened and as float32. */
export class IdentityEncoder extends Module implements Encoder {
  constructor(readonly outputSize: number) {
    super()
  }

  forward(obs: ObsTensor): tf.Tensor {
    return toFloat(flatten(oneTensor(obs)))
  }
}

/** One-hot vectors of Discrete ([B] or [B, 1]) or MultiDiscrete ([B, n]) observations, side by side. */
export class OneHotEncoder extends Module implements Encoder {
  readonly outputSize: number

  /** @param sizes numbers of values @param start first values, 0 when left out */
  constructor(
    readonly sizes: readonly number[],
    readonly start: readonly number[] = sizes.map(() => 0),
  ) {
    super()
    this.outputSize = sizes.reduce((sum, n) => sum + n, 0)
  }

  /** @throws UsageError for another number of columns */
  forward(obs: ObsTensor): tf.Tensor {
    const values = tf.cast(flatten(oneTensor(obs)), 'int32')
    if (values.shape[1] !== this.sizes.length) {
      throw new UsageError(
        `The model takes ${this.sizes.length} discrete values (one_hot: [${this.sizes}]) but got observations of shape [${values.shape.slice(1)}].`,
      )
    }
    const columns = this.start.every((first) => first === 0)
      ? values
      : tf.sub(values, tf.tensor2d([...this.start], [1, this.start.length], 'int32'))
    const parts = this.sizes.map((n, i) => {
      // With one value there is nothing to tell apart, and tfjs's oneHot takes two at least.
      if (n === 1) return tf.ones([columns.shape[0]!, 1])
      const column = tf.reshape(tf.slice(columns, [0, i], [-1, 1]), [-1])
      return tf.cast(tf.oneHot(column, n), 'float32')
    })
    return parts.length === 1 ? parts[0]! : tf.concat(parts, 1)
  }
}

export interface ConvEncoderOptions extends EncoderOptions {
  /** Kernel sizes and strides, one a convolution. Default [8, 4, 3] and [4, 2, 1]. */
  readonly kernel_size?: readonly number[]
  readonly stride?: readonly number[]
  readonly padding?: readonly number[]
  /** Divide by 255: for uint8 images that the environment has not scaled. */
  readonly normalize_images?: boolean
  /** The activation behind the last Linear too, as in Mnih et al. (2015). Default false, as in DI-engine. */
  readonly activate_output?: boolean
}

/**
 * DI-engine's ConvEncoder: convolutions with activation, residual blocks for further sizes, flatten, then a Linear to the last size,
 * without activation unless asked for. Observations are [B, C, H, W], as DI-engine's; inside it is NHWC, the flattened order is torch's.
 */
export class ConvEncoder extends Module implements Encoder {
  readonly main: Sequential
  readonly mid: Linear
  readonly outputSize: number
  private readonly scale: number
  private readonly outputActivation: Activation | undefined

  constructor(
    readonly obsShape: readonly number[],
    hiddenSizes: readonly number[] = [32, 64, 64, 128],
    random: RandomStream,
    options: ConvEncoderOptions = {},
  ) {
    super()
    const { kernel_size = [8, 4, 3], stride = [4, 2, 1], padding = [], activation = 'relu' } = options
    this.scale = options.normalize_images === true ? 1 / 255 : 1
    const [channels, height, width] = obsShape
    if (
      channels === undefined ||
      height === undefined ||
      width === undefined ||
      hiddenSizes.length < kernel_size.length
    ) {
      throw new UsageError(
        `ConvEncoder needs obs_shape [channels, height, width] and at least ${kernel_size.length} hidden sizes ` +
          `(one a convolution), got [${obsShape}] and [${hiddenSizes}].`,
      )
    }
    const layers: Layer[] = []
    let [c, h, w] = [channels, height, width]
    for (const [i, kernel] of kernel_size.entries()) {
      const conv = new Conv2d(c, hiddenSizes[i]!, kernel, random, {
        stride: stride[i] ?? 1,
        padding: padding[i] ?? 0,
      })
      layers.push(conv, new Activation(activation))
      ;[c, h, w] = [hiddenSizes[i]!, conv.outputLength(h), conv.outputLength(w)]
      if (h < 1 || w < 1) {
        throw new UsageError(
          `An image [${obsShape}], which is [channels, height, width], is too small for the kernels [${kernel_size}] with strides [${stride}]: ` +
            `nothing is left after convolution ${i + 1}.`,
        )
      }
    }
    for (const size of hiddenSizes.slice(kernel_size.length, -1)) {
      if (size !== c) {
        throw new UsageError(
          `ConvEncoder: sizes between the last convolution (${c}) and the output are residual blocks and must equal it, got [${hiddenSizes}].`,
        )
      }
      layers.push(new ResBlock(c, activation, random))
    }
    layers.push(new ToTorchOrder(), new Flatten())
    this.main = new Sequential(...layers)
    this.outputSize = hiddenSizes.at(-1)!
    this.mid = new Linear(c * h * w, this.outputSize, random)
    if (options.activate_output === true) this.outputActivation = new Activation(activation)
  }

  forward(obs: ObsTensor): tf.Tensor {
    const image = toFloat(oneTensor(obs))
    if (image.shape.slice(1).join() !== this.obsShape.join()) {
      throw new UsageError(
        `The model takes images of shape [${this.obsShape}] (channels, height, width) but got observations of shape [${image.shape.slice(1)}].`,
      )
    }
    const x = tf.transpose(this.scale === 1 ? image : tf.mul(image, this.scale), [0, 2, 3, 1])
    const features = this.mid.forward(this.main.forward(x))
    return this.outputActivation?.forward(features) ?? features
  }
}

/** NHWC -> NCHW, so that flattening gives torch's order and weights of the layer behind it can be exchanged. */
class ToTorchOrder extends Module {
  forward(x: tf.Tensor): tf.Tensor {
    return tf.transpose(x, [0, 3, 1, 2])
  }
}
