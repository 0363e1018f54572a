import * as tf from '@tensorflow/tfjs-core'
import type { KernelCase } from '../support.js'
import { distinct, floats, kernelCase } from '../support.js'

type Shape4 = readonly [number, number, number, number]
type Pair = [number, number]
type Pad = 'same' | 'valid' | number | [[number, number], Pair, Pair, [number, number]]
interface Slide {
  strides?: number | Pair
  pad?: Pad
  dilations?: number | Pair
}

const image = (t: tf.Tensor | undefined): tf.Tensor4D => t as tf.Tensor4D
const EXPLICIT: Pad = [
  [0, 0],
  [1, 0],
  [0, 2],
  [0, 0],
]
const SUMS = { tolerance: 3e-5 }

function describe(
  x: Shape4,
  filter: Shape4 | Pair,
  { strides = 1, pad = 'valid', dilations = 1 }: Slide,
): string {
  return `[${x}] filter [${filter}] strides ${strides} pad ${JSON.stringify(pad)} dilations ${dilations}`
}

function conv(x: Shape4, filter: Shape4, slide: Slide = {}): KernelCase {
  const { strides = 1, pad = 'valid', dilations = 1 } = slide
  return kernelCase(
    `conv2d ${describe(x, filter, slide)}`,
    { x: floats(x), w: floats(filter) },
    (t) => tf.conv2d(image(t['x']), image(t['w']), strides, pad, 'NHWC', dilations),
    // tfjs has no gradient for dilated convolutions.
    { ...SUMS, check: dilations === 1 ? 'all' : 'values' },
  )
}

function depthwise(x: Shape4, filter: Shape4, slide: Slide = {}): KernelCase {
  const { strides = 1, pad = 'valid', dilations = 1 } = slide
  return kernelCase(
    `depthwiseConv2d ${describe(x, filter, slide)}`,
    { x: floats(x), w: floats(filter) },
    (t) => tf.depthwiseConv2d(image(t['x']), image(t['w']), strides, pad as 'same', 'NHWC', dilations),
    { ...SUMS, check: dilations === 1 ? 'all' : 'values' },
  )
}

function pooled(kind: 'max' | 'avg', x: Shape4, size: Pair, slide: Slide = {}): KernelCase {
  const { strides = 1, pad = 'valid' } = slide
  return kernelCase(`${kind}Pool ${describe(x, size, slide)}`, { x: distinct(x) }, (t) =>
    kind === 'max'
      ? tf.maxPool(image(t['x']), size, strides, pad)
      : tf.avgPool(image(t['x']), size, strides, pad),
  )
}

const POOLS: readonly (readonly [Shape4, Pair, Slide])[] = [
  [[1, 4, 4, 1], [2, 2], { strides: 2 }],
  [[2, 5, 6, 3], [2, 3], { strides: 1 }],
  [[2, 5, 5, 2], [3, 3], { strides: 2, pad: 'same' }],
  [[1, 6, 5, 2], [2, 2], { strides: [2, 3], pad: 'same' }],
  [[1, 5, 5, 2], [3, 3], { strides: 2, pad: 1 }],
  [[2, 6, 4, 1], [2, 2], { strides: 3 }],
  [[1, 3, 3, 2], [1, 1], {}],
]

type Activation = 'linear' | 'relu' | 'sigmoid' | 'leakyrelu' | 'prelu'

function fused(
  kind: 'conv2d' | 'depthwiseConv2d',
  activation: Activation,
  biasShape: readonly number[] | undefined,
): KernelCase {
  const channels = kind === 'conv2d' ? 3 : 4
  return kernelCase(
    `fused.${kind} ${activation} bias [${biasShape ?? 'none'}]`,
    {
      x: floats([2, 4, 5, 2]),
      w: floats(kind === 'conv2d' ? [2, 3, 2, 3] : [2, 3, 2, 2]),
      ...(biasShape === undefined ? {} : { bias: floats(biasShape) }),
      ...(activation === 'prelu' ? { alpha: floats([channels]) } : {}),
    },
    (t) =>
      tf.fused[kind]({
        x: image(t['x']),
        filter: image(t['w']),
        strides: 1,
        pad: 'same',
        activation,
        leakyreluAlpha: 0.3,
        ...(biasShape === undefined ? {} : { bias: t['bias']! }),
        ...(activation === 'prelu' ? { preluActivationWeights: t['alpha']! } : {}),
      }),
    { ...SUMS, check: activation === 'linear' || activation === 'sigmoid' ? 'all' : 'tfjs' },
  )
}

