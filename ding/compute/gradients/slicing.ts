import type { GradConfig, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { KernelCall } from '../kernels/index.js'
import { dim, mirroredIndices, pairsAttr, sliceWindow, stridedWindow, stringAttr } from '../kernels/index.js'
import { addAlong, attributes, callOf, rule } from './rule.js'

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

/** Gradients of windows into a tensor and of padding around it. */
export const SLICING: readonly GradConfig[] = [
  rule('PadV2', { inputs: ['x'] }, (dy, [x], attrs) => {
    const { paddings } = attributes<{ paddings: [number, number][] }>(attrs)
    return {
      x: () =>
        tf.slice(
          dy,
          paddings.map(([before]) => before),
          x!.shape,
        ),
    }
  }),
  rule('MirrorPad', { inputs: ['x'] }, (dy, [x], attrs) => ({
    x: () => mirrorPadGradient(dy, x!.shape, callOf('MirrorPad', { x: x! }, attrs)),
  })),
  rule('Slice', { inputs: ['x'] }, (dy, [x], attrs) => {
    const { begin, size } = sliceWindow(callOf('Slice', { x: x! }, attrs))
    return {
      x: () =>
        tf.pad(
          dy,
          begin.map((start, axis) => [start, dim(x!.shape, axis) - start - dim(size, axis)]),
        ),
    }
  }),
  rule('StridedSlice', { inputs: ['x'] }, (dy, [x], attrs) => ({
    x: () => stridedSliceGradient(dy, x!.shape, callOf('StridedSlice', { x: x! }, attrs)),
  })),
]
