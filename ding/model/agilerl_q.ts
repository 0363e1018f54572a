import type { RandomStream } from '../compute/index.js'
import { type ConfigOf, schema } from '../config/index.js'
import { type Encoder, Module, type ObsShape, shapeParts } from '../nn/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import { UsageError } from '../utils/index.js'
import { splitMask } from './action_mask.js'
import {
  type AgileArchitecture,
  AgileMlp,
  type AgileMlpConfig,
  type AgileNetConfig,
  buildAgileEncoder,
  encoderKind,
  fillEncoderConfig,
  fillHeadConfig,
} from './agilerl/index.js'
import { fillArguments } from './arguments.js'
import { obs_shape } from './shapes.js'
import type { Model, ModelInput, ModelOutput } from './types.js'

const agileQConfig = schema({
  obs_shape: {
    doc: 'Observation: size of a vector, [channels, height, width] of an image, {one_hot: n} (with start: s where a Discrete is not counted from 0), or a record of such for Dict and Tuple.',
    format: obs_shape,
    required: true,
  },
  action_shape: { doc: 'Number of actions.', format: 'positive_int', required: true },
  normalize_images: {
    doc: 'Bring image observations from image_range to [0, 1].',
    format: 'boolean',
    default: true,
  },
  image_range: {
    doc: 'Lowest and highest value of a pixel, for normalize_images.',
    format: 'number_list',
    default: [0, 255],
  },
  net_config: {
    latent_dim: { doc: "Width of the encoder's output.", format: 'positive_int', default: 64 },
    min_latent_dim: {
      doc: 'Smallest latent_dim that is accepted; mutations leave it above this.',
      format: 'positive_int',
      default: 8,
    },
    max_latent_dim: {
      doc: 'Largest latent_dim that is accepted; mutations leave it below this.',
      format: 'positive_int',
      default: 128,
    },
    simba: {
      doc: 'Encode vectors by SimBa residual blocks instead of an MLP.',
      format: 'boolean',
      default: false,
    },
    recurrent: { doc: "AgileRL's LSTM encoder; only false is supported.", format: [false], default: false },
    encoder_config: {
      doc: "The encoder, by AgileRL's keys for its kind (MLP: hidden_size, ...; CNN: channel_size, kernel_size, stride_size, ...). null: AgileRL's default.",
      format: 'any_record',
      default: null,
      nullable: true,
    },
    head_config: {
      doc: 'The head, an MLP (hidden_size, layer_norm, ...). null: one hidden layer of 64.',
      format: 'any_record',
      default: null,
      nullable: true,
    },
  },
})

export type AgileQConfig = ConfigOf<typeof agileQConfig>

declare module '../config/index.js' {
  interface ModelConfigMap {
    agilerl_q: AgileQConfig
  }
}

export type { AgileArchitecture, AgileNetConfig, EncoderKind } from './agilerl/index.js'

/** What `net_config` makes for observations of a shape, everything filled in that it leaves out. @throws ConfigError */
export function agileArchitecture(
  shape: ObsShape,
  net_config: Readonly<Record<string, unknown>> | null,
): AgileArchitecture {
  const given = { obs_shape: shape, action_shape: 1, net_config: { ...net_config } }
  const { net_config: filled } = fillArguments(agileQConfig, given, 'policy.model') as AgileQConfig
  const { latent_dim, min_latent_dim, max_latent_dim, simba, encoder_config, head_config } = filled
  const kind = encoderKind(shape, simba)
  const net: AgileNetConfig = {
    latent_dim,
    min_latent_dim,
    max_latent_dim,
    simba,
    encoder_config: fillEncoderConfig(kind, shape, encoder_config),
    head_config: fillHeadConfig(head_config),
  }
  return { kind, shape, net }
}

/**
 * AgileRL's QNetwork (agilerl/networks/q_networks.py): an encoder chosen by the observation, and an MLP head, from `net_config`.
 * Parameter names are AgileRL's, so its weights load as they are. forward(obs [B, ...]) -> {logit [B, n]}; an input record with
 * `action_mask` has it passed on in the output.
 */
export class AgileQ extends Module implements Model {
  static readonly config = agileQConfig

  readonly encoder: Encoder
  readonly head_net: AgileMlp
  private readonly takesRecord: boolean

  constructor(cfg: AgileQConfig, random: RandomStream) {
    super()
    const { net_config, normalize_images, image_range } = cfg
    const { latent_dim, min_latent_dim, max_latent_dim, simba, encoder_config, head_config } = net_config
    if (latent_dim < min_latent_dim || latent_dim > max_latent_dim) {
      throw new UsageError(
        `net_config.latent_dim is ${latent_dim}, expected a number from min_latent_dim ${min_latent_dim} to max_latent_dim ` +
          `${max_latent_dim}. Change latent_dim or these bounds.`,
      )
    }
    const [low, high] = image_range
    if (low === undefined || high === undefined || image_range.length !== 2 || !(low < high)) {
      throw new UsageError(`image_range is [${image_range}], expected [lowest, highest] value of a pixel.`)
    }
    const shape: ObsShape = cfg.obs_shape
    this.takesRecord = shapeParts(shape) !== undefined
    const scale = normalize_images ? { low, high } : null
    this.encoder = buildAgileEncoder(shape, { latent_dim, simba, encoder_config, scale }, random)
    const headConfig = fillHeadConfig(head_config) as AgileMlpConfig
    this.head_net = new AgileMlp(latent_dim, cfg.action_shape, 'value', 'head', headConfig, random)
  }

  forward(inputs: ModelInput): ModelOutput {
    const { obs, mask } = splitMask(inputs, this.takesRecord)
    const output: ModelOutput = { logit: this.head_net.forward(this.encoder.forward(obs)) }
    return mask === undefined ? output : { ...output, action_mask: mask }
  }
}

MODEL_REGISTRY.register('agilerl_q', AgileQ)
