import type { GradConfig, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../utils/index.js'
import { axesAttr, dim, pairsAttr, stringAttr } from './call.js'
import { einsumTerms } from './contraction.js'
import { undoPermutation } from './emit.js'
import { pooling } from './geometry.js'
import { gatherSizes } from './indexing.js'
import { mirroredIndices, sliceWindow, stridedWindow } from './slicing.js'
import type { KernelCall } from './types.js'

type Attrs = Readonly<Record<string, unknown>>
type Rule = (dy: Tensor, saved: readonly Tensor[], call: KernelCall) => Record<string, () => Tensor>

/** One gradient: the inputs to keep, whether to keep the output, and the rule. */
function gradient(
  kernel: string,
  inputs: readonly string[],
  rule: Rule,
  outputs: readonly boolean[] = [],
): GradConfig {
  return {
    kernelName: kernel,
    inputsToSave: [...inputs],
    outputsToSave: [...outputs],
    gradFunc: (dy, saved, attrs) => {
      const shapes = Object.fromEntries(
        inputs.map((name, i) => [name, saved[i]! as KernelCall['inputs'][string]]),
      )
      return rule(Array.isArray(dy) ? dy[0]! : dy, saved, {
        kernel,
        inputs: shapes,
        attrs: attrs as unknown as Attrs,
      })
    },
  }
}

/** Adds slice i of dy along `axis` into place `places[i]` of an axis of `size`. */
function addAlong(dy: Tensor, axis: number, places: readonly number[], size: number): Tensor {
  const perm = [axis, ...dy.shape.map((_, i) => i).filter((i) => i !== axis)]
  const front = tf.transpose(dy, perm)
  const indices = tf.tensor2d([...places], [places.length, 1], 'int32')
  const sums = tf.scatterND(indices, front, [size, ...front.shape.slice(1)])
  return tf.transpose(sums, undoPermutation(perm))
}

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

/** tfjs' kernel divides by the whole window; the forward pass divides by the part of it that is not padding. */
function avgPoolGradient(dy: Tensor, x: Tensor, call: KernelCall): Tensor {
  const { kernel, strides, pads, inShape, outShape } = pooling(call, 'x')
  const inside = [0, 1].map((axis) =>
    Array.from({ length: dim(outShape, axis + 1) }, (_, i) => {
      const start = i * strides[axis]! - pads[axis]!
      return Math.min(start + kernel[axis]!, dim(inShape, axis + 1)) - Math.max(start, 0)
    }),
  )
  const whole = sizeOf(kernel)
  const ratios = inside[0]!.flatMap((height) => inside[1]!.map((width) => whole / (height * width)))
  const scale = tf.tensor(ratios, [1, dim(outShape, 1), dim(outShape, 2), 1])
  const scaled = ratios.every((ratio) => ratio === 1) ? dy : tf.mul(dy, scale)
  const attrs = call.attrs as unknown as tf.NamedAttrMap
  return tf.engine().runKernel('AvgPoolGrad', { dy: scaled, input: x }, attrs)
}

function mirrorPadGradient(dy: Tensor, shape: readonly number[], call: KernelCall): Tensor {
  let dx = dy
  for (const [axis, [before, after]] of pairsAttr(call, 'paddings').entries()) {
    if (before === 0 && after === 0) continue
    const size = dim(shape, axis)
    dx = addAlong(dx, axis, mirroredIndices(size, before, after, stringAttr(call, 'mode')), size)
  }
  return dx
}

function stridedSliceGradient(dy: Tensor, shape: readonly number[], call: KernelCall): Tensor {
  const { begin, strides, lengths } = stridedWindow(call)
  let dx = tf.reshape(dy, lengths)
  for (const [axis, size] of shape.entries()) {
    const places = Array.from(
      { length: dim(lengths, axis) },
      (_, i) => dim(begin, axis) + i * dim(strides, axis),
    )
    if (places.length < size || dim(strides, axis) < 0) dx = addAlong(dx, axis, places, size)
  }
  return dx
}

function topKGradient(dy: Tensor, x: Tensor, indices: Tensor): Tensor {
  const taken = tf.oneHot(indices, Math.max(2, dim(x.shape, x.rank - 1)), 1, 0, 'float32')
  const dx = tf.sum(tf.mul(taken, tf.expandDims(dy, -1)), -2)
  return dim(x.shape, x.rank - 1) > 1 ? dx : tf.slice(dx, new Array<number>(x.rank).fill(0), x.shape)
}

/** Of each product without one factor, which holds for factors of 0 too: what comes before times what comes after. */
function prodGradient(dy: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  const perm = [...kept, ...axes]
  const moved = tf.transpose(x, perm)
  const outer = kept.map((axis) => dim(x.shape, axis))
  const flat = tf.reshape(moved, [sizeOf(outer), x.size / sizeOf(outer)])
  const others = tf.mul(tf.cumprod(flat, 1, true), tf.cumprod(flat, 1, true, true))
  const dx = tf.mul(others, tf.reshape(dy, [sizeOf(outer), 1]))
  return tf.transpose(tf.reshape(dx, moved.shape), undoPermutation(perm))
}

/** dy contracted with the other operands to the letters they share with this one, then repeated over the rest. */
function einsumGradient(dy: Tensor, operands: readonly Tensor[], which: number, call: KernelCall): Tensor {
  const { terms, result } = einsumTerms(call)
  const term = terms[which]!
  const others = operands.filter((_, i) => i !== which)
  const sources = [result, ...terms.filter((_, i) => i !== which)]
  const shared = [...term].filter((letter) => sources.some((source) => source.includes(letter)))
  const known = tf.einsum(`${sources.join()}->${shared.join('')}`, dy, ...others)
  const { shape } = operands[which]!
  const kept = shape.map((size, axis) => (shared.includes(term[axis]!) ? size : 1))
  return tf.broadcastTo(tf.reshape(known, kept), shape)
}

const column = (indices: Tensor): Tensor => (indices.rank > 1 ? indices : tf.expandDims(indices, 1))

/**
 * Gradients that need the shape rules of this folder; compute/gradients has the others. They are made of tfjs ops, so
 * they hold for every backend, eager and compiled.
 */
const GRADIENTS: readonly GradConfig[] = [
  gradient('Prod', ['x'], (dy, [x], call) => ({
    x: () => prodGradient(dy, x!, axesAttr(call, 'axis', x!.shape)),
  })),
  gradient('AvgPool', ['x'], (dy, [x], call) => ({ x: () => avgPoolGradient(dy, x!, call) })),
  gradient('MirrorPad', ['x'], (dy, [x], call) => ({ x: () => mirrorPadGradient(dy, x!.shape, call) })),
  gradient('Slice', ['x'], (dy, [x], call) => {
    const { begin, size } = sliceWindow(call)
    return {
      x: () =>
        tf.pad(
          dy,
          begin.map((start, axis) => [start, dim(x!.shape, axis) - start - dim(size, axis)]),
        ),
    }
  }),
  gradient('StridedSlice', ['x'], (dy, [x], call) => ({ x: () => stridedSliceGradient(dy, x!.shape, call) })),
  gradient('GatherV2', ['x', 'indices'], (dy, [, indices], call) => ({
    x: () => gatherGradient(dy, indices!, call),
    indices: () => tf.zeros(indices!.shape),
  })),
  gradient('ScatterNd', ['indices'], (dy, [indices]) => ({
    updates: () => tf.gatherND(dy, column(indices!)),
    indices: () => tf.zeros(indices!.shape),
  })),
  gradient('TensorScatterUpdate', ['indices', 'updates'], (dy, [indices, updates]) => ({
    // Of a copy: tfjs' cpu kernel writes into its input. Adding 0 costs nothing when compiled.
    tensor: () => tf.tensorScatterUpdate(tf.add(dy, 0), indices!, tf.zeros(updates!.shape)),
    updates: () => tf.gatherND(dy, column(indices!)),
    indices: () => tf.zeros(indices!.shape),
  })),
  gradient('TopK', ['x'], (dy, [x, indices]) => ({ x: () => topKGradient(dy, x!, indices!) }), [false, true]),
]

const einsum: GradConfig = {
  kernelName: 'Einsum',
  saveAllInputs: true,
  gradFunc: (dy, saved, attrs) => {
    const call: KernelCall = { kernel: 'Einsum', inputs: {}, attrs: attrs as unknown as Attrs }
    return Object.fromEntries(saved.map((_, i) => [i, () => einsumGradient(dy as Tensor, saved, i, call)]))
  },
}

/** Registers these gradients with tfjs. */
export function installGradients(): void {
  for (const config of [...GRADIENTS, einsum]) {
    // Null, not undefined as its type says, where there is none.
    if (tf.getGradient(config.kernelName)) tf.unregisterGradient(config.kernelName)
    tf.registerGradient(config)
  }
}
