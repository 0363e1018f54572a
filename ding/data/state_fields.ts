import { CheckpointError, type HostTensor, isHostTensor, kindOf, type StateTree } from '../utils/index.js'

function wrong(key: string, value: unknown, expected: string): CheckpointError {
  return new CheckpointError(
    `The saved buffer's "${key}" is ${typeof value === 'number' ? value : kindOf(value)}, expected ${expected}. ` +
      'Load a state that this kind of buffer saved.',
  )
}

/** A number of a saved state. @throws CheckpointError when it is not one. */
export function readNumber(state: StateTree, key: string): number {
  const value = state[key]
  if (typeof value !== 'number') throw wrong(key, value, 'a number')
  return value
}

/** A whole number from 0 to `most` of a saved state. */
export function readCount(state: StateTree, key: string, most = Number.MAX_SAFE_INTEGER): number {
  const value = readNumber(state, key)
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw wrong(key, value, `a whole number up to ${most}`)
  return value
}

/** A record of a saved state. */
export function readRecord(state: StateTree, key: string): StateTree {
  const value = state[key]
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isHostTensor(value)) {
    throw wrong(key, value, 'a record')
  }
  return value as StateTree
}

/** A list of int32 values of a saved state. */
export function readInts(state: StateTree, key: string): Int32Array {
  const value = state[key]
  if (!isHostTensor(value) || !(value.data instanceof Int32Array)) throw wrong(key, value, 'an int32 tensor')
  return value.data
}

/** Int32 values as a tensor. Copies. */
export function intTensor(values: Int32Array): HostTensor {
  return { dtype: 'int32', shape: [values.length], data: values.slice() }
}
