import type { GradConfig, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { attributes, rule, zeroRule } from './rule.js'

/** Sums the copies that Tile made: each tiled axis is split into (copies, original) and summed over the copies. */
function untile(dy: Tensor, shape: number[], reps: readonly number[]): Tensor {
  const split: number[] = []
  const copies: number[] = []
  shape.forEach((size, i) => {
    if (reps[i] !== 1) {
      copies.push(split.length)
      split.push(reps[i]!)
    }
    split.push(size)
  })
  const summed = copies.length === 0 ? dy : tf.sum(tf.reshape(dy, split), copies)
  return tf.reshape(summed, shape)
}

/** Gradients of rearrangements: reshape, transpose, joins and tiles. */
export const SHAPE: readonly GradConfig[] = [
  zeroRule('OneHot', ['indices']),
  rule('Reshape', { inputs: ['x'] }, (dy, [x]) => ({ x: () => tf.reshape(dy, x!.shape) })),
  rule('ExpandDims', { inputs: ['input'] }, (dy, [input]) => ({ input: () => tf.reshape(dy, input!.shape) })),
  rule('Transpose', {}, (dy, _saved, attrs) => {
    const { perm } = attributes<{ perm: number[] }>(attrs)
    const inverse = perm.map((_, i) => perm.indexOf(i))
    return { x: () => tf.transpose(dy, inverse) }
  }),
  rule('Reverse', {}, (dy, _saved, attrs) => ({
    x: () => tf.reverse(dy, attributes<{ dims: number[] }>(attrs).dims),
  })),
  rule('Tile', { inputs: ['x'] }, (dy, [x], attrs) => ({
    x: () => untile(dy, x!.shape, attributes<{ reps: number[] }>(attrs).reps),
  })),
  rule('Concat', { all: true }, (dy, saved, attrs) => {
    const axis = tf.util.parseAxisParam(attributes<{ axis: number }>(attrs).axis, saved[0]!.shape)[0]!
    let offset = 0
    return Object.fromEntries(
      saved.map((part, i) => {
        const begin = part.shape.map((_, d) => (d === axis ? offset : 0))
        offset += part.shape[axis]!
        return [i, () => tf.slice(dy, begin, part.shape)]
      }),
    )
  }),
  rule('Pack', { all: true }, (dy, saved, attrs) => {
    const parts = tf.unstack(dy, attributes<{ axis: number }>(attrs).axis)
    return Object.fromEntries(saved.map((_, i) => [i, () => parts[i]!]))
  }),
  {
    kernelName: 'Unpack',
    gradFunc: (dy, _saved, attrs) => ({
      value: () => tf.stack(list(dy), attributes<{ axis: number }>(attrs).axis),
    }),
  },
  {
    kernelName: 'SplitV',
    gradFunc: (dy, _saved, attrs) => ({
      x: () => tf.concat(list(dy), attributes<{ axis: number }>(attrs).axis),
    }),
  },
]

function list(dy: Tensor | Tensor[]): Tensor[] {
  return Array.isArray(dy) ? dy : [dy]
}
