import type { HostTensor } from './host_tensor.js'

/** A value that JSON holds exactly (numbers may also be infinite or NaN; the writers encode those). */
export type JsonValue = number | string | boolean | null | JsonValue[] | { [key: string]: JsonValue }

/** What a resumable part hands out and takes back: nested records of arrays and JSON values. */
export interface StateTree {
  [key: string]: StateValue
}
export type StateValue = HostTensor | JsonValue | StateTree

/** Whatever can be saved in a checkpoint and continued from it, bit for bit. */
export interface Resumable {
  state_dict(): StateTree
  load_state_dict(state: StateTree): void
}

/** Tells a host tensor from a nested record. */
export function isHostTensor(value: unknown): value is HostTensor {
  return (
    typeof value === 'object' &&
    value !== null &&
    'dtype' in value &&
    'shape' in value &&
    'data' in value &&
    ArrayBuffer.isView(value.data)
  )
}
