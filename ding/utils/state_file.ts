import { bytesOf } from './atomic_file.js'
import { CheckpointError } from './errors.js'
import { decodeExact, encodeExact, isPlainRecord, NotJsonError } from './exact_json.js'
import type { HostTensor } from './host_tensor.js'
import { readSafetensors, writeSafetensors } from './safetensors.js'
import { malformed } from './safetensors_format.js'
import type { JsonValue, StateTree } from './state.js'
import { isHostTensor } from './state.js'

/** Marks a file as one of ours; the number rises when the layout of the metadata changes. */
const FORMAT = 'ding.state'
const VERSION = '1'

/** What stands in the JSON where a tensor of the same path is. */
const TENSOR_MARK = '$tensor'

export type JsonRecord = { [key: string]: JsonValue }

/** A tree taken apart: tensors by path, and the rest as JSON in which each tensor left a mark. */
export interface FlatState {
  readonly tensors: Record<string, HostTensor>
  readonly json: JsonValue
}

/** Joins keys to a tensor's name; `~`, `/` and the format's reserved name are escaped, so every key is possible. */
function tensorName(path: readonly string[]): string {
  const name = path.map((key) => key.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')
  return name === '__metadata__' ? '~2' : name
}

/**
 * Takes a state tree apart. Tensors are named by their keys joined with `/` (`model/encoder.0.weight`).
 * @throws CheckpointError naming the place of a value that cannot be saved exactly.
 */
export function flattenState(tree: StateTree): FlatState {
  const tensors = new Map<string, HostTensor>()
  const json = encodeOrExplain(tree, (value, path) => {
    if (!isHostTensor(value)) return undefined
    tensors.set(tensorName(path), value)
    return TENSOR_MARK
  })
  return { tensors: Object.fromEntries(tensors), json }
}

function encodeOrExplain(...args: Parameters<typeof encodeExact>): JsonValue {
  try {
    return encodeExact(...args)
  } catch (cause) {
    if (!(cause instanceof NotJsonError)) throw cause
    throw new CheckpointError(
      `The state at "${cause.path.join('/')}" is ${cause.what}, which cannot be saved. Expected a tensor {dtype, shape, ` +
        'data}, a number, text, a boolean, null, a list of these (without tensors), or a record.',
      { cause },
    )
  }
}

/** Puts a tree together again. @throws NotJsonError when a mark has no tensor or a tensor no mark. */
export function unflattenState(flat: FlatState): StateTree {
  const unused = new Set(Object.keys(flat.tensors))
  const tree = decodeExact<HostTensor>(flat.json, (mark, path) => {
    const name = tensorName(path)
    const tensor = Object.hasOwn(flat.tensors, name) ? flat.tensors[name] : undefined
    if (mark !== TENSOR_MARK || tensor === undefined)
      throw new NotJsonError(path, 'a tensor that is not there')
    unused.delete(name)
    return tensor
  })
  if (unused.size > 0)
    throw new NotJsonError([...unused].slice(0, 1), 'a tensor that the tree has no place for')
  if (!isPlainRecord(tree)) throw new NotJsonError([], 'not a record')
  return tree as StateTree
}

/**
 * Saves a state tree as one safetensors file, atomically: tensors under their joined keys, everything else, `meta`
 * included, as JSON in the file's metadata. Numbers come back exactly, infinities, NaN and -0 too.
 * @throws CheckpointError naming the file or the place in the tree.
 */
export function saveState(path: string, tree: StateTree, meta: JsonRecord = {}): void {
  const { tensors, json } = flattenState(tree)
  writeSafetensors(path, tensors, {
    format: FORMAT,
    version: VERSION,
    state: JSON.stringify(json),
    meta: JSON.stringify(encodeOrExplain(meta)),
  })
}

/**
 * Loads what {@link saveState} saved.
 * @throws CheckpointError when the file is missing, empty, truncated, damaged, or was not made by `saveState`.
 */
export function loadState(path: string): { tree: StateTree; meta: JsonRecord } {
  const { tensors, metadata } = readSafetensors(path)
  if (metadata.format !== FORMAT || metadata.state === undefined || metadata.meta === undefined) {
    throw new CheckpointError(
      `Cannot load "${path}": it is a safetensors file, but not a saved state of ding (its metadata lacks format ` +
        `"${FORMAT}"). Give a file that a run saved; readSafetensors() reads any other.`,
    )
  }
  if (metadata.version !== VERSION) {
    throw new CheckpointError(
      `Cannot load "${path}": it has layout version ${metadata.version}, this version of ding reads ${VERSION}. ` +
        'Load it with the version of ding that saved it.',
    )
  }
  try {
    const tree = unflattenState({ tensors, json: JSON.parse(metadata.state) as JsonValue })
    const meta = decodeExact(JSON.parse(metadata.meta) as JsonValue)
    if (!isPlainRecord(meta)) throw new NotJsonError(['meta'], 'not a record')
    return { tree, meta: meta as JsonRecord }
  } catch (cause) {
    throw malformed(path, `its tree is damaged: ${(cause as Error).message}`, cause)
  }
}

/** Float64 values as bytes, for a state tree (which has no float64): shape [n, 8], uint8. Copies. */
export function packFloat64(values: Float64Array): HostTensor<Uint8Array> {
  return { dtype: 'uint8', shape: [values.length, 8], data: bytesOf(values).slice() }
}

/** Undoes {@link packFloat64}. @throws CheckpointError when the tensor has another shape or type. */
export function unpackFloat64(packed: unknown): Float64Array {
  if (
    !isHostTensor(packed) ||
    packed.dtype !== 'uint8' ||
    packed.shape.length !== 2 ||
    packed.shape[1] !== 8
  ) {
    throw new CheckpointError(
      'Expected float64 values packed as a uint8 tensor of shape [n, 8]. Load another state.',
    )
  }
  return new Float64Array(Uint8Array.from(packed.data).buffer)
}
