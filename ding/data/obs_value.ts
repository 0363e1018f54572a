import { type HostTensor, isHostTensor, setOwn, type TypedArray } from '../utils/index.js'
import type { Column, ColumnGroup } from './columns.js'
import type { Batch, Transition, TransitionValue } from './types.js'

const NUMBER = new Float32Array(1)

/** The one value at a column without a shape, as the column holds it. */
function numberOf({ dtype }: Column, value: TransitionValue): number {
  const number = isHostTensor(value) ? value.data[0]! : Number(value)
  return dtype === 'float32' ? Math.fround(number) : number
}

/** The values at a column as an array. */
function arrayOf(value: TransitionValue): TypedArray {
  return (isHostTensor(value) ? value.data : value) as TypedArray
}

/** The bits of an array as whole numbers. */
function bitsOf(array: TypedArray): Int32Array | Uint8Array {
  return array instanceof Float32Array ? new Int32Array(array.buffer, array.byteOffset, array.length) : array
}

/** A 32-bit hash of the bits of an observation that fits `node`. */
export function hashOf(node: Column | ColumnGroup, value: TransitionValue, seed = 0x2545f491): number {
  let hash = seed
  if (node.kind === 'group') {
    for (const [key, child] of node.children) hash = hashOf(child, (value as Transition)[key]!, hash)
    return hash
  }
  if (node.shape.length === 0) NUMBER[0] = numberOf(node, value)
  const bits = bitsOf(node.shape.length === 0 ? NUMBER : arrayOf(value))
  for (let i = 0; i < bits.length; i++) {
    hash = Math.imul(hash ^ bits[i]!, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash
}

/** Whether two observations that fit `node` are the same, bit for bit. */
export function sameBits(node: Column | ColumnGroup, a: TransitionValue, b: TransitionValue): boolean {
  if (node.kind === 'group') {
    for (const [key, child] of node.children)
      if (!sameBits(child, (a as Transition)[key]!, (b as Transition)[key]!)) return false
    return true
  }
  if (node.shape.length === 0) return Object.is(numberOf(node, a), numberOf(node, b))
  const [x, y] = [bitsOf(arrayOf(a)), bitsOf(arrayOf(b))]
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false
  return true
}

/** A copy that shares no memory with the value. */
export function copyValue(value: TransitionValue): TransitionValue {
  if (typeof value !== 'object') return value
  if (ArrayBuffer.isView(value)) return (value as TypedArray).slice()
  if (isHostTensor(value)) return { ...value, data: value.data.slice() }
  const copy: Transition = {}
  for (const [key, part] of Object.entries(value as Transition)) setOwn(copy, key, copyValue(part))
  return copy
}

/** Writes a value into row `row` of arrays of its form. */
export function writeValue(
  node: Column | ColumnGroup,
  into: HostTensor | Batch,
  row: number,
  value: TransitionValue,
): void {
  if (node.kind === 'column') {
    const { data } = into as HostTensor
    if (typeof value === 'object') data.set(arrayOf(value), row * node.width)
    else data[row] = Number(value)
    return
  }
  for (const [key, child] of node.children)
    writeValue(child, (into as Batch)[key]!, row, (value as Transition)[key]!)
}
