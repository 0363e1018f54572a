import * as tf from '@tensorflow/tfjs-core'
import type { Parameter } from '../../compute/index.js'
import { UsageError } from '../../utils/index.js'

/** Environment id of each of `batch` rows: the forward option, or 0, 1, ... when it is left out. */
export function rowIds(
  data_id: tf.Tensor | undefined,
  batch: number,
  stateNum: number,
  wrapper: string,
): tf.Tensor {
  if (data_id !== undefined) return tf.cast(data_id, 'int32')
  if (batch > stateNum) {
    throw new UsageError(
      `Wrapper "${wrapper}" keeps ${stateNum} states (state_num) but got ${batch} rows. Raise state_num, or give the forward option data_id.`,
    )
  }
  return tf.range(0, batch, 1, 'int32')
}

/** Rows `ids` [B] of a state array [n, ...]; a padding row (id -1) gets row 0's. */
export function gatherRows(state: Parameter, ids: tf.Tensor): tf.Tensor {
  return tf.gather(state.value, tf.maximum(ids, tf.scalar(0, 'int32')) as tf.Tensor1D)
}

/** Inside a program: replaces rows `ids` [B] of a state array by `rows` [B, ...]. Ids of -1 are ignored; ids must differ. */
export function scatterRows(state: Parameter, ids: tf.Tensor, rows: tf.Tensor): void {
  const count = state.shape[0]!
  const slots = tf.expandDims(tf.range(0, count, 1, 'int32'), 1)
  const holds = tf.cast(tf.equal(slots, tf.expandDims(ids, 0)), 'int32')
  const hit = tf.greater(tf.max(holds, 1), 0)
  const fresh = tf.gather(rows, tf.argMax(holds, 1) as tf.Tensor1D)
  const shaped = tf.reshape(hit, [count, ...state.shape.slice(1).map(() => 1)])
  state.assign(tf.where(shaped, fresh, state.value))
}

/** On the host: fills the rows of the given ids (all when undefined) with `value`. */
export function fillRows(state: Parameter, ids: readonly number[] | undefined, value: number): void {
  const count = state.shape[0]!
  const width = state.size / count
  if (ids === undefined) state.data.fill(value)
  for (const id of ids ?? []) {
    if (!Number.isInteger(id) || id < 0 || id >= count) {
      throw new UsageError(
        `There is no environment id ${id}: this wrapper keeps states 0 to ${count - 1} (state_num).`,
      )
    }
    state.data.fill(value, id * width, (id + 1) * width)
  }
}
