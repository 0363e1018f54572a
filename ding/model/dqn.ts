import type { RandomStream } from '../compute/index.js'
import { type ConfigOf, schema } from '../config/index.js'
import {
  ACTIVATION_NAMES,
  DiscreteHead,
  DuelingHead,
  type Encoder,
  type Head,
  Linear,
  Module,
  MultiHead,
  NORM_NAMES,
  NoisyLinear,
  shapeParts,
} from '../nn/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import { splitMask } from './action_mask.js'
import { checkActionShape, headWidth } from './head_width.js'
import { obs_shape } from './shapes.js'
import type { Model, ModelInput, ModelOutput } from './types.js'
import { valueEncoder, valueEncoderKeys } from './value_encoder.js'

const dqnModelConfig = schema({
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
  dueling: { doc: 'Separate value and advantage streams.', format: 'boolean', default: true },
  head_hidden_size: {
    doc: "Width of the head's hidden layers. null: the encoder's output size.",
    format: 'positive_int',
    default: null,
    nullable: true,
  },
  head_layer_num: { doc: 'Hidden layers of the head.', format: 'nonnegative_int', default: 1 },
  activation: { doc: 'Activation of the hidden layers.', format: ACTIVATION_NAMES, default: 'relu' },
  norm_type: {
    doc: "Normalisation in the hidden layers: 'LN' (layer) or 'BN' (batch).",
    format: NORM_NAMES,
    default: null,
    nullable: true,
  },
  dropout: {
    doc: 'Dropout rate behind the hidden layers.',
    format: 'unit_interval',
    default: null,
    nullable: true,
  },
  init_bias: {
    doc: "Initial value of the advantage stream's output biases (dueling only).",
    format: 'number',
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

export type DQNModelConfig = ConfigOf<typeof dqnModelConfig>

declare module '../config/index.js' {
  interface ModelConfigMap {
    dqn: DQNModelConfig
  }
}

/**
 * Encoder and (dueling) head of a deep Q-network; arguments, defaults and parameter names are DI-engine's (ding/model/template/q_learning.py).
 * forward(obs [B, ...]) -> {logit [B, n]}, or {logit: [[B, n1], ...]} for several discrete actions. An input record with `action_mask`
 * has it passed on in the output.
 */
export class DQN extends Module implements Model {
  static readonly config = dqnModelConfig

  readonly encoder: Encoder
  readonly head: Head | MultiHead
  private readonly takesRecord: boolean

  constructor(cfg: DQNModelConfig, random: RandomStream) {
    super()
    const { activation, norm_type, dropout, noise, head_layer_num } = cfg
    this.takesRecord = shapeParts(cfg.obs_shape) !== undefined
    this.encoder = valueEncoder(cfg, random, { activation, norm_type, dropout })
    checkActionShape(cfg.action_shape)
    const hidden = headWidth(this.encoder.outputSize, cfg.head_hidden_size)
    const build = (n: number): Head => {
      const options = { layer_num: head_layer_num, activation, norm_type, dropout, noise }
      if (!cfg.dueling) return new DiscreteHead(hidden, n, random, options)
      const head = new DuelingHead(hidden, n, random, options)
      if (cfg.init_bias !== null) fillLastBias(head, cfg.init_bias)
      return head
    }
    const { action_shape } = cfg
    this.head = typeof action_shape === 'number' ? build(action_shape) : new MultiHead(build, action_shape)
  }

  forward(inputs: ModelInput): ModelOutput {
    const { obs, mask } = splitMask(inputs, this.takesRecord)
    const output: ModelOutput = this.head.forward(this.encoder.forward(obs))
    return mask === undefined ? output : { ...output, action_mask: mask }
  }
}

function fillLastBias(head: DuelingHead, value: number): void {
  const block = head.A.layers.at(-1)
  for (const layer of block?.modules() ?? []) {
    if (layer instanceof Linear) layer.bias?.data.fill(value)
    if (layer instanceof NoisyLinear) layer.bias_mu.data.fill(value)
  }
}

MODEL_REGISTRY.register('dqn', DQN)
