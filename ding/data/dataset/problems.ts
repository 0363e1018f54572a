import { DatasetError, type DType, type HostTensor, sizeOf, type TypedArray } from '../../utils/index.js'

/** A complaint about a file: what is wrong in it, then how to mend it. */
export function problem(path: string, what: string, mend: string, cause?: unknown): DatasetError {
  return new DatasetError(`Dataset "${path}": ${what}. ${mend}`, cause === undefined ? undefined : { cause })
}

/** Numbers as a file had them. */
export type FileArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array

/** An array of a file with its place. */
export interface FileColumn {
  readonly path: string
  readonly key: string
  readonly shape: readonly number[]
  readonly data: FileArray
  /** Added to row numbers in messages (an array read in parts). */
  readonly firstRow?: number
}

const isFloat = (data: FileArray): data is Float32Array | Float64Array =>
  data instanceof Float32Array || data instanceof Float64Array

function rowOf(column: FileColumn, element: number): number {
  const width = sizeOf(column.shape.slice(1))
  return (column.firstRow ?? 0) + Math.floor(element / Math.max(1, width))
}

function tensor<A extends TypedArray>(
  dtype: DType,
  { shape }: Pick<FileColumn, 'shape'>,
  data: A,
): HostTensor<A> {
  return { dtype, shape, data }
}

/** Whether all numbers are finite: x - x is 0 for these and NaN for others. Four sums, because one would wait for each addition. */
export function allFinite(data: Float32Array): boolean {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  const whole = data.length - (data.length % 4)
  for (let i = 0; i < whole; i += 4) {
    a += data[i]! - data[i]!
    b += data[i + 1]! - data[i + 1]!
    c += data[i + 2]! - data[i + 2]!
    d += data[i + 3]! - data[i + 3]!
  }
  for (let i = whole; i < data.length; i++) a += data[i]! - data[i]!
  return a + b + c + d === 0
}

/** @throws DatasetError naming the first row that holds NaN or infinity. */
export function checkFinite(path: string, key: string, shape: readonly number[], data: Float32Array): void {
  if (allFinite(data)) return
  const i = data.findIndex((value) => !Number.isFinite(value))
  throw problem(
    path,
    `"${key}" is ${data[i]} in row ${rowOf({ path, key, shape, data }, i)}`,
    'Remove that row, or the whole episode it is in; learning from it would make every weight NaN.',
  )
}

/** Numbers as float32. @throws DatasetError for NaN and infinities when `strict`. */
export function floats(column: FileColumn, strict: boolean): HostTensor<Float32Array> {
  const { data } = column
  let out: Float32Array
  if (data instanceof Float32Array) out = data
  else if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    out = Float32Array.from(data, Number)
  else out = Float32Array.from(data)
  if (strict) checkFinite(column.path, column.key, column.shape, out)
  return tensor('float32', column, out)
}

/** Whole numbers as int32. @throws DatasetError naming the first row that does not fit. */
export function integers(column: FileColumn): HostTensor<Int32Array> {
  const { data } = column
  if (data instanceof Int32Array) return tensor('int32', column, data)
  const out = new Int32Array(data.length)
  for (let i = 0; i < out.length; i++) {
    out[i] = Number(data[i]!)
    if (out[i] !== Number(data[i]!)) {
      throw problem(
        column.path,
        `"${column.key}" is ${data[i]} in row ${rowOf(column, i)}, which is no whole number of 32 bits`,
        'Store whole numbers there.',
      )
    }
  }
  return tensor('int32', column, out)
}

/** One flag a row: whole numbers, floats or booleans that are 0 or 1, of shape [n] or [n, 1]. */
export function flagsOf(column: FileColumn): Uint8Array {
  const { data } = column
  const out = new Uint8Array(data.length)
  for (let i = 0; i < out.length; i++) {
    const value = Number(data[i]!)
    if (value !== 0 && value !== 1) {
      throw problem(
        column.path,
        `"${column.key}" is ${value} in row ${rowOf(column, i)}, expected 0 or 1`,
        'It must say for each row whether the episode ended there.',
      )
    }
    out[i] = value
  }
  return out
}

/** Observations: images stay uint8, single whole numbers (discrete observations) become int32, all else float32. */
export function observations(column: FileColumn, strict: boolean): HostTensor {
  const { data, shape } = column
  if (data instanceof Uint8Array && shape.length >= 3) return tensor('uint8', column, data)
  if (!isFloat(data) && shape.length === 1) return integers(column)
  return floats(column, strict)
}

/**
 * Actions: whole numbers are discrete (int32 [n], or [n, k] for several), others continuous (float32 [n, A]).
 * `discrete` overrides what the element type says.
 */
export function actions(column: FileColumn, strict: boolean, discrete = !isFloat(column.data)): HostTensor {
  const { shape } = column
  const rows = shape[0] ?? 0
  const width = sizeOf(shape.slice(1))
  if (discrete) return { ...integers(column), shape: width === 1 ? [rows] : [rows, width] }
  return { ...floats(column, strict), shape: [rows, width] }
}

/** Rewards: float32 [n], or [n, k] for n-step rewards. */
export function rewards(column: FileColumn, strict: boolean): HostTensor<Float32Array> {
  const { shape } = column
  const width = sizeOf(shape.slice(1))
  return { ...floats(column, strict), shape: width === 1 ? [shape[0] ?? 0] : [shape[0] ?? 0, width] }
}

/** Factors of the bootstrapped values: float32 [n]. */
export function discounts(column: FileColumn, strict: boolean): HostTensor<Float32Array> {
  const numbers = floats(column, strict)
  return { ...numbers, shape: [numbers.data.length] }
}

/**
 * @throws DatasetError unless every column has as many rows as the first and there is at least one row.
 */
export function checkRows(
  path: string,
  columns: readonly { readonly key: string; readonly rows: number }[],
): number {
  const [first, ...others] = columns
  if (first === undefined || first.rows === 0)
    throw problem(path, `"${first?.key ?? ''}" has no rows`, 'The file holds no data; record it again.')
  for (const { key, rows } of others) {
    if (rows === first.rows) continue
    throw problem(
      path,
      `"${key}" has ${rows} rows, expected ${first.rows} as in "${first.key}"`,
      'The file was not written completely, or was put together from parts that do not belong together.',
    )
  }
  return first.rows
}
