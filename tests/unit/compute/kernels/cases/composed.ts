import * as tf from '@tensorflow/tfjs-core'
import type { KernelCase } from '../support.js'
import { bools, floats, floatsAwayFrom, ints, kernelCase, values } from '../support.js'

function withNaN(...places: number[]): ReturnType<typeof values> {
  return values(Array.from({ length: 37 }, (_, i) => (places.includes(i) ? Number.NaN : Math.sin(i + 1))))
}

/** tfjs operations made of several kernels, as losses and layers use them. */
export const composedCases: readonly KernelCase[] = [
  kernelCase(
    'huberLoss',
    { a: floatsAwayFrom([-1, 0, 1], [2, 3]), b: values([0, 0, 0, 0, 0, 0], [2, 3]) },
    ({ a, b }) => tf.losses.huberLoss(b!, a!),
  ),
  kernelCase(
    'meanSquaredError, weighted',
    { a: floats([2, 3]), b: floats([2, 3]), w: floats([2, 3], 0.1, 1) },
    (t) => tf.losses.meanSquaredError(t['a']!, t['b']!, t['w']!),
  ),
  kernelCase('softmaxCrossEntropy', { logit: floats([3, 4]), label: ints([3], 0, 4) }, ({ logit, label }) =>
    tf.losses.softmaxCrossEntropy(tf.oneHot(label as tf.Tensor1D, 4), logit!),
  ),
  kernelCase(
    'sigmoidCrossEntropy',
    { logit: floatsAwayFrom([0], [5]), label: bools([5]) },
    ({ logit, label }) => tf.losses.sigmoidCrossEntropy(tf.cast(label!, 'float32'), logit!),
  ),
  kernelCase('gelu', { x: floats([3, 4]) }, ({ x }) =>
    tf.mul(tf.mul(x!, 0.5), tf.add(1, tf.erf(tf.mul(x!, Math.SQRT1_2)))),
  ),
  kernelCase('layer normalisation', { x: floats([3, 5]) }, ({ x }) => {
    const { mean, variance } = tf.moments(x!, -1, true)
    return tf.mul(tf.sub(x!, mean), tf.rsqrt(tf.add(variance, 1e-5)))
  }),
  kernelCase('norm', { x: floats([3, 4]) }, ({ x }) => [
    tf.norm(x!),
    tf.norm(x!, 2, 1),
    tf.norm(x!, 1, 0, true),
  ]),
  kernelCase('value of the action taken', { q: floats([4, 3]), action: ints([4], 0, 3) }, ({ q, action }) => [
    tf.sum(tf.mul(q!, tf.oneHot(action as tf.Tensor1D, 3, 1, 0, 'float32')), 1),
    tf.gather(q!, action!, 1, 1),
  ]),
  kernelCase(
    'attention with a causal mask',
    { q: floats([2, 3, 4]), k: floats([2, 3, 4]), v: floats([2, 3, 4]) },
    ({ q, k, v }) => {
      const place = tf.range(0, 3, 1, 'int32')
      const past = tf.greaterEqual(tf.expandDims(place, 1), tf.expandDims(place, 0))
      const scores = tf.where(past, tf.matMul(q!, k!, false, true), tf.scalar(-1e9))
      return tf.matMul(tf.softmax(scores), v!)
    },
  ),
  kernelCase(
    'LSTM cell',
    { x: floats([2, 3]), c: floats([2, 4]), h: floats([2, 4]), w: floats([7, 16]), b: floats([16]) },
    (t) =>
      tf.basicLSTMCell(
        tf.scalar(1),
        t['w'] as tf.Tensor2D,
        t['b'] as tf.Tensor1D,
        t['x'] as tf.Tensor2D,
        t['c'] as tf.Tensor2D,
        t['h'] as tf.Tensor2D,
      ),
  ),
  kernelCase('meshgrid and outer product', { a: floats([3]), b: floats([2]) }, ({ a, b }) => [
    ...tf.meshgrid(a!, b!),
    tf.outerProduct(a as tf.Tensor1D, b as tf.Tensor1D),
  ]),
  // Long enough for the vectorised kernels of ONNX Runtime, which treat NaN by instructions of their own. tf.max and
  // tf.min are not here: its ReduceMax and ReduceMin drop NaN.
  kernelCase(
    'NaN stays visible',
    { x: withNaN(5, 33), y: withNaN(12, 20) },
    ({ x, y }) => [
      ...[tf.relu, tf.relu6, tf.elu, tf.selu, tf.leakyRelu, tf.abs, tf.exp, tf.expm1, tf.log1p].map((op) =>
        op(x!),
      ),
      ...[tf.sigmoid, tf.tanh, tf.softplus, tf.erf, tf.floor, tf.round, tf.softmax, tf.cumsum].map((op) =>
        op(x!),
      ),
      ...[tf.maximum, tf.minimum, tf.mod, tf.atan2, tf.prelu, tf.squaredDifference].map((op) => op(x!, y!)),
      ...[tf.sum, tf.mean, tf.prod, tf.logSumExp].map((op) => op(x!)),
      tf.clipByValue(x!, -1, 1.5),
    ],
    { check: 'values' },
  ),
]
