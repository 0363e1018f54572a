import type { DType, HostTensor, TypedArray } from '../utils/index.js'
import { DingError, isHostTensor, kindOf, setOwn, sizeOf, typedArrayDType } from '../utils/index.js'
import type { Transition } from './types.js'

/** One array of a transition: where it is, and what every value there must be. */
export interface Column {
  readonly kind: 'column'
  /** Keys joined with dots, for messages. */
  readonly path: string
  /** Position among the leaves, in key order. */
  readonly index: number
  readonly dtype: DType
  /** Shape of one row; [] for a number or a boolean. */
  readonly shape: readonly number[]
  readonly width: number
}

/** A nested record of columns. */
export interface ColumnGroup {
  readonly kind: 'group'
  readonly path: string
  readonly children: ReadonlyMap<string, Column | ColumnGroup>
}

/** The columns of a kind of transition, as a tree and as a list. */
export interface Layout {
  readonly root: ColumnGroup
  readonly columns: readonly Column[]
}

function spell(dtype: DType, shape: readonly number[]): string {
  return `${dtype} [${shape.join(', ')}]`
}

/** What a value is, in the words of an error message. */
function seen(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`
  const dtype = typedArrayDType(value)
  if (dtype !== undefined) return spell(dtype, [(value as TypedArray).length])
  if (isHostTensor(value)) return spell(value.dtype, value.shape)
  return kindOf(value)
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

/** Works out the columns from a first transition. Top-level keys in `skipped` are left out. */
export function inferLayout(owner: string, transition: Transition, skipped: ReadonlySet<string>): Layout {
  const columns: Column[] = []
  const leaf = (path: string, dtype: DType, shape: readonly number[]): Column => {
    const column: Column = {
      kind: 'column',
      path,
      index: columns.length,
      dtype,
      shape: [...shape],
      width: sizeOf(shape),
    }
    columns.push(column)
    return column
  }
  const visit = (path: string, value: unknown, discrete: boolean): Column | ColumnGroup => {
    if (typeof value === 'number') return leaf(path, discrete ? 'int32' : 'float32', [])
    if (typeof value === 'boolean') return leaf(path, 'bool', [])
    const dtype = typedArrayDType(value)
    if (dtype !== undefined) return leaf(path, dtype, [(value as TypedArray).length])
    if (isHostTensor(value)) return leaf(path, value.dtype, value.shape)
    if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
      throw new DingError(
        `${owner}: "${path}" of the first transition is ${kindOf(value)}. Expected a number, a boolean, a Float32Array, ` +
          'an Int32Array, a Uint8Array, a {dtype, shape, data} record, or a record of these; convert it before pushing.',
      )
    }
    const children = new Map<string, Column | ColumnGroup>()
    for (const [key, item] of Object.entries(value)) {
      if (path === '' && skipped.has(key)) continue
      children.set(key, visit(join(path, key), item, discrete || key === 'action'))
    }
    return { kind: 'group', path, children }
  }
  const root = visit('', transition, false)
  if (root.kind !== 'group' || columns.length === 0) {
    throw new DingError(
      `${owner}: the first transition is ${seen(transition)} without any data. Push a record of arrays.`,
    )
  }
  return { root, columns }
}

function fits(column: Column, value: unknown): boolean {
  if (typeof value === 'number') {
    if (column.shape.length !== 0) return false
    return column.dtype === 'float32' || (column.dtype === 'int32' && value === (value | 0))
  }
  if (typeof value === 'boolean') return column.dtype === 'bool' && column.shape.length === 0
  const dtype = typedArrayDType(value)
  if (dtype !== undefined) {
    return (
      dtype === column.dtype && column.shape.length === 1 && (value as TypedArray).length === column.width
    )
  }
  return (
    isHostTensor(value) &&
    value.dtype === column.dtype &&
    value.shape.length === column.shape.length &&
    value.data.length === column.width &&
    column.shape.every((size, i) => size === value.shape[i])
  )
}

function refuse(
  owner: string,
  which: string,
  path: string,
  was: string,
  expected: string,
  mend: string,
): never {
  throw new DingError(
    `${owner}: "${path}" of ${which} is ${was}, expected ${expected} as in the first transition. ${mend} Nothing was stored.`,
  )
}

function checkColumn(owner: string, which: string, column: Column, value: unknown): void {
  if (fits(column, value)) return
  const fraction = typeof value === 'number' && column.dtype === 'int32' && column.shape.length === 0
  refuse(
    owner,
    which,
    column.path,
    seen(value),
    fraction ? 'a whole number (a discrete action)' : spell(column.dtype, column.shape),
    fraction
      ? 'Push continuous actions as a Float32Array.'
      : 'All transitions of a buffer must have the same keys, shapes and element types.',
  )
}

function checkGroup(
  owner: string,
  which: string,
  group: ColumnGroup,
  value: unknown,
  skipped: ReadonlySet<string> | undefined,
): void {
  const keys = [...group.children.keys()]
  if (typeof value !== 'object' || value === null || isHostTensor(value) || ArrayBuffer.isView(value)) {
    refuse(
      owner,
      which,
      group.path,
      seen(value),
      `a record with the keys ${keys.join(', ')}`,
      'Push the same record.',
    )
  }
  const record = value as Record<string, unknown>
  for (const [key, child] of group.children) {
    if (!Object.hasOwn(record, key)) {
      refuse(owner, which, join(group.path, key), 'missing', 'it', 'Give every transition the same keys.')
    }
    if (child.kind === 'column') checkColumn(owner, which, child, record[key])
    else checkGroup(owner, which, child, record[key], undefined)
  }
  for (const key of Object.keys(record)) {
    if (group.children.has(key) || skipped?.has(key) === true) continue
    refuse(
      owner,
      which,
      join(group.path, key),
      'a new key',
      `only ${keys.join(', ')}`,
      'Give every transition the same keys.',
    )
  }
}

/** Checks one transition against the layout. @throws DingError naming the column, what was seen and what was expected. */
export function checkTransition(
  owner: string,
  which: string,
  layout: Layout,
  transition: Transition,
  skipped: ReadonlySet<string>,
): void {
  checkGroup(owner, which, layout.root, transition, skipped)
}

/** What writes one row of one column. */
export interface RowWriter {
  write(column: Column, row: number, value: number | TypedArray): void
}

/** Writes a checked transition into row `row`. */
export function writeTransition(
  group: ColumnGroup,
  rows: RowWriter,
  row: number,
  transition: Transition,
): void {
  for (const [key, child] of group.children) {
    const value = transition[key]!
    if (child.kind === 'group') writeTransition(child, rows, row, value as Transition)
    else if (typeof value === 'object')
      rows.write(child, row, (isHostTensor(value) ? value.data : value) as TypedArray)
    else rows.write(child, row, Number(value))
  }
}

/** Builds a nested record like the layout from one value a column. */
export function recordOf<T>(group: ColumnGroup, make: (column: Column) => T): NestedRecord<T> {
  const record: NestedRecord<T> = {}
  for (const [key, child] of group.children) {
    setOwn(record, key, child.kind === 'column' ? make(child) : recordOf(child, make))
  }
  return record
}

/** A record, nested to any depth. */
export interface NestedRecord<T> {
  [key: string]: T | NestedRecord<T>
}

/** The layout of a batch: each of its arrays is a column, less the leading axis. */
export function layoutOfBatch(batch: { [key: string]: unknown }): { layout: Layout; tensors: HostTensor[] } {
  const columns: Column[] = []
  const tensors: HostTensor[] = []
  const visit = (path: string, value: unknown): Column | ColumnGroup => {
    if (isHostTensor(value) && value.shape.length > 0) {
      const shape = value.shape.slice(1)
      const column: Column = {
        kind: 'column',
        path,
        index: columns.length,
        dtype: value.dtype,
        shape,
        width: sizeOf(shape),
      }
      columns.push(column)
      tensors.push(value)
      return column
    }
    if (typeof value !== 'object' || value === null || isHostTensor(value)) {
      throw new DingError(
        `"${path}" is ${seen(value)}, expected an array with a leading batch axis or a record of them.`,
      )
    }
    const children = new Map(Object.entries(value).map(([key, item]) => [key, visit(join(path, key), item)]))
    return { kind: 'group', path, children }
  }
  return { layout: { root: visit('', batch) as ColumnGroup, columns }, tensors }
}
