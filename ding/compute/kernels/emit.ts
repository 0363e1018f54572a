import type { TensorSpec } from '../../utils/index.js'
import { sizeOf } from '../../utils/index.js'
import { sameShape } from './call.js'
import type { Lowering } from './types.js'

type DType = TensorSpec['dtype']

/** ONNX' numbers of the element types that lowerings name. */
export const ONNX_TYPE = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 } as const

/** A value in another element type; the value itself where nothing changes. */
export function cast(at: Lowering, value: string, from: DType | 'int64', to: DType | 'int64'): string {
  return from === to ? value : at.op('Cast', [value], { to: ONNX_TYPE[to] })
}

/** A value in another shape of the same size. */
export function reshape(at: Lowering, value: string, from: readonly number[], to: readonly number[]): string {
  if (sameShape(from, to)) return value
  // Without allowzero a 0 would mean "as in the input".
  return at.op('Reshape', [value, at.int64(to)], to.includes(0) ? { allowzero: 1 } : {})
}

export function transpose(at: Lowering, value: string, perm: readonly number[]): string {
  return perm.every((axis, position) => axis === position) ? value : at.op('Transpose', [value], { perm })
}

/** Where each axis of the transposed value came from, undone. */
export function undoPermutation(perm: readonly number[]): number[] {
  return perm.map((_, axis) => perm.indexOf(axis))
}

/** A part of a value: `starts` up to but not including `ends` on `axes`, by `steps`. */
export function slice(
  at: Lowering,
  value: string,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
  steps: readonly number[],
): string {
  if (axes.length === 0) return value
  return at.op('Slice', [value, at.int64(starts), at.int64(ends), at.int64(axes), at.int64(steps)])
}

/** A constant of one value everywhere; ONNX Runtime folds it once, so the model stays small. */
export function filled(at: Lowering, spec: TensorSpec, value: number): string {
  const scalar = constant(at, spec.dtype, value)
  return spec.shape.length === 0 ? scalar : at.op('Expand', [scalar, at.int64(spec.shape)])
}

/** A scalar constant of an element type. */
export function constant(at: Lowering, dtype: DType, value: number): string {
  if (dtype === 'float32') return at.float(value)
  return dtype === 'bool' ? at.bool(value !== 0) : at.int32(Math.trunc(value))
}

/** The numbers 0 .. n-1 as a constant of the given shape. */
export function counting(at: Lowering, n: number, shape: readonly number[]): string {
  return at.int32(
    Array.from({ length: n }, (_, i) => i),
    shape,
  )
}

/** All of a value's elements in one axis. */
export function flatten(at: Lowering, value: string, shape: readonly number[]): string {
  return reshape(at, value, shape, [sizeOf(shape)])
}
