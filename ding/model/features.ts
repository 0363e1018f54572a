import * as tf from '@tensorflow/tfjs-core'
import { type Parameter, type RandomStream, stopGradient } from '../compute/index.js'
import type { SchemaDefinition } from '../config/index.js'
import { buildFeatures, type Encoder, Module, type ObsShape, shapeParts } from '../nn/index.js'
import { UsageError } from '../utils/index.js'
import { flatObs, flatWidth } from './actor_critic.js'
import { type ImageEncoderConfig, imageEncoderKeys, imageEncoderOptions } from './image_encoder.js'
import type { ModelInput } from './types.js'

/** Keys of actor-critic models that say how observations become features, for their schemas. */
export const featureKeys = {
  encoder_hidden_size_list: {
    doc:
      'For images: channels of the convolutions, then the size of the features; vectors beside an image (Dict) are joined to them. ' +
      "SB3's NatureCNN: [32, 64, 64, 512] with encoder_activate_output. null: no encoder, everything is flattened.",
    format: 'positive_int_list',
    default: null,
    nullable: true,
  },
  ...imageEncoderKeys,
  share_encoder: {
    doc:
      "Actor and critics see images through one encoder, which the actor's loss trains (SB3's share_features_extractor); " +
      'false: one for the actor, one for the critics.',
    format: 'boolean',
    default: false,
  },
  normalize_images: {
    doc: 'Divide image observations by 255, for environments that give raw uint8 pixels (without an encoder: all observations).',
    format: 'boolean',
    default: false,
  },
} as const satisfies SchemaDefinition

export interface FeatureConfig extends ImageEncoderConfig {
  readonly encoder_hidden_size_list: readonly number[] | null
  readonly share_encoder: boolean
  readonly normalize_images: boolean
}

/** Observations as one vector of features a row: flattened, or with images through convolutions. Its names are those of the encoder. */
export class Features extends Module {
  readonly outputSize: number
  private readonly encoder: Encoder | undefined
  private readonly scale: number | Float32Array
  private readonly activation: string

  /** @throws UsageError for an encoder where there is no image */
  constructor(
    private readonly shape: ObsShape,
    cfg: FeatureConfig & { readonly activation: string },
    random: RandomStream,
  ) {
    super()
    const { encoder_hidden_size_list: sizes, normalize_images } = cfg
    this.activation = cfg.activation
    this.scale = normalize_images ? imageScale(shape) : 1
    if (sizes === null) {
      if (cfg.share_encoder) {
        throw new UsageError(
          'share_encoder is true, but there is no encoder to share. Give encoder_hidden_size_list, or set it to false.',
        )
      }
      this.outputSize = flatWidth(shape)
      return
    }
    if (!hasImage(shape)) {
      throw new UsageError(
        `encoder_hidden_size_list is [${sizes}], but obs_shape ${JSON.stringify(shape)} has no image [channels, height, width]. ` +
          'Leave it out: the hidden layers take vectors as they are.',
      )
    }
    const options = { activation: this.activation, normalize_images, ...imageEncoderOptions(cfg) }
    this.encoder = buildFeatures(shape, sizes, random, options)
    this.outputSize = this.encoder.outputSize
  }

  override *children(): Generator<[string, Module | Parameter]> {
    if (this.encoder !== undefined) yield* this.encoder.children()
  }

  /** obs [B, ...] -> [B, outputSize]; `frozen`: without gradient for the encoder. */
  forward(obs: ModelInput, frozen = false): tf.Tensor {
    if (this.encoder === undefined) {
      const x = flatObs(obs, this.shape)
      if (this.scale === 1) return x
      return tf.mul(x, typeof this.scale === 'number' ? this.scale : tf.tensor1d(this.scale))
    }
    const features = this.encoder.forward(obs)
    return frozen ? stopGradient(features) : features
  }
}

/** The parameters of a critic that its optimizer moves: all but those of an encoder that it shares with the actor. */
export function withoutEncoder(all: Parameter[], encoder: Features, shared: boolean): Parameter[] {
  if (!shared) return all
  const others = new Set(encoder.parameters())
  return all.filter((parameter) => !others.has(parameter))
}

/** What flattened observations are multiplied by, so that images are in [0, 1]: one number, or of several entries one for each feature. */
function imageScale(shape: ObsShape): number | Float32Array {
  const parts = shapeParts(shape)
  if (parts === undefined) return 1 / 255
  const scales = Object.values(parts).map((part) => {
    const scale = hasImage(part) ? imageScale(part) : 1
    return typeof scale === 'number' ? new Float32Array(flatWidth(part)).fill(scale) : scale
  })
  return Float32Array.from(scales.flatMap((part) => [...part]))
}

function hasImage(shape: ObsShape): boolean {
  const parts = shapeParts(shape)
  if (parts !== undefined) return Object.values(parts).some(hasImage)
  return Array.isArray(shape) && shape.length === 3
}
