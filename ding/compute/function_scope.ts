import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { UsageError } from '../utils/index.js'
import { stopGradient } from './gradient.js'
import { installGradients } from './gradients/index.js'
import type { Parameter } from './parameter.js'
import type { Draw, ProgramScope } from './scope.js'

/** Where the tensors of a program come from: real ones when it runs eagerly, symbolic ones while it is traced. */
export interface TensorSource {
  parameter(parameter: Parameter): Tensor
  draw(draw: Draw): Tensor
}

/**
 * The scope that both eager runs and tracing use. It keeps one tensor per parameter, so that gradients find it, and notes
 * what the function assigned and which gradients it took. Tensors it keeps live until {@link dispose}.
 */
export class FunctionScope implements ProgramScope {
  /** New values of parameters, in order of first assignment. */
  readonly assigned = new Map<Parameter, Tensor>()
  /** Gradients by parameter; undefined where the loss does not reach it. */
  readonly gradients = new Map<Parameter, Tensor | undefined>()
  readonly #present = new Map<Parameter, Tensor>()
  readonly #kept: Tensor[] = []
  readonly #source: TensorSource
  #inBackward = false

  constructor(source: TensorSource) {
    this.#source = source
    installGradients()
  }

  read(parameter: Parameter): Tensor {
    let tensor = this.#present.get(parameter)
    if (tensor === undefined) {
      tensor = this.#keep(this.#source.parameter(parameter))
      this.#present.set(parameter, tensor)
    }
    return tensor
  }

  write(parameter: Parameter, value: Tensor): void {
    if (value.dtype !== 'float32' || value.shape.join() !== parameter.shape.join()) {
      throw new UsageError(
        `Parameter "${parameter.name}" is float32 [${parameter.shape}]; it cannot be assigned ${value.dtype} [${value.shape}].`,
      )
    }
    const detached = this.#keep(stopGradient(value))
    this.#present.set(parameter, detached)
    this.assigned.set(parameter, detached)
  }

  draw(draw: Draw): Tensor {
    return this.#keep(this.#source.draw(draw))
  }

  backward(parameters: readonly Parameter[], losses: readonly (() => Tensor)[]): Tensor {
    this.#checkBackward(parameters)
    if (losses.length === 0) throw new UsageError('backward was called with no losses.')
    const leaves = parameters.map((parameter) => this.read(parameter))
    const sums: (Tensor | undefined)[] = parameters.map(() => undefined)
    let total: Tensor | undefined
    this.#inBackward = true
    try {
      for (const loss of losses) {
        const forward = () => this.#keepForward(checkLoss(loss()))
        const { value, grads } = tf.engine().gradients(forward, leaves, undefined, true)
        total = total === undefined ? value : tf.add(total, value)
        for (const [i, grad] of (grads as (Tensor | undefined)[]).entries()) {
          const sum = sums[i]
          if (grad !== undefined) sums[i] = this.#keep(sum === undefined ? grad : tf.add(grad, sum))
        }
      }
      for (const [i, parameter] of parameters.entries()) this.gradients.set(parameter, sums[i])
      return total as Tensor
    } finally {
      this.#inBackward = false
    }
  }

  /** Frees the tensors that the scope kept. */
  dispose(): void {
    for (const tensor of this.#kept) tensor.dispose()
    this.#kept.length = 0
  }

  #checkBackward(parameters: readonly Parameter[]): void {
    if (parameters.length === 0) throw new UsageError('backward was called with no parameters.')
    if (this.#inBackward) {
      throw new UsageError(
        'backward cannot be called inside the loss of another backward; use tf.grads for that.',
      )
    }
    const seen = new Set<Parameter>()
    for (const parameter of parameters) {
      if (seen.has(parameter) || this.gradients.has(parameter)) {
        throw new UsageError(
          `Parameter "${parameter.name}" is in two backward calls (or twice in one) of the same program. ` +
            'Each parameter has one gradient: add the losses up, or split the program.',
        )
      }
      seen.add(parameter)
    }
  }

  /** tfjs frees what a loss made; auxiliary values that the caller captured must outlive it. */
  #keepForward(loss: Tensor): Tensor {
    for (const tensor of tf.engine().state.activeScope.track) if (!tensor.kept) this.#keep(tensor)
    return loss
  }

  #keep<T extends Tensor>(tensor: T): T {
    this.#kept.push(tf.keep(tensor))
    return tensor
  }
}

function checkLoss(loss: Tensor): Tensor {
  if (!(loss instanceof tf.Tensor))
    throw new UsageError('The loss function of backward must return a tensor.')
  if (loss.dtype !== 'float32' || loss.size !== 1) {
    throw new UsageError(
      `The loss of backward must be one float32 number, got ${loss.dtype} [${loss.shape}]. Take its mean or sum.`,
    )
  }
  return loss
}
