import type { GradConfig, NamedAttrMap, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { KernelCall } from '../kernels/index.js'
import { undoPermutation } from '../kernels/index.js'

/** Gradients by input name, each computed only when it is asked for. */
export type InputGradients = Record<string, () => Tensor>

/** Attributes of a kernel as its gradient rule wants to see them. The kernel's author guarantees the form. */
export function attributes<T>(attrs: NamedAttrMap): T {
  return attrs as unknown as T
}

/** The call that a gradient belongs to, as the shape rules of the kernel table take it. */
export function callOf(
  kernel: string,
  inputs: Readonly<Record<string, Tensor>>,
  attrs: NamedAttrMap,
): KernelCall {
  return { kernel, inputs: inputs as KernelCall['inputs'], attrs: attributes<KernelCall['attrs']>(attrs) }
}

/** A rule for kernels whose first output alone carries a gradient. `saved` holds the tensors named in `save`, in that order. */
export function rule(
  kernelName: string,
  save: { inputs?: string[]; output?: boolean | boolean[]; all?: boolean },
  gradFunc: (dy: Tensor, saved: Tensor[], attrs: NamedAttrMap) => InputGradients,
): GradConfig {
  return {
    kernelName,
    inputsToSave: save.inputs ?? [],
    outputsToSave: [save.output ?? []].flat(),
    saveAllInputs: save.all === true,
    gradFunc: (dy, saved, attrs) => gradFunc(Array.isArray(dy) ? dy[0]! : dy, saved, attrs),
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
  // A tensor of its own for each input: tfjs disposes of a gradient once it has added another to it.
  if (dy.shape.join() === shape.join()) return dy.clone()
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

/** Adds slice i of dy along `axis` into place `places[i]` of an axis of `size`. */
export function addAlong(dy: Tensor, axis: number, places: readonly number[], size: number): Tensor {
  const perm = [axis, ...dy.shape.map((_, i) => i).filter((i) => i !== axis)]
  const front = tf.transpose(dy, perm)
  const indices = tf.tensor2d([...places], [places.length, 1], 'int32')
  const sums = tf.scatterND(indices, front, [size, ...front.shape.slice(1)])
  return tf.transpose(sums, undoPermutation(perm))
}

/** A kernel that no public tfjs operation calls on its own. */
export function runKernel(kernel: string, inputs: Record<string, Tensor>, attrs: object): Tensor {
  return tf.engine().runKernel(kernel, inputs, attrs as NamedAttrMap) as Tensor
}
