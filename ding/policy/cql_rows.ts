import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { Module, ObsTensor } from '../nn/index.js'

/** What the critics' losses read, a row a state. Nothing of it has a gradient. */
export interface CriticRows {
  readonly obs: ObsTensor
  /** [B, k, A]: the actions drawn for each state, and the data's action last. */
  readonly actions: Tensor
  /** Of the drawn ones, [B, k - 1]. */
  readonly log_density: Tensor
  /** [B] */
  readonly target: Tensor
  /** [B] */
  readonly weight?: Tensor
}

/** Floats of one layer's activations that a processor's second-level cache holds several times over. */
const CACHED_FLOATS = 2 ** 17

/** How many states, each with `actions` actions, go through the widest layer of `critics` within the cache. */
export function cachedStates(critics: Module, actions: number): number {
  const widest = Math.max(...critics.parameters().flatMap(({ shape }) => shape))
  return Math.max(1, Math.floor(CACHED_FLOATS / (widest * actions)))
}

/** Rows in pieces of about equal size, of `most` at most. */
export function partsOf(rows: CriticRows, most: number): CriticRows[] {
  const count = rows.target.shape[0] as number
  const pieces = Math.ceil(count / most)
  if (pieces === 1) return [rows]
  const bounds = Array.from({ length: pieces + 1 }, (_, i) => Math.round((i * count) / pieces))
  return bounds.slice(1).map((end, i) => {
    const start = bounds[i] as number
    const cut = <T extends ObsTensor>(tree: T): T => sliceRows(tree, start, end - start) as T
    const { obs, actions, log_density, target, weight } = rows
    return {
      obs: cut(obs),
      actions: cut(actions),
      log_density: cut(log_density),
      target: cut(target),
      ...(weight && { weight: cut(weight) }),
    }
  })
}

function mapLeaves(obs: ObsTensor, of: (leaf: Tensor) => Tensor): ObsTensor {
  if (obs instanceof tf.Tensor) return of(obs)
  return Object.fromEntries(Object.entries(obs).map(([key, part]) => [key, mapLeaves(part, of)]))
}

function sliceRows(obs: ObsTensor, start: number, size: number): ObsTensor {
  return mapLeaves(obs, (leaf) => {
    const rest = leaf.shape.slice(1)
    return tf.slice(leaf, [start, ...rest.map(() => 0)], [size, ...rest])
  })
}

/** Rows of an observation, each `count` times in a row: [B, ...] -> [B * count, ...]. */
export function repeatRows(obs: ObsTensor, count: number): ObsTensor {
  return mapLeaves(obs, (leaf) => {
    const [rows, ...rest] = leaf.shape as [number, ...number[]]
    const repeated = tf.tile(tf.expandDims(leaf, 1), [1, count, ...rest.map(() => 1)])
    return tf.reshape(repeated, [rows * count, ...rest])
  })
}
