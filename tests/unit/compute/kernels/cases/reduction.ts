import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { HostTensor } from '../../../../../ding/utils/index.js'
import type { KernelCase } from '../support.js'
import { bools, distinct, floats, ints, kernelCase } from '../support.js'

type Reduce = (x: Tensor, axis?: number | number[], keepDims?: boolean) => Tensor
type Draw = (shape: readonly number[]) => HostTensor

function overAxes(name: string, op: Reduce, draw: Draw): KernelCase[] {
  return [
    kernelCase(`${name} of a scalar`, { x: draw([]) }, ({ x }) => op(x!)),
    kernelCase(`${name} over all`, { x: draw([2, 3]) }, ({ x }) => op(x!)),
    kernelCase(`${name} over none`, { x: draw([3]) }, ({ x }) => op(x!, [])),
    kernelCase(`${name} over -1`, { x: draw([2, 1, 3]) }, ({ x }) => op(x!, -1)),
    kernelCase(`${name} over 0, kept`, { x: draw([3, 5]) }, ({ x }) => op(x!, 0, true)),
    kernelCase(`${name} over 2 and 0`, { x: draw([2, 3, 2]) }, ({ x }) => op(x!, [2, 0])),
    kernelCase(`${name} over 0 and 1, kept`, { x: draw([2, 3, 1]) }, ({ x }) => op(x!, [0, 1], true)),
  ]
}

function onInts(name: string, op: Reduce): KernelCase {
  return kernelCase(`${name} of int32`, { x: ints([3, 4]) }, ({ x }) => [op(x!, 0), op(x!)], {
    check: 'values',
  })
}

function onBools(name: string, op: Reduce): KernelCase {
  return kernelCase(
    `${name} of bool`,
    { x: bools([4, 3]) },
    ({ x }) => [op(x!, 0), op(x!, 1, true), op(x!)],
    { check: 'values' },
  )
}

const sum: Reduce = (x, axis, keep) => tf.sum(x, axis, keep)
const mean: Reduce = (x, axis, keep) => tf.mean(x, axis, keep)
const prod: Reduce = (x, axis, keep) => tf.prod(x, axis, keep)
const max: Reduce = (x, axis, keep) => tf.max(x, axis, keep)
const min: Reduce = (x, axis, keep) => tf.min(x, axis, keep)
const logSumExp: Reduce = (x, axis, keep) => tf.logSumExp(x, axis, keep)
const wide: Draw = (shape) => floats(shape)

export const reductionCases: readonly KernelCase[] = [
  ...overAxes('sum', sum, wide),
  ...overAxes('mean', mean, wide),
  // tfjs' gradient of prod does not sort its axes, nor know negative ones or none.
  kernelCase('prod over all', { x: floats([2, 3], 0.5, 2) }, ({ x }) => tf.prod(x!)),
  kernelCase('prod over 1', { x: floats([3, 4], 0.5, 2) }, ({ x }) => tf.prod(x!, 1)),
  kernelCase('prod over 0, kept', { x: floats([3, 4], 0.5, 2) }, ({ x }) => tf.prod(x!, 0, true)),
  ...overAxes('max', max, distinct),
  ...overAxes('min', min, distinct),
  ...overAxes('logSumExp', logSumExp, wide),
  onInts('sum', sum),
  onInts('mean', mean),
  onInts('prod', prod),
  onInts('max', max),
  onInts('min', min),
  onBools('sum', sum),
  onBools('mean', mean),
  onBools('any', (x, axis, keep) => tf.any(x, axis, keep)),
  onBools('all', (x, axis, keep) => tf.all(x, axis, keep)),
  kernelCase(
    'argMax',
    { x: distinct([3, 4]) },
    ({ x }) => [tf.argMax(x!), tf.argMax(x!, 1), tf.argMax(x!, -1)],
    { check: 'values' },
  ),
  kernelCase(
    'argMin',
    { x: distinct([2, 3, 4]) },
    ({ x }) => [tf.argMin(x!), tf.argMin(x!, 1), tf.argMin(x!, -1)],
    { check: 'values' },
  ),
  kernelCase(
    'argMax of int32 with ties',
    { x: ints([6, 5], 0, 3) },
    ({ x }) => [tf.argMax(x!, 1), tf.argMin(x!, 1)],
    { check: 'values' },
  ),
  kernelCase('softmax', { x: floats([2, 3]) }, ({ x }) => tf.softmax(x!)),
  kernelCase('softmax of rank 3', { x: floats([2, 2, 5]) }, ({ x }) => tf.softmax(x!)),
  kernelCase('softmax of a vector', { x: floats([1]) }, ({ x }) => tf.softmax(x!)),
  kernelCase('logSoftmax', { x: floats([3, 5]) }, ({ x }) => tf.logSoftmax(x!)),
  kernelCase('moments', { x: floats([4, 3]) }, ({ x }) => {
    const { mean: centre, variance } = tf.moments(x!, 0)
    return [centre, variance]
  }),
  // tfjs' cpu kernel does not know negative axes here.
  ...[0, 1].flatMap((axis) =>
    [false, true].flatMap((exclusive) =>
      [false, true].map((reverse) =>
        kernelCase(
          `cumsum axis ${axis}${exclusive ? ', exclusive' : ''}${reverse ? ', reverse' : ''}`,
          { x: floats([3, 3]) },
          ({ x }) => tf.cumsum(x!, axis, exclusive, reverse),
        ),
      ),
    ),
  ),
  kernelCase(
    'cumsum of int32 and bool',
    { x: ints([5]), y: bools([2, 5]) },
    ({ x, y }) => [tf.cumsum(x!), tf.cumsum(y!, 1)],
    { check: 'values' },
  ),
  ...[false, true].flatMap((exclusive) =>
    [false, true].map((reverse) =>
      kernelCase(
        `cumprod${exclusive ? ', exclusive' : ''}${reverse ? ', reverse' : ''}`,
        { x: floats([5, 3]), y: ints([2, 1]) },
        ({ x, y }) => [
          tf.cumprod(x!, 0, exclusive, reverse),
          tf.cumprod(x!, 1, exclusive, reverse),
          tf.cumprod(y!, 1, exclusive, reverse),
        ],
        { check: 'values' },
      ),
    ),
  ),
  kernelCase('topk', { x: distinct([3, 5]) }, ({ x }) => {
    const { values, indices } = tf.topk(x!, 2)
    return [values, indices]
  }),
  kernelCase(
    'topk, all of int32 with ties',
    { x: ints([7], 0, 4) },
    ({ x }) => {
      const { values, indices } = tf.topk(x!, 7)
      return [values, indices]
    },
    { check: 'values' },
  ),
]
