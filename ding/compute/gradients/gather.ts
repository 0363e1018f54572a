import type { GradConfig } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { masked, rule } from './rule.js'

/** Gradients of look-ups by index. Indices themselves get zeros. */
export const GATHER: readonly GradConfig[] = [
  rule('GatherNd', { inputs: ['params', 'indices'] }, (dy, [params, indices]) => ({
    params: () => tf.scatterND(indices!, dy, params!.shape as [number]),
    indices: () => tf.zeros(indices!.shape),
  })),
  rule('UnsortedSegmentSum', { inputs: ['segmentIds'] }, (dy, [segmentIds]) => ({
    x: () => {
      const rows = tf.gather(dy, tf.maximum(segmentIds!, tf.scalar(0, 'int32')))
      const kept = tf.greaterEqual(segmentIds!, tf.scalar(0, 'int32'))
      const column = tf.reshape(kept, [kept.size, ...rows.shape.slice(1).map(() => 1)])
      return masked(tf.logicalAnd(column, tf.ones(rows.shape, 'bool')), rows)
    },
    segmentIds: () => tf.zeros(segmentIds!.shape),
  })),
]
