import type { HostTensor, StateTree } from '../utils/index.js'
import type { Layout } from './columns.js'
import type { Batch, Transition } from './types.js'

/** Rows of columns, as a ring of transitions needs them. */
export interface Storage {
  /** The columns of its batches, once known. */
  readonly layout: Layout | undefined
  /** Checks transitions without storing anything, and settles the columns if they are the first. */
  check(transitions: readonly Transition[]): void
  /** Writes a transition that `check` has passed. */
  write(row: number, transition: Transition): void
  /** The rows asked for, in order, as a batch whose arrays are reused by the next call for as many rows. */
  gather(rows: Int32Array): Batch
  /** One part of the rows asked for, such as ['next_obs', 'achieved_goal'] or all of it ([]), in arrays of its own. */
  part(path: readonly string[], rows: Int32Array): HostTensor | Batch
  /** Reads rows of a top-level column of plain numbers; undefined when there is none of that name. */
  reader(key: string): ((row: number) => number) | undefined
  /** Forgets the columns and frees the memory. */
  reset(): void
  /** What `restore` takes, of the first `rows` rows. */
  view(rows: number): Batch
  restore(state: StateTree, rows: number): void
  /** Bytes reserved. */
  readonly bytes: number
}
