import { CheckpointError } from './errors.js'
import type { DType, HostTensor, TypedArray } from './host_tensor.js'
import { allocate, sizeOf } from './host_tensor.js'

/** The format's own limit on the header. */
export const MAX_HEADER_BYTES = 100_000_000

/** Element types that are read. Those that a {@link HostTensor} does not have are converted. */
export type StoredDType = 'F32' | 'I32' | 'U8' | 'BOOL' | 'F64' | 'I64' | 'F16' | 'BF16'

interface StoredType {
  readonly bytes: number
  readonly dtype: DType
  /** Converts little-endian bytes into the host array; absent where the bytes are copied as they are. */
  readonly convert?: (view: DataView, to: TypedArray, name: string) => void
}

/** The value of an IEEE half float. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

function readInt64(view: DataView, to: TypedArray, name: string): void {
  for (let i = 0; i < to.length; i++) {
    const value = view.getBigInt64(8 * i, true)
    if (value !== BigInt.asIntN(32, value)) {
      throw new Error(`element ${i} of the I64 tensor "${name}" is ${value}, which does not fit int32`)
    }
    to[i] = Number(value)
  }
}

const STORED: Readonly<Record<StoredDType, StoredType>> = {
  F32: { bytes: 4, dtype: 'float32' },
  I32: { bytes: 4, dtype: 'int32' },
  U8: { bytes: 1, dtype: 'uint8' },
  BOOL: { bytes: 1, dtype: 'bool' },
  F64: {
    bytes: 8,
    dtype: 'float32',
    convert: (view, to) => {
      for (let i = 0; i < to.length; i++) to[i] = view.getFloat64(8 * i, true)
    },
  },
  I64: { bytes: 8, dtype: 'int32', convert: readInt64 },
  F16: {
    bytes: 2,
    dtype: 'float32',
    convert: (view, to) => {
      for (let i = 0; i < to.length; i++) to[i] = fromHalf(view.getUint16(2 * i, true))
    },
  },
  BF16: {
    bytes: 2,
    dtype: 'float32',
    convert: (view, to) => {
      const bits = new Uint32Array(to.buffer, to.byteOffset, to.length)
      for (let i = 0; i < bits.length; i++) bits[i] = view.getUint16(2 * i, true) << 16
    },
  },
}

/** The stored name of each host element type. */
export const STORED_AS: Readonly<Record<DType, StoredDType>> = {
  float32: 'F32',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
}

/** One tensor's row of the header, checked. `begin` and `end` count from the end of the header. */
export interface HeaderEntry {
  readonly name: string
  readonly stored: StoredDType
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

/** A header, checked against the length of the data that follows it. */
export interface Header {
  readonly entries: readonly HeaderEntry[]
  readonly metadata: Readonly<Record<string, string>>
}

/** The complaint of a malformed file: what is wrong, then how to mend it. */
export function malformed(path: string, what: string, cause?: unknown): CheckpointError {
  return new CheckpointError(
    `Cannot load "${path}": ${what}. Use another checkpoint, or make this one again; it may come from an interrupted copy ` +
      'or from another program.',
    { cause },
  )
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function parseEntry(path: string, name: string, row: unknown): HeaderEntry {
  const at = `the header's row of tensor "${name}"`
  if (typeof row !== 'object' || row === null) throw malformed(path, `${at} is not a record`)
  const { dtype, shape, data_offsets: offsets } = row as Record<string, unknown>
  if (typeof dtype !== 'string' || !Object.hasOwn(STORED, dtype)) {
    const known = Object.keys(STORED).join(', ')
    throw malformed(path, `${at} has the element type ${JSON.stringify(dtype)}, expected one of ${known}`)
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw malformed(path, `${at} has the shape ${JSON.stringify(shape)}, expected a list of sizes`)
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw malformed(path, `${at} has the offsets ${JSON.stringify(offsets)}, expected [begin, end]`)
  }
  const [begin, end] = offsets as [number, number]
  const stored = dtype as StoredDType
  const expected = sizeOf(shape) * STORED[stored].bytes
  if (end - begin !== expected) {
    throw malformed(
      path,
      `${at} spans ${end - begin} bytes where ${dtype} of shape [${shape.join(', ')}] has ${expected}`,
    )
  }
  return { name, stored, shape, begin, end }
}

/**
 * Reads and checks a header's JSON: known element types, offsets that fit the shapes, no overlap, no hole, and an end
 * that is the end of the file (`dataBytes` after the header).
 */
export function parseHeader(path: string, text: string, dataBytes: number): Header {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw malformed(path, 'its header is not JSON, so it is not a safetensors file or it is damaged', cause)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw malformed(path, 'its header is not a JSON record, so it is not a safetensors file')
  }
  const metadata: Record<string, string> = {}
  const entries: HeaderEntry[] = []
  for (const [name, row] of Object.entries(json)) {
    if (name !== '__metadata__') entries.push(parseEntry(path, name, row))
    else {
      for (const [key, value] of Object.entries((row ?? {}) as Record<string, unknown>)) {
        if (typeof value !== 'string') throw malformed(path, `its metadata "${key}" is not text`)
        if (key !== '__proto__') metadata[key] = value
      }
    }
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let position = 0
  for (const entry of entries) {
    if (entry.end > dataBytes) {
      throw malformed(
        path,
        `it is truncated: tensor "${entry.name}" ends at byte ${entry.end} of the data, of which there are ${dataBytes}`,
      )
    }
    if (entry.begin !== position) {
      const what = entry.begin < position ? 'overlaps the tensor before it' : 'leaves a hole before it'
      throw malformed(path, `tensor "${entry.name}" begins at byte ${entry.begin} of the data and ${what}`)
    }
    position = entry.end
  }
  if (position !== dataBytes) {
    throw malformed(path, `${dataBytes - position} bytes follow the last tensor that the header names`)
  }
  return { entries, metadata }
}

/** Makes a tensor from `entry` by letting `read` fill byte arrays in file order. */
export function readTensor(entry: HeaderEntry, read: (bytes: Uint8Array) => void): HostTensor {
  const type = STORED[entry.stored]
  const data = allocate(type.dtype, sizeOf(entry.shape))
  if (type.convert === undefined) read(new Uint8Array(data.buffer))
  else {
    const raw = new Uint8Array(entry.end - entry.begin)
    read(raw)
    type.convert(new DataView(raw.buffer), data, entry.name)
  }
  return { dtype: type.dtype, shape: entry.shape, data }
}
