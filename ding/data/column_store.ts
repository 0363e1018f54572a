import type { HostTensor, StateTree, TypedArray } from '../utils/index.js'
import { allocate, CheckpointError, DingError } from '../utils/index.js'
import {
  type Column,
  type ColumnGroup,
  checkTransition,
  inferLayout,
  type Layout,
  layoutOfBatch,
  recordOf,
  writeTransition,
} from './columns.js'
import { RowStore } from './row_store.js'
import type { Storage } from './storage.js'
import type { Batch, Transition } from './types.js'

/** How many batch sizes keep their arrays. */
const KEPT_SIZES = 4

interface ReusedBatch {
  readonly batch: Batch
  /** The batch's arrays, by column index. */
  readonly targets: readonly TypedArray[]
}

/** Settled columns and their memory. */
interface Memory {
  readonly layout: Layout
  readonly rows: RowStore
}

/**
 * A fixed number of rows of columns. The columns follow from the first transition written; later ones must match it.
 * Memory is reserved at the first write (the system hands it out page by page as rows are written).
 */
export class ColumnStore implements Storage {
  #storage: Memory | undefined
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

  /**
   * One part of the rows asked for: a column, or a record of them. Into the arrays of `target`, which an earlier call for as
   * many rows gave, or into new ones. @throws DingError when there is no such part.
   */
  part(path: readonly string[], rows: Int32Array, target?: HostTensor | Batch): HostTensor | Batch {
    const storage = this.#storage
    let node: Column | ColumnGroup | undefined = storage?.layout.root
    for (const key of path) node = node?.kind === 'group' ? node.children.get(key) : undefined
    if (storage === undefined || node === undefined)
      throw new DingError(`${this.name} has no columns "${path.join('.')}".`)
    const fill = (column: Column, into?: HostTensor): HostTensor => {
      const made = into ?? emptyTensor(column, rows.length)
      storage.rows.gather(column, rows, made.data)
      return made
    }
    if (node.kind === 'column') return fill(node, target as HostTensor | undefined)
    const made = (target as Batch | undefined) ?? emptyRows(node, rows.length)
    forEachTensor(node, made, fill)
    return made
  }

  /** Bytes reserved for the columns. */
  get bytes(): number {
    return this.#storage?.rows.bytes ?? 0
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
    if ('next_row' in state) {
      throw new CheckpointError(
        `${this.name}: the saved state is of a buffer with optimize_memory_usage. Resume with it, or use save_data and load_data.`,
      )
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
      const tensor = emptyTensor(column, size)
      targets[column.index] = tensor.data
      return tensor
    })
    const made = { batch, targets }
    if (this.#batches.size >= KEPT_SIZES) this.#batches.delete(this.#batches.keys().next().value!)
    this.#batches.set(size, made)
    return made
  }
}

/** Zeros for `rows` rows of a column. */
function emptyTensor(column: Column, rows: number): HostTensor {
  return {
    dtype: column.dtype,
    shape: [rows, ...column.shape],
    data: allocate(column.dtype, rows * column.width),
  }
}

/** Zeros for `rows` rows of a record of columns. */
export function emptyRows(group: ColumnGroup, rows: number): Batch {
  return recordOf<HostTensor>(group, (column) => emptyTensor(column, rows))
}

/** Goes through a record of columns beside a batch of the same form. */
function forEachTensor(
  group: ColumnGroup,
  batch: Batch,
  visit: (column: Column, tensor: HostTensor) => void,
): void {
  for (const [key, child] of group.children) {
    if (child.kind === 'column') visit(child, batch[key] as HostTensor)
    else forEachTensor(child, batch[key] as Batch, visit)
  }
}
