import * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../compute/index.js'
import { type ConfigOf, schema } from '../config/index.js'
import {
  ACTIVATION_NAMES,
  activate,
  flatten,
  Linear,
  Module,
  NORM_NAMES,
  oneTensor,
  RegressionHead,
  ReparameterizationHead,
  toFloat,
} from '../nn/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import { DQN, type DQNModelConfig } from './dqn.js'
import type { Model, ModelInput, ModelOutput } from './types.js'

const continuousBCConfig = schema({
  obs_shape: { doc: 'Size of the observation vector.', format: 'positive_int', required: true },
  action_shape: { doc: 'Size of the action vector.', format: 'positive_int', required: true },
  action_space: {
    doc: "'regression': the action itself, tanh-bounded. 'reparameterization': a normal distribution before the tanh.",
    format: ['regression', 'reparameterization'],
    default: 'regression',
  },
  actor_head_hidden_size: { doc: 'Width of the hidden layers.', format: 'positive_int', default: 64 },
  actor_head_layer_num: { doc: 'Hidden layers behind the first.', format: 'nonnegative_int', default: 1 },
  activation: { doc: 'Activation of the hidden layers.', format: ACTIVATION_NAMES, default: 'relu' },
  norm_type: {
    doc: "Normalisation in the hidden layers behind the first: 'LN' (layer) or 'BN' (batch).",
    format: NORM_NAMES,
    default: null,
    nullable: true,
  },
})

export type ContinuousBCConfig = ConfigOf<typeof continuousBCConfig>

declare module '../config/index.js' {
  interface ModelConfigMap {
    discrete_bc: DQNModelConfig
    continuous_bc: ContinuousBCConfig
  }
}

/**
 * Actor of continuous behaviour cloning; arguments and defaults are DI-engine's (ding/model/template/bc.py). forward(obs [B, n]) ->
 * {action [B, A]} in (-1, 1), and with `reparameterization` also {logit: {mu, sigma}} of the distribution before the tanh.
 */
export class ContinuousBC extends Module implements Model {
  static readonly config = continuousBCConfig

  readonly input: Linear
  readonly head: RegressionHead | ReparameterizationHead
  private readonly activation: string

  constructor(cfg: ContinuousBCConfig, random: RandomStream) {
    super()
    const { actor_head_hidden_size: hidden, actor_head_layer_num: layer_num, activation, norm_type } = cfg
    this.activation = activation
    this.input = new Linear(cfg.obs_shape, hidden, random)
    const options = { layer_num, activation, norm_type }
    this.head =
      cfg.action_space === 'regression'
        ? new RegressionHead(hidden, cfg.action_shape, random, { ...options, final_tanh: true })
        : new ReparameterizationHead(hidden, cfg.action_shape, random, options)
  }

  forward(inputs: ModelInput): ModelOutput {
    const features = activate(this.activation, this.input.forward(toFloat(flatten(oneTensor(inputs)))))
    if (this.head instanceof RegressionHead) {
      const { pred } = this.head.forward(features)
      return { action: pred.rank === 1 ? tf.expandDims(pred, 1) : pred }
    }
    const logit = this.head.forward(features)
    return { action: tf.tanh(logit.mu), logit }
  }
}

// DI-engine's discrete_bc is its dqn network under another name.
MODEL_REGISTRY.register('discrete_bc', DQN)
MODEL_REGISTRY.register('continuous_bc', ContinuousBC)
