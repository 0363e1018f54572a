import { type HostTensor, isHostTensor, sizeOf } from '../../ding/utils/index.js'

/** A tensor as golden files write it: flat data in row-major order. */
export interface GoldenTensor {
  readonly shape: number[]
  readonly dtype: string
  readonly data: number[]
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isGoldenTensor(value: unknown): value is GoldenTensor {
  return (
    isRecord(value) &&
    Array.isArray(value['shape']) &&
    Array.isArray(value['data']) &&
    typeof value['dtype'] === 'string'
  )
}

/** A golden tensor as a host tensor. Integers of any width become int32; floats are rounded to float32. */
export function decode(tensor: GoldenTensor): HostTensor {
  const { shape, dtype, data } = tensor
  if (data.length !== sizeOf(shape))
    throw new Error(`A golden tensor of shape [${shape}] has ${data.length} values.`)
  if (/^u?int/.test(dtype)) return { dtype: 'int32', shape, data: Int32Array.from(data) }
  if (dtype === 'bool') return { dtype: 'bool', shape, data: Uint8Array.from(data) }
  return { dtype: 'float32', shape, data: Float32Array.from(data) }
}

/** {@link decode} of a value that must be a golden tensor. */
export function decodeAt(record: Record<string, unknown>, key: string): HostTensor {
  const value = record[key]
  if (!isGoldenTensor(value)) throw new Error(`The golden case has no tensor "${key}".`)
  return decode(value)
}

/** Every number in a value (a number, a flag, a tensor, an array or a nested list of these), in row-major order. */
export function numbersOf(value: unknown): number[] {
  if (typeof value === 'number') return [value]
  if (typeof value === 'boolean') return [value ? 1 : 0]
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>)
  if (Array.isArray(value)) return value.flatMap(numbersOf)
  if (isGoldenTensor(value)) return value.dtype === 'float32' ? value.data.map(Math.fround) : value.data
  if (isHostTensor(value)) return Array.from(value.data)
  throw new Error(`Not a number, a tensor or a list of them: ${JSON.stringify(value)?.slice(0, 80)}`)
}

/** `record[key]` as a number. */
export function numberAt(record: Record<string, unknown>, key: string): number {
  const value = record[key]
  if (typeof value !== 'number') throw new Error(`The golden case has no number "${key}".`)
  return value
}
