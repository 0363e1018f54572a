import * as tf from '@tensorflow/tfjs-core'
import { Tensor } from '@tensorflow/tfjs-core'
import type { HostTree } from '../compute/index.js'
import type { Obs } from '../envs/index.js'
import type { ObsTensor } from '../nn/index.js'
import { allocate, dtypeOf, EnvError, sizeOf, type TypedArray } from '../utils/index.js'

function isArray(value: Obs): value is TypedArray {
  return ArrayBuffer.isView(value)
}

/** @throws EnvError: observations that are to go into one batch are not of one form. */
function unequal(row: number, what: string): never {
  throw new EnvError(
    `Observations of one batch differ: ${what} in row ${row}. All environments must give observations of one space.`,
  )
}

/**
 * Stacks observations along a new batch axis, padded with zero rows to `capacity`.
 * @throws EnvError when they differ in form, UsageError for arrays of doubles and others that observations are not made of
 */
export function stackObs(rows: readonly Obs[], capacity = rows.length): HostTree {
  const first = rows[0]
  if (first === undefined) throw new EnvError('Cannot stack an empty list of observations.')
  if (typeof first === 'number') {
    const data = new Float32Array(capacity)
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]
      if (typeof row !== 'number') unequal(i, 'a number in row 0 and an array or a record')
      data[i] = row
    }
    return { dtype: 'float32', shape: [capacity], data }
  }
  if (isArray(first)) {
    const size = first.length
    const dtype = dtypeOf(first)
    const data = allocate(dtype, size * capacity)
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as TypedArray
      if (row.length !== size) unequal(i, `${size} values in row 0 and ${row.length ?? 'no array'}`)
      data.set(row, i * size)
    }
    return { dtype, shape: [capacity, size], data }
  }
  const tree: { [key: string]: HostTree } = {}
  for (const key of Object.keys(first)) {
    const parts = rows.map((row, i) => (row as Record<string, Obs>)[key] ?? unequal(i, `no "${key}"`))
    tree[key] = stackObs(parts, capacity)
  }
  return tree
}

/** Sizes that an `obs_shape` gives an array; undefined for records and one-hot entries. */
function sizesOf(obs_shape: unknown): readonly number[] | undefined {
  if (typeof obs_shape === 'number') return [obs_shape]
  const list = Array.isArray(obs_shape) && obs_shape.every((d) => typeof d === 'number')
  return list ? (obs_shape as number[]) : undefined
}

/**
 * Observations in the shapes that a model was built for. Environments and buffers keep an array of any shape flat, [B, n];
 * datasets keep images as images, [B, channels, height, width]. Both get the sizes in `obs_shape`, where these have as many
 * entries: [B, ...sizes]. Parts that `obs_shape` does not name (action masks) stay as they are.
 */
export function shapeObs(obs: ObsTensor, obs_shape: unknown): ObsTensor {
  if (obs instanceof Tensor) {
    const sizes = sizesOf(obs_shape)
    if (sizes === undefined || obs.rank < 2) return obs
    const own = obs.shape.slice(1)
    const reshaped = own.join() !== sizes.join() && sizeOf(own) === sizeOf(sizes)
    return reshaped ? tf.reshape(obs, [-1, ...sizes]) : obs
  }
  if (typeof obs_shape !== 'object' || obs_shape === null) return obs
  const shaped: Record<string, ObsTensor> = {}
  for (const [key, part] of Object.entries(obs)) {
    shaped[key] = shapeObs(part, (obs_shape as Record<string, unknown>)[key] ?? obs_shape)
  }
  return shaped
}
