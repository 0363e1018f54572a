import type { RandomStream } from '../compute/index.js'
import type { SchemaDefinition } from '../config/index.js'
import {
  buildEncoder,
  buildFeatures,
  type Encoder,
  type EncoderOptions,
  type ObsShape,
  withLayers,
} from '../nn/index.js'
import { type ImageEncoderConfig, imageEncoderKeys, imageEncoderOptions } from './image_encoder.js'

/** Keys of models of action values that say how observations are encoded, for their schemas; {@link valueEncoder} reads them. */
export const valueEncoderKeys = {
  encoder_hidden_size_list: {
    doc: 'Sizes of the encoder, the last being its output. For images: channels of the convolutions, then the output. []: none.',
    format: 'positive_int_list',
    default: [128, 128, 64],
  },
  net_arch: {
    doc:
      "For images, SB3's form: sizes of the layers behind the features, which encoder_hidden_size_list is then of alone (of each image; vectors beside it are " +
      "joined to them as they are). null: DI-engine's form, in which that list is everything.",
    format: 'positive_int_list',
    default: null,
    nullable: true,
  },
  ...imageEncoderKeys,
} as const satisfies SchemaDefinition

export interface ValueEncoderConfig extends ImageEncoderConfig {
  readonly obs_shape: ObsShape
  readonly encoder_hidden_size_list: readonly number[]
  readonly net_arch: readonly number[] | null
  readonly normalize_images: boolean
}

/** The encoder that the keys describe. */
export function valueEncoder(
  cfg: ValueEncoderConfig,
  random: RandomStream,
  options: EncoderOptions,
): Encoder {
  const { obs_shape, encoder_hidden_size_list: sizes, net_arch, normalize_images } = cfg
  const all = { ...options, normalize_images, ...imageEncoderOptions(cfg) }
  if (net_arch === null) return buildEncoder(obs_shape, sizes, random, all)
  return withLayers(buildFeatures(obs_shape, sizes, random, all), net_arch, random, all)
}
