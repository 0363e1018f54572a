import * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../../compute/index.js'
import { type ConfigOf, schema } from '../../config/index.js'
import {
  type Encoder,
  IdentityEncoder,
  type Layer,
  Linear,
  Module,
  type ObsShape,
  type ObsTensor,
  OneHotEncoder,
  oneHotOf,
  oneTensor,
  shapeParts,
} from '../../nn/index.js'
import { UsageError } from '../../utils/index.js'
import { fillArguments } from '../arguments.js'
import { AgileCnn, type AgileCnnConfig, agileCnnConfig, type ImageScale } from './cnn.js'
import { AGILERL_ACTIVATIONS, activationLayer, PlainLayerNorm } from './layers.js'
import { AgileMlp, type AgileMlpConfig, agileMlpConfig } from './mlp.js'

export const agileMultiInputConfig = schema({
  latent_dim: {
    doc: 'Features of each image, nested record and vector MLP.',
    format: 'positive_int',
    default: 32,
  },
  min_latent_dim: { doc: 'Mutations leave latent_dim above this.', format: 'positive_int', default: 8 },
  max_latent_dim: { doc: 'Mutations leave latent_dim below this.', format: 'positive_int', default: 128 },
  vector_space_mlp: {
    doc: 'Pass the vectors, joined, through an MLP of their own first.',
    format: 'boolean',
    default: false,
  },
  cnn_config: {
    doc: 'Networks of the image entries, or a record of such by key. null: channels [16, 16], kernels 3, strides 1.',
    format: 'any_record',
    default: null,
    nullable: true,
  },
  mlp_config: {
    doc: 'Network of the joined vectors. null: hidden sizes [64, 64] without layer normalisation.',
    format: 'any_record',
    default: null,
    nullable: true,
  },
  init_dicts: {
    doc: "Configs of single networks, by an image's or record's key or vector_mlp, instead of the above.",
    format: 'any_record',
    default: {},
  },
  output_activation: {
    doc: 'Activation behind the last layer. null: ReLU for an encoder.',
    format: AGILERL_ACTIVATIONS as readonly string[],
    default: null,
    nullable: true,
  },
  output_layernorm: {
    doc: 'Layer normalisation without weights behind the last layer; always with an MLP of layer-normalised vectors.',
    format: 'boolean',
    default: false,
  },
})

export type AgileMultiInputConfig = ConfigOf<typeof agileMultiInputConfig>

const DEFAULT_CNN = {
  channel_size: [16, 16],
  kernel_size: [3, 3],
  stride_size: [1, 1],
  output_activation: 'ReLU',
}
const DEFAULT_MLP = { hidden_size: [64, 64], layer_norm: false, min_mlp_nodes: 16 }
/** Name of the network of the joined vectors. */
const VECTOR_MLP = 'vector_mlp'

type Keys = Readonly<Record<string, unknown>>

/** Whether a shape is [channels, height, width]. */
export function isImageShape(shape: ObsShape): shape is readonly [number, number, number] {
  return Array.isArray(shape) && shape.length === 3 && shape.every((d) => typeof d === 'number')
}

/** Encodes a vector (flattened, as float32) or a discrete observation (one-hot); no parameters. */
export function flatEncoder(shape: ObsShape): Encoder {
  if (typeof shape === 'number') return new IdentityEncoder(shape)
  if (Array.isArray(shape)) {
    return new IdentityEncoder((shape as readonly number[]).reduce((product, d) => product * d, 1))
  }
  const discrete = oneHotOf(shape)
  if (discrete === undefined)
    throw new UsageError(`obs_shape ${JSON.stringify(shape)} is a record, where one entry is expected.`)
  return new OneHotEncoder(discrete.sizes, discrete.start)
}

/**
 * A config with everything that it leaves out; `init_dicts` has the whole config of every network, so that each can change by itself.
 * @throws ConfigError for keys that a network does not have
 */
export function fillMultiInput(
  shapes: Readonly<Record<string, ObsShape>>,
  given: Keys,
  where: string,
): AgileMultiInputConfig {
  const cfg = fillArguments(agileMultiInputConfig, given, where) as AgileMultiInputConfig
  const own = cfg.init_dicts as Readonly<Record<string, Keys | undefined>>
  const at = (key: string, shared: string) => (own[key] === undefined ? shared : `${where}.init_dicts.${key}`)
  const init_dicts: Record<string, unknown> = {}
  for (const [key, shape] of Object.entries(shapes)) {
    const parts = shapeParts(shape)
    if (parts !== undefined) init_dicts[key] = fillMultiInput(parts, own[key] ?? cfg, at(key, where))
    else if (isImageShape(shape)) {
      const cnn = own[key] ?? byKey(cfg.cnn_config, key) ?? DEFAULT_CNN
      init_dicts[key] = fillArguments(agileCnnConfig, cnn, at(key, `${where}.cnn_config`))
    }
  }
  if (cfg.vector_space_mlp) {
    const mlp = own[VECTOR_MLP] ?? cfg.mlp_config ?? DEFAULT_MLP
    init_dicts[VECTOR_MLP] = fillArguments(agileMlpConfig, mlp, at(VECTOR_MLP, `${where}.mlp_config`))
  }
  return { ...cfg, init_dicts }
}

