import type { TypedArray } from '../utils/index.js'

/**
 * Maps an action of [-1, 1], clipped to it, onto the box [low, high] entry by entry: -1 to low, 1 to high.
 * Returns float64 numbers, so that the mapping itself rounds nothing.
 */
export function scaleAction(action: ArrayLike<number>, low: TypedArray, high: TypedArray): number[] {
  return Array.from({ length: low.length }, (_, i) => {
    const unit = Math.min(1, Math.max(-1, action[i]!))
    return ((high[i]! - low[i]!) / 2) * unit + (high[i]! + low[i]!) / 2
  })
}

/** A box narrower than this (float32's epsilon) counts as that much wider, as in Tianshou: where low is high, that action is -1. */
const NARROWEST = 2 ** -23

/** Inverse of {@link scaleAction} inside the box. */
export function unscaleAction(action: ArrayLike<number>, low: TypedArray, high: TypedArray): number[] {
  return Array.from({ length: low.length }, (_, i) => {
    const width = high[i]! - low[i]!
    return (2 * (action[i]! - low[i]!)) / (width < NARROWEST ? width + NARROWEST : width) - 1
  })
}
