import type { Transition, TransitionValue } from '../data/index.js'
import {
  DingError,
  type DType,
  isHostTensor,
  kindOf,
  setOwn,
  sizeOf,
  type TypedArray,
} from '../utils/index.js'

/** How one entry of a transition lies in a chunk. `empty` is a record without entries, which has no bytes. */
export interface ColumnSpec {
  readonly path: readonly string[]
  readonly kind: 'number' | 'boolean' | 'array' | 'tensor' | 'empty'
  readonly dtype: DType | 'float64'
  /** Of one row. */
  readonly shape: readonly number[]
  /** First byte in the payload; a multiple of 8. */
  readonly at: number
}

/** Consecutive transitions that have the same keys, kinds and shapes. */
export interface Section {
  readonly rows: number
  readonly columns: readonly ColumnSpec[]
}

/** What a chunk holds cannot be read, or a transition cannot be put into one. */
export class ChunkError extends DingError {}

interface Entry {
  readonly path: readonly string[]
  readonly value: TransitionValue | undefined
}

const BYTES: Readonly<Record<ColumnSpec['dtype'], number>> = {
  float64: 8,
  float32: 4,
  int32: 4,
  uint8: 1,
  bool: 1,
}

export function columnBytes(column: Pick<ColumnSpec, 'kind' | 'dtype' | 'shape'>, rows: number): number {
  return column.kind === 'empty' ? 0 : rows * sizeOf(column.shape) * BYTES[column.dtype]
}

/** Rounds up to where any element type may begin. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8
}

/** Every entry of a transition, depth first. */
function entriesOf(value: Transition, path: readonly string[] = [], into: Entry[] = []): Entry[] {
  for (const [key, part] of Object.entries(value)) {
    const own = [...path, key]
    if (typeof part === 'object' && part !== null && !ArrayBuffer.isView(part) && !isHostTensor(part)) {
      if (Object.keys(part).length > 0) entriesOf(part, own, into)
      else into.push({ path: own, value: undefined })
    } else into.push({ path: own, value: part })
  }
  return into
}

type Shape = Omit<ColumnSpec, 'at' | 'path'>

function shapeOfEntry({ path, value }: Entry): Shape {
  if (value === undefined) return { kind: 'empty', dtype: 'uint8', shape: [] }
  if (typeof value === 'number') return { kind: 'number', dtype: 'float64', shape: [] }
  if (typeof value === 'boolean') return { kind: 'boolean', dtype: 'uint8', shape: [] }
  if (isHostTensor(value)) return { kind: 'tensor', dtype: value.dtype, shape: value.shape }
  if (value instanceof Float32Array) return { kind: 'array', dtype: 'float32', shape: [value.length] }
  if (value instanceof Int32Array) return { kind: 'array', dtype: 'int32', shape: [value.length] }
  if (value instanceof Uint8Array) return { kind: 'array', dtype: 'uint8', shape: [value.length] }
  throw new ChunkError(
    `A transition cannot be sent: "${path.join('.')}" is ${kindOf(value)}. Expected a number, a boolean, a Float32Array, ` +
      'an Int32Array, a Uint8Array, a {dtype, shape, data} record, or a record of these.',
  )
}

const same = (a: readonly (string | number)[], b: readonly (string | number)[]) =>
  a.length === b.length && a.every((item, i) => item === b[i])

/** Transitions as columns, before they are laid out. */
class Columns {
  rows = 0
  readonly values: (TransitionValue | undefined)[][]
  private readonly shapes: readonly Shape[]

  constructor(private readonly entries: readonly Entry[]) {
    this.shapes = entries.map(shapeOfEntry)
    this.values = entries.map(() => [])
  }

