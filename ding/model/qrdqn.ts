import type { RandomStream } from '../compute/index.js'
import { type ConfigOf, schema } from '../config/index.js'
import {
  ACTIVATION_NAMES,
  type Encoder,
  Module,
  MultiHead,
  NORM_NAMES,
  QRDQNHead,
  shapeParts,
} from '../nn/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import { splitMask } from './action_mask.js'
import { checkActionShape, headWidth } from './head_width.js'
import { obs_shape } from './shapes.js'
import type { Model, ModelInput, ModelOutput } from './types.js'
import { valueEncoder, valueEncoderKeys } from './value_encoder.js'

const qrdqnModelConfig = schema({
  obs_shape: {
    doc: 'Observation: size of a vector, [channels, height, width] of an image, {one_hot: n} (with start: s where a Discrete is not counted from 0), or a record of such for Dict.',
    format: obs_shape,
    required: true,
  },
  action_shape: {
    doc: 'Number of actions; a list of numbers for several discrete actions at once (MultiDiscrete).',
    format: 'shape',
    required: true,
  },
  ...valueEncoderKeys,
  head_hidden_size: {
    doc: "Width of the head's hidden layers. null: the encoder's output size.",
    format: 'positive_int',
    default: null,
    nullable: true,
  },
  head_layer_num: { doc: 'Hidden layers of the head.', format: 'nonnegative_int', default: 1 },
  num_quantiles: {
    doc: 'Quantiles of the return that are learned for each action.',
    format: 'positive_int',
    default: 32,
  },
  activation: { doc: 'Activation of the hidden layers.', format: ACTIVATION_NAMES, default: 'relu' },
  norm_type: {
    doc: "Normalisation in the hidden layers: 'LN' (layer) or 'BN' (batch).",
    format: NORM_NAMES,
    default: null,
    nullable: true,
  },
  noise: { doc: 'Noisy linear layers in the head.', format: 'boolean', default: false },
  normalize_images: {
    doc: 'Divide image observations by 255, for environments that give raw uint8 pixels.',
    format: 'boolean',
    default: false,
  },
})

export type QRDQNModelConfig = ConfigOf<typeof qrdqnModelConfig>

declare module '../config/index.js' {
  interface ModelConfigMap {
    qrdqn: QRDQNModelConfig
  }
}

/**
 * Network of quantile-regression DQN (Dabney et al. 2018); arguments, defaults and parameter names are DI-engine's
 * (ding/model/template/q_learning.py). forward(obs [B, ...]) -> {logit [B, n] = mean over quantiles, q [B, n, N], tau [B, N, 1]},
 * each a list for several discrete actions. An input record with `action_mask` has it passed on in the output.
 */
export class QRDQN extends Module implements Model {
  static readonly config = qrdqnModelConfig

  readonly encoder: Encoder
  readonly head: QRDQNHead | MultiHead
  private readonly takesRecord: boolean

  constructor(cfg: QRDQNModelConfig, random: RandomStream) {
    super()
    const { action_shape, activation, norm_type, noise, num_quantiles } = cfg
    checkActionShape(action_shape)
    this.takesRecord = shapeParts(cfg.obs_shape) !== undefined
    this.encoder = valueEncoder(cfg, random, { activation, norm_type })
    const hidden = headWidth(this.encoder.outputSize, cfg.head_hidden_size)
    const options = { layer_num: cfg.head_layer_num, activation, norm_type, noise, num_quantiles }
    const build = (n: number) => new QRDQNHead(hidden, n, random, options)
    this.head = typeof action_shape === 'number' ? build(action_shape) : new MultiHead(build, action_shape)
  }

  forward(inputs: ModelInput): ModelOutput {
    const { obs, mask } = splitMask(inputs, this.takesRecord)
    const output: ModelOutput = this.head.forward(this.encoder.forward(obs))
    return mask === undefined ? output : { ...output, action_mask: mask }
  }
}

MODEL_REGISTRY.register('qrdqn', QRDQN)
