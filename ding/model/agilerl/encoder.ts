import type * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../../compute/index.js'
import { type Encoder, Module, type ObsShape, type ObsTensor, oneTensor, shapeParts } from '../../nn/index.js'
import { AgileCnn, type AgileCnnConfig, type ImageScale } from './cnn.js'
import { AgileMlp, type AgileMlpConfig } from './mlp.js'
import { AgileMultiInput, type AgileMultiInputConfig, flatEncoder } from './multi_input.js'
import { encoderKind, fillEncoderConfig } from './net_config.js'
import { AgileSimba, type AgileSimbaConfig } from './simba.js'

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

/** AgileRL's encoder for an observation shape: MLP or SimBa for vectors and discrete ones, CNN for images, else several inputs. */
export function buildAgileEncoder(
  shape: ObsShape,
  options: AgileEncoderOptions,
  random: RandomStream,
): Encoder {
  const { latent_dim, simba, encoder_config, scale } = options
  const kind = encoderKind(shape, simba)
  const filled = fillEncoderConfig(kind, shape, encoder_config)
  if (kind === 'multi_input') {
    const cfg = filled as AgileMultiInputConfig
    const parts = shapeParts(shape) ?? {}
    const where = 'policy.model.net_config.encoder_config'
    return new AgileMultiInput(parts, latent_dim, cfg, random, scale, where)
  }
  if (kind === 'cnn') {
    const cfg = filled as AgileCnnConfig
    const output_activation = cfg.output_activation ?? cfg.activation
    const image = shape as readonly number[]
    return new ImageInput(
      new AgileCnn(image, latent_dim, 'encoder', { ...cfg, output_activation }, random, scale),
    )
  }
  const input = flatEncoder(shape)
  const net =
    kind === 'simba'
      ? new AgileSimba(input.outputSize, latent_dim, 'encoder', filled as AgileSimbaConfig, random)
      : new AgileMlp(input.outputSize, latent_dim, 'encoder', 'encoder', filled as AgileMlpConfig, random)
  return new FlatInput(input, net)
}
