import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { replaceFile, writeFully } from './atomic_file.js'
import { CheckpointError } from './errors.js'
import { kindOf, setOwn } from './exact_json.js'
import type { HostTensor } from './host_tensor.js'
import { sizeOf, typedArrayDType } from './host_tensor.js'
import { MAX_HEADER_BYTES, malformed, parseHeader, readTensor, STORED_AS } from './safetensors_format.js'

/** What a safetensors file holds: tensors by name and free text by key. */
export interface Safetensors {
  readonly tensors: Record<string, HostTensor>
  readonly metadata: Readonly<Record<string, string>>
}

/** Longest single read. */
const MAX_READ = 1 << 28

const ARRAY_OF = { float32: 'Float32Array', int32: 'Int32Array', uint8: 'Uint8Array' } as const

function checkTensor(name: string, tensor: HostTensor): void {
  const dtype = tensor.dtype === 'bool' ? 'uint8' : tensor.dtype
  if (typedArrayDType(tensor.data) !== dtype) {
    throw new CheckpointError(
      `Tensor "${name}" is called ${tensor.dtype}, but its data are ${kindOf(tensor.data)}. Give it a ${ARRAY_OF[dtype]}.`,
    )
  }
  if (tensor.data.length !== sizeOf(tensor.shape)) {
    throw new CheckpointError(
      `Tensor "${name}" of shape [${tensor.shape.join(', ')}] has ${tensor.data.length} values, expected ` +
        `${sizeOf(tensor.shape)}. Give it the shape that its data has.`,
    )
  }
}

/**
 * Writes a safetensors file atomically (temporary name, sync, rename), tensor by tensor, so that no second copy of the
 * data is made and files beyond 2 GiB work. Wider element types come first, which keeps every tensor aligned.
 * @throws CheckpointError naming the file when the disk refuses, the header would be too long, or a tensor's shape or element type is not that of its
 * data.
 */
export function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const header: Record<string, unknown> = { __metadata__: metadata }
  const ordered = Object.entries(tensors).sort(
    ([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT,
  )
  let position = 0
  for (const [name, tensor] of ordered) {
    checkTensor(name, tensor)
    const end = position + tensor.data.byteLength
    setOwn(header, name, {
      dtype: STORED_AS[tensor.dtype],
      shape: tensor.shape,
      data_offsets: [position, end],
    })
    position = end
  }
  const json = Buffer.from(JSON.stringify(header), 'utf8')
  const padded = Math.ceil(json.length / 8) * 8
  if (padded > MAX_HEADER_BYTES) {
    throw new CheckpointError(
      `Cannot save "${path}": its header has ${padded} bytes, the format allows ${MAX_HEADER_BYTES}. Keep long lists as ` +
        'tensors instead of JSON.',
    )
  }
  const start = Buffer.alloc(8 + padded, ' ')
  start.writeBigUInt64LE(BigInt(padded), 0)
  json.copy(start, 8)
  try {
    replaceFile(path, (descriptor) => {
      writeFully(descriptor, start)
      for (const [, tensor] of ordered) writeFully(descriptor, tensor.data)
    })
  } catch (cause) {
    throw new CheckpointError(
      `Cannot save "${path}": ${(cause as Error).message}. Nothing was replaced; free space on the disk or check the ` +
        "folder's permissions.",
      { cause },
    )
  }
}

/** Fills `bytes` from the descriptor's position on. */
function readFully(path: string, descriptor: number, bytes: Uint8Array): void {
  let offset = 0
  while (offset < bytes.length) {
    const got = readSync(descriptor, bytes, offset, Math.min(bytes.length - offset, MAX_READ), null)
    if (got === 0) throw malformed(path, `it ended ${bytes.length - offset} bytes early while being read`)
    offset += got
  }
}

function readOpen(path: string, descriptor: number): Safetensors {
  const size = fstatSync(descriptor).size
  if (size === 0) throw malformed(path, 'the file is empty')
  if (size < 8)
    throw malformed(path, `it has only ${size} bytes, so it is truncated or not a safetensors file`)
  const prefix = Buffer.alloc(8)
  readFully(path, descriptor, prefix)
  const headerBytes = prefix.readBigUInt64LE(0)
  if (headerBytes > BigInt(size - 8)) {
    throw malformed(
      path,
      `it announces a header of ${headerBytes} bytes and has ${size - 8} left, so it is truncated or not a safetensors file`,
    )
  }
  if (headerBytes > BigInt(MAX_HEADER_BYTES) || headerBytes < 2n) {
    throw malformed(path, `it announces a header of ${headerBytes} bytes, so it is not a safetensors file`)
  }
  const text = Buffer.alloc(Number(headerBytes))
  readFully(path, descriptor, text)
  const header = parseHeader(path, text.toString('utf8'), size - 8 - text.length)
  const tensors: Record<string, HostTensor> = {}
  for (const entry of header.entries) {
    try {
      setOwn(
        tensors,
        entry.name,
        readTensor(entry, (bytes) => readFully(path, descriptor, bytes)),
      )
    } catch (cause) {
      if (cause instanceof CheckpointError) throw cause
      throw malformed(path, (cause as Error).message, cause)
    }
  }
  return { tensors, metadata: header.metadata }
}

/**
 * Reads any safetensors file. F64, F16 and BF16 become float32, I64 becomes int32 (an error where it does not fit).
 * @throws CheckpointError naming the file, what is wrong with it, and the mend.
 */
export function readSafetensors(path: string): Safetensors {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new CheckpointError(
      missing
        ? `Cannot load "${path}": there is no such file. Check the path; it is taken from the current folder.`
        : `Cannot load "${path}": ${(cause as Error).message}.`,
      { cause },
    )
  }
  try {
    return readOpen(path, descriptor)
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause
    throw new CheckpointError(`Cannot load "${path}": ${(cause as Error).message}.`, { cause })
  } finally {
    closeSync(descriptor)
  }
}
