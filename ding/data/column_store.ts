import type { HostTensor, StateTree, TypedArray } from '../utils/index.js'
import { allocate, CheckpointError, DingError } from '../utils/index.js'
import {
  checkTransition,
  inferLayout,
  type Layout,
  layoutOfBatch,
  recordOf,
  writeTransition,
} from './columns.js'
import { RowStore } from './row_store.js'
import type { Batch, Transition } from './types.js'

/** How many batch sizes keep their arrays. */
const KEPT_SIZES = 4

interface ReusedBatch {
  readonly batch: Batch
  /** The batch's arrays, by column index. */
  readonly targets: readonly TypedArray[]
}

/** Settled columns and their memory. */
interface Storage {
  readonly layout: Layout
  readonly rows: RowStore
}

/**
 * A fixed number of rows of columns. The columns follow from the first transition written; later ones must match it.
 * Memory is reserved at the first write (the system hands it out page by page as rows are written).
 */
export class ColumnStore {
  #storage: Storage | undefined
  readonly #batches = new Map<number, ReusedBatch>()

  /** `name` begins every message; top-level keys in `skipped` are not stored. */
  constructor(
    readonly capacity: number,
    readonly name: string,
    private readonly skipped: ReadonlySet<string> = new Set(),
  ) {}

  /** The columns, once known. */
  get layout(): Layout | undefined {
    return this.#storage?.layout
  }

  /**
   * Checks transitions without storing anything, and settles the columns if they are the first.
   * @throws DingError naming the column, what was seen and what was expected.
   */
  check(transitions: readonly Transition[]): void {
    if (transitions.length === 0) return
    const layout = this.layout ?? inferLayout(this.name, transitions[0]!, this.skipped)
    for (let i = 0; i < transitions.length; i++) {
      checkTransition(this.name, `transition ${i} of this push`, layout, transitions[i]!, this.skipped)
    }
    if (this.#storage === undefined) this.adopt(layout)
  }

  /** Settles the columns and reserves memory. @throws DingError when there is not enough. */
  adopt(layout: Layout): void {
    try {
      this.#storage = { layout, rows: new RowStore(layout.columns, this.capacity) }
    } catch (cause) {
      const columns = layout.columns.map(
        (column) => `${column.path} ${column.dtype} [${column.shape.join(', ')}]`,
      )
      throw new DingError(
        `${this.name}: there is no memory for ${this.capacity} rows of ${columns.join(', ')}. Lower replay_buffer_size.`,
        { cause },
      )
    }
    this.#batches.clear()
  }

  /** Writes a transition that `check` has passed into a row. */
  write(row: number, transition: Transition): void {
    const { layout, rows } = this.#storage!
    writeTransition(layout.root, rows, row, transition)
  }

  /**
   * The rows asked for, in order, as a batch whose arrays are reused by the next call for as many rows.
   * @throws DingError when nothing was ever written.
   */
  gather(rows: Int32Array): Batch {
    const storage = this.#storage
    if (storage === undefined) throw new DingError(`${this.name} holds no data yet. Push transitions first.`)
    const reused = this.#batchOf(storage.layout, rows.length)
    for (const column of storage.layout.columns)
      storage.rows.gather(column, rows, reused.targets[column.index]!)
    return reused.batch
  }

  /** Reads rows of a top-level column of plain numbers; undefined when there is none of that name. */
  reader(key: string): ((row: number) => number) | undefined {
    const column = this.#storage?.layout.root.children.get(key)
    return column?.kind === 'column' && column.width === 1 ? this.#storage!.rows.reader(column) : undefined
  }

  /** Forgets the columns and frees the memory. */
  reset(): void {
    this.#storage = undefined
    this.#batches.clear()
  }

  /** The first `rows` rows of every column; wide columns (more than 64 elements a row) as live views, others copied. */
  view(rows: number): Batch {
    const storage = this.#storage
    if (storage === undefined) return {}
    return recordOf<HostTensor>(storage.layout.root, (column) => ({
      dtype: column.dtype,
      shape: [rows, ...column.shape],
      data: storage.rows.head(column, rows),
    }))
  }

  /** Takes over the columns and rows that `view` gave. @throws CheckpointError when they do not fit; nothing changes then. */
  restore(state: StateTree, rows: number): void {
    if (Object.keys(state).length === 0) {
      this.reset()
      return
    }
    const { layout, tensors } = layoutOfBatch(state)
    if (rows > this.capacity || tensors.some((tensor) => tensor.shape[0] !== rows)) {
      throw new CheckpointError(
        `${this.name}: the saved columns have ${tensors[0]?.shape[0]} rows, expected ${rows} of at most ${this.capacity}. ` +
          'Load a state that was saved with the same replay_buffer_size.',
      )
    }
    this.adopt(layout)
    for (const column of layout.columns) this.#storage!.rows.load(column, tensors[column.index]!.data)
  }

  #batchOf(layout: Layout, size: number): ReusedBatch {
    const known = this.#batches.get(size)
    if (known !== undefined) return known
    const targets: TypedArray[] = []
    const batch = recordOf<HostTensor>(layout.root, (column) => {
      const data = allocate(column.dtype, size * column.width)
      targets[column.index] = data
      return { dtype: column.dtype, shape: [size, ...column.shape], data }
    })
    const made = { batch, targets }
    if (this.#batches.size >= KEPT_SIZES) this.#batches.delete(this.#batches.keys().next().value!)
    this.#batches.set(size, made)
    return made
  }
}
