import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { KernelCase } from '../support.js'
import { bools, floats, ints, kernelCase, values } from '../support.js'

const two = (shape: readonly number[]): { a: ReturnType<typeof floats>; b: ReturnType<typeof floats> } => ({
  a: floats(shape),
  b: floats(shape),
})

function strided(
  name: string,
  shape: readonly number[],
  ...args: [number[], number[], number[], ...number[]]
): KernelCase {
  const [begin, end, strides, ...masks] = args
  return kernelCase(`stridedSlice ${name}`, { x: floats(shape) }, ({ x }) =>
    tf.stridedSlice(x!, begin, end, strides, ...masks),
  )
}

export const shapeCases: readonly KernelCase[] = [
  kernelCase('reshape', { x: floats([2, 6]) }, ({ x }) => [
    tf.reshape(x!, [3, -1]),
    tf.reshape(x!, [12]),
    tf.reshape(x!, [2, 6]),
  ]),
  kernelCase('reshape to a scalar', { x: floats([1, 1]) }, ({ x }) => tf.reshape(x!, [])),
  kernelCase('squeeze', { x: floats([2, 1, 3]) }, ({ x }) => tf.squeeze(x!, [1])),
  kernelCase('expandDims', { x: floats([2, 3]) }, ({ x }) => [
    tf.expandDims(x!, 0),
    tf.expandDims(x!, 2),
    tf.expandDims(x!, -1),
    tf.expandDims(x!, -2),
  ]),
  kernelCase('clone', { x: floats([3]) }, ({ x }) => tf.clone(x!)),
  kernelCase('transpose', { x: floats([2, 3, 4]) }, ({ x }) => [
    tf.transpose(x!),
    tf.transpose(x!, [1, 0, 2]),
    tf.transpose(x!, [0, 2, 1]),
  ]),
  kernelCase(
    'cast from float32',
    { x: values([-1.7, -0.2, 0, 0.9, 2.5, 1]) },
    ({ x }) => [tf.cast(x!, 'int32'), tf.cast(x!, 'bool'), tf.cast(x!, 'float32')],
    { check: 'values' },
  ),
  kernelCase(
    'cast from int32 and bool',
    { x: ints([5]), y: bools([5]) },
    ({ x, y }) => [tf.cast(x!, 'float32'), tf.cast(x!, 'bool'), tf.cast(y!, 'float32'), tf.cast(y!, 'int32')],
    { check: 'values' },
  ),
  kernelCase('tile', { x: floats([2, 3]) }, ({ x }) => tf.tile(x!, [2, 3])),
  kernelCase('tile of size 1', { x: floats([1, 3, 1]) }, ({ x }) => tf.tile(x!, [2, 1, 4])),
  kernelCase('tile, both', { x: floats([1, 3]) }, ({ x }) => tf.tile(x!, [2, 2])),
  kernelCase('tile of rank 5', { x: floats([1, 2, 1, 2, 1]) }, ({ x }) => tf.tile(x!, [2, 1, 1, 2, 1])),
  kernelCase(
    'tile of int32 and bool',
    { x: ints([2]), y: bools([1, 2]) },
    ({ x, y }) => [tf.tile(x!, [3]), tf.tile(y!, [2, 1])],
    { check: 'values' },
  ),
  kernelCase('broadcastTo', { x: floats([3, 1]) }, ({ x }) => [
    tf.broadcastTo(x!, [2, 3, 4]),
    tf.broadcastTo(x!, [3, 1]),
  ]),
  ...[0, 1, -1].map((axis) =>
    kernelCase(`concat ${axis}`, two([2, 3]), ({ a, b }) => tf.concat([a!, b!, a!], axis)),
  ),
  kernelCase('concat of unequal parts', { a: floats([2, 1]), b: floats([2, 4]) }, ({ a, b }) =>
    tf.concat([a!, b!], 1),
  ),
  kernelCase(
    'concat of int32 and bool',
    { x: ints([2]), y: bools([3]) },
    ({ x, y }) => [tf.concat([x!, x!]), tf.concat([y!, y!])],
    { check: 'values' },
  ),
  ...[0, 1, 2, -1].map((axis) =>
    kernelCase(`stack ${axis}`, two([2, 3]), ({ a, b }) => tf.stack([a!, b!], axis)),
  ),
  kernelCase('stack of scalars', { a: floats([]), b: floats([]) }, ({ a, b }) => tf.stack([a!, b!])),
  ...[0, 1, -1].map((axis) =>
    kernelCase(`unstack ${axis}`, { x: floats([3, 2, 2]) }, ({ x }) => tf.unstack(x!, axis)),
  ),
  kernelCase('split', { x: floats([4, 6]) }, ({ x }) => [
    ...tf.split(x!, 2, 0),
    ...tf.split(x!, [1, 3, 2], 1),
    ...tf.split(x!, [2, -1], -1),
  ]),
  // Lists of one tensor stay lists.
  kernelCase('stack and unstack of one', { a: floats([2]), b: floats([1, 2]) }, ({ a, b }) => [
    tf.stack([a!]),
    ...tf.unstack(b!),
    ...tf.unstack(b!, 1),
    ...tf.split(b!, 1),
    ...tf.split(b!, [2], 1),
  ]),
  kernelCase('bandPart', { x: floats([3, 4]), y: floats([1, 3, 3]) }, ({ x, y }) => [
    tf.linalg.bandPart(x!, 1, 2),
    tf.linalg.bandPart(x!, 0, -1),
    tf.linalg.bandPart(y!, -1, 0),
  ]),
  kernelCase('slice', { x: floats([4, 5]) }, ({ x }) => [
    tf.slice(x!, [1, 2], [2, 2]),
    tf.slice(x!, 1),
    tf.slice(x!, [0, 1], [-1, 3]),
    tf.slice(x!, [0, 0], [4, 5]),
  ]),
  kernelCase(
    'slice of int32 and bool',
    { x: ints([5]), y: bools([5]) },
    ({ x, y }) => [tf.slice(x!, 1, 2), tf.slice(y!, 2)],
    { check: 'values' },
  ),
  strided('forward', [5, 4], [0, 1], [5, 4], [2, 2]),
  strided('backward', [5, 4], [4, 3], [0, 0], [-2, -1]),
  strided('backward to the start', [5], [4], [0], [-1], 0, 1),
  strided('simple', [5, 4], [1, 1], [3, 3], [1, 1]),
  strided('negative ends', [6], [-4], [-1], [2]),
  strided('masks', [4, 5], [2, 2], [3, 4], [1, 1], 1, 2),
  strided('ellipsis and new axis', [3, 4, 5], [0, 0, 1], [0, 0, 4], [1, 1, 2], 0, 0, 1, 2, 0),
  strided('dropped axis', [3, 4], [1, 1], [2, 3], [1, 1], 0, 0, 0, 0, 1),
  // tfjs' cpu kernel takes the wrong elements when an axis is dropped and another has a stride.
  kernelCase(
    'stridedSlice dropped axis, stride 2',
    { x: values([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [3, 4]) },
    ({ x }) => tf.stridedSlice(x!, [1, 0], [2, 4], [1, 2], 0, 0, 0, 0, 1),
    { check: 'values', expected: [[4, 6]] },
  ),
  kernelCase('pad', { x: floats([2, 3]) }, ({ x }) => [
    tf.pad(x!, [
      [1, 0],
      [2, 1],
    ]),
    tf.pad(
      x!,
      [
        [0, 2],
        [0, 0],
      ],
      7,
    ),
    tf.pad(x!, [
      [0, 0],
      [0, 0],
    ]),
  ]),
  kernelCase(
    'pad of int32 and bool',
    { x: ints([2]), y: bools([2]) },
    ({ x, y }) => [tf.pad(x!, [[1, 2]], 3), tf.pad(y!, [[1, 1]], 1)],
    { check: 'values' },
  ),
  kernelCase(
    'pad with numbers that JSON cannot tell apart',
    { x: values([0.5]) },
    ({ x }) =>
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0, -0].map((fill) =>
        tf.reciprocal(tf.pad(x!, [[0, 1]], fill)),
      ),
    {
      check: 'values',
      // tfjs' cpu backend takes -0 for 0.
      expected: [0, 0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((y) => [2, y]),
    },
  ),
  kernelCase('mirrorPad reflect', { x: floats([3, 4]) }, ({ x }) =>
    tf.mirrorPad(
      x!,
      [
        [2, 1],
        [0, 3],
      ],
      'reflect',
    ),
  ),
  kernelCase('mirrorPad symmetric', { x: floats([3, 4]) }, ({ x }) =>
    tf.mirrorPad(
      x!,
      [
        [2, 3],
        [1, 0],
      ],
      'symmetric',
    ),
  ),
  kernelCase('reverse', { x: floats([3, 4]) }, ({ x }) => [
    tf.reverse(x!, [0, 1]),
    tf.reverse(x!, 0),
    tf.reverse(x!, [-1]),
    tf.reverse(x!),
    tf.reverse(x!, []),
  ]),
  kernelCase('reverse of int32', { x: ints([5]) }, ({ x }) => tf.reverse(x!, 0), { check: 'values' }),
  kernelCase(
    'created tensors',
    { x: floats([2, 3]), y: ints([2]) },
    ({ x, y }) => [
      tf.zerosLike(x!),
      tf.onesLike(x!),
      tf.zerosLike(y!),
      tf.onesLike(tf.cast(y!, 'bool')),
      tf.fill([2, 2], 3.5),
      tf.fill([], 2, 'int32'),
      tf.fill([3], true as unknown as number),
      tf.zeros([2, 1]),
      tf.ones([2], 'int32'),
      tf.range(0, 5, 1, 'int32'),
      tf.range(1, 2, 0.25),
      tf.range(3, 0),
      tf.range(5, 0, -2, 'int32'),
      tf.linspace(-1, 1, 5),
      tf.linspace(2, 3, 1),
      tf.eye(3),
    ],
    { check: 'values' },
  ),
  kernelCase(
    'diag',
    { x: floats([3]), y: ints([2, 2]), z: bools([3]) },
    ({ x, y, z }): Tensor[] => [tf.diag(x!), tf.diag(y!), tf.diag(z!)],
    { check: 'values' },
  ),
]
