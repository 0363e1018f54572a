import type { GradConfig, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { masked, rule, sumTo, zeroRule } from './rule.js'

const FLAT = [
  'Equal',
  'FloorDiv',
  'Greater',
  'GreaterEqual',
  'Less',
  'LessEqual',
  'LogicalAnd',
  'LogicalOr',
  'NotEqual',
]

/** `dy` where `a` wins, half of it on a tie (as PyTorch shares it), zero where it loses. */
function winnersShare(dy: Tensor, wins: Tensor, ties: Tensor): Tensor {
  return tf.where(wins, dy, masked(ties, tf.mul(dy, 0.5)))
}

/** Gradients of kernels with two broadcast inputs `a` and `b`, and of the choice between tensors. */
export const BINARY: readonly GradConfig[] = [
  ...FLAT.map((kernel) => zeroRule(kernel, ['a', 'b'])),
  rule('Add', { inputs: ['a', 'b'] }, (dy, [a, b]) => ({
    a: () => sumTo(dy, a!.shape),
    b: () => sumTo(dy, b!.shape),
  })),
  rule('Sub', { inputs: ['a', 'b'] }, (dy, [a, b]) => ({
    a: () => sumTo(dy, a!.shape),
    b: () => tf.neg(sumTo(dy, b!.shape)),
  })),
  rule('Multiply', { inputs: ['a', 'b'] }, (dy, [a, b]) => ({
    a: () => sumTo(tf.mul(dy, tf.cast(b!, 'float32')), a!.shape),
    b: () => sumTo(tf.mul(dy, tf.cast(a!, 'float32')), b!.shape),
  })),
  rule('RealDiv', { inputs: ['a', 'b'] }, (dy, [a, b]) => ({
    a: () => sumTo(tf.div(dy, tf.cast(b!, 'float32')), a!.shape),
    b: () => {
      const divisor = tf.cast(b!, 'float32')
      return tf.neg(sumTo(tf.div(tf.mul(dy, tf.cast(a!, 'float32')), tf.square(divisor)), b!.shape))
    },
  })),
  rule('Pow', { inputs: ['a', 'b'], output: true }, (dy, [a, b, y]) => ({
    a: () => sumTo(tf.mul(dy, tf.mul(b!, tf.pow(a!, tf.sub(b!, 1)))), a!.shape),
    b: () =>
      sumTo(
        masked(tf.greater(tf.add(a!, tf.zeros(dy.shape)), 0), tf.mul(dy, tf.mul(y!, tf.log(a!)))),
        b!.shape,
      ),
  })),
  rule('SquaredDifference', { inputs: ['a', 'b'] }, (dy, [a, b]) => {
    const both = () => tf.mul(tf.mul(dy, 2), tf.sub(a!, b!))
    return { a: () => sumTo(both(), a!.shape), b: () => tf.neg(sumTo(both(), b!.shape)) }
  }),
  rule('Maximum', { inputs: ['a', 'b'] }, (dy, [a, b]) => ({
    a: () => sumTo(winnersShare(dy, tf.greater(a!, b!), tf.equal(a!, b!)), a!.shape),
    b: () => sumTo(winnersShare(dy, tf.greater(b!, a!), tf.equal(a!, b!)), b!.shape),
  })),
  rule('Minimum', { inputs: ['a', 'b'] }, (dy, [a, b]) => ({
    a: () => sumTo(winnersShare(dy, tf.less(a!, b!), tf.equal(a!, b!)), a!.shape),
    b: () => sumTo(winnersShare(dy, tf.less(b!, a!), tf.equal(a!, b!)), b!.shape),
  })),
  rule('Mod', { inputs: ['a', 'b'] }, (dy, [a, b]) => ({
    a: () => sumTo(dy, a!.shape),
    b: () => tf.neg(sumTo(tf.mul(dy, tf.floor(tf.div(a!, b!))), b!.shape)),
  })),
  rule('Atan2', { inputs: ['a', 'b'] }, (dy, [a, b]) => {
    const scaled = () => tf.div(dy, tf.add(tf.square(a!), tf.square(b!)))
    return {
      a: () => sumTo(tf.mul(scaled(), b!), a!.shape),
      b: () => tf.neg(sumTo(tf.mul(scaled(), a!), b!.shape)),
    }
  }),
  rule('Prelu', { inputs: ['x', 'alpha'] }, (dy, [x, alpha]) => ({
    x: () => tf.where(tf.greater(x!, 0), dy, tf.mul(dy, alpha!)),
    alpha: () => sumTo(masked(tf.lessEqual(x!, 0), tf.mul(dy, x!)), alpha!.shape),
  })),
  rule('Select', { inputs: ['condition'] }, (dy, [condition]) => ({
    condition: () => tf.zeros(condition!.shape),
    t: () => masked(condition!, dy),
    e: () => tf.where(condition!, tf.zeros(dy.shape), dy),
  })),
  // The list input of AddN is an array; its gradients are found by index.
  rule('AddN', { all: true }, (dy, saved) => Object.fromEntries(saved.map((_, i) => [i, () => dy.clone()]))),
]
