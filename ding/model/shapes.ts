import { type ObsShape, oneHotOf } from '../nn/index.js'

const isSize = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0

/**
 * Format of `obs_shape` in model configs: see {@link ObsShape}.
 * @throws Error saying what is wrong, which the config's validation passes on.
 */
export function obs_shape(value: unknown): value is ObsShape {
  if (isSize(value)) return true
  if (Array.isArray(value) && value.length > 0) return value.every(isSize) || value.every(obs_shape)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if (oneHotOf(value) !== undefined) return true
    const parts = Object.values(value)
    if (parts.length > 0) return parts.every(obs_shape)
  }
  throw new Error(
    'Give the size of a vector, [channels, height, width] of an image, {one_hot: n} for a Discrete observation ' +
      '({one_hot: n, start: s} where it is not counted from 0), or a record (Dict) or list (Tuple) of such shapes.',
  )
}