  /** Takes a transition in. @returns false, with nothing taken, when it has other keys, kinds or shapes */
  take(entries: readonly Entry[]): boolean {
    if (entries.length !== this.entries.length) return false
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as Entry
      const shape = shapeOfEntry(entry)
      const own = this.shapes[i] as Shape
      if (shape.kind !== own.kind || shape.dtype !== own.dtype || !same(shape.shape, own.shape)) return false
      if (!same(entry.path, (this.entries[i] as Entry).path)) return false
    }
    for (let i = 0; i < entries.length; i++) this.values[i]?.push((entries[i] as Entry).value)
    this.rows++
    return true
  }

  /** Where every column lies, from `at` on. Numbers that are exact as float32 take half the room. */
  layOut(at: number): { section: Section; end: number } {
    let position = at
    const columns = this.shapes.map((shape, i): ColumnSpec => {
      const exact = shape.kind === 'number' && isExact(this.values[i] as number[])
      const column = { ...shape, dtype: exact ? ('float32' as const) : shape.dtype }
      const spec = { path: (this.entries[i] as Entry).path, ...column, at: position }
      position += aligned(columnBytes(column, this.rows))
      return spec
    })
    return { section: { rows: this.rows, columns }, end: position }
  }
}

function isExact(values: readonly number[]): boolean {
  return values.every((value) => Object.is(Math.fround(value), value))
}

function view(dtype: ColumnSpec['dtype'], buffer: ArrayBufferLike, at: number, length: number) {
  if (dtype === 'float64') return new Float64Array(buffer, at, length)
  if (dtype === 'float32') return new Float32Array(buffer, at, length)
  if (dtype === 'int32') return new Int32Array(buffer, at, length)
  return new Uint8Array(buffer, at, length)
}

/** Lays transitions out as columns. @returns the sections, the payload's size, and what writes it @throws ChunkError */
export function layOutRows(rows: readonly Transition[]): {
  sections: Section[]
  bytes: number
  write(buffer: ArrayBuffer, payload: number): void
} {
  const groups: Columns[] = []
  for (const row of rows) {
    const entries = entriesOf(row)
    if (groups.at(-1)?.take(entries) === true) continue
    const next = new Columns(entries)
    next.take(entries)
    groups.push(next)
  }
  const sections: Section[] = []
  let bytes = 0
  for (const group of groups) {
    const { section, end } = group.layOut(bytes)
    sections.push(section)
    bytes = end
  }
  const write = (buffer: ArrayBuffer, payload: number) => {
    for (const [g, section] of sections.entries()) {
      for (const [i, column] of section.columns.entries())
        writeColumn(column, groups[g]?.values[i] as TransitionValue[], buffer, payload)
    }
  }
  return { sections, bytes, write }
}

function writeColumn(
  column: ColumnSpec,
  values: readonly TransitionValue[],
  buffer: ArrayBuffer,
  payload: number,
): void {
  if (column.kind === 'empty') return
  const width = sizeOf(column.shape)
  const target = view(column.dtype, buffer, payload + column.at, values.length * width)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (typeof value === 'object')
      target.set((isHostTensor(value) ? value.data : value) as TypedArray, i * width)
    else target[i] = Number(value)
  }
}

/** The transitions of a section. Arrays are views of `buffer`. */
export function readSection(section: Section, buffer: ArrayBufferLike, payload: number): Transition[] {
  const rows = Array.from({ length: section.rows }, (): Transition => ({}))
  for (const column of section.columns) {
    const read = reader(column, section.rows, buffer, payload)
    for (let i = 0; i < rows.length; i++) place(rows[i] as Transition, column.path, read(i))
  }
  return rows
}

function reader(
  { kind, dtype, shape, at }: ColumnSpec,
  rows: number,
  buffer: ArrayBufferLike,
  payload: number,
): (row: number) => TransitionValue {
  if (kind === 'empty') return () => ({})
  const width = sizeOf(shape)
  const values = view(dtype, buffer, payload + at, rows * width)
  if (kind === 'number') return (row) => values[row] as number
  if (kind === 'boolean') return (row) => values[row] === 1
  const array = (row: number) => values.subarray(row * width, (row + 1) * width) as TypedArray
  if (kind === 'array') return array
  return (row) => ({ dtype: dtype as DType, shape: [...shape], data: array(row) })
}

function place(row: Transition, path: readonly string[], value: TransitionValue): void {
  let record = row
  for (let i = 0; i < path.length - 1; i++) {
    const key = path[i] as string
    if (!Object.hasOwn(record, key)) setOwn<TransitionValue>(record, key, {})
    record = record[key] as Transition
  }
  setOwn(record, path.at(-1) as string, value)
}
