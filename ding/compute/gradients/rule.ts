import type { GradConfig, NamedAttrMap, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'

/** Gradients by input name, each computed only when it is asked for. */
export type InputGradients = Record<string, () => Tensor>

/** Attributes of a kernel as its gradient rule wants to see them. The kernel's author guarantees the form. */
export function attributes<T>(attrs: NamedAttrMap): T {
  return attrs as unknown as T
}

/** A rule for kernels with one output. `saved` holds the tensors named in `save`, in that order. */
export function rule(
  kernelName: string,
  save: { inputs?: string[]; output?: boolean; all?: boolean },
  gradFunc: (dy: Tensor, saved: Tensor[], attrs: NamedAttrMap) => InputGradients,
): GradConfig {
  return {
    kernelName,
    inputsToSave: save.inputs ?? [],
    outputsToSave: save.output === true ? [true] : [],
    saveAllInputs: save.all === true,
    gradFunc: (dy, saved, attrs) => gradFunc(dy as Tensor, saved, attrs),
  }
}

/** A rule for kernels whose result is flat (rounding, comparison, choice of an index): gradients are zero. */
export function zeroRule(kernelName: string, inputs: string[]): GradConfig {
  return rule(kernelName, { inputs }, (_dy, saved) =>
    Object.fromEntries(inputs.map((name, i) => [name, () => tf.zeros(saved[i]!.shape)])),
  )
}

/** Sums a gradient over the axes along which an input of `shape` was broadcast. */
export function sumTo(dy: Tensor, shape: number[]): Tensor {
  if (dy.shape.join() === shape.join()) return dy
  const extra = dy.shape.length - shape.length
  const axes = dy.shape
    .map((_, i) => i)
    .filter((i) => i < extra || (shape[i - extra] === 1 && dy.shape[i] !== 1))
  const summed = axes.length === 0 ? dy : tf.sum(dy, axes)
  return tf.reshape(summed, shape)
}

/** `dy` where the condition holds, else zero: unlike a product with a mask, keeps NaN out of the masked places. */
export function masked(condition: Tensor, dy: Tensor): Tensor {
  return tf.where(condition, dy, tf.zeros(dy.shape))
}
