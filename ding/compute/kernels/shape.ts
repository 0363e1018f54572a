import { util } from '@tensorflow/tfjs-core'
import type { TensorSpec } from '../../utils/index.js'
import { sizeOf } from '../../utils/index.js'
import { dim, dtypeAttr, input, numberAttr, numbersAttr } from './call.js'
import { cast, reshape, transpose } from './emit.js'
import { elementwiseRule, rule } from './rule.js'
import type { KernelCall, KernelRule, Lowering } from './types.js'

function reshapedTo(call: KernelCall): TensorSpec {
  const x = input(call, 'x')
  return { dtype: x.dtype, shape: util.inferFromImplicitShape(numbersAttr(call, 'shape'), sizeOf(x.shape)) }
}

function expanded(call: KernelCall): TensorSpec {
  const { dtype, shape } = input(call, 'input')
  const axis = numberAttr(call, 'dim')
  return { dtype, shape: shape.toSpliced(axis < 0 ? axis + shape.length + 1 : axis, 0, 1) }
}

function transposed(call: KernelCall): TensorSpec {
  const { dtype, shape } = input(call, 'x')
  return { dtype, shape: numbersAttr(call, 'perm').map((axis) => dim(shape, axis)) }
}

function tiled(call: KernelCall): TensorSpec {
  const { dtype, shape } = input(call, 'x')
  const reps = numbersAttr(call, 'reps')
  return { dtype, shape: shape.map((size, axis) => size * dim(reps, axis)) }
}

/** Repeating axes of size 1 is a broadcast: Expand. tf.broadcastTo and tf.where come here too. */
function tile(at: Lowering): string {
  const { shape } = input(at, 'x')
  const reps = numbersAttr(at, 'reps')
  const broadcasts = reps.every((count, axis) => count === 1 || shape[axis] === 1)
  const target = broadcasts ? tiled(at).shape : reps
  return at.op(broadcasts ? 'Expand' : 'Tile', [at.name('x'), at.int64(target)])
}

/** Kernels that change the shape, the order of axes or the element type, not the values. */
export const shapes: readonly KernelRule[] = [
  elementwiseRule(
    'Identity',
    (call) => input(call, 'x'),
    (at) => at.name('x'),
  ),
  rule('Reshape', reshapedTo, (at) => reshape(at, at.name('x'), input(at, 'x').shape, reshapedTo(at).shape)),
  rule('ExpandDims', expanded, (at) =>
    reshape(at, at.name('input'), input(at, 'input').shape, expanded(at).shape),
  ),
  rule('Transpose', transposed, (at) => transpose(at, at.name('x'), numbersAttr(at, 'perm'))),
  rule('Tile', tiled, tile),
  elementwiseRule(
    'Cast',
    (call) => ({ dtype: dtypeAttr(call, 'dtype'), shape: input(call, 'x').shape }),
    (at) => cast(at, at.name('x'), input(at, 'x').dtype, dtypeAttr(at, 'dtype')),
  ),
]
