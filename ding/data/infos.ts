import { CheckpointError, type DType, isHostTensor, type StateTree, type StateValue } from '../utils/index.js'
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
  if (value instanceof Float32Array || value instanceof Int32Array || value instanceof Uint8Array)
    return value.slice()
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    return undefined
  return plainInfo(value as Record<string, unknown>)
}

function encode(value: TransitionValue): StateValue {
  if (typeof value !== 'object' || isHostTensor(value)) return value
  if (ArrayBuffer.isView(value)) {
    const array = value as Float32Array | Int32Array | Uint8Array
    const dtype: DType =
      array instanceof Float32Array ? 'float32' : array instanceof Int32Array ? 'int32' : 'uint8'
    return { dtype, shape: [array.length], data: array }
  }
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, encode(part)]))
}

function decode(value: StateValue): TransitionValue {
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (isHostTensor(value)) return value.data
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CheckpointError(`A saved info holds ${JSON.stringify(value)}, expected numbers and arrays.`)
  return Object.fromEntries(
    Object.entries(value as StateTree).map(([key, part]) => [key, decode(part as StateValue)]),
  )
}

/** The infos of rows (those that {@link plainInfo} gave) as a state, by row. */
export function encodeInfos(infos: readonly (Transition | undefined)[]): StateTree {
  return Object.fromEntries(
    infos.flatMap((info, row) => (info === undefined ? [] : [[String(row), encode(info)]])),
  )
}

/** Inverse of {@link encodeInfos}. */
export function decodeInfos(state: StateTree): [number, Transition][] {
  return Object.entries(state).map(([row, info]) => [Number(row), decode(info as StateValue) as Transition])
}
