import type { Transition } from '../../data/index.js'
import { dtypeOf, isHostTensor, type StateTree, type StateValue, type TypedArray } from '../../utils/index.js'

/** A value of a transition as state. A bare typed array becomes a tensor; a tensor is wrapped so that it comes back as one. */
function encode(value: unknown): StateValue {
  if (isHostTensor(value)) return { '@tensor': value }
  if (ArrayBuffer.isView(value)) {
    const array = value as TypedArray
    return { dtype: dtypeOf(array), shape: [array.length], data: array }
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, encode(v)]))
  }
  return value as number | boolean
}

function decode(value: StateValue): unknown {
  if (isHostTensor(value)) return value.data
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if ('@tensor' in value) return value['@tensor']
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, decode(v as StateValue)]))
  }
  return value
}

/** A list of transitions as a state tree, and back. */
export function encodeTransitions(transitions: readonly Transition[]): StateTree {
  return Object.fromEntries(transitions.map((t, i) => [String(i), encode(t)]))
}

export function decodeTransitions(state: StateTree): Transition[] {
  return Object.keys(state)
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => decode(state[key] as StateValue) as Transition)
}
