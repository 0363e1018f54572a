import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { stopGradient } from '../compute/index.js'
import { UsageError } from '../utils/index.js'

/** What every td error returns: the scalar to minimise, and one error per sample (for priorities). */
export interface TdError {
  readonly loss: Tensor
  readonly td_error_per_sample: Tensor
}

/**
 * The loss of one error, element by element: squared (`'mse'`, without a half), Huber with threshold 1 (`'smooth_l1'`,
 * alias `'huber'`), or a function of the estimate and the target, both of one shape, that returns that shape.
 */
export type Criterion = 'mse' | 'smooth_l1' | 'huber' | ((estimate: Tensor, target: Tensor) => Tensor)

/** A discount: one number, or one per sample as a tensor (B,) (NGU gives each actor its own). */
export type Discount = number | Tensor

/** A per-sample weight or an optional column that a batch may lack. */
export type OptionalTensor = Tensor | null | undefined

/** Whether each entry of a mask (bool, or numbers where nonzero means true) is set. */
export function asBool(mask: Tensor): Tensor {
  return tf.cast(mask, 'bool')
}

/**
 * `value` where `done` is false, 0 where it is true. A selection, not a product with `1 - done`: the value after a
 * terminal state is meaningless and may be infinite, and 0 times infinity is NaN.
 */
export function zeroWhereDone(value: Tensor, done: Tensor): Tensor {
  return tf.where(tf.broadcastTo(asBool(done), value.shape), tf.zerosLike(value), value)
}

/**
 * The entries that `index` chooses along the last axis: values (..., N), index (...) -> (...).
 * Selected by comparison instead of a product with a one-hot mask, so that an infinite entry that is not chosen (a
 * masked action) does no harm; its gradient is the mask itself.
 */
export function pick(values: Tensor, index: Tensor): Tensor {
  const n = values.shape[values.rank - 1]!
  if (values.rank !== index.rank + 1 || !sameShape(values.shape.slice(0, -1), index.shape)) {
    throw new UsageError(
      `An index of shape [${index.shape}] cannot choose along the last axis of values of shape [${values.shape}]: ` +
        `it must have shape [${values.shape.slice(0, -1)}].`,
    )
  }
  const chosen = tf.equal(tf.expandDims(tf.cast(index, 'int32'), -1), tf.range(0, n, 1, 'int32'))
  return tf.sum(tf.where(chosen, values, tf.zerosLike(values)), -1)
}

/** The rows that `index` chooses along the last axis but one: values (..., N, K), index (...) -> (..., K). */
export function pickRow(values: Tensor, index: Tensor): Tensor {
  const n = values.shape[values.rank - 2]!
  if (values.rank !== index.rank + 2 || !sameShape(values.shape.slice(0, -2), index.shape)) {
    throw new UsageError(
      `An index of shape [${index.shape}] cannot choose rows of values of shape [${values.shape}]: ` +
        `it must have shape [${values.shape.slice(0, -2)}].`,
    )
  }
  const column = tf.expandDims(tf.expandDims(tf.cast(index, 'int32'), -1), -1)
  const chosen = tf.equal(column, tf.reshape(tf.range(0, n, 1, 'int32'), [n, 1]))
  return tf.sum(tf.where(tf.broadcastTo(chosen, values.shape), values, tf.zerosLike(values)), -2)
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i])
}

/**
 * `x` with as many trailing axes of size 1 as it takes to have `rank`; trailing axes of size 1 too many are dropped.
 * Keeps a (B, 1) column from broadcasting against a (B,) one into (B, B), the defect of DI-engine's BCQ.
 * @throws UsageError when that cannot be done.
 */
export function withRank(x: Tensor, rank: number, what: string): Tensor {
  if (x.rank === rank) return x
  const shape = x.shape.slice()
  while (shape.length < rank) shape.push(1)
  while (shape.length > rank && shape[shape.length - 1] === 1) shape.pop()
  if (shape.length !== rank) {
    throw new UsageError(`${what} has shape [${x.shape}], but ${rank} axes were expected.`)
  }
  return tf.reshape(x, shape)
}

/**
 * `x`, which has a value for each sample, beside values of `shape`: with the axes of {@link withRank}, as many entries along the first axis, and
 * along the others as many or one that all share.
 * @throws UsageError for any other shape, which would be broadcast
 */
export function perSample(x: Tensor, shape: readonly number[], what: string): Tensor {
  const column = withRank(x, shape.length, what)
  if (column.shape.every((size, axis) => size === shape[axis] || (axis > 0 && size === 1))) return column
  throw new UsageError(
    `${what} has shape [${x.shape}] beside values of shape [${shape}]: it must have one entry for each of the ${shape[0]} samples.`,
  )
}

/** The criterion as a function. */
export function criterionOf(criterion: Criterion | undefined): (estimate: Tensor, target: Tensor) => Tensor {
  if (typeof criterion === 'function') return criterion
  if (criterion === undefined || criterion === 'mse')
    return (estimate, target) => tf.squaredDifference(estimate, target)
  if (criterion === 'smooth_l1' || criterion === 'huber')
    return (estimate, target) => huber(tf.sub(estimate, target), 1)
  throw new UsageError(
    `criterion must be 'mse', 'smooth_l1', 'huber' or a function, got ${JSON.stringify(criterion)}.`,
  )
}

/**
 * Huber loss (Huber 1964): 0.5 u^2 up to `kappa`, kappa (|u| - 0.5 kappa) beyond it; |u| itself for kappa 0.
 * With c = clip(u, -kappa, kappa) both branches are c (u - c / 2), without a selection, and c is the derivative.
 */
export function huber(u: Tensor, kappa: number): Tensor {
  if (kappa === 0) return tf.abs(u)
  const loss = tf.customGrad((x, save) => {
    const capped = tf.clipByValue(x as Tensor, -kappa, kappa)
    ;(save as (saved: Tensor[]) => void)([capped])
    return {
      value: tf.mul(capped, tf.sub(x as Tensor, tf.mul(capped, 0.5))),
      gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(dy, saved[0]!),
    }
  })
  return loss(u)
}

/**
 * Criterion, weighting and mean that end every td error. The target takes no gradient.
 * @param estimate predicted values, of any shape
 * @param target what they should be, of the same shape
 * @param weight per sample, broadcast over trailing axes; 1 when absent
 * @throws UsageError when the shapes differ
 */
export function tdLoss(
  estimate: Tensor,
  target: Tensor,
  weight: OptionalTensor,
  criterion: Criterion | undefined,
): TdError {
  if (!sameShape(estimate.shape, target.shape)) {
    throw new UsageError(
      `The td target has shape [${target.shape}] but the estimate has shape [${estimate.shape}]: check that reward, done, ` +
        'value_gamma and the next value have one entry per sample.',
    )
  }
  const td_error_per_sample = criterionOf(criterion)(estimate, stopGradient(target))
  return { loss: weightedMean(td_error_per_sample, weight), td_error_per_sample }
}

/** Mean of `errors` times `weight` (per sample, broadcast over trailing axes). @throws UsageError for a weight of another number of samples */
export function weightedMean(errors: Tensor, weight: OptionalTensor): Tensor {
  if (weight === null || weight === undefined) return tf.mean(errors)
  return tf.mean(tf.mul(errors, perSample(weight, errors.shape, 'weight')))
}
