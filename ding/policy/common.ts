import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { gradientsFinite, type Optimizer } from '../compute/index.js'
import { type Model, type ModelOutput, modelWrap, type TargetWrapper } from '../model/index.js'
import type { HostTensor } from '../utils/index.js'
import { NumericError } from '../utils/index.js'

/** A model's `logit` as a list with one tensor [B, n] per action dimension. */
export function logits(output: ModelOutput): Tensor[] {
  const logit = output['logit']
  return Array.isArray(logit) ? (logit as Tensor[]) : [logit as Tensor]
}

/** Mean of tensors of one shape; of one, itself. */
export function meanOf(tensors: readonly Tensor[]): Tensor {
  return tensors.length === 1 ? (tensors[0] as Tensor) : tf.div(tf.addN([...tensors]), tensors.length)
}

/** Column `i` of a [B, n] tensor, as [B]. */
export function columnOf(tensor: Tensor, i: number): Tensor {
  return tf.reshape(tf.slice(tensor, [0, i], [-1, 1]), [-1])
}

/** The number in a scalar result of a program. */
export function scalarOf(tensor: HostTensor): number {
  return tensor.data[0] as number
}

/** A target network of `model`: hard updates every `freq` calls, or, with freq null, soft ones by `theta`. */
export function targetOf(model: Model, freq: number | null, theta: number): TargetWrapper {
  const [update_type, update_kwargs] = freq === null ? ['momentum', { theta }] : ['assign', { freq }]
  return modelWrap(model.copy(), 'target', { update_type, update_kwargs })
}

/**
 * Takes an optimizer step, but only when losses and gradients are finite, so that a diverged update never reaches the
 * parameters.
 * @throws NumericError naming the loss that is NaN or infinite.
 */
export function stepChecked(optimizer: Optimizer, losses: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(losses)) {
    if (!Number.isFinite(value)) {
      throw new NumericError(
        `${name} became ${value}. The update was not applied. Usual causes: a learning rate that is too high, unscaled ` +
          'rewards or observations, or NaN in the data; gradient clipping helps to find out which.',
      )
    }
  }
  if (!gradientsFinite(optimizer.params)) {
    throw new NumericError(
      `A gradient became NaN or infinite although the losses (${Object.keys(losses).join(', ')}) are finite. The update was ` +
        'not applied. Look for 0 * infinity or the square root of zero in the loss.',
    )
  }
  optimizer.step()
}
