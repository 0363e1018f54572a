import {
  CheckpointError,
  DingError,
  type HostTensor,
  isHostTensor,
  NumericError,
  packFloat64,
  type StateTree,
  unpackFloat64,
} from '../utils/index.js'
import { LiveSet } from './live_set.js'
import { RingBuffer, type RingSettings } from './ring_buffer.js'
import { intTensor, readCount, readInts } from './state_fields.js'
import type { Batch, BufferOptions, PriorityInfo, Transition } from './types.js'

/** Names of the columns that a sample adds; a transition may not have them. */
export const BOOKKEEPING = ['IS', 'replay_buffer_idx', 'replay_unique_id', 'use', 'staleness'] as const

/** The columns that a sample adds, reused like the rest of the batch. */
export interface Bookkeeping {
  /** Importance weights, float32. */
  readonly IS: HostTensor<Float32Array>
  /** Row of each entry. */
  readonly replay_buffer_idx: HostTensor<Int32Array>
  /** Number of each entry in order of pushing (modulo 2^32, signed); tells an entry from a later one in its row. */
  readonly replay_unique_id: HostTensor<Int32Array>
  /** How often each entry was sampled, this time included. */
  readonly use: HostTensor<Int32Array>
  /** Learner iterations since the entry was collected; -1 when transitions carry no `collect_iter`. */
  readonly staleness: HostTensor<Int32Array>
}

export interface TrackedSettings extends RingSettings {
  /** An entry is removed once sampled this often. */
  readonly maxUse: number
  /** An entry is removed once this many learner iterations old. */
  readonly maxStaleness: number
}

const KEPT_SIZES = 4
const SKIPPED: ReadonlySet<string> = new Set(['priority'])

function numbersOf(value: HostTensor | ArrayLike<number>): ArrayLike<number> {
  return isHostTensor(value) ? value.data : (value as ArrayLike<number>)
}

/** A ring that counts the use of its entries, knows their age, and takes priorities for those that are still there. */
export abstract class TrackedRing extends RingBuffer {
  protected readonly live: LiveSet
  readonly #ids: Float64Array
  readonly #uses: Int32Array
  readonly #settings: TrackedSettings
  readonly #extras = new Map<number, Bookkeeping>()
  /** The oldest row that may hold an entry. */
  #head = 0

  constructor(settings: TrackedSettings, options: BufferOptions) {
    super({ ...settings, skipped: SKIPPED }, options)
    this.#settings = settings
    this.live = new LiveSet(this.capacity)
    this.#ids = new Float64Array(this.capacity)
    this.#uses = new Int32Array(this.capacity)
  }

  /** A new entry in `row`, with the priority that it was pushed with, if any. */
  protected abstract admitted(row: number, priority: number | undefined): void
  /** The entry of `row` is gone. */
  protected abstract removed(row: number): void
  /** A priority was reported for the entry of `row`. */
  protected abstract reprioritise(row: number, priority: number): void

  count(): number {
    return this.live.size
  }

