import { backend_util, util } from '@tensorflow/tfjs-core'
import type { TensorSpec } from '../../utils/index.js'
import { CompileError } from '../../utils/index.js'
import type { KernelCall } from './types.js'

function wrong(call: KernelCall, key: string, expected: string): CompileError {
  const seen = JSON.stringify(call.attrs[key])
  return new CompileError(`Kernel ${call.kernel} has attribute "${key}" = ${seen}, expected ${expected}.`)
}

/** The spec of a required input. */
export function input(call: KernelCall, name: string): TensorSpec {
  const spec = call.inputs[name]
  if (spec === undefined) {
    const known = Object.keys(call.inputs).join(', ')
    throw new CompileError(`Kernel ${call.kernel} was called without input "${name}" (it has: ${known}).`)
  }
  return spec
}

/** The specs of a list input, in order. */
export function inputList(call: KernelCall): TensorSpec[] {
  return Object.keys(call.inputs)
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => input(call, key))
}

export function numberAttr(call: KernelCall, key: string, fallback?: number): number {
  const value = call.attrs[key] ?? fallback
  if (typeof value !== 'number') throw wrong(call, key, 'a number')
  return value
}

export function booleanAttr(call: KernelCall, key: string): boolean {
  const value = call.attrs[key] ?? false
  if (typeof value !== 'boolean') throw wrong(call, key, 'true or false')
  return value
}

export function stringAttr(call: KernelCall, key: string, fallback?: string): string {
  const value = call.attrs[key] ?? fallback
  if (typeof value !== 'string') throw wrong(call, key, 'a string')
  return value
}

/** A list of numbers; a lone number becomes a list of one. */
export function numbersAttr(call: KernelCall, key: string): number[] {
  const value = call.attrs[key]
  const list = typeof value === 'number' ? [value] : value
  if (!Array.isArray(list) || !list.every((item): item is number => typeof item === 'number')) {
    throw wrong(call, key, 'a list of numbers')
  }
  return list
}

/** A list of pairs, such as the paddings before and after each axis. */
export function pairsAttr(call: KernelCall, key: string): [number, number][] {
  const value = call.attrs[key]
  if (!Array.isArray(value)) throw wrong(call, key, 'a list of pairs of numbers')
  return value.map((pair: unknown) => {
    if (!Array.isArray(pair) || typeof pair[0] !== 'number' || typeof pair[1] !== 'number') {
      throw wrong(call, key, 'a list of pairs of numbers')
    }
    return [pair[0], pair[1]]
  })
}

/** An element type among those that programs hold. */
export function dtypeAttr(call: KernelCall, key: string, fallback?: string): 'float32' | 'int32' | 'bool' {
  const value = call.attrs[key] ?? fallback
  if (value !== 'float32' && value !== 'int32' && value !== 'bool') {
    throw wrong(call, key, 'float32, int32 or bool (programs hold no other element types)')
  }
  return value
}

/** Axes of a reduction, counted from the front and ascending; none given means all. */
export function axesAttr(call: KernelCall, key: string, shape: readonly number[]): number[] {
  const value = call.attrs[key]
  const axes = value === null || value === undefined ? shape.map((_, axis) => axis) : numbersAttr(call, key)
  return util.parseAxisParam(axes, [...shape]).sort((a, b) => a - b)
}

/** One axis, counted from the front. */
export function axisAttr(call: KernelCall, key: string, rank: number, fallback?: number): number {
  const axis = numberAttr(call, key, fallback)
  const positive = axis < 0 ? axis + rank : axis
  if (positive < 0 || positive >= rank) throw wrong(call, key, `an axis of a tensor of rank ${rank}`)
  return positive
}

/** The shape that two shapes broadcast to. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  return backend_util.assertAndGetBroadcastShape([...a], [...b])
}

/** The element type that both operands fit in: bool < int32 < float32. */
export function commonType(a: TensorSpec, b: TensorSpec): TensorSpec['dtype'] {
  if (a.dtype === 'float32' || b.dtype === 'float32') return 'float32'
  return a.dtype === 'bool' && b.dtype === 'bool' ? 'bool' : 'int32'
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis])
}

/** Size of one axis of a shape. */
export function dim(shape: readonly number[], axis: number): number {
  const size = shape[axis]
  if (size === undefined) throw new CompileError(`A shape [${shape}] has no axis ${axis}.`)
  return size
}

/** A tensor spec as tfjs' own shape helpers take it. */
export function tensorInfo(spec: TensorSpec): {
  dataId: object
  shape: number[]
  dtype: 'float32' | 'int32' | 'bool'
} {
  return { dataId: {}, shape: [...spec.shape], dtype: spec.dtype === 'uint8' ? 'int32' : spec.dtype }
}
