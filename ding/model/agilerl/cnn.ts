import * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../../compute/index.js'
import { type ConfigOf, schema } from '../../config/index.js'
import { Conv2d, Flatten, type Layer, Linear, Module, toFloat } from '../../nn/index.js'
import { UsageError } from '../../utils/index.js'
import { AGILERL_ACTIVATIONS, activationLayer, BatchNorm2d, NamedSequential } from './layers.js'

const UNUSED =
  "Accepted for AgileRL's configs. Has no effect: mutations leave the number of convolutions as it is."

export const agileCnnConfig = schema({
  channel_size: { doc: 'Channels of the convolutions.', format: 'positive_int_list', required: true },
  kernel_size: { doc: 'Their (square) kernel sizes.', format: 'positive_int_list', required: true },
  stride_size: { doc: 'Their strides.', format: 'positive_int_list', required: true },
  block_type: { doc: 'Kind of convolution.', format: ['Conv2d'], default: 'Conv2d' },
  activation: {
    doc: 'Activation behind each convolution.',
    format: AGILERL_ACTIVATIONS as readonly string[],
    default: 'ReLU',
  },
  output_activation: {
    doc: "Activation behind the last linear layer. null: the convolutions' for an encoder, none for a part of a Dict.",
    format: AGILERL_ACTIVATIONS as readonly string[],
    default: null,
    nullable: true,
  },
  layer_norm: { doc: 'Batch normalisation behind each convolution.', format: 'boolean', default: false },
  init_layers: {
    doc: "Orthogonal kernels with gain sqrt(2) and zero biases; otherwise PyTorch's default.",
    format: 'boolean',
    default: true,
  },
  min_hidden_layers: { doc: UNUSED, format: 'positive_int', default: 1 },
  max_hidden_layers: { doc: UNUSED, format: 'positive_int', default: 6 },
  min_channel_size: { doc: 'Fewest channels that mutations leave.', format: 'positive_int', default: 16 },
  max_channel_size: { doc: 'Most channels that mutations make.', format: 'positive_int', default: 256 },
})

export type AgileCnnConfig = ConfigOf<typeof agileCnnConfig>

/** How images are brought to [0, 1]: (x - low) / (high - low). */
export interface ImageScale {
  readonly low: number
  readonly high: number
}

/** NHWC -> NCHW, so that flattening gives torch's order. */
class ToTorchOrder extends Module {
  forward(x: tf.Tensor): tf.Tensor {
    return tf.transpose(x, [0, 3, 1, 2])
  }
}

/**
 * AgileRL's EvolvableCNN: convolutions without padding, flatten, a linear layer to `outputSize`. Images are [B, C, H, W].
 * The linear layer keeps PyTorch's initialisation, as there.
 */
export class AgileCnn extends Module {
  readonly model: NamedSequential

  constructor(
    readonly shape: readonly number[],
    readonly outputSize: number,
    name: string,
    cfg: AgileCnnConfig,
    random: RandomStream,
    private readonly scale: ImageScale | null,
  ) {
    super()
    const { channel_size, kernel_size, stride_size } = cfg
    const count = channel_size.length
    if (count === 0 || kernel_size.length !== count || stride_size.length !== count) {
      throw new UsageError(
        `channel_size [${channel_size}], kernel_size [${kernel_size}] and stride_size [${stride_size}] need one entry per convolution, ` +
          'as many as the others and at least one.',
      )
    }
    const init = cfg.init_layers
      ? ({ weightInit: { type: 'orthogonal', gain: Math.SQRT2 }, biasInit: { type: 'zeros' } } as const)
      : {}
    const layers: [string, Layer][] = []
    let [channels, height, width] = shape as [number, number, number]
    for (let i = 0; i < count; i++) {
      const stride = stride_size[i]!
      const conv = new Conv2d(channels, channel_size[i]!, kernel_size[i]!, random, { stride, ...init })
      layers.push([`${name}_conv_layer_${i + 1}`, conv])
      channels = channel_size[i]!
      height = conv.outputLength(height)
      width = conv.outputLength(width)
      if (height < 1 || width < 1) {
        throw new UsageError(
          `An image of shape [${shape}] (channels, height, width) is too small for kernel_size [${kernel_size}] with stride_size ` +
            `[${stride_size}]: nothing is left after convolution ${i + 1}.`,
        )
      }
      if (cfg.layer_norm) layers.push([`${name}_layer_norm_${i + 1}`, new BatchNorm2d(channels)])
      layers.push([`${name}_activation_${i + 1}`, activationLayer(cfg.activation)])
    }
    layers.push(
      [`${name}_to_torch_order`, new ToTorchOrder()],
      [`${name}_flatten`, new Flatten()],
      [`${name}_linear_output`, new Linear(channels * height * width, outputSize, random)],
      [`${name}_output_activation`, activationLayer(cfg.output_activation)],
    )
    this.model = new NamedSequential(layers)
  }

  forward(obs: tf.Tensor): tf.Tensor {
    if (obs.shape.slice(1).join() !== this.shape.join()) {
      throw new UsageError(
        `The model takes images of shape [${this.shape}] (channels, height, width) but got observations of shape [${obs.shape.slice(1)}].`,
      )
    }
    let image = toFloat(obs)
    if (this.scale !== null) {
      const { low, high } = this.scale
      if (low !== 0) image = tf.sub(image, low)
      if (high - low !== 1) image = tf.mul(image, 1 / (high - low))
    }
    return this.model.forward(tf.transpose(image, [0, 2, 3, 1]))
  }
}
