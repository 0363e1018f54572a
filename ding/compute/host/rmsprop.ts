import type { Parameter } from '../parameter.js'
import type { GradClipOptions } from './grad_clip.js'
import { kernelsFor } from './kernels.js'
import { atLeastZero, decayRate, Optimizer, type OptimizerRange } from './optimizer.js'

export interface RMSpropOptions extends GradClipOptions {
  lr?: number
  /** Decay of the mean of squared gradients. */
  alpha?: number
  eps?: number
  /** Added to the gradient as weight_decay p. */
  weight_decay?: number
  momentum?: number
  /** Divide by the standard deviation of the gradient instead of its root mean square. */
  centered?: boolean
}

/** RMSprop (Hinton's lecture 6e; centered: Graves 2013), in the form and rounding order of torch.optim.RMSprop. */
export class RMSprop extends Optimizer {
  readonly #alpha: number
  readonly #eps: number
  readonly #weightDecay: number
  readonly #momentum: number
  readonly #centered: boolean

  constructor(params: Iterable<Parameter>, options: RMSpropOptions = {}) {
    const { lr = 1e-2, alpha = 0.99, eps = 1e-8, weight_decay = 0, momentum = 0, centered = false } = options
    const slots = [
      'square_avg',
      ...(centered ? ['grad_avg'] : []),
      ...(momentum > 0 ? ['momentum_buffer'] : []),
    ]
    super(params, { kind: 'RMSprop', lr, slots, clip: options, decay: alpha })
    this.#alpha = decayRate('RMSprop', 'alpha', alpha)
    this.#eps = atLeastZero('RMSprop', 'eps', eps)
    this.#weightDecay = atLeastZero('RMSprop', 'weight_decay', weight_decay)
    this.#momentum = atLeastZero('RMSprop', 'momentum', momentum)
    this.#centered = centered
  }

  protected override update({ data, grad, slots }: OptimizerRange): void {
    const [square, second, third] = slots as [Float32Array, Float32Array, Float32Array]
    const kernels = kernelsFor(data, grad, square)
    const head = [this.#weightDecay, this.#alpha, 1 - this.#alpha, this.#eps] as const
    const tail = [this.#momentum, -this.lr] as const
    if (this.#centered && this.#momentum > 0) {
      kernels.rmspropCenteredMomentum(data, grad, square, second, third, ...head, ...tail)
    } else if (this.#centered) {
      kernels.rmspropCentered(data, grad, square, second, ...head, -this.lr)
    } else if (this.#momentum > 0) {
      kernels.rmspropMomentum(data, grad, square, second, ...head, ...tail)
    } else {
      kernels.rmsprop(data, grad, square, ...head, -this.lr)
    }
  }
}
