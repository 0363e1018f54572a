import type { File as H5File, Group as H5Group } from 'h5wasm/node'
import { DatasetError, type DType, type HostTensor, type JsonValue, sizeOf } from '../../utils/index.js'
import { hdf5Reason } from './hdf5_file.js'

/** HDF5's names of our element types; booleans are written as bytes, since the library cannot make its boolean type. */
const STORED_AS: Readonly<Record<DType, string>> = { float32: '<f', int32: '<i', uint8: '<B', bool: '<B' }

/** Bytes of one chunk on disk: big enough to read fast, small enough that one row does not drag much along. */
const CHUNK_BYTES = 1 << 18
const MAX_CHUNK_ROWS = 8192

/** Calls `write`, turning HDF5's failures into a clear error. */
export function writing<T>(path: string, write: () => T): T {
  try {
    return write()
  } catch (cause) {
    if (cause instanceof DatasetError) throw cause
    throw new DatasetError(
      `Dataset "${path}" cannot be written: ${hdf5Reason(cause)}. Free space on the disk, or check the folder's permissions.`,
      { cause },
    )
  }
}

function chunkOf({ dtype, shape }: HostTensor): number[] {
  const row = shape.slice(1)
  const bytes = Math.max(1, sizeOf(row)) * (dtype === 'float32' || dtype === 'int32' ? 4 : 1)
  return [Math.max(1, Math.min(MAX_CHUNK_ROWS, Math.floor(CHUNK_BYTES / bytes))), ...row]
}

/** The group of a nested name, made where it is not there yet: `a/b/c` is the array `c` of the group `a/b`. */
function parentOf(file: H5File, name: string): { group: H5Group; last: string } {
  const parts = name.split('/')
  let group: H5Group = file
  for (const part of parts.slice(0, -1)) {
    const known = group.keys().includes(part) ? (group.get(part) as H5Group) : group.create_group(part)
    group = known
  }
  return { group, last: parts.at(-1)! }
}

/** Adds rows to an array that can grow; makes it with the first. */
export function appendRows(file: H5File, name: string, rows: HostTensor, compression: number): void {
  const count = rows.shape[0]!
  const rest = rows.shape.slice(1)
  const { group, last } = parentOf(file, name)
  if (!group.keys().includes(last)) {
    group.create_dataset({
      name: last,
      data: rows.data,
      shape: [...rows.shape],
      maxshape: [null, ...rest],
      chunks: chunkOf(rows),
      dtype: STORED_AS[rows.dtype],
      ...(compression === 0 ? {} : { compression }),
    })
    return
  }
  const dataset = file.get(name) as import('h5wasm/node').Dataset
  const before = dataset.shape![0]!
  dataset.resize([before + count, ...rest])
  dataset.write_slice(
    [[before, before + count], ...rest.map((size): [number, number] => [0, size])],
    rows.data,
  )
}

/** Writes an array that does not grow. */
export function writeRows(file: H5File, name: string, rows: HostTensor, compression: number): void {
  const { group, last } = parentOf(file, name)
  group.create_dataset({
    name: last,
    data: rows.data,
    shape: [...rows.shape],
    dtype: STORED_AS[rows.dtype],
    ...(compression === 0
      ? {}
      : { compression, chunks: chunkOf(rows).map((c, i) => Math.min(c, rows.shape[i]!)) }),
  })
}

/** Sets an attribute: whole numbers as int64, other numbers as float64, anything else but text as JSON. */
export function setAttribute(group: H5Group, name: string, value: JsonValue): void {
  if (Object.keys(group.attrs).includes(name)) group.delete_attribute(name)
  if (typeof value === 'number')
    group.create_attribute(name, value, null, Number.isSafeInteger(value) ? '<q' : '<d')
  else if (typeof value === 'boolean') group.create_attribute(name, Number(value), null, '<q')
  else group.create_attribute(name, typeof value === 'string' ? value : JSON.stringify(value))
}