export const imageCases: readonly KernelCase[] = [
  conv([1, 4, 4, 1], [3, 3, 1, 1]),
  conv([2, 5, 4, 3], [2, 3, 3, 2]),
  conv([2, 5, 6, 2], [3, 3, 2, 3], { pad: 'same' }),
  conv([2, 7, 6, 2], [3, 3, 2, 2], { strides: 2, pad: 'same' }),
  conv([1, 8, 7, 2], [3, 2, 2, 2], { strides: [2, 3] }),
  conv([1, 6, 6, 1], [3, 3, 1, 2], { strides: 2, pad: 1 }),
  conv([1, 5, 5, 2], [2, 2, 2, 1], { pad: EXPLICIT }),
  conv([1, 3, 3, 2], [1, 1, 2, 3]),
  conv([1, 6, 6, 2], [2, 2, 2, 2], { dilations: 2 }),
  kernelCase(
    'conv2d NCHW',
    { x: floats([2, 2, 5, 4]), w: floats([2, 2, 2, 3]) },
    (t) => tf.conv2d(image(t['x']), image(t['w']), 1, 'valid', 'NCHW'),
    SUMS,
  ),
  kernelCase(
    'conv1d',
    { x: floats([2, 6, 2]), w: floats([3, 2, 2]) },
    (t) => tf.conv1d(t['x'] as tf.Tensor3D, t['w'] as tf.Tensor3D, 1, 'same'),
    SUMS,
  ),
  kernelCase(
    'conv2dTranspose',
    { x: floats([1, 3, 3, 2]), w: floats([3, 3, 1, 2]) },
    (t) => tf.conv2dTranspose(image(t['x']), image(t['w']), [1, 6, 6, 1], 2, 'same'),
    SUMS,
  ),
  depthwise([1, 4, 4, 2], [2, 2, 2, 1]),
  depthwise([2, 5, 6, 2], [3, 3, 2, 3], { pad: 'same' }),
  depthwise([2, 6, 7, 3], [2, 3, 3, 2], { strides: 2 }),
  depthwise([1, 6, 6, 2], [2, 2, 2, 1], { dilations: 2 }),
  fused('conv2d', 'linear', undefined),
  fused('conv2d', 'linear', [3]),
  fused('conv2d', 'linear', []),
  fused('conv2d', 'relu', [3]),
  fused('conv2d', 'leakyrelu', []),
  fused('conv2d', 'prelu', [3]),
  fused('depthwiseConv2d', 'linear', [4]),
  fused('depthwiseConv2d', 'sigmoid', [4]),
  kernelCase(
    'conv2d, sizes rounded up',
    { x: floats([1, 6, 6, 2]), w: floats([3, 3, 2, 1]) },
    (t) => tf.conv2d(image(t['x']), image(t['w']), 2, 0, 'NHWC', 1, 'ceil'),
    { ...SUMS, check: 'values' },
  ),
  kernelCase(
    'pooling, sizes rounded up',
    { x: distinct([1, 6, 6, 2]) },
    (t) => [tf.maxPool(image(t['x']), 3, 2, 0, 'ceil'), tf.avgPool(image(t['x']), 3, 2, 0, 'ceil')],
    { check: 'values' },
  ),
  ...POOLS.map(([x, size, slide]) => pooled('max', x, size, slide)),
  ...POOLS.map(([x, size, slide]) => pooled('avg', x, size, slide)),
]
