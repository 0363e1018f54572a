import type { ObsShape } from '../nn/index.js'

const isSize = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0

/**
 * Format of `obs_shape` in model configs: see {@link ObsShape}.
 * @throws Error saying what is wrong, which the config's validation passes on.
 */
export function obs_shape(value: unknown): value is ObsShape {
  if (isSize(value)) return true
  if (Array.isArray(value) && value.length > 0) return value.every(isSize) || value.every(obs_shape)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if ('one_hot' in value)
      return isSize(value.one_hot) || (Array.isArray(value.one_hot) && value.one_hot.every(isSize))
    const parts = Object.values(value)
    if (parts.length > 0) return parts.every(obs_shape)
  }
  throw new Error(
    'Give the size of a vector, [channels, height, width] of an image, {one_hot: n} for a Discrete observation, ' +
      'or a record (Dict) or list (Tuple) of such shapes.',
  )
}
