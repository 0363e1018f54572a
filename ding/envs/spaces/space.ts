import { EnvError, type TypedArray } from '../../utils/index.js'
import type { RandomStream } from '../light_imports.js'

/**
 * A value of a space: a number (Discrete), a typed array (Box, MultiDiscrete, MultiBinary) or a record of values
 * (Dict by key, Tuple by position: `{ 0: ..., 1: ... }`). Every nested value in ding is a record, so that batches,
 * buffers and checkpoints need to know one kind of nesting only.
 */
export type SpaceValue = number | TypedArray | { [key: string]: SpaceValue }

/** Which discrete actions are allowed, one truthy entry each. */
export type ActionMask = ArrayLike<number | boolean>

/** A space as plain JSON; what {@link Space.toJSON} returns and `spaceFromJSON` reads. */
export type SpaceJson = { type: string; [key: string]: unknown }

/** The set of values that an observation, an action or a reward may take. Immutable. */
export abstract class Space<V extends SpaceValue = SpaceValue> {
  /** Shape of a value: `[]` for Discrete, Dict and Tuple. */
  abstract readonly shape: readonly number[]
  /** Length of a flattened value; Discrete and MultiDiscrete flatten to one-hot. */
  abstract readonly flatdim: number

  /** Draws a value from the given stream: uniform where bounded, as Gymnasium's spaces do. */
  abstract sample(random: RandomStream): V
  /** Why `value` is not in the space, or null if it is. */
  abstract explain(value: unknown): string | null
  /** Writes the flattened value to `out` from `offset`. */
  abstract flattenInto(value: V, out: Float32Array, offset: number): void
  /** Reads a value back from `flat` at `offset`. */
  abstract unflattenFrom(flat: Float32Array, offset: number): V
  abstract equals(other: Space): boolean
  abstract toJSON(): SpaceJson

  contains(value: unknown): value is V {
    return this.explain(value) === null
  }

  /** The value as one vector of `flatdim` numbers. */
  flatten(value: V): Float32Array {
    const why = this.explain(value)
    if (why !== null) throw new EnvError(`${this}: cannot flatten, ${why}`)
    const out = new Float32Array(this.flatdim)
    this.flattenInto(value, out, 0)
    return out
  }

  /** Inverse of {@link flatten}. */
  unflatten(flat: Float32Array): V {
    if (flat.length !== this.flatdim) {
      throw new EnvError(`${this}: cannot unflatten ${flat.length} numbers, expected ${this.flatdim}`)
    }
    return this.unflattenFrom(flat, 0)
  }

  /** Short name such as `Discrete(2)`, for messages. */
  abstract toString(): string
}

/** How a value reads in a message: its kind and, if short, its content. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') {
    return `the ${typeof value} ${value}`
  }
  if (typeof value === 'string')
    return `the string "${value.length > 40 ? `${value.slice(0, 40)}...` : value}"`
  if (typeof value !== 'object') return `a ${typeof value}`
  if (ArrayBuffer.isView(value) || Array.isArray(value)) {
    const items = Array.from(value as unknown as ArrayLike<unknown>)
    const shown = items.slice(0, 6).map(String).join(', ')
    return `${value.constructor.name}(${items.length}) [${shown}${items.length > 6 ? ', ...' : ''}]`
  }
  return `an object with keys ${Object.keys(value).slice(0, 8).join(', ') || '(none)'}`
}

/** True if the arrays hold the same numbers; NaN equals NaN. */
export function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false
  return true
}
