import type { HostTensor } from '../utils/index.js'
import { DingError, isHostTensor, setOwn, sizeOf } from '../utils/index.js'
import { ColumnStore } from './column_store.js'
import { type Layout, layoutOfBatch, recordOf } from './columns.js'
import type { Batch, Transition } from './types.js'

/** The number of rows. @throws DingError for a batch without arrays or with arrays of different lengths. */
export function batchSize(batch: Batch): number {
  const { tensors, layout } = layoutOfBatch(batch)
  const size = tensors[0]?.shape[0]
  if (size === undefined)
    throw new DingError('A batch without any array has no size. Give it at least one column.')
  const odd = tensors.findIndex((tensor) => tensor.shape[0] !== size)
  if (odd >= 0) {
    throw new DingError(
      `The batch's "${layout.columns[odd]!.path}" has ${tensors[odd]!.shape[0]} rows, expected ${size} as in ` +
        `"${layout.columns[0]!.path}".`,
    )
  }
  return size
}

/** A copy that shares no memory with the batch, which a buffer will fill anew at its next sample. */
export function copyBatch(batch: Batch): Batch {
  const copy: Batch = {}
  for (const [key, value] of Object.entries(batch)) {
    setOwn(copy, key, isHostTensor(value) ? { ...value, data: value.data.slice() } : copyBatch(value))
  }
  return copy
}

/** Makes a batch of a list of transitions, by the column rules of the buffers, or into the columns of `layout`. */
export function collate(transitions: readonly Transition[], layout?: Layout): Batch {
  const store = new ColumnStore(transitions.length, 'collate')
  if (layout !== undefined) store.adopt(layout)
  store.check(transitions)
  for (let row = 0; row < transitions.length; row++) store.write(row, transitions[row]!)
  return store.view(transitions.length)
}

/** Row `row` of a batch as a transition of views (numbers and booleans as tensors of shape [], so types stay known). */
export function transitionAt(batch: Batch, row: number): Transition {
  const { layout, tensors } = layoutOfBatch(batch)
  return recordOf<HostTensor>(layout.root, (column) => ({
    dtype: column.dtype,
    shape: column.shape,
    data: tensors[column.index]!.data.subarray(row * column.width, (row + 1) * column.width),
  }))
}

/** The rows of a batch, in order, as {@link transitionAt} gives them. */
export function* transitionsOf(batch: Batch): Generator<Transition> {
  const { layout, tensors } = layoutOfBatch(batch)
  const rows = tensors[0]?.shape[0] ?? 0
  for (let row = 0; row < rows; row++) {
    yield recordOf<HostTensor>(layout.root, (column) => ({
      dtype: column.dtype,
      shape: column.shape,
      data: tensors[column.index]!.data.subarray(row * column.width, (row + 1) * column.width),
    }))
  }
}

/** Batches of the same columns one after another, in new arrays. @throws DingError when their columns differ. */
export function concatBatches(batches: readonly Batch[]): Batch {
  const parts = batches.map(layoutOfBatch)
  const first = parts[0]
  if (first === undefined) throw new DingError('concatBatches needs at least one batch.')
  const rows = batches.reduce((sum, batch) => sum + batchSize(batch), 0)
  for (const [i, part] of parts.entries()) {
    const same =
      part.layout.columns.length === first.layout.columns.length &&
      part.layout.columns.every((column, c) => {
        const other = first.layout.columns[c]!
        return (
          column.path === other.path && column.dtype === other.dtype && `${column.shape}` === `${other.shape}`
        )
      })
    if (!same) {
      throw new DingError(
        `Batch ${i} has the columns ${part.layout.columns.map((c) => `${c.path} ${c.dtype} [${c.shape}]`).join(', ')}; ` +
          `expected those of batch 0: ${first.layout.columns.map((c) => `${c.path} ${c.dtype} [${c.shape}]`).join(', ')}.`,
      )
    }
  }
  return recordOf<HostTensor>(first.layout.root, (column) => {
    const shape = [rows, ...column.shape]
    const Type = first.tensors[column.index]!.data.constructor as Float32ArrayConstructor
    const data = new Type(sizeOf(shape))
    let offset = 0
    for (const part of parts) {
      data.set(part.tensors[column.index]!.data, offset)
      offset += part.tensors[column.index]!.data.length
    }
    return { dtype: column.dtype, shape, data }
  })
}
