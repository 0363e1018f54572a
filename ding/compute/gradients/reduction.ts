import type { GradConfig, NamedAttrMap, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
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
  rule('Softmax', { output: true }, (dy, [y], attrs) => ({
    logits: () => {
      const weighted = tf.mul(dy, y!)
      return tf.sub(weighted, tf.mul(tf.sum(weighted, attributes<{ dim: number }>(attrs).dim, true), y!))
    },
  })),
  rule('LogSoftmax', { output: true }, (dy, [y], attrs) => ({
    logits: () => tf.sub(dy, tf.mul(tf.sum(dy, attributes<{ axis: number }>(attrs).axis, true), tf.exp(y!))),
  })),
  rule('Cumsum', {}, (dy, _saved, attrs) => {
    const { axis, exclusive, reverse } = attributes<{ axis: number; exclusive: boolean; reverse: boolean }>(
      attrs,
    )
    return { x: () => tf.cumsum(dy, axis, exclusive, !reverse) }
  }),
]
