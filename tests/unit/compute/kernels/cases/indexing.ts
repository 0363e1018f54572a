import * as tf from '@tensorflow/tfjs-core'
import type { KernelCase } from '../support.js'
import { bools, floats, integers, ints, kernelCase } from '../support.js'

function gather(x: readonly number[], indices: readonly number[], axis: number, batchDims = 0): KernelCase {
  const name = `gather [${x}] by [${indices}], axis ${axis}, batchDims ${batchDims}`
  const size = x[axis < 0 ? axis + x.length : axis]!
  return kernelCase(name, { x: floats(x), i: ints(indices, 0, size) }, (t) =>
    tf.gather(t['x']!, t['i']!, axis, batchDims),
  )
}

export const indexingCases: readonly KernelCase[] = [
  gather([4], [], 0),
  gather([4, 3], [2], 0),
  gather([4, 3], [7], 0),
  gather([2, 5, 3], [2, 2], 1),
  gather([2, 3], [4], -1),
  gather([3, 4], [3], 1, 1),
  gather([3, 4], [3, 2], 1, 1),
  gather([3, 4, 2], [3, 2], 1, 1),
  gather([3, 2, 4], [3, 5], 2, 1),
  gather([2, 3, 4], [2, 3], 2, 2),
  gather([2, 3, 4, 2], [2, 3, 2], 2, 2),
  kernelCase(
    'gather of int32 and bool',
    { x: ints([4, 2]), y: bools([3, 4]), i: ints([3], 0, 4) },
    (t) => [tf.gather(t['x']!, t['i']!), tf.gather(t['y']!, t['i']!, 1, 1)],
    { check: 'values' },
  ),
  kernelCase('gatherND of elements', { x: floats([3, 4]), i: integers([0, 1, 2, 3, 0, 1], [3, 2]) }, (t) =>
    tf.gatherND(t['x']!, t['i']!),
  ),
  kernelCase('gatherND of rows', { x: floats([3, 4, 2]), i: integers([2, 0, 2], [3, 1]) }, (t) =>
    tf.gatherND(t['x']!, t['i']!),
  ),
  kernelCase('scatterND of elements', { u: floats([4]), i: integers([0, 2, 0, 5], [4, 1]) }, (t) =>
    tf.scatterND(t['i']!, t['u']!, [6]),
  ),
  kernelCase('scatterND of rows', { u: floats([3, 2]), i: integers([1, 3, 1], [3, 1]) }, (t) =>
    tf.scatterND(t['i']!, t['u']!, [4, 2]),
  ),
  kernelCase('scatterND into a matrix', { u: floats([3]), i: integers([0, 1, 2, 0, 0, 1], [3, 2]) }, (t) =>
    tf.scatterND(t['i']!, t['u']!, [3, 2] as unknown as [number]),
  ),
  kernelCase(
    'scatterND of int32',
    { u: ints([3]), i: integers([1, 1, 0], [3, 1]) },
    (t) => tf.scatterND(t['i']!, t['u']!, [3]),
    { check: 'values' },
  ),
  kernelCase(
    'tensorScatterUpdate',
    { x: floats([4, 2]), u: floats([2, 2]), i: integers([3, 0], [2, 1]) },
    (t) => tf.tensorScatterUpdate(t['x']!, t['i']!, t['u']!),
  ),
  kernelCase('unsortedSegmentSum', { x: floats([5, 2]), i: integers([0, 2, 0, 1, 2]) }, (t) =>
    tf.unsortedSegmentSum(t['x']!, t['i'] as tf.Tensor1D, 4),
  ),
  kernelCase(
    'unsortedSegmentSum of a vector, some dropped',
    { x: floats([5]), i: integers([0, -1, 1, 9, 1]) },
    (t) => tf.unsortedSegmentSum(t['x']!, t['i'] as tf.Tensor1D, 3),
    { check: 'values' },
  ),
  kernelCase(
    'oneHot',
    { i: integers([0, 3, 1, -1, 7], [5, 1]) },
    (t) => [
      tf.oneHot(t['i']!, 4),
      tf.oneHot(t['i']!, 4, 1, 0, 'float32'),
      tf.oneHot(t['i']!, 3, 5, -2, 'float32'),
      tf.oneHot(t['i']!, 3, 5, -2, 'int32'),
      tf.oneHot(t['i']!, 3, 1, 0, 'bool'),
    ],
    { check: 'values' },
  ),
]
