import { backend_util } from '@tensorflow/tfjs-core'
import type { TensorSpec } from '../../utils/index.js'
import { CompileError, sizeOf } from '../../utils/index.js'
import { axisAttr, dim, dtypeAttr, input, numberAttr, numbersAttr, tensorInfo } from './call.js'
import { cast, constant, counting, filled, reshape, slice, transpose } from './emit.js'
import { rule } from './rule.js'
import type { KernelCall, KernelRule, Lowering } from './types.js'

/** How x [batch, outer, size, slice] is indexed along its third axis. */
export interface GatherSizes {
  readonly axis: number
  readonly batchDims: number
  readonly batch: number
  readonly outer: number
  readonly size: number
  readonly slice: number
  readonly shape: number[]
}

export function gatherSizes(call: KernelCall): GatherSizes {
  const [x, indices] = [input(call, 'x'), input(call, 'indices')]
  const axis = axisAttr(call, 'axis', x.shape.length, 0)
  const given = numberAttr(call, 'batchDims', 0)
  const batchDims = given < 0 ? given + indices.shape.length : given
  const info = backend_util.segment_util.collectGatherOpShapeInfo(
    tensorInfo(x),
    tensorInfo(indices),
    axis,
    batchDims,
  )
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } = info
  return {
    axis,
    batchDims,
    batch: batchSize,
    outer: outerSize,
    size: dimSize,
    slice: sliceSize,
    shape: outputShape,
  }
}

/** Gather where no axis is shared with the indices, otherwise GatherElements or GatherND with one batch axis. */
function lowerGather(at: Lowering): string {
  const { axis, batchDims, batch, outer, size, slice: inner, shape } = gatherSizes(at)
  const [x, indices] = [input(at, 'x'), input(at, 'indices')]
  if (batchDims === 0) return at.op('Gather', [at.name('x'), at.name('indices')], { axis })
  const count = sizeOf(indices.shape) / batch
  if (outer === 1 && inner === 1) {
    // One element per index, such as the value of the action taken.
    const rows = reshape(at, at.name('x'), x.shape, [batch, size])
    const places = reshape(at, at.name('indices'), indices.shape, [batch, count])
    return reshape(at, at.op('GatherElements', [rows, places], { axis: 1 }), [batch, count], shape)
  }
  const places = cast(at, reshape(at, at.name('indices'), indices.shape, [batch, count, 1]), 'int32', 'int64')
  const rows = transpose(at, reshape(at, at.name('x'), x.shape, [batch, outer, size, inner]), [0, 2, 1, 3])
  const taken = at.op('GatherND', [rows, places], { batch_dims: 1 })
  return reshape(at, transpose(at, taken, [0, 2, 1, 3]), [batch, outer, count, inner], shape)
}

/** Indices [..., depth of an index] as int64; a vector is a column of indices to both scatter kernels. */
function scatterIndices(at: Lowering): string {
  const { shape } = input(at, 'indices')
  const column = shape.length > 1 ? shape : [...shape, 1]
  return cast(at, reshape(at, at.name('indices'), shape, column), 'int32', 'int64')
}

function scatterShape(call: KernelCall): TensorSpec {
  return { dtype: input(call, 'updates').dtype, shape: numbersAttr(call, 'shape') }
}

/** Updates that meet in one place are added. */
function lowerScatterNd(at: Lowering): string {
  const { dtype, shape } = scatterShape(at)
  const work = dtype === 'bool' ? 'int32' : dtype
  const updates = cast(at, at.name('updates'), dtype, work)
  const zeros = filled(at, { dtype: work, shape }, 0)
  const sums = at.op('ScatterND', [zeros, scatterIndices(at), updates], { reduction: 'add' })
  return cast(at, sums, work, dtype)
}

function segmented(call: KernelCall): TensorSpec {
  const [x, ids] = [input(call, 'x'), input(call, 'segmentIds')]
  if (ids.shape.length !== 1) {
    throw new CompileError(
      `tf.unsortedSegmentSum was given segment ids of shape [${ids.shape}], expected one axis.`,
    )
  }
  return { dtype: x.dtype, shape: [numberAttr(call, 'numSegments'), ...x.shape.slice(1)] }
}

/** Row sums by segment. Segments outside the range are dropped: they go to an extra row that is cut off. */
function lowerSegmentSum(at: Lowering): string {
  const { dtype, shape } = segmented(at)
  const ids = at.name('segmentIds')
  const segments = dim(shape, 0)
  const last = at.int32(segments)
  const known = at.op('And', [at.op('GreaterOrEqual', [ids, at.int32(0)]), at.op('Less', [ids, last])])
  const { shape: count } = input(at, 'segmentIds')
  const places = reshape(at, at.op('Where', [known, ids, last]), count, [...count, 1])
  const zeros = filled(at, { dtype, shape: shape.with(0, segments + 1) }, 0)
  const operands = [zeros, cast(at, places, 'int32', 'int64'), at.name('x')]
  return slice(at, at.op('ScatterND', operands, { reduction: 'add' }), [0], [segments], [0], [1])
}

function oneHot(call: KernelCall): TensorSpec {
  return {
    dtype: dtypeAttr(call, 'dtype', 'float32'),
    shape: [...input(call, 'indices').shape, numberAttr(call, 'depth')],
  }
}

/** By comparison: ONNX OneHot counts negative indices from the end, tfjs gives them no 1. */
function lowerOneHot(at: Lowering): string {
  const { dtype, shape } = oneHot(at)
  const indices = input(at, 'indices').shape
  const column = reshape(at, at.name('indices'), indices, [...indices, 1])
  const hot = at.op('Equal', [column, counting(at, shape.at(-1)!, [shape.at(-1)!])])
  const [on, off] = [numberAttr(at, 'onValue', 1), numberAttr(at, 'offValue', 0)]
  if (on === 1 && off === 0) return cast(at, hot, 'bool', dtype)
  const work = dtype === 'bool' ? 'int32' : dtype
  return cast(at, at.op('Where', [hot, constant(at, work, on), constant(at, work, off)]), work, dtype)
}

/** Reading and writing by index. */
export const indexing: readonly KernelRule[] = [
  rule(
    'GatherV2',
    (call) => ({ dtype: input(call, 'x').dtype, shape: gatherSizes(call).shape }),
    lowerGather,
  ),
  rule(
    'GatherNd',
    (call) => {
      const [params, indices] = [input(call, 'params'), input(call, 'indices')]
      const [shape] = backend_util.prepareAndValidate(tensorInfo(params), tensorInfo(indices))
      return { dtype: params.dtype, shape }
    },
    (at) => at.op('GatherND', [at.name('params'), cast(at, at.name('indices'), 'int32', 'int64')]),
  ),
  rule('ScatterNd', scatterShape, lowerScatterNd),
  rule(
    'TensorScatterUpdate',
    (call) => input(call, 'tensor'),
    (at) => at.op('ScatterND', [at.name('tensor'), scatterIndices(at), at.name('updates')]),
  ),
  rule('UnsortedSegmentSum', segmented, lowerSegmentSum),
  rule('OneHot', oneHot, lowerOneHot),
]
