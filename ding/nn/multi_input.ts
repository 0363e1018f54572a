import * as tf from '@tensorflow/tfjs-core'
import type { RandomStream } from '../compute/index.js'
import { UsageError } from '../utils/index.js'
import {
  ConvEncoder,
  type ConvEncoderOptions,
  type Encoder,
  type EncoderOptions,
  FCEncoder,
  IdentityEncoder,
  type ObsTensor,
  OneHotEncoder,
} from './encoder.js'
import { Module } from './module.js'

/** The shape of Discrete and MultiDiscrete observations: numbers of values, and the first ones (0 when left out). */
export interface OneHotShape {
  readonly one_hot: number | readonly number[]
  readonly start?: number | readonly number[]
}

/**
 * The shape of an observation, as models take it in `obs_shape`:
 * a number or [n] for a vector, [C, H, W] for an image, `{one_hot: n}` for Discrete (`{one_hot: [n, m]}` for MultiDiscrete; with
 * `start`, a number or as many, where values are not counted from 0), a record of shapes for Dict, a list of shapes that are not numbers for Tuple (keys `0`, `1`, ...).
 */
export type ObsShape =
  | number
  | readonly number[]
  | OneHotShape
  | readonly ObsShape[]
  | { readonly [key: string]: ObsShape }

/** The parts of a Dict or Tuple shape by key; undefined for a single shape. */
export function shapeParts(shape: ObsShape): Record<string, ObsShape> | undefined {
  if (typeof shape === 'number' || oneHotOf(shape) !== undefined) return undefined
  const isNumbers = Array.isArray(shape) && shape.every((d) => typeof d === 'number')
  return isNumbers
    ? undefined
    : Object.fromEntries(Object.entries<ObsShape>(shape as Record<string, ObsShape>))
}

/**
 * Numbers of values and first values of a {@link OneHotShape}; undefined for any other shape.
 * @throws UsageError where it has other keys, which would be lost, or `one_hot` and `start` are no such numbers
 */
export function oneHotOf(
  shape: unknown,
): { readonly sizes: readonly number[]; readonly start: readonly number[] } | undefined {
  if (typeof shape !== 'object' || shape === null || Array.isArray(shape) || !('one_hot' in shape))
    return undefined
  const { one_hot, start, ...others } = shape as OneHotShape
  if (typeof one_hot === 'object' && !Array.isArray(one_hot)) return undefined
  const list = (numbers: number | readonly number[]) =>
    (Array.isArray(numbers) ? numbers : [numbers]) as number[]
  const sizes = list(one_hot)
  const first = start === undefined ? sizes.map(() => 0) : list(start)
  const [other] = Object.keys(others)
  const refuse = (why: string): never => {
    throw new UsageError(`obs_shape ${JSON.stringify(shape)} is not understood: ${why}.`)
  }
  if (other !== undefined)
    refuse(
      `one_hot stands for one discrete observation, beside which there is no "${other}". In a record every entry has a shape of its own, such as {cell: {one_hot: 4}, speed: 3}`,
    )
  if (sizes.length === 0 || !sizes.every((n) => Number.isSafeInteger(n) && n > 0))
    refuse('one_hot is the number of values, or a list with one number an entry')
  if (first.length !== sizes.length || !first.every(Number.isSafeInteger))
    refuse('start is the first value, an integer, or a list with one for each number in one_hot')
  return { sizes, start: first }
}

function isImage(shape: ObsShape): shape is readonly number[] {
  return Array.isArray(shape) && shape.length === 3 && shape.every((d) => typeof d === 'number')
}

function vectorSize(shape: ObsShape): number {
  const sizes = typeof shape === 'number' ? [shape] : (shape as readonly number[])
  const size = sizes.reduce((product, d) => product * d, 1)
  if (sizes.length > 2 || !Number.isInteger(size) || size < 1) {
    throw new UsageError(
      `obs_shape ${JSON.stringify(shape)} is not understood: give a size, [n], an image [C, H, W], {one_hot: n}, or a record of these.`,
    )
  }
  return size
}

/**
 * Encodes each entry of a Dict or Tuple observation by its shape (images by convolutions, discrete ones as one-hot, the rest as it is)
 * and joins the results in the order of `obs_shape`. Entries that `obs_shape` does not name, such as action masks, are left out.
 */