/**
 * AgileRL's EvolvableMultiInput for Dict and Tuple observations: a CNN for each image, nested records by themselves, all the rest
 * flattened (one-hot where discrete); joined, images first, and passed through one linear layer. An entry of two axes is
 * flattened as a vector (AgileRL miscounts its size).
 */
export class AgileMultiInput extends Module implements Encoder {
  readonly feature_net: Record<string, AgileCnn | AgileMultiInput | AgileMlp> = {}
  readonly final_dense: Linear
  private readonly vectors: readonly (readonly [string, Encoder])[]
  private readonly output: readonly Layer[]

  /** @param cfg with everything said: {@link fillMultiInput} */
  constructor(
    shapes: Readonly<Record<string, ObsShape>>,
    readonly outputSize: number,
    cfg: AgileMultiInputConfig,
    random: RandomStream,
    scale: ImageScale | null,
    where: string,
  ) {
    super()
    const { latent_dim, init_dicts } = cfg
    const vectors: [string, Encoder][] = []
    for (const [key, shape] of Object.entries(shapes)) {
      const parts = shapeParts(shape)
      if (parts !== undefined) {
        const inner = init_dicts[key] as AgileMultiInputConfig
        this.feature_net[key] = new AgileMultiInput(parts, latent_dim, inner, random, scale, where)
      } else if (isImageShape(shape)) {
        const cnn = init_dicts[key] as AgileCnnConfig
        this.feature_net[key] = new AgileCnn(shape, latent_dim, key, cnn, random, scale)
      } else vectors.push([key, flatEncoder(shape)])
    }
    this.vectors = vectors
    const vectorSize = vectors.reduce((sum, [, encoder]) => sum + encoder.outputSize, 0)
    let normalised = cfg.output_layernorm
    if (cfg.vector_space_mlp) {
      if (vectors.length === 0) {
        throw new UsageError(
          `${where}.vector_space_mlp is true but the observation has no vector entry. Set it to false.`,
        )
      }
      const mlp = init_dicts[VECTOR_MLP] as AgileMlpConfig
      this.feature_net[VECTOR_MLP] = new AgileMlp(vectorSize, latent_dim, VECTOR_MLP, 'encoder', mlp, random)
      normalised ||= mlp.layer_norm
    }
    const direct = cfg.vector_space_mlp ? 0 : vectorSize
    const size = Object.keys(this.feature_net).length * latent_dim + direct
    this.final_dense = new Linear(size, outputSize, random)
    const activation = activationLayer(cfg.output_activation)
    this.output = normalised ? [new PlainLayerNorm(), activation] : [activation]
  }

  forward(obs: ObsTensor): tf.Tensor {
    if (obs instanceof tf.Tensor) {
      throw new UsageError(
        `The model takes a record of observations but got one tensor of shape [${obs.shape}].`,
      )
    }
    const { [VECTOR_MLP]: vector_mlp, ...nets } = this.feature_net
    const features = Object.entries(nets).map(([key, net]) =>
      net instanceof AgileMultiInput
        ? net.forward(entryOf(obs, key))
        : net.forward(oneTensor(entryOf(obs, key))),
    )
    const vectors = this.vectors.map(([key, encoder]) => encoder.forward(entryOf(obs, key)))
    if (vector_mlp instanceof AgileMlp) features.push(vector_mlp.forward(joined(vectors)))
    else features.push(...vectors)
    const latent = this.final_dense.forward(joined(features))
    return this.output.reduce((x, layer) => layer.forward(x), latent)
  }
}

function joined(parts: readonly tf.Tensor[]): tf.Tensor {
  return parts.length === 1 ? parts[0]! : tf.concat([...parts], 1)
}

function entryOf(obs: { readonly [key: string]: ObsTensor }, key: string): ObsTensor {
  const part = obs[key]
  if (part === undefined) {
    throw new UsageError(
      `The observation has no "${key}", which obs_shape names; it has ${Object.keys(obs).join(', ')}.`,
    )
  }
  return part
}

function byKey(config: Keys | null, key: string): Keys | undefined {
  return (config?.[key] as Keys | undefined) ?? config ?? undefined
}
