import type { Dataset as H5Dataset, File as H5File, Group as H5Group } from 'h5wasm/node'
import { DatasetError, type JsonValue, sizeOf } from '../../utils/index.js'
import { isHdf5Start, readStart } from './file_start.js'
import { type FileArray, type FileColumn, problem } from './problems.js'
import type { KeyInfo } from './types.js'

type Library = typeof import('h5wasm/node')

let loading: Promise<Library> | undefined

/** h5wasm, loaded when first needed. Its failures become exceptions instead of text on stderr. */
export function hdf5Library(): Promise<Library> {
  loading ??= import('h5wasm/node').then(async (library) => {
    const module = await library.ready
    module.activate_throwing_error_handler()
    return library
  })
  return loading
}

/** The innermost reason in HDF5's own report: `#007: file.c line 1 in f(): truncated file: ...`. */
export function hdf5Reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const reasons = [...text.matchAll(/#\d+: .*? in \w+\(\): (.*)/g)].map((match) => match[1]!)
  return reasons.at(-1) ?? text.split('\n')[0]!
}

/** Arrays beyond this are read in parts, because the library copies each read in a memory of at most 2 GiB. */
const MAX_READ_BYTES = 1 << 27
const HDF5_INTEGER = 0
const HDF5_FLOAT = 1
const HDF5_ENUM = 8

const mend = 'Record or download it again.'

/** An HDF5 file open for reading. */
export class Hdf5File {
  /** Arrays are read up to this row: those of an interrupted writer may differ in length. */
  private rowLimit = Number.POSITIVE_INFINITY

  private constructor(
    readonly path: string,
    private readonly library: Library,
    private readonly file: H5File,
  ) {}

  /** @throws DatasetError when the file is missing, empty, truncated or no HDF5. */
  static async open(path: string): Promise<Hdf5File> {
    const { start } = readStart(path, 8192)
    if (!isHdf5Start(start))
      throw problem(path, 'it is not an HDF5 file', 'Check the path, or name its layout as data_type.')
    const library = await hdf5Library()
    try {
      const file = new Hdf5File(path, library, new library.File(path, 'r'))
      if (file.unfinished) file.rowLimit = file.shortest()
      return file
    } catch (cause) {
      const reason = hdf5Reason(cause)
      const truncated = reason.startsWith('truncated file') ? `it is truncated (${reason})` : reason
      throw problem(path, truncated, mend, cause)
    }
  }

  close(): void {
    this.file.close()
  }

  /** Whether this library was writing the file when it was interrupted. */
  get unfinished(): boolean {
    return this.attribute('/', 'complete') === 0
  }

  /** Rows of the shortest array; Minari's episodes, which are written whole, do not count. */
  private shortest(): number {
    const flat = this.describe().filter(({ key, shape }) => shape.length > 0 && !key.startsWith('episode_'))
    return Math.min(...flat.map(({ shape }) => shape[0]!))
  }

  /** Names in a group, sorted. */
  keys(group = '/'): string[] {
    const found = this.entity(group)
    return this.isGroup(found) ? found.keys() : []
  }

  /** What is at a key; undefined when nothing is. */
  kind(key: string): 'array' | 'group' | undefined {
    const found = this.entity(key)
    if (this.isGroup(found)) return 'group'
    return this.isDataset(found) ? 'array' : undefined
  }

  has(key: string): boolean {
    return this.kind(key) !== undefined
  }

  /** @throws DatasetError when there is no array of that name. */
  shape(key: string): readonly number[] {
    return this.dataset(key).shape ?? []
  }

  /** All arrays, by their full keys; at most `most`. */
  describe(most = 64): KeyInfo[] {
    const rows: KeyInfo[] = []
    const visit = (group: string): void => {
      for (const name of this.keys(group)) {
        if (rows.length >= most) return
        const key = group === '/' ? name : `${group}/${name}`
        const kind = this.kind(key)
        if (kind === 'group') visit(key)
        else if (kind === 'array') rows.push({ key, shape: this.shape(key), dtype: this.typeName(key) })
      }
    }
    visit('/')
    return rows
  }

  /** An attribute of a group or array as text, number, boolean or a list of these; undefined when there is none. */
  attribute(key: string, name: string): JsonValue | undefined {
    const found = this.entity(key)
    if (!this.isGroup(found) && !this.isDataset(found)) return undefined
    const attribute = found.attrs[name]
    if (attribute === undefined) return undefined
    try {
      return attribute.json_value as JsonValue
    } catch {
      // A type without a counterpart here; nobody needs such an attribute to learn from the file.
      return undefined
    }
  }

  attributes(key = '/'): Record<string, JsonValue> {
    const found = this.entity(key)
    if (!this.isGroup(found) && !this.isDataset(found)) return {}
    const entries = Object.keys(found.attrs).map((name) => [name, this.attribute(key, name)] as const)
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Record<string, JsonValue>
  }

  /** A single number, boolean or text. */
  scalar(key: string): JsonValue | undefined {
    return this.kind(key) === 'array'
      ? ((this.dataset(key).json_value as JsonValue | null) ?? undefined)
      : undefined
  }

  /** Reads an array of numbers or booleans. @throws DatasetError when it is missing, of another type, or damaged. */
  read(key: string): FileColumn {
    const dataset = this.dataset(key)
    const { type } = dataset.metadata
    const stored = dataset.shape
    const shape =
      stored === null ? null : stored.map((size, i) => (i === 0 ? Math.min(size, this.rowLimit) : size))
    if (
      shape === null ||
      shape.length === 0 ||
      (type !== HDF5_INTEGER && type !== HDF5_FLOAT && type !== HDF5_ENUM)
    ) {
      throw problem(
        this.path,
        `"${key}" is ${shape === null ? 'empty' : `${this.typeName(key)} of shape [${shape.join(', ')}]`}, expected rows of ` +
          'numbers or booleans',
        'Store it as float32, an integer or a boolean type.',
      )
    }
    try {
      return { path: this.path, key, shape, data: this.numbers(dataset, shape) }
    } catch (cause) {
      if (cause instanceof DatasetError) throw cause
      throw problem(this.path, `"${key}" cannot be read: ${hdf5Reason(cause)}`, mend, cause)
    }
  }

  private numbers(dataset: H5Dataset, shape: readonly number[]): FileArray {
    const { size } = dataset.metadata
    const rows = shape[0]!
    const rowBytes = size * sizeOf(shape.slice(1))
    const perRead = Math.max(1, Math.floor(MAX_READ_BYTES / Math.max(1, rowBytes)))
    if (rows <= perRead && rows === dataset.shape![0]) return dataset.value as FileArray
    let whole: FileArray | undefined
    for (let from = 0; from < rows; from += perRead) {
      const ranges = [
        [from, Math.min(rows, from + perRead)] as [number, number],
        ...shape.slice(1).map((): [] => []),
      ]
      const part = dataset.slice(ranges) as FileArray
      whole ??= new (part.constructor as Float32ArrayConstructor)(sizeOf(shape))
      // Both are of the type of the first part.
      ;(whole as Float32Array).set(part as Float32Array, (from * rowBytes) / size)
    }
    return whole!
  }

  private typeName(key: string): string {
    const { metadata, dtype } = this.dataset(key)
    if (metadata.type === HDF5_ENUM) {
      const members = Object.keys(metadata.enum_type?.members ?? {})
      return members.includes('TRUE') ? 'bool' : 'enum'
    }
    const names: Record<string, string> = {
      b: 'int8',
      B: 'uint8',
      h: 'int16',
      H: 'uint16',
      i: 'int32',
      I: 'uint32',
      q: 'int64',
      Q: 'uint64',
      e: 'float16',
      f: 'float32',
      d: 'float64',
    }
    if (typeof dtype !== 'string') return 'compound'
    if (/^[AS]\d*$/.test(dtype)) return 'text'
    return names[dtype.slice(1)] ?? dtype
  }

  private entity(key: string): unknown {
    return key === '/' ? this.file : this.file.get(key)
  }

  private isGroup(entity: unknown): entity is H5Group {
    return entity instanceof this.library.Group
  }

  private isDataset(entity: unknown): entity is H5Dataset {
    return entity instanceof this.library.Dataset
  }

  private dataset(key: string): H5Dataset {
    const found = this.entity(key)
    if (this.isDataset(found)) return found
    const parent = key.includes('/') ? key.slice(0, key.lastIndexOf('/')) : '/'
    throw problem(
      this.path,
      `it has no array "${key}"`,
      `There are: ${this.keys(parent).slice(0, 12).join(', ') || 'no keys at all'}. Name its layout as data_type.`,
    )
  }
}