export class MultiInputEncoder extends Module implements Encoder {
  readonly encoders: Record<string, Encoder> = {}
  readonly outputSize: number

  constructor(
    shapes: Readonly<Record<string, ObsShape>>,
    random: RandomStream,
    options: ConvEncoderOptions = {},
    /** Sizes of the encoder of each image; the ConvEncoder's own when left out. */
    imageSizes?: readonly number[],
  ) {
    super()
    for (const [key, shape] of Object.entries(shapes)) {
      const parts = shapeParts(shape)
      this.encoders[key] =
        parts === undefined
          ? plainEncoder(shape, imageSizes, random, options)
          : new MultiInputEncoder(parts, random, options, imageSizes)
    }
    const sizes = Object.values(this.encoders).map((encoder) => encoder.outputSize)
    if (sizes.length === 0)
      throw new UsageError('obs_shape is an empty record: name at least one entry of the observation.')
    this.outputSize = sizes.reduce((sum, size) => sum + size, 0)
  }

  forward(obs: ObsTensor): tf.Tensor {
    if (obs instanceof tf.Tensor) {
      throw new UsageError(
        `The model takes a record with the keys ${Object.keys(this.encoders).join(', ')} but got one tensor of shape [${obs.shape}].`,
      )
    }
    const features = Object.entries(this.encoders).map(([key, encoder]) => {
      const part = obs[key]
      if (part === undefined) {
        throw new UsageError(
          `The observation has no "${key}", which obs_shape names; it has ${Object.keys(obs).join(', ')}.`,
        )
      }
      return encoder.forward(part)
    })
    return features.length === 1 ? features[0]! : tf.concat(features, 1)
  }
}

/** Several encoders one after the other. */
class StackedEncoder extends Module implements Encoder {
  readonly outputSize: number

  constructor(
    readonly input: Encoder,
    readonly trunk: FCEncoder,
  ) {
    super()
    this.outputSize = trunk.outputSize
  }

  forward(obs: ObsTensor): tf.Tensor {
    return this.trunk.forward(this.input.forward(obs))
  }
}

function plainEncoder(
  shape: ObsShape,
  hiddenSizes: readonly number[] | undefined,
  random: RandomStream,
  options: ConvEncoderOptions,
): Encoder {
  if (isImage(shape)) return new ConvEncoder(shape, hiddenSizes, random, options)
  const discrete = oneHotOf(shape)
  if (discrete !== undefined) return new OneHotEncoder(discrete.sizes, discrete.start)
  return new IdentityEncoder(vectorSize(shape))
}

/**
 * The features of an observation, without layers behind them: images by convolutions and a linear layer of the sizes given, discrete entries as
 * one-hot, vectors as they are, side by side.
 */
export function buildFeatures(
  shape: ObsShape,
  imageSizes: readonly number[],
  random: RandomStream,
  options: ConvEncoderOptions = {},
): Encoder {
  const parts = shapeParts(shape)
  return parts === undefined
    ? plainEncoder(shape, imageSizes, random, options)
    : new MultiInputEncoder(parts, random, options, imageSizes)
}

/** An encoder with fully connected layers of such sizes behind it; the encoder itself where there are none. */
export function withLayers(
  input: Encoder,
  sizes: readonly number[],
  random: RandomStream,
  options: EncoderOptions = {},
): Encoder {
  return sizes.length === 0
    ? input
    : new StackedEncoder(input, new FCEncoder(input.outputSize, sizes, random, options))
}

/**
 * The encoder for an observation shape: FCEncoder for vectors, ConvEncoder for images; one-hot and joined parts are followed by an FCEncoder.
 * @param hiddenSizes sizes of the layers, the last being the output's; with none, vectors and parts are passed on as they are
 */
export function buildEncoder(
  shape: ObsShape,
  hiddenSizes: readonly number[],
  random: RandomStream,
  options: ConvEncoderOptions = {},
): Encoder {
  const parts = shapeParts(shape)
  if (parts === undefined) {
    if (isImage(shape)) return new ConvEncoder(shape, hiddenSizes, random, options)
    if (oneHotOf(shape) === undefined && hiddenSizes.length > 0)
      return new FCEncoder(vectorSize(shape), hiddenSizes, random, options)
  }
  const input =
    parts === undefined
      ? plainEncoder(shape, undefined, random, options)
      : new MultiInputEncoder(parts, random, options)
  return withLayers(input, hiddenSizes, random, options)
}
