import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { random } from '../compute/index.js'
import { ConfigError } from '../utils/index.js'

/** What a target is made of: see {@link ensembleTarget}. */
export const TARGET_MODES = ['min', 'mean', 'ave', 'rem'] as const
export type TargetMode = (typeof TARGET_MODES)[number]

/** A part of a subset size up to this counts as none, as the authors have it. */
const SMALLEST_PART = 0.001

/** Format of `subset_size`. @throws ConfigError saying what is wrong, which the config's validation passes on */
export function subset_size(value: unknown): value is number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 1) return true
  throw new ConfigError(
    'Give a number of 1 or more: a whole one, or one such as 1.5 for one or two by chance.',
  )
}

export interface EnsembleTargetOptions {
  readonly mode: TargetMode
  /** How many critics 'min' and 'mean' take; with a part above a whole number, one more with that chance. */
  readonly subset_size: number
}

/**
 * Inside a program: one value a row from an ensemble of `count` critics, drawn anew at each run, without gradient of its own.
 * - 'min', 'mean': of a random subset, the same for all rows (Chen et al. 2021, algorithm 1). Draws the subset and, where its size has a
 *   part, one uniform number.
 * - 'ave': the mean of all. Draws nothing.
 * - 'rem': for each row a convex combination of all, with weights u_i / sum(u), u uniform in [0, 1) (random ensemble mixture, Agarwal et al.
 *   2020). Draws [count, B] uniform numbers.
 * @param values the critics' values [K, B] for these members (all without), evaluated no more than needed
 */
export function ensembleTarget(
  values: (members?: Tensor) => Tensor,
  count: number,
  { mode, subset_size }: EnsembleTargetOptions,
): Tensor {
  if (mode === 'ave') return tf.mean(values(), 0)
  if (mode === 'rem') {
    const all = values()
    const weight = random.uniform(all.shape)
    return tf.div(tf.sum(tf.mul(all, weight), 0), tf.sum(weight, 0))
  }
  const reduce = (of: Tensor) => (mode === 'min' ? tf.min(of, 0) : tf.mean(of, 0))
  const whole = Math.floor(subset_size)
  const part = subset_size - whole
  if (part <= SMALLEST_PART) return reduce(values(random.subset(count, whole)))
  const drawn = values(random.subset(count, whole + 1))
  const more = tf.cast(tf.less(random.uniform([1]), part), 'float32')
  const without = reduce(tf.slice(drawn, [0, 0], [whole, drawn.shape[1] as number]))
  return tf.add(tf.mul(more, reduce(drawn)), tf.mul(tf.sub(1, more), without))
}
