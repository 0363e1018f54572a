import type { SchemaDefinition } from '../config/index.js'
import { type Logger, NULL_LOGGER } from '../logger/index.js'
import { CheckpointError, DingError, loadState, type StateTree, saveState } from '../utils/index.js'
import { batchSize, transitionsOf } from './batch.js'
import { ColumnStore } from './column_store.js'
import { inferLayout } from './columns.js'
import { LinkedStore } from './linked_store.js'
import { checkColumns } from './load_check.js'
import { ThruputMonitor } from './monitor.js'
import { readCount, readRecord } from './state_fields.js'
import type { Storage } from './storage.js'
import type {
  Batch,
  BufferOptions,
  BufferRandom,
  PriorityInfo,
  PushInfo,
  ReplayBuffer,
  Transition,
} from './types.js'

const NOTHING: ReadonlySet<string> = new Set()

/** What a ring needs to know of its config. */
export interface RingSettings {
  readonly capacity: number
  /** Seconds between reports on pushed, sampled and removed entries. */
  readonly reportSeconds: number
  /** Top-level keys of transitions that are not stored. */
  readonly skipped?: ReadonlySet<string>
  /** Keep no copy of `next_obs` where a later row has it as its `obs`. */
  readonly optimizeMemory: boolean
}

/** The key of every ring buffer's config that says how its memory is used. */
export const memoryKeys = {
  optimize_memory_usage: {
    doc: 'Keep no copy of next_obs where it is the obs of a later transition, which saves nearly half the memory; batches are the same.',
    format: 'boolean',
    default: false,
  },
} as const satisfies SchemaDefinition

/** Columns written round and round: what all transition buffers share. */
export abstract class RingBuffer implements ReplayBuffer {
  protected readonly store: Storage
  protected readonly capacity: number
  protected readonly logger: Logger
  protected readonly random: BufferRandom
  protected readonly name: string
  protected readonly thruput: ThruputMonitor
  private readonly skipped: ReadonlySet<string>
  /** The columns are those of a state that was loaded, and nothing has been pushed since. */
  private loaded = false
  /** The row that the next transition goes to. */
  protected tail = 0
  /** Rows that were ever written since the last clear. */
  protected filled = 0
  /** Transitions ever pushed. */
  protected pushed = 0

  constructor(settings: RingSettings, options: BufferOptions) {
    this.capacity = settings.capacity
    this.name = options.name ?? 'buffer'
    this.logger = options.logger ?? NULL_LOGGER
    this.random = options.random
    this.skipped = settings.skipped ?? NOTHING
    const Kind = settings.optimizeMemory ? LinkedStore : ColumnStore
    this.store = new Kind(settings.capacity, `Buffer "${this.name}"`, this.skipped)
    this.thruput = new ThruputMonitor(this.logger, this.name, settings.reportSeconds)
  }

  abstract sample(size: number, cur_learner_iter: number): Batch | null
  abstract count(): number
  /** Live rows, oldest first. */
  protected abstract rowsByAge(): Int32Array
  /** Row `row` is about to be written. */
  protected abstract vacate(row: number): void
  /** Row `row` now holds `transition`. */
  protected abstract occupy(row: number, transition: Transition): void

  /** The number of transitions ever pushed. */
  get push_count(): number {
    return this.pushed
  }

  /** Bytes reserved for what is stored. */
  get memory_bytes(): number {
    return this.store.bytes
  }

  push(transitions: Transition | readonly Transition[], _info: PushInfo = {}): void {
    const list = Array.isArray(transitions)
      ? (transitions as readonly Transition[])
      : [transitions as Transition]
    if (list.length === 0) return
    this.examine(list)
    this.check(list)
    if (!this.admits(list.length)) return
    for (const transition of list) this.append(transition)
    this.thruput.report(this.count())
  }

  update(_info: PriorityInfo): void {}

  clear(): void {
    this.tail = 0
    this.filled = 0
    this.loaded = false
    this.store.reset()
  }

