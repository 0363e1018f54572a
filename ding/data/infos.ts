import {
  allocate,
  CheckpointError,
  type DType,
  dtypeOf,
  type HostTensor,
  isHostTensor,
  packFloat64,
  type StateTree,
  type TypedArray,
  typedArrayDType,
  unpackFloat64,
} from '../utils/index.js'
import { intTensor, readInts, readRecord } from './state_fields.js'
import type { Transition, TransitionValue } from './types.js'

/** What of a step's info a transition can hold: numbers, booleans, typed arrays and records of these. The rest is left out. */
export function plainInfo(info: Readonly<Record<string, unknown>>): Transition {
  const plain: Transition = {}
  for (const [key, value] of Object.entries(info)) {
    const kept = plainValue(value)
    if (kept !== undefined) plain[key] = kept
  }
  return plain
}

function plainValue(value: unknown): TransitionValue | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (typedArrayDType(value) !== undefined) return (value as TypedArray).slice()
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    return undefined
  return plainInfo(value as Record<string, unknown>)
}

type Kind = 'number' | 'boolean' | 'empty' | DType

/** A value of an info: its keys from the outside in, what it is, and how many numbers it has. */
type Field = readonly [path: readonly string[], kind: Kind, length: number]
type Leaf = number | boolean | TypedArray | undefined

/** Rows whose infos have the same fields. */
interface Group {
  readonly fields: readonly Field[]
  readonly rows: number[]
  /** By row, then by field. */
  readonly leaves: Leaf[][]
}

function* leavesOf(value: TransitionValue, path: readonly string[]): Generator<[Field, Leaf]> {
  const data = isHostTensor(value) ? value.data : value
  if (typeof data === 'number') yield [[path, 'number', 1], data]
  else if (typeof data === 'boolean') yield [[path, 'boolean', 1], data]
  else if (ArrayBuffer.isView(data)) yield [[path, dtypeOf(data), data.length], data]
  else {
    const entries = Object.entries(data)
    if (entries.length === 0 && path.length > 0) yield [[path, 'empty', 0], undefined]
    for (const [key, part] of entries) yield* leavesOf(part, [...path, key])
  }
}

/**
 * The infos of rows (those that {@link plainInfo} gave) as a state: rows with the same fields are one group, and each field one tensor, so that
 * the names in a file are as few as the infos are alike.
 */
export function encodeInfos(infos: readonly (Transition | undefined)[]): StateTree {
  const groups = new Map<string, Group>()
  for (const [row, info] of infos.entries()) {
    if (info === undefined) continue
    const found = [...leavesOf(info, [])]
    const fields = found.map(([field]) => field)
    const key = JSON.stringify(fields)
    const group = groups.get(key) ?? { fields, rows: [], leaves: [] }
    groups.set(key, group)
    group.rows.push(row)
    group.leaves.push(found.map(([, leaf]) => leaf))
  }
  return Object.fromEntries([...groups.values()].map((group, i) => [String(i), encodeGroup(group)]))
}

function encodeGroup({ fields, rows, leaves }: Group): StateTree {
  const columns = fields.flatMap(([, kind, length], i) => {
    const values = leaves.map((row) => row[i])
    return kind === 'empty' ? [] : [[String(i), column(kind, length, values)] as const]
  })
  return {
    rows: intTensor(Int32Array.from(rows)),
    fields: fields.map(([path, kind, length]) => [[...path], kind, length]),
    columns: Object.fromEntries(columns),
  }
}

function column(kind: Exclude<Kind, 'empty'>, length: number, values: readonly Leaf[]): HostTensor {
  if (kind === 'number') return packFloat64(Float64Array.from(values as number[]))
  const shape = [values.length, length]
  if (kind === 'boolean') return { dtype: 'uint8', shape, data: Uint8Array.from(values as boolean[], Number) }
  const data = allocate(kind, values.length * length)
  for (const [i, value] of values.entries()) data.set(value as TypedArray, i * length)
  return { dtype: kind, shape, data }
}

/** Inverse of {@link encodeInfos}. @throws CheckpointError when the state is not one of it */
export function decodeInfos(state: StateTree): [row: number, info: Transition][] {
  return Object.keys(state).flatMap((key) => decodeGroup(readRecord(state, key)))
}

function decodeGroup(state: StateTree): [number, Transition][] {
  const [rows, columns] = [readInts(state, 'rows'), readRecord(state, 'columns')]
  const fields = state['fields']
  if (!Array.isArray(fields))
    throw new CheckpointError('Saved infos have no list of fields. Load another state.')
  const infos = Array.from(rows, (row): [number, Transition] => [row, {}])
  for (const [i, [path, kind, length]] of (fields as unknown as Field[]).entries()) {
    const leaf = reader(columns[String(i)], kind, length, rows.length)
    for (const [index, [, info]] of infos.entries()) put(info, path, leaf(index))
  }
  return infos
}

/** What a column has at each of its rows. */
function reader(
  value: StateTree[string] | undefined,
  kind: Kind,
  length: number,
  rows: number,
): (index: number) => TransitionValue {
  if (kind === 'empty') return () => ({})
  if (kind === 'number') {
    const numbers = unpackFloat64(value)
    return (index) => numbers[index] as number
  }
  if (!isHostTensor(value) || value.data.length !== rows * length)
    throw new CheckpointError(
      `A saved column of infos has not ${rows} rows of ${length} numbers. Load another state.`,
    )
  const { data } = value
  if (kind === 'boolean') return (index) => data[index] !== 0
  return (index) => data.slice(index * length, (index + 1) * length)
}

function put(info: Transition, path: readonly string[], value: TransitionValue): void {
  const [key, ...rest] = path as [string, ...string[]]
  if (rest.length === 0) info[key] = value
  else {
    if (!Object.hasOwn(info, key)) info[key] = {}
    put(info[key] as Transition, rest, value)
  }
}
