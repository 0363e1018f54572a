import { backend_util } from '@tensorflow/tfjs-core'
import type { TensorSpec } from '../../utils/index.js'
import { CompileError } from '../../utils/index.js'
import { axisAttr, dim, input, inputList, numberAttr, sameShape, tensorInfo } from './call.js'
import { reshape } from './emit.js'
import { rule } from './rule.js'
import type { KernelCall, KernelRule, Lowering } from './types.js'

function first(call: KernelCall): TensorSpec {
  const spec = inputList(call)[0]
  if (spec === undefined)
    throw new CompileError(`Kernel ${call.kernel} was called with no tensors, expected at least one.`)
  return spec
}

/** The one dtype of all tensors in the list. @throws CompileError when they have several, which nothing converts. */
function commonDType(call: KernelCall, operation: string): TensorSpec['dtype'] {
  const { dtype } = first(call)
  const other = inputList(call).find((spec) => spec.dtype !== dtype)
  if (other === undefined) return dtype
  throw new CompileError(
    `${operation} was given tensors of dtype ${dtype} and ${other.dtype}, expected the same for all. Convert them with tf.cast.`,
  )
}

function concatAxis(call: KernelCall): number {
  return axisAttr(call, 'axis', first(call).shape.length)
}

function concatenated(call: KernelCall): TensorSpec {
  const { shape } = first(call)
  const dtype = commonDType(call, 'tf.concat')
  const axis = concatAxis(call)
  const size = inputList(call).reduce((sum, spec) => sum + dim(spec.shape, axis), 0)
  return { dtype, shape: shape.with(axis, size) }
}

function join(at: Lowering, names: readonly string[], axis: number): string {
  return names.length === 1 ? names[0]! : at.op('Concat', names, { axis })
}

/** The new axis of tf.stack, counted from the front. */
function packAxis(call: KernelCall): number {
  const axis = numberAttr(call, 'axis')
  return axis < 0 ? axis + first(call).shape.length + 1 : axis
}

function packed(call: KernelCall): TensorSpec {
  const { shape } = first(call)
  const dtype = commonDType(call, 'tf.stack')
  const other = inputList(call).find((spec) => !sameShape(spec.shape, shape))
  if (other !== undefined) {
    throw new CompileError(`tf.stack was given shapes [${shape}] and [${other.shape}], expected equal ones.`)
  }
  return { dtype, shape: shape.toSpliced(packAxis(call), 0, inputList(call).length) }
}

function pack(at: Lowering): string {
  const { shape } = first(at)
  const axis = packAxis(at)
  const single = shape.toSpliced(axis, 0, 1)
  const parts = at.names().map((name) => reshape(at, name, shape, single))
  return join(at, parts, axis)
}

function unpackAxis(call: KernelCall): number {
  return axisAttr(call, 'axis', input(call, 'value').shape.length)
}

function cut(at: Lowering, value: string, sizes: readonly number[], axis: number): string[] {
  if (sizes.length === 1) return [value]
  return at.ops('Split', [value, at.int64(sizes)], sizes.length, { axis })
}

const unpack: KernelRule = {
  kernel: 'Unpack',
  list: true,
  infer: (call) => {
    const { dtype, shape } = input(call, 'value')
    const axis = unpackAxis(call)
    return Array.from({ length: dim(shape, axis) }, () => ({ dtype, shape: shape.toSpliced(axis, 1) }))
  },
  lower: (at) => {
    const { shape } = input(at, 'value')
    const axis = unpackAxis(at)
    const sizes = new Array<number>(dim(shape, axis)).fill(1)
    const parts = cut(at, at.name('value'), sizes, axis)
    return parts.map((part) => reshape(at, part, shape.with(axis, 1), shape.toSpliced(axis, 1)))
  },
}

function splitSizes(call: KernelCall): { sizes: number[]; axis: number } {
  const x = input(call, 'x')
  const axis = axisAttr(call, 'axis', x.shape.length)
  const wanted = call.attrs['numOrSizeSplits']
  const asked = typeof wanted === 'number' ? wanted : [...(wanted as readonly number[])]
  // The helper only reads the shape.
  return { axis, sizes: backend_util.prepareSplitSize(tensorInfo(x) as never, asked, axis) }
}

const splitV: KernelRule = {
  kernel: 'SplitV',
  list: true,
  infer: (call) => {
    const { dtype, shape } = input(call, 'x')
    const { sizes, axis } = splitSizes(call)
    return sizes.map((size) => ({ dtype, shape: shape.with(axis, size) }))
  },
  lower: (at) => {
    const { sizes, axis } = splitSizes(at)
    return cut(at, at.name('x'), sizes, axis)
  },
}

/** Joining tensors and taking them apart. */
export const joining: readonly KernelRule[] = [
  rule('Concat', concatenated, (at) => join(at, at.names(), concatAxis(at))),
  rule('Pack', packed, pack),
  unpack,
  splitV,
]
