import type { GradConfig, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../utils/index.js'
import type { KernelCall } from '../kernels/index.js'
import { dim, pooling } from '../kernels/index.js'
import { callOf, rule, runKernel } from './rule.js'

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
  return runKernel('AvgPoolGrad', { dy: scaled, input: x }, call.attrs)
}

/** Gradients of pooling over images. */
export const POOLING: readonly GradConfig[] = [
  rule('MaxPool', { inputs: ['x'], output: true }, (dy, [input, output], attrs) => ({
    x: () => runKernel('MaxPoolGrad', { dy, input: input!, output: output! }, attrs),
  })),
  rule('AvgPool', { inputs: ['x'] }, (dy, [x], attrs) => ({
    x: () => avgPoolGradient(dy, x!, callOf('AvgPool', { x: x! }, attrs)),
  })),
]
