import type { TypedArray } from '../utils/index.js'
import { allocate } from '../utils/index.js'
import type { Column } from './columns.js'

/** Columns up to this many elements a row share one array, row by row; wider ones have an array of their own. */
const NARROW = 64

/**
 * The memory behind columns. A random row costs a cache miss for each place it lies in, so the narrow columns of a row
 * lie side by side, one 32-bit word an element (bytes too): that makes gathering small transitions two to three times as
 * fast as an array a column. Wide columns (images) are copied in blocks from arrays of their own.
 */
export class RowStore {
  /** Words of one row of the shared array. */
  readonly #stride: number
  readonly #words: Int32Array
  readonly #floats: Float32Array
  /** Where each column begins in a shared row; -1 for a wide one. */
  readonly #offsets: readonly number[]
  /** The arrays of wide columns, by column index. */
  readonly #wide: readonly (TypedArray | undefined)[]

  /** @throws RangeError when there is no memory for it. */
  constructor(
    readonly columns: readonly Column[],
    readonly capacity: number,
  ) {
    let stride = 0
    this.#offsets = columns.map(({ width }) => {
      if (width > NARROW) return -1
      stride += width
      return stride - width
    })
    this.#stride = stride
    this.#words = new Int32Array(capacity * stride)
    this.#floats = new Float32Array(this.#words.buffer)
    this.#wide = columns.map(({ dtype, width }) =>
      width > NARROW ? allocate(dtype, capacity * width) : undefined,
    )
  }

  /** Bytes reserved for all rows. */
  get bytes(): number {
    return this.#wide.reduce((sum, array) => sum + (array?.byteLength ?? 0), this.#words.byteLength)
  }

  /** Writes one row of one column: a number, or as many values as the column is wide, of the column's type. */
  write(column: Column, row: number, value: number | TypedArray): void {
    const wide = this.#wide[column.index]
    if (wide !== undefined) {
      wide.set(value as TypedArray, row * column.width)
      return
    }
    const target = column.dtype === 'float32' ? this.#floats : this.#words
    const at = row * this.#stride + this.#offsets[column.index]!
    if (typeof value === 'number') target[at] = value
    else target.set(value, at)
  }

  /** Copies the given rows of a column, one after another, into `target`. */
  gather(column: Column, rows: Int32Array, target: TypedArray): void {
    const { width } = column
    const wide = this.#wide[column.index]
    if (wide !== undefined) {
      for (let i = 0; i < rows.length; i++) {
        const from = rows[i]! * width
        target.set(wide.subarray(from, from + width), i * width)
      }
      return
    }
    const offset = this.#offsets[column.index]!
    // Copied as integers, a NaN keeps all its bits.
    const out = target instanceof Float32Array ? wordsOf(target) : target
    if (out instanceof Int32Array) gatherWords(this.#words, out, this.#stride, offset, width, rows)
    else gatherBytes(this.#words, out as Uint8Array, this.#stride, offset, width, rows)
  }

  /** The first `rows` rows of a column in one piece: a live view of a wide column, a copy of a narrow one. */
  head(column: Column, rows: number): TypedArray {
    const wide = this.#wide[column.index]
    if (wide !== undefined) return wide.subarray(0, rows * column.width)
    const target = allocate(column.dtype, rows * column.width)
    this.gather(
      column,
      Int32Array.from({ length: rows }, (_, row) => row),
      target,
    )
    return target
  }

  /** Overwrites the first rows of a column, the inverse of `head`. */
  load(column: Column, values: TypedArray): void {
    const wide = this.#wide[column.index]
    if (wide !== undefined) {
      wide.set(values)
      return
    }
    const { width } = column
    const source = values instanceof Float32Array ? wordsOf(values) : values
    const offset = this.#offsets[column.index]!
    for (let from = 0, row = 0; from < source.length; row++) {
      let to = row * this.#stride + offset
      for (const end = from + width; from < end; ) this.#words[to++] = source[from++]!
    }
  }

  /** Reads single elements of a column of width 1. */
  reader(column: Column): (row: number) => number {
    const source = column.dtype === 'float32' ? this.#floats : this.#words
    const stride = this.#stride
    const offset = this.#offsets[column.index]!
    return (row) => source[row * stride + offset]!
  }
}

function wordsOf(floats: Float32Array): Int32Array {
  return new Int32Array(floats.buffer, floats.byteOffset, floats.length)
}

// Two functions of the same text, so that each sees one kind of target only and is compiled for it. Four at a time, all
// read before any is written: nearly twice as fast as a plain loop.
function gatherWords(
  source: Int32Array,
  target: Int32Array,
  stride: number,
  offset: number,
  width: number,
  rows: Int32Array,
): void {
  const count = rows.length
  let to = 0
  for (let i = 0; i < count; i++) {
    let from = rows[i]! * stride + offset
    const end = to + width
    for (; to < end - 3; to += 4, from += 4) {
      const a = source[from]!
      const b = source[from + 1]!
      const c = source[from + 2]!
      const d = source[from + 3]!
      target[to] = a
      target[to + 1] = b
      target[to + 2] = c
      target[to + 3] = d
    }
    while (to < end) target[to++] = source[from++]!
  }
}

function gatherBytes(
  source: Int32Array,
  target: Uint8Array,
  stride: number,
  offset: number,
  width: number,
  rows: Int32Array,
): void {
  const count = rows.length
  let to = 0
  for (let i = 0; i < count; i++) {
    let from = rows[i]! * stride + offset
    const end = to + width
    for (; to < end - 3; to += 4, from += 4) {
      const a = source[from]!
      const b = source[from + 1]!
      const c = source[from + 2]!
      const d = source[from + 3]!
      target[to] = a
      target[to + 1] = b
      target[to + 2] = c
      target[to + 3] = d
    }
    while (to < end) target[to++] = source[from++]!
  }
}