  close(): void {
    this.clear()
  }

  save_data(path: string): void {
    const rows = this.rowsByAge()
    const data = rows.length === 0 ? {} : (this.store.part([], rows) as Batch)
    saveState(path, { data, ...this.beside(rows) }, { kind: 'replay data', rows: rows.length })
  }

  /** What a file holds of rows beside their columns. */
  protected beside(_rows: Int32Array): StateTree {
    return {}
  }

  /** The transitions of a file with what {@link beside} gave for them. */
  protected completed(list: Transition[], _file: StateTree): Transition[] {
    return list
  }

  load_data(path: string, like?: Transition): void {
    const { tree, meta } = loadState(path)
    const owner = `Cannot load "${path}" into buffer "${this.name}"`
    if (meta.kind !== 'replay data')
      throw new CheckpointError(`${owner}: it holds no replay data. Give a file that save_data wrote.`)
    const batch = readRecord(tree, 'data') as Batch
    // Arrays of one length each, or it throws.
    const rows = meta.rows === 0 || batchSize(batch) === 0 ? [] : [...transitionsOf(batch)]
    const list = this.completed(rows, tree)
    const [first] = list
    if (first !== undefined) {
      checkColumns(owner, inferLayout(owner, first, this.skipped), this.store.layout, like)
      this.examine(list)
    }
    this.clear()
    this.store.check(list)
    for (const transition of list) this.append(transition)
  }

  state_dict(): StateTree {
    return {
      capacity: this.capacity,
      tail: this.tail,
      filled: this.filled,
      pushed: this.pushed,
      data: this.store.view(this.filled),
    }
  }

  load_state_dict(state: StateTree): void {
    const capacity = readCount(state, 'capacity')
    if (capacity !== this.capacity) {
      throw new CheckpointError(
        `Buffer "${this.name}" has replay_buffer_size ${this.capacity}, the saved one ${capacity}. Resume with the saved size.`,
      )
    }
    const tail = readCount(state, 'tail', this.capacity - 1)
    const filled = readCount(state, 'filled', this.capacity)
    const pushed = readCount(state, 'pushed')
    this.store.restore(readRecord(state, 'data'), filled)
    this.loaded = this.store.layout !== undefined
    this.tail = tail
    this.filled = filled
    this.pushed = pushed
  }

  /** Whether a push of `size` transitions is let in; it is lost otherwise. */
  protected admits(_size: number): boolean {
    return true
  }

  /** Further checks of a push, before anything is stored. */
  protected examine(_list: readonly Transition[]): void {}

  /** A sample's size, checked. @throws DingError unless it is a positive whole number. */
  protected checkSize(size: number): void {
    if (Number.isInteger(size) && size > 0) return
    throw new DingError(
      `Buffer "${this.name}" was asked for a batch of ${size}, expected a whole number > 0. Mend learn.batch_size.`,
    )
  }

  /** Logs why there is no batch. */
  protected refuse(reason: string): null {
    this.logger.info(`${this.name}: no batch: ${reason}`)
    return null
  }

  /** Checks the columns of a push. @throws CheckpointError where those of the loaded state are others, else DingError */
  private check(list: readonly Transition[]): void {
    try {
      this.store.check(list)
      this.loaded = false
    } catch (cause) {
      if (!this.loaded || !(cause instanceof DingError)) throw cause
      throw new CheckpointError(
        `${cause.message} The first transitions came with the state that was loaded: it was saved with other keys of the environment or the policy ` +
          '(policy.nstep, for one). Resume with those of the run; to change them start a new run, with policy.learn.learner.hook.load_ckpt_before_run for its weights.',
        { cause },
      )
    }
  }

  private append(transition: Transition): void {
    const row = this.tail
    this.vacate(row)
    this.store.write(row, transition)
    this.occupy(row, transition)
    this.tail = row + 1 === this.capacity ? 0 : row + 1
    this.filled = Math.max(this.filled, row + 1)
    this.pushed++
    this.thruput.pushed++
  }
}
