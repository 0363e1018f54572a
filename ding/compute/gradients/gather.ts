import type { GradConfig, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../utils/index.js'
import type { KernelCall } from '../kernels/index.js'
import { dim, gatherSizes } from '../kernels/index.js'
import { callOf, masked, rule } from './rule.js'

/** As one scatter; batch axes are folded into the row number. */
function gatherGradient(dy: Tensor, indices: Tensor, call: KernelCall): Tensor {
  const { batch, outer, size, slice } = gatherSizes(call)
  const count = sizeOf(indices.shape) / batch
  const rows = tf.reshape(tf.transpose(tf.reshape(dy, [batch, outer, count, slice]), [0, 2, 1, 3]), [
    batch * count,
    outer * slice,
  ])
  const local = tf.reshape(indices, [batch, count])
  const first = tf.reshape(tf.range(0, batch * size, size, 'int32'), [batch, 1])
  const places = tf.reshape(batch === 1 ? local : tf.add(local, first), [batch * count, 1])
  const sums = tf.scatterND(places, rows, [batch * size, outer * slice])
  const apart = tf.transpose(tf.reshape(sums, [batch, size, outer, slice]), [0, 2, 1, 3])
  return tf.reshape(apart, [...call.inputs['x']!.shape])
}

function topKGradient(dy: Tensor, x: Tensor, indices: Tensor): Tensor {
  const taken = tf.oneHot(indices, Math.max(2, dim(x.shape, x.rank - 1)), 1, 0, 'float32')
  const dx = tf.sum(tf.mul(taken, tf.expandDims(dy, -1)), -2)
  return dim(x.shape, x.rank - 1) > 1 ? dx : tf.slice(dx, new Array<number>(x.rank).fill(0), x.shape)
}

const column = (indices: Tensor): Tensor => (indices.rank > 1 ? indices : tf.expandDims(indices, 1))

/** Gradients of look-ups by index. Indices themselves get zeros. */
export const GATHER: readonly GradConfig[] = [
  rule('GatherV2', { inputs: ['x', 'indices'] }, (dy, [x, indices], attrs) => ({
    x: () => gatherGradient(dy, indices!, callOf('GatherV2', { x: x!, indices: indices! }, attrs)),
    indices: () => tf.zeros(indices!.shape),
  })),
  rule('ScatterNd', { inputs: ['indices'] }, (dy, [indices]) => ({
    updates: () => tf.gatherND(dy, column(indices!)),
    indices: () => tf.zeros(indices!.shape),
  })),
  rule('TensorScatterUpdate', { inputs: ['indices', 'updates'] }, (dy, [indices, updates]) => ({
    tensor: () => tf.tensorScatterUpdate(dy, indices!, tf.zeros(updates!.shape)),
    updates: () => tf.gatherND(dy, column(indices!)),
    indices: () => tf.zeros(indices!.shape),
  })),
  rule('TopK', { inputs: ['x'], output: [false, true] }, (dy, [x, indices]) => ({
    x: () => topKGradient(dy, x!, indices!),
  })),
  rule('GatherNd', { inputs: ['params', 'indices'] }, (dy, [params, indices]) => ({
    params: () => tf.scatterND(indices!, dy, params!.shape as [number]),
    indices: () => tf.zeros(indices!.shape),
  })),
  rule('UnsortedSegmentSum', { inputs: ['segmentIds'] }, (dy, [segmentIds]) => ({
    // Rows of segments outside the range were dropped.
    x: () => {
      const [low, high] = [tf.scalar(0, 'int32'), tf.scalar(dim(dy.shape, 0) - 1, 'int32')]
      const rows = tf.gather(dy, tf.minimum(tf.maximum(segmentIds!, low), high))
      const kept = tf.logicalAnd(tf.greaterEqual(segmentIds!, low), tf.lessEqual(segmentIds!, high))
      const column = tf.reshape(kept, [kept.size, ...rows.shape.slice(1).map(() => 1)])
      return masked(tf.logicalAnd(column, tf.ones(rows.shape, 'bool')), rows)
    },
    segmentIds: () => tf.zeros(segmentIds!.shape),
  })),
]
