import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { Parameter } from './parameter.js'
import { currentScope } from './scope.js'

/**
 * Inside a program: takes the gradient of a loss. After the run every `parameter.grad` holds d loss / d parameter
 * (overwritten, zeros where the loss does not reach it). Several calls over disjoint parameters are allowed; values that
 * the loss function computed on the way may be captured by closure and returned.
 * @param loss returns one float32 number
 * @returns the loss
 */
export function backward(parameters: readonly Parameter[], loss: () => Tensor): Tensor {
  return currentScope('backward').backward(parameters, [loss])
}

/**
 * {@link backward} of a sum of losses, whose gradients are taken one after the other: what one loss computed on its way is done with before
 * the next one begins. For a batch in parts that fit into the processor's cache, where the whole would not.
 * @returns the sum
 */
export function backwardOfSum(parameters: readonly Parameter[], losses: readonly (() => Tensor)[]): Tensor {
  return currentScope('backwardOfSum').backward(parameters, losses)
}

/** The same values with no way for gradients through them. Costs nothing in a compiled program. */
export function stopGradient<T extends Tensor>(tensor: T): T {
  // A custom-gradient operation without inputs is a dead end on the gradient tape: not even zeros flow through it.
  return tf.customGrad<T>(() => ({ value: tensor.clone(), gradFunc: () => [] }))()
}
