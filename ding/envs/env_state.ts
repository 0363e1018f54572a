import {
  CheckpointError,
  dtypeOf,
  type HostTensor,
  isHostTensor,
  type StateTree,
  type StateValue,
  type TypedArray,
} from '../utils/index.js'
import type { SpaceValue } from './spaces/index.js'

function hostTensor(array: TypedArray): HostTensor {
  return { dtype: dtypeOf(array), shape: [array.length], data: array.slice() }
}

/** A value of a space as a part of a checkpoint; the arrays are copied. */
export function valueToState(value: SpaceValue): StateValue {
  if (typeof value === 'number') return value
  if (ArrayBuffer.isView(value)) return hostTensor(value as TypedArray)
  const entries = Object.entries(value as Record<string, SpaceValue>)
  return Object.fromEntries(entries.map(([key, part]) => [key, valueToState(part)]))
}

/** Inverse of {@link valueToState}. */
export function valueFromState(state: StateValue | undefined): SpaceValue {
  if (typeof state === 'number') return state
  if (isHostTensor(state)) return state.data.slice()
  if (typeof state === 'object' && state !== null && !Array.isArray(state)) {
    return Object.fromEntries(Object.entries(state).map(([key, part]) => [key, valueFromState(part)]))
  }
  throw new CheckpointError(
    `An observation in the saved state of an env is ${JSON.stringify(state)}, expected arrays`,
  )
}

/** Marks a state that has the wrappers only, as the env in them cannot save itself. */
const ENV_UNSAVED = 'env_unsaved'

/** The state of a wrapper: its own, and that of what it wraps; null or without the episode where the env cannot save itself. */
export function wrapperState(env: StateTree | null, wrapper: StateTree): StateTree {
  return holdsEpisode(env) ? { env, wrapper } : { env, wrapper, [ENV_UNSAVED]: true }
}

/** Whether an env goes on with its episode when it takes this state back; otherwise it has to be reset. */
export function holdsEpisode(state: StateTree | null): boolean {
  return state !== null && state[ENV_UNSAVED] !== true
}

/** A nested record of a saved env state. @throws CheckpointError when it is not there. */
export function stateRecord(state: StateTree, key: string, owner: string): StateTree {
  const value = state[key]
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isHostTensor(value)) {
    throw new CheckpointError(
      `The saved state of ${owner} has no record "${key}": it is of another env or wrapper list`,
    )
  }
  return value as StateTree
}

/** A number of a saved env state. @throws CheckpointError when it is not there. */
export function stateNumber(state: StateTree, key: string, owner: string): number {
  const value = state[key]
  if (typeof value !== 'number') {
    throw new CheckpointError(
      `The saved state of ${owner} has no number "${key}": it is of another env or wrapper list`,
    )
  }
  return value
}

/** `length` numbers of a saved env state (any number if left out). @throws CheckpointError when they are not there. */
export function stateNumbers(state: StateTree, key: string, owner: string, length?: number): number[] {
  const value = state[key]
  const fits =
    Array.isArray(value) &&
    value.every((v) => typeof v === 'number') &&
    (length === undefined || value.length === length)
  if (!fits) {
    throw new CheckpointError(
      `The saved state of ${owner} has no ${length ?? ''} numbers "${key}": it is of another env or wrapper list`,
    )
  }
  return [...(value as number[])]
}
