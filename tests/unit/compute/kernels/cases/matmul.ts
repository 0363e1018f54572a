import * as tf from '@tensorflow/tfjs-core'
import type { KernelCase } from '../support.js'
import { floats, ints, kernelCase } from '../support.js'

type Shape = readonly number[]

function swapped(shape: Shape, swap: boolean): number[] {
  return swap ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : [...shape]
}

const FLAGS: readonly (readonly [boolean, boolean])[] = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
]

function products(a: Shape, b: Shape): KernelCase[] {
  return FLAGS.map(([transA, transB]) =>
    kernelCase(
      `matMul [${a}] [${b}]${transA ? ' a transposed' : ''}${transB ? ' b transposed' : ''}`,
      { a: floats(swapped(a, transA)), b: floats(swapped(b, transB)) },
      (x) => tf.matMul(x['a']!, x['b']!, transA, transB),
    ),
  )
}

type Activation = 'linear' | 'relu' | 'relu6' | 'elu' | 'sigmoid' | 'leakyrelu' | 'prelu'

/** The activations other than linear are fused outside gradients only. */
function fused(
  a: Shape,
  b: Shape,
  bias: Shape | undefined,
  activation: Activation = 'linear',
  trans = false,
): KernelCase {
  const inputs = {
    a: floats(swapped(a, trans)),
    b: floats(swapped(b, trans)),
    ...(bias === undefined ? {} : { bias: floats(bias) }),
    ...(activation === 'prelu' ? { alpha: floats([b.at(-1)!]) } : {}),
  }
  const name = `fused.matMul [${a}] [${b}] bias [${bias ?? 'none'}] ${activation}${trans ? ' transposed' : ''}`
  return kernelCase(
    name,
    inputs,
    (x) =>
      tf.fused.matMul({
        a: x['a']!,
        b: x['b']!,
        transposeA: trans,
        transposeB: trans,
        activation,
        leakyreluAlpha: 0.3,
        ...(bias === undefined ? {} : { bias: x['bias']! }),
        ...(activation === 'prelu' ? { preluActivationWeights: x['alpha']! } : {}),
      }),
    // Differences across a kink of the activation mean nothing.
    { check: activation === 'linear' || activation === 'sigmoid' ? 'all' : 'tfjs' },
  )
}

export const matmulCases: readonly KernelCase[] = [
  ...products([2, 3], [3, 4]),
  ...products([1, 5], [5, 1]),
  ...products([3, 2, 4], [3, 4, 2]),
  ...products([1, 2, 3], [1, 3, 2]),
  ...products([2, 3, 2, 3], [2, 3, 3, 1]),
  // tfjs' own gradient throws where one side has fewer batches.
  ...products([3, 2, 4], [4, 2]),
  ...products([1, 2, 3], [4, 3, 2]),
  kernelCase('dot', { a: floats([3]), b: floats([3]) }, (x) => tf.dot(x['a']!, x['b']!)),
  kernelCase(
    'matMul of int32',
    { a: ints([2, 3]), b: ints([3, 2]) },
    (x) => [tf.matMul(x['a']!, x['b']!), tf.matMul(x['a']!, x['b']!, true, true)],
    { check: 'values' },
  ),
  fused([2, 3], [3, 4], undefined),
  fused([2, 3], [3, 4], [4]),
  fused([2, 3], [3, 4], []),
  fused([2, 3], [3, 4], [1, 4]),
  fused([2, 3], [3, 4], [2, 4]),
  fused([2, 3], [3, 4], [2, 1]),
  fused([2, 3], [3, 4], [4], 'linear', true),
  fused([3, 2, 3], [3, 3, 4], [4]),
  fused([3, 2, 3], [3, 3, 4], [4], 'linear', true),
  fused([2, 3], [3, 1], [1]),
  ...(['relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const).map((name) =>
    fused([3, 4], [4, 5], [5], name),
  ),
  ...[
    ['ij,jk->ki', [2, 3], [3, 4]],
    ['bij, bjk->bik', [2, 3, 4], [2, 4, 2]],
    ['bi,bi->b', [3, 2], [3, 2]],
  ].map(([equation, a, b]) =>
    kernelCase(`einsum ${equation}`, { a: floats(a as Shape), b: floats(b as Shape) }, (x) =>
      tf.einsum(equation as string, x['a']!, x['b']!),
    ),
  ),
  kernelCase('einsum of one tensor', { a: floats([2, 3, 2]) }, (x) => [
    tf.einsum('ijk->kj', x['a']!),
    tf.einsum('ijk->ikj', x['a']!),
  ]),
  kernelCase(
    'batchNorm',
    {
      x: floats([4, 3]),
      mean: floats([3]),
      variance: floats([3], 0.5, 2),
      offset: floats([3]),
      scale: floats([3]),
    },
    (x) =>
      tf.batchNorm(
        x['x']!,
        x['mean'] as tf.Tensor1D,
        x['variance'] as tf.Tensor1D,
        x['offset'] as tf.Tensor1D,
        x['scale'] as tf.Tensor1D,
        1e-3,
      ),
  ),
  kernelCase(
    'batchNorm of images, no scale or offset',
    { x: floats([2, 2, 3, 2]), mean: floats([2]), variance: floats([2], 0.5, 2) },
    (x) => tf.batchNorm(x['x']!, x['mean'] as tf.Tensor1D, x['variance'] as tf.Tensor1D),
    // tfjs fails to keep an absent scale for the gradient.
    { check: 'values' },
  ),
]
