import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { HostTensor } from '../../../../../ding/utils/index.js'
import type { CaseOptions, KernelCase } from '../support.js'
import { bools, floats, floatsAwayFrom, integers, ints, kernelCase, values } from '../support.js'

type Shape = readonly number[]
type Op = (a: Tensor, b: Tensor) => Tensor
type Draw = (shape: Shape) => HostTensor

const PAIRS: readonly (readonly [Shape, Shape])[] = [
  [[3], []],
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [
    [4, 1],
    [1, 3],
  ],
  [[1], [2, 1, 2]],
]

function pairs(name: string, op: Op, a: Draw, b: Draw, options?: CaseOptions): KernelCase[] {
  return PAIRS.map(([left, right]) =>
    kernelCase(
      `${name} [${left}] [${right}]`,
      { a: a(left), b: b(right) },
      (x) => op(x['a']!, x['b']!),
      options,
    ),
  )
}

function onInts(name: string, op: Op): KernelCase {
  return kernelCase(
    `${name} of int32`,
    { a: ints([3, 4]), b: ints([4], 1, 5) },
    (x) => op(x['a']!, x['b']!),
    { check: 'values' },
  )
}

const wide: Draw = (shape) => floats(shape)
const positive: Draw = (shape) => floats(shape, 0.5, 2.5)
const negative: Draw = (shape) => floats(shape, -2.5, -0.5)
/** Quotients by 2 keep away from whole numbers. */
const odd: Draw = (shape) => floatsAwayFrom([-4, -2, 0, 2, 4], shape, -5, 5)
const two: Draw = (shape) => values(new Array<number>(shape.reduce((n, d) => n * d, 1)).fill(2), shape)

const compare: readonly (readonly [string, Op])[] = [
  ['equal', tf.equal],
  ['notEqual', tf.notEqual],
  ['less', tf.less],
  ['lessEqual', tf.lessEqual],
  ['greater', tf.greater],
  ['greaterEqual', tf.greaterEqual],
]

export const arithmeticCases: readonly KernelCase[] = [
  ...pairs('add', tf.add, wide, wide),
  ...pairs('sub', tf.sub, wide, wide),
  ...pairs('mul', tf.mul, wide, wide),
  ...pairs('div', tf.div, wide, positive),
  ...pairs('pow', tf.pow, positive, wide),
  ...pairs('squaredDifference', tf.squaredDifference, wide, wide),
  // Apart, so that no difference step crosses a tie.
  ...pairs(
    'maximum',
    tf.maximum,
    (shape) => floats(shape, -1, 0.9),
    (shape) => floatsAwayFrom([0], shape, -2, 2, 0.95),
  ),
  ...pairs(
    'minimum',
    tf.minimum,
    (shape) => floats(shape, -1, 0.9),
    (shape) => floatsAwayFrom([0], shape, -2, 2, 0.95),
  ),
  ...pairs(
    'atan2',
    tf.atan2,
    (shape) => floatsAwayFrom([0], shape),
    (shape) => floatsAwayFrom([0], shape),
  ),
  ...pairs('mod', tf.mod, odd, two),
  ...pairs('mod of negatives', tf.mod, odd, (shape) => ({
    ...two(shape),
    data: two(shape).data.map((v) => -v),
  })),
  // The gradient is that of a / b, by tfjs' convention.
  ...pairs('floorDiv', tf.floorDiv, odd, two, { check: 'values' }),
  ...pairs('minimum of negatives', tf.minimum, negative, positive),
  onInts('add', tf.add),
  onInts('sub', tf.sub),
  onInts('mul', tf.mul),
  onInts('div', tf.div),
  onInts('floorDiv', tf.floorDiv),
  onInts('mod', tf.mod),
  onInts('pow', tf.pow),
  onInts('maximum', tf.maximum),
  onInts('minimum', tf.minimum),
  onInts('squaredDifference', tf.squaredDifference),
  ...compare.map(([name, op]) => onInts(name, op)),
  ...compare.map(([name, op]) =>
    kernelCase(
      `${name} of float32`,
      { a: values([0, 1, 2, Number.NaN, -1, 3]), b: values([0, 2, 1, 1, -1, Number.NaN]) },
      (x) => op(x['a']!, x['b']!),
      { check: 'values' },
    ),
  ),
  ...compare.map(([name, op]) =>
    kernelCase(`${name} of bool`, { a: bools([8]), b: bools([8]) }, (x) => op(x['a']!, x['b']!), {
      check: 'values',
    }),
  ),
  kernelCase(
    'integer division by zero',
    { a: integers([7, -7, 0]), b: integers([0, 0, 0]) },
    (x) => [tf.floorDiv(x['a']!, x['b']!), tf.mod(x['a']!, x['b']!)],
    { check: 'values' },
  ),
  kernelCase('mixed element types', { a: floats([3]), b: ints([3]), c: bools([3]) }, (x) => [
    tf.add(x['a']!, x['b']!),
    tf.mul(x['b']!, x['c']!),
    tf.sub(x['a']!, x['c']!),
  ]),
  kernelCase(
    'atan2 on the axes',
    { a: values([0, 1, -1, 0, 0]), b: values([0, 0, 0, 1, -1]) },
    (x) => tf.atan2(x['a']!, x['b']!),
    { check: 'values' },
  ),
  kernelCase('addN', { a: floats([2, 3]), b: floats([2, 3]), c: floats([2, 3]) }, (x) =>
    tf.addN([x['a']!, x['b']!, x['c']!]),
  ),
  kernelCase('addN of one', { a: floats([2]) }, (x) => tf.addN([x['a']!])),
  kernelCase('addN of int32', { a: ints([3]), b: ints([3]) }, (x) => tf.addN([x['a']!, x['b']!]), {
    check: 'values',
  }),
  kernelCase(
    'logical',
    { a: bools([2, 4]), b: bools([4]) },
    (x) => [
      tf.logicalAnd(x['a']!, x['b']!),
      tf.logicalOr(x['a']!, x['b']!),
      tf.logicalXor(x['a']!, x['b']!),
      tf.logicalNot(x['a']!),
    ],
    { check: 'values' },
  ),
  kernelCase('where', { c: bools([2, 3]), a: floats([2, 3]), b: floats([2, 3]) }, (x) =>
    tf.where(x['c']!, x['a']!, x['b']!),
  ),
  kernelCase('where, all broadcast', { c: bools([3, 1]), a: floats([]), b: floats([1, 4]) }, (x) =>
    tf.where(x['c']!, x['a']!, x['b']!),
  ),
  kernelCase('where by rows', { c: bools([3, 1, 1]), a: floats([3, 2, 2]), b: floats([2]) }, (x) =>
    tf.where(x['c']!, x['a']!, x['b']!),
  ),
  kernelCase(
    'where of int32 and bool',
    { c: bools([4]), a: ints([4]), b: ints([4]), d: bools([4]), e: bools([4]) },
    (x) => [tf.where(x['c']!, x['a']!, x['b']!), tf.where(x['c']!, x['d']!, x['e']!)],
    { check: 'values' },
  ),
]
