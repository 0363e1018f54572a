import type { GradConfig, NamedAttrMap, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../utils/index.js'
import { dim, undoPermutation } from '../kernels/index.js'
import { attributes, rule, zeroRule } from './rule.js'

/** Axes of a reduction over `x`, none missing and none negative. */
function axesOf(x: Tensor, attrs: NamedAttrMap): number[] {
  // Max alone calls its axes differently.
  const { axis, reductionIndices } = attributes<{
    axis?: number | number[]
    reductionIndices?: number | number[]
  }>(attrs)
  return tf.util.parseAxisParam(axis ?? reductionIndices ?? x.shape.map((_, i) => i), x.shape)
}

/** A reduced tensor with its reduced axes put back as ones, so that it broadcasts against `x`. */
function unreduced(reduced: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  return tf.reshape(
    reduced,
    x.shape.map((size, i) => (axes.includes(i) ? 1 : size)),
  )
}

/** Each of the greatest (or smallest) elements gets an equal share. */
function extreme(dy: Tensor, x: Tensor, y: Tensor, axes: readonly number[]): Tensor {
  const hit = tf.cast(tf.equal(x, unreduced(y, x, axes)), 'float32')
  return tf.mul(hit, tf.div(unreduced(dy, x, axes), tf.sum(hit, [...axes], true)))
}

/** Of each product without one factor, which holds for factors of 0 too: what comes before times what comes after. */
function prodGradient(dy: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  const perm = [...kept, ...axes]
  const moved = tf.transpose(x, perm)
  const outer = kept.map((axis) => dim(x.shape, axis))
  const flat = tf.reshape(moved, [sizeOf(outer), x.size / sizeOf(outer)])
  const others = tf.mul(tf.cumprod(flat, 1, true), tf.cumprod(flat, 1, true, true))
  const dx = tf.mul(others, tf.reshape(dy, [sizeOf(outer), 1]))
  return tf.transpose(tf.reshape(dx, moved.shape), undoPermutation(perm))
}

/** Gradients of reductions, softmax and running sums. */
export const REDUCTION: readonly GradConfig[] = [
  ...['All', 'Any', 'ArgMax', 'ArgMin'].map((kernel) => zeroRule(kernel, ['x'])),
  rule('Sum', { inputs: ['x'] }, (dy, [x], attrs) => ({
    x: () => tf.broadcastTo(unreduced(dy, x!, axesOf(x!, attrs)), x!.shape),
  })),
  rule('Mean', { inputs: ['x'] }, (dy, [x], attrs) => {
    const axes = axesOf(x!, attrs)
    const count = axes.reduce((product, axis) => product * x!.shape[axis]!, 1)
    return { x: () => tf.broadcastTo(unreduced(tf.mul(dy, 1 / count), x!, axes), x!.shape) }
  }),
  rule('Max', { inputs: ['x'], output: true }, (dy, [x, y], attrs) => ({
    x: () => extreme(dy, x!, y!, axesOf(x!, attrs)),
  })),
  rule('Min', { inputs: ['x'], output: true }, (dy, [x, y], attrs) => ({
    x: () => extreme(dy, x!, y!, axesOf(x!, attrs)),
  })),
  rule('Prod', { inputs: ['x'] }, (dy, [x], attrs) => ({
    x: () => prodGradient(dy, x!, axesOf(x!, attrs)),
  })),
  rule('Softmax', { output: true }, (dy, [y], attrs) => ({
    logits: () => {
      const weighted = tf.mul(dy, y!)
      return tf.sub(weighted, tf.mul(tf.sum(weighted, attributes<{ dim: number }>(attrs).dim, true), y!))
    },
  })),
  rule('Cumsum', {}, (dy, _saved, attrs) => {
    const { axis, exclusive, reverse } = attributes<{ axis: number; exclusive: boolean; reverse: boolean }>(
      attrs,
    )
    return { x: () => tf.cumsum(dy, axis, exclusive, !reverse) }
  }),
]
