import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { CaseOptions, KernelCase } from '../support.js'
import { bools, floats, floatsAwayFrom, integers, ints, kernelCase, values } from '../support.js'

const SHAPES: readonly (readonly number[])[] = [[], [1], [3, 5], [2, 1, 3]]

function unary(
  name: string,
  op: (x: Tensor) => Tensor,
  low = -2,
  high = 2,
  options?: CaseOptions,
): KernelCase[] {
  return SHAPES.map((shape) =>
    kernelCase(`${name} [${shape}]`, { x: floats(shape, low, high) }, ({ x }) => op(x!), options),
  )
}

/** A function with kinks or jumps at the given points. */
function kinked(
  name: string,
  op: (x: Tensor) => Tensor,
  points: readonly number[],
  low = -3,
  high = 3,
): KernelCase[] {
  return SHAPES.map((shape) =>
    kernelCase(`${name} [${shape}]`, { x: floatsAwayFrom(points, shape, low, high) }, ({ x }) => op(x!)),
  )
}

function onInts(name: string, op: (x: Tensor) => Tensor): KernelCase {
  return kernelCase(`${name} of int32`, { x: ints([3, 4]) }, ({ x }) => op(x!), { check: 'values' })
}

const NATURAL = [-3, -2, -1, 0, 1, 2, 3]
const HALVES = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]

export const elementwiseCases: readonly KernelCase[] = [
  ...unary('exp', tf.exp),
  ...unary('expm1', tf.expm1),
  ...unary('log', tf.log, 0.3, 4),
  ...unary('log1p', tf.log1p, -0.6, 4),
  ...unary('sqrt', tf.sqrt, 0.3, 4),
  ...unary('rsqrt', tf.rsqrt, 0.4, 4),
  ...unary('square', tf.square),
  ...unary('reciprocal', tf.reciprocal, 0.5, 3),
  ...unary('neg', tf.neg),
  ...unary('sin', tf.sin),
  ...unary('cos', tf.cos),
  ...unary('tan', tf.tan, -1, 1),
  ...unary('asin', tf.asin, -0.8, 0.8),
  ...unary('acos', tf.acos, -0.8, 0.8),
  ...unary('atan', tf.atan),
  ...unary('sinh', tf.sinh),
  ...unary('cosh', tf.cosh),
  ...unary('tanh', tf.tanh),
  ...unary('asinh', tf.asinh),
  ...unary('acosh', tf.acosh, 1.4, 4),
  ...unary('atanh', tf.atanh, -0.7, 0.7),
  ...unary('sigmoid', tf.sigmoid),
  ...unary('softplus', tf.softplus),
  ...unary('erf', tf.erf),
  ...kinked('abs', tf.abs, [0]),
  ...kinked('sign', tf.sign, [0]),
  ...kinked('floor', tf.floor, NATURAL),
  ...kinked('ceil', tf.ceil, NATURAL),
  ...kinked('round', tf.round, HALVES),
  ...kinked('step', tf.step, [0]),
  ...kinked('step with alpha', (x) => tf.step(x, -0.5), [0]),
  ...kinked('clipByValue', (x) => tf.clipByValue(x, -1, 1.5), [-1, 1.5]),
  ...kinked('clipByValue, open above', (x) => tf.clipByValue(x, 0, Number.POSITIVE_INFINITY), [0]),
  ...kinked('relu', tf.relu, [0]),
  ...kinked('relu6', tf.relu6, [0, 6], -3, 9),
  ...kinked('leakyRelu', (x) => tf.leakyRelu(x, 0.1), [0]),
  ...kinked('elu', tf.elu, [0]),
  ...kinked('selu', tf.selu, [0]),
  kernelCase(
    'prelu, one alpha',
    { x: floatsAwayFrom([0], [3, 4]), alpha: values([0.3], []) },
    ({ x, alpha }) => tf.prelu(x!, alpha!),
  ),
  kernelCase('prelu per column', { x: floatsAwayFrom([0], [2, 3]), alpha: floats([3]) }, ({ x, alpha }) =>
    tf.prelu(x!, alpha!),
  ),
  // tfjs' gradient by x does not add up what broadcasting repeated.
  kernelCase(
    'prelu, alpha larger than x',
    { x: integers([-1, 2, 3]), alpha: floats([2, 3]) },
    ({ x, alpha }) => tf.prelu(tf.cast(x!, 'float32'), alpha!),
  ),
  kernelCase(
    'EluGrad',
    { dy: floats([2, 3]), y: floatsAwayFrom([0], [2, 3], -0.9, 2) },
    ({ dy, y }) => tf.engine().runKernel('EluGrad', { dy: dy!, y: y! }) as Tensor,
    { check: 'values' },
  ),
  onInts('abs', tf.abs),
  onInts('neg', tf.neg),
  onInts('sign', tf.sign),
  onInts('square', tf.square),
  onInts('relu', tf.relu),
  onInts('step', tf.step),
  onInts('exp', tf.exp),
  onInts('clipByValue', (x) => tf.clipByValue(x, -2, 3)),
  onInts('clipByValue between integers', (x) => tf.clipByValue(x, -1.5, 2.5)),
  kernelCase('neg of bool', { x: bools([5]) }, ({ x }) => tf.cast(tf.neg(tf.cast(x!, 'int32')), 'float32'), {
    check: 'values',
  }),
  kernelCase(
    'round, half to even',
    { x: values([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49, 1e9]) },
    ({ x }) => tf.round(x!),
    { check: 'values' },
  ),
  kernelCase(
    'small and large arguments',
    { x: values([1e-7, -1e-6, 3e-4, 0.49, 0.51, 30]) },
    ({ x }) => [tf.expm1(x!), tf.log1p(x!), tf.softplus(x!), tf.sigmoid(x!), tf.erf(x!), tf.tanh(x!)],
    { check: 'values' },
  ),
  kernelCase(
    'not a number, infinity',
    { x: values([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -1]) },
    ({ x }) => [tf.isNaN(x!), tf.isInf(x!), tf.isFinite(x!)],
    { check: 'values' },
  ),
]
