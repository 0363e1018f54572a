import type { TensorSpec } from '../../utils/index.js'
import { broadcast, commonType, input } from './call.js'
import { cast } from './emit.js'
import type { KernelCall, KernelRule, Lowering } from './types.js'

type DType = TensorSpec['dtype']

/** A kernel of one output. */
export function rule(
  kernel: string,
  infer: (call: KernelCall) => TensorSpec,
  lower: (at: Lowering) => string,
): KernelRule {
  return { kernel, infer: (call) => [infer(call)], lower: (at) => [lower(at)] }
}

/** A kernel of one output that treats every element alike, with inputs that broadcast. */
export function elementwiseRule(
  kernel: string,
  infer: (call: KernelCall) => TensorSpec,
  lower: (at: Lowering) => string,
): KernelRule {
  return { ...rule(kernel, infer, lower), elementwise: true }
}

/** How an element-wise kernel treats element types. */
export interface ElementTypes {
  /** What ONNX Runtime computes in: 'float32', or 'numeric' where it has an int32 kernel too. Default 'float32'. */
  readonly via?: 'float32' | 'numeric'
  /** Element type of the result. Default: that of the operands. */
  readonly out?: DType
}

function workingType(dtype: DType, types: ElementTypes): DType {
  if (types.via !== 'numeric') return 'float32'
  return dtype === 'bool' ? 'int32' : dtype
}

/** An element-wise kernel of `x`. The result of `body` has the type it computes in, or `out` where that is bool. */
export function unary(
  kernel: string,
  body: (at: Lowering, x: string, dtype: DType) => string,
  types: ElementTypes = {},
): KernelRule {
  const result = (x: TensorSpec): DType => types.out ?? x.dtype
  return elementwiseRule(
    kernel,
    (call) => ({ dtype: result(input(call, 'x')), shape: input(call, 'x').shape }),
    (at) => {
      const x = input(at, 'x')
      const work = workingType(x.dtype, types)
      const y = body(at, cast(at, at.name('x'), x.dtype, work), work)
      return cast(at, y, types.out === 'bool' ? 'bool' : work, result(x))
    },
  )
}

/** An element-wise kernel of `a` and `b`, which broadcast. Types as in {@link unary}. */
export function binary(
  kernel: string,
  body: (at: Lowering, a: string, b: string, dtype: DType) => string,
  types: ElementTypes = {},
): KernelRule {
  const result = (call: KernelCall): DType => types.out ?? commonType(input(call, 'a'), input(call, 'b'))
  return elementwiseRule(
    kernel,
    (call) => ({ dtype: result(call), shape: broadcast(input(call, 'a').shape, input(call, 'b').shape) }),
    (at) => {
      const [a, b] = [input(at, 'a'), input(at, 'b')]
      const work = workingType(commonType(a, b), types)
      const y = body(at, cast(at, at.name('a'), a.dtype, work), cast(at, at.name('b'), b.dtype, work), work)
      return cast(at, y, types.out === 'bool' ? 'bool' : work, result(at))
    },
  )
}

/** The body of a {@link unary} kernel that is one ONNX node. */
export function ofOne(type: string): (at: Lowering, x: string) => string {
  return (at, x) => at.op(type, [x])
}

/** The body of a {@link binary} kernel that is one ONNX node. */
export function ofTwo(type: string): (at: Lowering, a: string, b: string) => string {
  return (at, a, b) => at.op(type, [a, b])
}