  /**
   * Takes new priorities; entries that were overwritten or removed since are passed over.
   * @throws NumericError for a priority that is negative or not finite, DingError for lists of different lengths. Then
   * no priority is changed.
   */
  override update(info: PriorityInfo): void {
    const rows = numbersOf(info.replay_buffer_idx)
    const ids = numbersOf(info.replay_unique_id)
    const priorities = numbersOf(info.priority)
    if (rows.length !== priorities.length || ids.length !== priorities.length) {
      throw new DingError(
        `Buffer "${this.name}" got ${priorities.length} priorities for ${rows.length} rows and ${ids.length} ids. ` +
          'Return one priority for each sample of the batch.',
      )
    }
    for (let i = 0; i < priorities.length; i++) this.checkPriority(priorities[i], `priority ${i}`)
    for (let i = 0; i < priorities.length; i++) {
      const row = rows[i]!
      const known = row >= 0 && row < this.capacity && this.live.has(row)
      if (known && (this.#ids[row]! | 0) === (ids[i]! | 0)) this.reprioritise(row, priorities[i]!)
    }
  }

  override clear(): void {
    super.clear()
    this.live.clear()
    this.#extras.clear()
    this.#uses.fill(0)
    this.#head = 0
  }

  override state_dict(): StateTree {
    return {
      ...super.state_dict(),
      head: this.#head,
      live: intTensor(this.live.rows),
      ids: packFloat64(this.#ids.subarray(0, this.filled)),
      uses: intTensor(this.#uses.subarray(0, this.filled)),
    }
  }

  override load_state_dict(state: StateTree): void {
    const head = readCount(state, 'head', this.capacity - 1)
    const live = readInts(state, 'live')
    const ids = unpackFloat64(state.ids)
    const uses = readInts(state, 'uses')
    const filled = readCount(state, 'filled')
    if (ids.length !== filled || uses.length !== filled || live.length > filled) {
      throw new CheckpointError(
        `The saved state of buffer "${this.name}" speaks of ${filled} rows but has ${ids.length} ids and ${uses.length} ` +
          'use counts. Load another state.',
      )
    }
    super.load_state_dict(state)
    this.live.restore(live)
    this.#ids.set(ids)
    this.#uses.fill(0)
    this.#uses.set(uses)
    this.#head = head
  }

  protected override examine(list: readonly Transition[]): void {
    const taken = BOOKKEEPING.find((key) => Object.hasOwn(list[0]!, key))
    if (taken !== undefined) {
      throw new DingError(
        `Buffer "${this.name}": a transition has the key "${taken}", which the buffer itself adds to batches. ` +
          'Take it out before pushing.',
      )
    }
    for (const [i, { priority }] of list.entries()) {
      if (priority !== undefined) this.checkPriority(priority, `the priority of transition ${i}`)
    }
  }

  protected vacate(row: number): void {
    if (this.live.has(row)) this.#remove(row)
    if (this.live.size === 0) this.#head = row
    else if (this.#head === row) this.#head = (row + 1) % this.capacity
  }

  protected occupy(row: number, transition: Transition): void {
    this.live.add(row)
    this.#ids[row] = this.pushed
    this.#uses[row] = 0
    this.admitted(row, transition.priority as number | undefined)
  }

  protected rowsByAge(): Int32Array {
    return this.live.rows.slice().sort((a, b) => this.#ids[a]! - this.#ids[b]!)
  }

  /** Removes entries that are too old; the ring is in order of age, so it stops at the first fresh one. */
  protected dropStale(iteration: number): void {
    const collected = this.store.reader('collect_iter')
    if (this.#settings.maxStaleness === Number.POSITIVE_INFINITY || collected === undefined) return
    while (this.live.size > 0) {
      const row = this.#head
      if (this.live.has(row)) {
        if (iteration - collected(row) < this.#settings.maxStaleness) return
        this.#remove(row)
      }
      this.#head = (row + 1) % this.capacity
    }
  }

  /** The arrays of the bookkeeping columns for batches of `size`. */
  protected extras(size: number): Bookkeeping {
    const known = this.#extras.get(size)
    if (known !== undefined) return known
    const ints = (): HostTensor<Int32Array> => ({ dtype: 'int32', shape: [size], data: new Int32Array(size) })
    const made: Bookkeeping = {
      IS: { dtype: 'float32', shape: [size], data: new Float32Array(size) },
      replay_buffer_idx: ints(),
      replay_unique_id: ints(),
      use: ints(),
      staleness: ints(),
    }
    if (this.#extras.size >= KEPT_SIZES) this.#extras.delete(this.#extras.keys().next().value!)
    this.#extras.set(size, made)
    return made
  }

  /**
   * The batch of the rows in `extras.replay_buffer_idx`: fills the other bookkeeping columns (except IS), counts the use
   * and removes entries that were used up.
   */
  protected deliver(extras: Bookkeeping, iteration: number): Batch {
    const rows = extras.replay_buffer_idx.data
    const batch = Object.assign(this.store.gather(rows), extras)
    const collected = this.store.reader('collect_iter')
    for (let i = 0; i < rows.length; i++) this.#uses[rows[i]!]!++
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!
      extras.use.data[i] = this.#uses[row]!
      extras.replay_unique_id.data[i] = this.#ids[row]!
      extras.staleness.data[i] = collected === undefined ? -1 : iteration - collected(row)
    }
    this.thruput.sampled += rows.length
    return batch
  }

  /** Removes the entries of a delivered batch that have been used often enough. */
  protected dropUsed(rows: Int32Array): void {
    if (this.#settings.maxUse === Number.POSITIVE_INFINITY) return
    for (const row of rows)
      if (this.live.has(row) && this.#uses[row]! >= this.#settings.maxUse) this.#remove(row)
  }

  private checkPriority(priority: unknown, what: string): void {
    if (typeof priority === 'number' && Number.isFinite(priority) && priority >= 0) return
    throw new NumericError(
      `Buffer "${this.name}": ${what} is ${String(priority)}, expected a finite number >= 0. Look for a loss or a reward ` +
        'that is NaN or infinite.',
    )
  }

  #remove(row: number): void {
    this.live.remove(row)
    this.#uses[row] = 0
    this.removed(row)
    this.thruput.removed++
  }
}
