import { UsageError } from '../../utils/index.js'
import type { Parameter } from '../parameter.js'
import type { GradClipOptions } from './grad_clip.js'
import { kernelsFor } from './kernels.js'
import { atLeastZero, Optimizer, type OptimizerRange } from './optimizer.js'

export interface SGDOptions extends GradClipOptions {
  lr?: number
  momentum?: number
  /** How much of the gradient is withheld from the momentum buffer after the first step. */
  dampening?: number
  /** Added to the gradient as weight_decay p. */
  weight_decay?: number
  nesterov?: boolean
}

/** Stochastic gradient descent with optional momentum, in the form and rounding order of torch.optim.SGD. */
export class SGD extends Optimizer {
  readonly #momentum: number
  readonly #dampening: number
  readonly #weightDecay: number
  readonly #nesterov: boolean

  constructor(params: Iterable<Parameter>, options: SGDOptions = {}) {
    const { lr = 1e-3, momentum = 0, dampening = 0, weight_decay = 0, nesterov = false } = options
    super(params, { kind: 'SGD', lr, slots: momentum === 0 ? [] : ['momentum_buffer'], clip: options })
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new UsageError(
        `SGD with nesterov needs momentum > 0 and dampening 0, got ${momentum} and ${dampening}.`,
      )
    }
    this.#momentum = atLeastZero('SGD', 'momentum', momentum)
    this.#dampening = atLeastZero('SGD', 'dampening', dampening)
    this.#weightDecay = atLeastZero('SGD', 'weight_decay', weight_decay)
    this.#nesterov = nesterov
  }

  protected override update({ data, grad, slots }: OptimizerRange, step: number): void {
    const [buffer] = slots
    const l2 = this.#weightDecay
    if (buffer === undefined) {
      kernelsFor(data, grad).sgd(data, grad, l2, -this.lr)
      return
    }
    const kernels = kernelsFor(data, grad, buffer)
    const run = this.#nesterov ? kernels.sgdNesterov : kernels.sgdMomentum
    run(data, grad, buffer, l2, this.#momentum, step === 1 ? 1 : 1 - this.#dampening, -this.lr)
  }
}
