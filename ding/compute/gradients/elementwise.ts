import type { GradConfig, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { attributes, masked, rule, zeroRule } from './rule.js'

/** Derivatives as functions of the input. */
const OF_INPUT: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  Abs: (x) => tf.sign(x),
  Acos: (x) => tf.neg(tf.rsqrt(tf.sub(1, tf.square(x)))),
  Acosh: (x) => tf.rsqrt(tf.sub(tf.square(x), 1)),
  Asin: (x) => tf.rsqrt(tf.sub(1, tf.square(x))),
  Asinh: (x) => tf.rsqrt(tf.add(tf.square(x), 1)),
  Atan: (x) => tf.reciprocal(tf.add(tf.square(x), 1)),
  Atanh: (x) => tf.reciprocal(tf.sub(1, tf.square(x))),
  Cos: (x) => tf.neg(tf.sin(x)),
  Cosh: (x) => tf.sinh(x),
  Erf: (x) => tf.mul(tf.exp(tf.neg(tf.square(x))), 2 / Math.sqrt(Math.PI)),
  Sin: (x) => tf.cos(x),
  Sinh: (x) => tf.cosh(x),
  Softplus: (x) => tf.sigmoid(x),
  Square: (x) => tf.mul(x, 2),
  Tan: (x) => tf.reciprocal(tf.square(tf.cos(x))),
}

/** Derivatives as functions of the output. */
const OF_OUTPUT: Readonly<Record<string, (y: Tensor) => Tensor>> = {
  Exp: (y) => y,
  Expm1: (y) => tf.add(y, 1),
  Reciprocal: (y) => tf.neg(tf.square(y)),
  Rsqrt: (y) => tf.mul(tf.mul(tf.square(y), y), -0.5),
  Sigmoid: (y) => tf.mul(y, tf.sub(1, y)),
  Tanh: (y) => tf.sub(1, tf.square(y)),
}

/** Scale and alpha of the self-normalising unit (Klambauer et al. 2017, eq. 2 and appendix). */
const SELU_SCALE = 1.0507009873554805
const SELU_SCALE_ALPHA = 1.7580993408473766

const FLAT = [
  'Ceil',
  'Floor',
  'IsFinite',
  'IsInf',
  'IsNan',
  'LogicalNot',
  'OnesLike',
  'Round',
  'Sign',
  'Step',
  'ZerosLike',
]

/** Gradients of kernels with one input `x`, element by element. */
export const ELEMENTWISE: readonly GradConfig[] = [
  ...Object.entries(OF_INPUT).map(([kernel, derivative]) =>
    rule(kernel, { inputs: ['x'] }, (dy, [x]) => ({ x: () => tf.mul(dy, derivative(x!)) })),
  ),
  ...Object.entries(OF_OUTPUT).map(([kernel, derivative]) =>
    rule(kernel, { output: true }, (dy, [y]) => ({ x: () => tf.mul(dy, derivative(y!)) })),
  ),
  ...FLAT.map((kernel) => zeroRule(kernel, ['x'])),
  rule('Cast', {}, (dy) => ({ x: () => tf.cast(dy, 'float32') })),
  rule('Identity', {}, (dy) => ({ x: () => dy.clone() })),
  rule('Neg', {}, (dy) => ({ x: () => tf.neg(dy) })),
  rule('Log', { inputs: ['x'] }, (dy, [x]) => ({ x: () => tf.div(dy, x!) })),
  rule('Log1p', { inputs: ['x'] }, (dy, [x]) => ({ x: () => tf.div(dy, tf.add(x!, 1)) })),
  rule('Sqrt', { output: true }, (dy, [y]) => ({ x: () => tf.div(tf.mul(dy, 0.5), y!) })),
  // The mask is taken from the output, so that nothing but the activation itself reads the pre-activation.
  rule('Relu', { output: true }, (dy, [y]) => ({ x: () => masked(tf.greater(y!, 0), dy) })),
  rule('Relu6', { output: true }, (dy, [y]) => ({
    x: () => masked(tf.logicalAnd(tf.greater(y!, 0), tf.less(y!, 6)), dy),
  })),
  rule('Elu', { output: true }, (dy, [y]) => ({
    x: () => tf.where(tf.greater(y!, 0), dy, tf.mul(dy, tf.add(y!, 1))),
  })),
  rule('Selu', { output: true }, (dy, [y]) => ({
    x: () =>
      tf.mul(dy, tf.where(tf.greater(y!, 0), tf.fill(y!.shape, SELU_SCALE), tf.add(y!, SELU_SCALE_ALPHA))),
  })),
  rule('LeakyRelu', { inputs: ['x'] }, (dy, [x], attrs) => ({
    x: () => tf.where(tf.greater(x!, 0), dy, tf.mul(dy, attributes<{ alpha: number }>(attrs).alpha)),
  })),
  rule('ClipByValue', { inputs: ['x'] }, (dy, [x], attrs) => {
    const { clipValueMin, clipValueMax } = attributes<{ clipValueMin: number; clipValueMax: number }>(attrs)
    return {
      x: () => masked(tf.logicalAnd(tf.greaterEqual(x!, clipValueMin), tf.lessEqual(x!, clipValueMax)), dy),
    }
  }),
]
