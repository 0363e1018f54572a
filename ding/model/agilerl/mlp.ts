import type * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../../compute/index.js'
import { type ConfigOf, schema } from '../../config/index.js'
import { initWeight, type Layer, LayerNorm, Linear, Module, NoisyLinear } from '../../nn/index.js'
import { AGILERL_ACTIVATIONS, activationLayer, NamedSequential, PlainLayerNorm } from './layers.js'

/** Bounds within which architecture mutations stay (`Mutations`). Nothing else reads them. */
const mutationBounds = {
  min_hidden_layers: {
    doc: 'Fewest hidden layers that mutations leave.',
    format: 'positive_int',
    default: 1,
  },
  max_hidden_layers: {
    doc: 'Most hidden layers that mutations make.',
    format: 'positive_int',
    default: 3,
  },
  min_mlp_nodes: {
    doc: 'Mutations leave a layer wider than this.',
    format: 'positive_int',
    default: 32,
  },
  max_mlp_nodes: {
    doc: 'Widest layer that mutations make.',
    format: 'positive_int',
    default: 500,
  },
} as const

export const agileMlpConfig = schema({
  hidden_size: { doc: 'Sizes of the hidden layers.', format: 'positive_int_list', required: true },
  activation: {
    doc: 'Activation of the hidden layers.',
    format: AGILERL_ACTIVATIONS as readonly string[],
    default: 'ReLU',
  },
  output_activation: {
    doc: "Activation behind the last layer. null: none for a head, the hidden layers' for an encoder.",
    format: AGILERL_ACTIVATIONS as readonly string[],
    default: null,
    nullable: true,
  },
  ...mutationBounds,
  layer_norm: {
    doc: 'Layer normalisation behind each hidden linear layer.',
    format: 'boolean',
    default: true,
  },
  output_layernorm: {
    doc: 'Layer normalisation without weights behind the last linear layer. null: as layer_norm for an encoder, none for a head.',
    format: 'boolean',
    default: null,
    nullable: true,
  },
  output_vanish: {
    doc: 'Scale the last layer by 0.1 at the start. null: yes for a head, no for an encoder.',
    format: 'boolean',
    default: null,
    nullable: true,
  },
  init_layers: {
    doc: "Orthogonal weights with gain sqrt(2) and zero biases; otherwise PyTorch's default.",
    format: 'boolean',
    default: true,
  },
  noisy: { doc: 'Noisy linear layers throughout.', format: 'boolean', default: false },
  noise_std: { doc: "Noisy layers' initial scale of the noise.", format: 'nonnegative_number', default: 0.5 },
  new_gelu: { doc: "Take GELU's tanh approximation for 'GELU'.", format: 'boolean', default: false },
})

export type AgileMlpConfig = ConfigOf<typeof agileMlpConfig>

const ORTHOGONAL = { type: 'orthogonal', gain: Math.SQRT2 } as const

/** A linear layer as AgileRL initialises it, scaled by `scale`. */
function linearLayer(
  inSize: number,
  outSize: number,
  random: RandomStream,
  cfg: AgileMlpConfig,
  scale: number,
): Layer {
  const shrink = (values: Float32Array) => {
    if (scale !== 1) for (let i = 0; i < values.length; i++) values[i]! *= scale
  }
  if (cfg.noisy) {
    const layer = new NoisyLinear(inSize, outSize, random, cfg.noise_std)
    if (cfg.init_layers) {
      layer.weight_mu.set(initWeight([outSize, inSize], random, ORTHOGONAL))
      layer.bias_mu.data.fill(0)
    }
    for (const part of [layer.weight_mu, layer.bias_mu, layer.weight_sigma, layer.bias_sigma])
      shrink(part.data)
    return layer
  }
  const init = cfg.init_layers ? { weightInit: ORTHOGONAL, biasInit: { type: 'zeros' } as const } : {}
  const layer = new Linear(inSize, outSize, random, init)
  shrink(layer.weight.data)
  if (layer.bias !== undefined) shrink(layer.bias.data)
  return layer
}

/**
 * AgileRL's EvolvableMLP: Linear -> LayerNorm -> activation for each hidden size, then the output layer. Parameters are called
 * `model.<name>_linear_layer_1.weight` and so on, as there.
 */
export class AgileMlp extends Module {
  readonly model: NamedSequential

  /** @param role decides what the keys that are null mean */
  constructor(
    inSize: number,
    readonly outputSize: number,
    name: string,
    role: 'encoder' | 'head',
    cfg: AgileMlpConfig,
    random: RandomStream,
  ) {
    super()
    const encodes = role === 'encoder'
    const layers: [string, Layer][] = []
    let size = inSize
    for (const [i, next] of cfg.hidden_size.entries()) {
      layers.push([`${name}_linear_layer_${i + 1}`, linearLayer(size, next, random, cfg, 1)])
      if (cfg.layer_norm) layers.push([`${name}_layer_norm_${i + 1}`, new LayerNorm(next)])
      layers.push([`${name}_activation_${i + 1}`, activationLayer(cfg.activation, cfg.new_gelu)])
      size = next
    }
    const scale = (cfg.output_vanish ?? !encodes) ? 0.1 : 1
    layers.push([`${name}_linear_layer_output`, linearLayer(size, outputSize, random, cfg, scale)])
    if (cfg.output_layernorm ?? (encodes && cfg.layer_norm)) {
      layers.push([`${name}_layer_norm_output`, new PlainLayerNorm()])
    }
    const last = encodes ? (cfg.output_activation ?? cfg.activation) : cfg.output_activation
    layers.push([`${name}_activation_output`, activationLayer(last, cfg.new_gelu)])
    this.model = new NamedSequential(layers)
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.model.forward(x)
  }
}
