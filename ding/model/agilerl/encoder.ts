import type * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../../compute/index.js'
import { type Encoder, Module, type ObsShape, type ObsTensor, oneTensor, shapeParts } from '../../nn/index.js'
import { fillArguments } from '../arguments.js'
import { AgileCnn, type AgileCnnConfig, agileCnnConfig, type ImageScale } from './cnn.js'
import { AgileMlp, type AgileMlpConfig, agileMlpConfig } from './mlp.js'
import {
  AgileMultiInput,
  type AgileMultiInputConfig,
  agileMultiInputConfig,
  flatEncoder,
  isImageShape,
} from './multi_input.js'
import { AgileSimba, type AgileSimbaConfig, agileSimbaConfig } from './simba.js'

/** A vector or discrete observation through a network of AgileRL's; the network's `model` is the only child. */
class FlatInput extends Module implements Encoder {
  readonly outputSize: number

  constructor(
    private readonly input: Encoder,
    private readonly net: AgileMlp | AgileSimba,
  ) {
    super()
    this.outputSize = net.outputSize
  }

  override *children(): Generator<[string, Module]> {
    yield ['model', this.net.model]
  }

  forward(obs: ObsTensor): tf.Tensor {
    return this.net.forward(this.input.forward(obs))
  }
}

/** An image observation through a CNN. */
class ImageInput extends Module implements Encoder {
  readonly outputSize: number

  constructor(private readonly net: AgileCnn) {
    super()
    this.outputSize = net.outputSize
  }

  override *children(): Generator<[string, Module]> {
    yield ['model', this.net.model]
  }

  forward(obs: ObsTensor): tf.Tensor {
    return this.net.forward(oneTensor(obs))
  }
}

export interface AgileEncoderOptions {
  readonly latent_dim: number
  readonly simba: boolean
  /** null: AgileRL's default for the kind of observation. */
  readonly encoder_config: Readonly<Record<string, unknown>> | null
  readonly scale: ImageScale | null
}

const WHERE = 'policy.model.net_config.encoder_config'

/** AgileRL's encoder for an observation shape: MLP or SimBa for vectors and discrete ones, CNN for images, else several inputs. */
export function buildAgileEncoder(
  shape: ObsShape,
  options: AgileEncoderOptions,
  random: RandomStream,
): Encoder {
  const { latent_dim, simba, encoder_config: given, scale } = options
  const parts = shapeParts(shape)
  if (parts !== undefined) {
    // Without a config AgileRL takes other values than its constructor's defaults.
    const config = given ?? {
      latent_dim: 16,
      cnn_config: {
        channel_size: [32, 32],
        kernel_size: [3, 3],
        stride_size: [1, 1],
        output_activation: 'ReLU',
      },
    }
    const cfg = fillArguments(agileMultiInputConfig, { output_activation: 'ReLU', ...config }, WHERE)
    return new AgileMultiInput(parts, latent_dim, cfg as AgileMultiInputConfig, random, scale, WHERE)
  }
  if (isImageShape(shape)) {
    const config = given ?? { channel_size: [32, 32], kernel_size: [3, 3], stride_size: [1, 1] }
    const cfg = fillArguments(agileCnnConfig, config, WHERE) as AgileCnnConfig
    const output_activation = cfg.output_activation ?? cfg.activation
    return new ImageInput(
      new AgileCnn(shape, latent_dim, 'encoder', { ...cfg, output_activation }, random, scale),
    )
  }
  const input = flatEncoder(shape)
  if (simba) {
    const cfg = fillArguments(agileSimbaConfig, given ?? {}, WHERE) as AgileSimbaConfig
    return new FlatInput(input, new AgileSimba(input.outputSize, latent_dim, 'encoder', cfg, random))
  }
  const cfg = fillArguments(agileMlpConfig, given ?? { hidden_size: [64, 64] }, WHERE) as AgileMlpConfig
  return new FlatInput(input, new AgileMlp(input.outputSize, latent_dim, 'encoder', 'encoder', cfg, random))
}
