import { backend_util } from '@tensorflow/tfjs-core'
import type { TensorSpec } from '../../utils/index.js'
import { axesAttr, axisAttr, booleanAttr, input } from './call.js'
import { cast } from './emit.js'
import { rule } from './rule.js'
import type { KernelCall, KernelRule } from './types.js'

type DType = TensorSpec['dtype']

interface Reduction {
  readonly kernel: string
  /** ONNX operator. */
  readonly type: string
  /** Element type of the result for an input's. */
  readonly out: (x: DType) => DType
  /** Element type that the operator computes in. */
  readonly via: (x: DType) => DType
  /** tfjs' name of the attribute with the axes. */
  readonly axes?: string
}

const same = (x: DType): DType => x
const notBool = (x: DType): DType => (x === 'bool' ? 'int32' : x)

function outShape(call: KernelCall, axes: readonly number[]): number[] {
  const { shape } = input(call, 'x')
  if (booleanAttr(call, 'keepDims'))
    return backend_util.expandShapeToKeepDim(shapeWithout(shape, axes), [...axes])
  return shapeWithout(shape, axes)
}

function shapeWithout(shape: readonly number[], axes: readonly number[]): number[] {
  return shape.filter((_, axis) => !axes.includes(axis))
}

function reduction({ kernel, type, out, via, axes: key = 'axis' }: Reduction): KernelRule {
  return rule(
    kernel,
    (call) => {
      const x = input(call, 'x')
      return { dtype: out(x.dtype), shape: outShape(call, axesAttr(call, key, x.shape)) }
    },
    (at) => {
      const { dtype, shape } = input(at, 'x')
      const axes = axesAttr(at, key, shape)
      const x = cast(at, at.name('x'), dtype, via(dtype))
      // No axes means "all" to ONNX, "none" to tfjs.
      const reduced =
        axes.length === 0
          ? x
          : at.op(type, [x, at.int64(axes)], { keepdims: Number(booleanAttr(at, 'keepDims')) })
      return cast(at, reduced, via(dtype), out(dtype))
    },
  )
}

/** Index of the first largest or smallest element along one axis, as int32. */
function argument(kernel: 'ArgMax' | 'ArgMin'): KernelRule {
  const axisOf = (call: KernelCall): number => axisAttr(call, 'axis', input(call, 'x').shape.length, 0)
  return rule(
    kernel,
    (call) => ({ dtype: 'int32', shape: shapeWithout(input(call, 'x').shape, [axisOf(call)]) }),
    (at) => {
      const { dtype } = input(at, 'x')
      const index = at.op(kernel, [cast(at, at.name('x'), dtype, notBool(dtype))], {
        axis: axisOf(at),
        keepdims: 0,
      })
      return cast(at, index, 'int64', 'int32')
    },
  )
}

/** tfjs only ever asks for the last axis. */
const softmax: KernelRule = rule(
  'Softmax',
  (call) => ({ dtype: 'float32', shape: input(call, 'logits').shape }),
  (at) => {
    const { dtype, shape } = input(at, 'logits')
    const logits = cast(at, at.name('logits'), dtype, 'float32')
    return at.op('Softmax', [logits], { axis: axisAttr(at, 'dim', shape.length) })
  },
)

/** Reductions over axes. */
export const reductions: readonly KernelRule[] = [
  reduction({ kernel: 'Sum', type: 'ReduceSum', out: notBool, via: notBool }),
  reduction({ kernel: 'Mean', type: 'ReduceMean', out: () => 'float32', via: () => 'float32' }),
  reduction({ kernel: 'Prod', type: 'ReduceProd', out: notBool, via: notBool }),
  reduction({ kernel: 'Max', type: 'ReduceMax', out: same, via: notBool, axes: 'reductionIndices' }),
  reduction({ kernel: 'Min', type: 'ReduceMin', out: same, via: notBool }),
  // As the largest and smallest of 0 and 1: ONNX Runtime has no reductions of bool.
  reduction({ kernel: 'Any', type: 'ReduceMax', out: same, via: notBool }),
  reduction({ kernel: 'All', type: 'ReduceMin', out: same, via: notBool }),
  argument('ArgMax'),
  argument('ArgMin'),
  softmax,
]
