import {
  allocate,
  bytesOf,
  CheckpointError,
  type DType,
  decodeExact,
  encodeExact,
  flattenState,
  type HostTensor,
  type JsonRecord,
  type JsonValue,
  type StateTree,
  sizeOf,
  unflattenState,
} from '../utils/index.js'
import { checksum } from './checksum.js'
import { aligned } from './chunk_rows.js'

/** "DPRM", layout version, size of the header, checksum of all that follows. */
const MAGIC = 0x4d525044
const VERSION = 1
const START = 16

interface TensorSpec {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly at: number
}

/** A state tree (weights, statistics) as one block of bytes, with whatever JSON goes with it. Numbers come back exactly. */
export function encodeState(tree: StateTree, meta: JsonRecord = {}): Uint8Array<ArrayBuffer> {
  const { tensors, json } = flattenState(tree)
  let position = 0
  const specs = Object.entries(tensors).map(([name, { dtype, shape, data }]): TensorSpec => {
    const at = position
    position += aligned(data.byteLength)
    return { name, dtype, shape, at }
  })
  const header = JSON.stringify({ meta: encodeExact(meta), state: json, tensors: specs })
  const text = Buffer.from(header, 'utf8')
  const payload = START + aligned(text.length)
  const blob = new Uint8Array(payload + position)
  blob.fill(0x20, START, payload)
  blob.set(text, START)
  for (const { name, at } of specs) blob.set(bytesOf((tensors[name] as HostTensor).data), payload + at)
  const start = new DataView(blob.buffer)
  start.setUint32(0, MAGIC, true)
  start.setUint32(4, VERSION, true)
  start.setUint32(8, payload - START, true)
  start.setUint32(12, checksum(blob.subarray(START)), true)
  return blob
}

function refuse(what: string, cause?: unknown): never {
  throw new CheckpointError(`These are no parameters that can be used: ${what}.`, { cause })
}

/** Undoes {@link encodeState}. The tensors are copies. @throws CheckpointError saying what is wrong with the bytes */
export function decodeState(blob: Uint8Array): { tree: StateTree; meta: JsonRecord } {
  if (blob.byteLength < START) refuse(`there are only ${blob.byteLength} bytes`)
  const start = new DataView(blob.buffer, blob.byteOffset, START)
  if (start.getUint32(0, true) !== MAGIC) refuse('they do not begin with the mark "DPRM"')
  const version = start.getUint32(4, true)
  if (version !== VERSION)
    refuse(`they have layout version ${version}, this version of ding reads ${VERSION}`)
  const payload = START + start.getUint32(8, true)
  // The checksum's native code takes no memory that threads share.
  const own = blob.buffer instanceof ArrayBuffer ? blob : blob.slice()
  if (payload > blob.byteLength || checksum(own.subarray(START)) !== start.getUint32(12, true))
    refuse('their checksum is wrong, so they were cut off or damaged')
  try {
    const header = JSON.parse(Buffer.from(own.subarray(START, payload)).toString('utf8')) as {
      meta: JsonValue
      state: JsonValue
      tensors: readonly TensorSpec[]
    }
    const tensors: Record<string, HostTensor> = {}
    for (const { name, dtype, shape, at } of header.tensors) {
      const data = allocate(dtype, sizeOf(shape))
      bytesOf(data).set(own.subarray(payload + at, payload + at + data.byteLength))
      tensors[name] = { dtype, shape, data }
    }
    const tree = unflattenState({ tensors, json: header.state })
    return { tree, meta: decodeExact(header.meta) as JsonRecord }
  } catch (cause) {
    return refuse(`their header is damaged: ${(cause as Error).message}`, cause)
  }
}
