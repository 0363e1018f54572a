import * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../../compute/index.js'
import { type ConfigOf, schema } from '../../config/index.js'
import { activate, type Layer, LayerNorm, Linear, Module } from '../../nn/index.js'
import { AGILERL_ACTIVATIONS, activationLayer, NamedSequential } from './layers.js'

const UNUSED = "Accepted for AgileRL's configs. Has no effect: mutations leave the number of blocks as it is."

export const agileSimbaConfig = schema({
  hidden_size: { doc: 'Width of the residual stream.', format: 'positive_int', default: 128 },
  num_blocks: { doc: 'Residual blocks.', format: 'positive_int', default: 2 },
  output_activation: {
    doc: 'Activation behind the last layer. null: ReLU.',
    format: AGILERL_ACTIVATIONS as readonly string[],
    default: null,
    nullable: true,
  },
  scale_factor: {
    doc: "A block's inner width as a multiple of hidden_size.",
    format: 'positive_int',
    default: 4,
  },
  min_blocks: { doc: UNUSED, format: 'positive_int', default: 1 },
  max_blocks: { doc: UNUSED, format: 'positive_int', default: 4 },
  min_mlp_nodes: { doc: 'Mutations leave hidden_size above this.', format: 'positive_int', default: 16 },
  max_mlp_nodes: { doc: 'Greatest hidden_size that mutations make.', format: 'positive_int', default: 500 },
})

export type AgileSimbaConfig = ConfigOf<typeof agileSimbaConfig>

/** x + W2 relu(W1 norm(x)) (Lee et al. 2024, SimBa). */
class SimbaBlock extends Module {
  readonly layer_norm: LayerNorm
  readonly linear1: Linear
  readonly linear2: Linear

  constructor(size: number, scale: number, random: RandomStream) {
    super()
    const weightInit = { type: 'kaiming_uniform' } as const
    this.layer_norm = new LayerNorm(size)
    this.linear1 = new Linear(size, size * scale, random, { weightInit })
    this.linear2 = new Linear(size * scale, size, random, { weightInit })
  }

  forward(x: tf.Tensor): tf.Tensor {
    const inner = activate('relu', this.linear1.forward(this.layer_norm.forward(x)))
    return tf.add(x, this.linear2.forward(inner))
  }
}

/** AgileRL's EvolvableSimBa encoder: a linear layer, residual blocks, layer normalisation, a linear layer. */
export class AgileSimba extends Module {
  readonly model: NamedSequential

  constructor(
    inSize: number,
    readonly outputSize: number,
    name: string,
    cfg: AgileSimbaConfig,
    random: RandomStream,
  ) {
    super()
    const weightInit = { type: 'orthogonal' } as const
    const size = cfg.hidden_size
    const layers: [string, Layer][] = [
      [`${name}_linear_layer_input`, new Linear(inSize, size, random, { weightInit })],
    ]
    for (let i = 1; i <= cfg.num_blocks; i++) {
      layers.push([`${name}_residual_block_${i}`, new SimbaBlock(size, cfg.scale_factor, random)])
    }
    layers.push(
      [`${name}_layer_norm_output`, new LayerNorm(size)],
      [`${name}_linear_layer_output`, new Linear(size, outputSize, random, { weightInit })],
      [`${name}_activation_output`, activationLayer(cfg.output_activation ?? 'ReLU')],
    )
    this.model = new NamedSequential(layers)
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.model.forward(x)
  }
}
