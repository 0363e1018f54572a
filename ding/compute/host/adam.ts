import type { Parameter } from '../parameter.js'
import type { GradClipOptions } from './grad_clip.js'
import { kernelsFor } from './kernels.js'
import { atLeastZero, decayRate, Optimizer, type OptimizerRange } from './optimizer.js'

export interface AdamOptions extends GradClipOptions {
  lr?: number
  /** Decay rates of the first and the second moment. */
  betas?: readonly [number, number]
  eps?: number
  /** Adam: added to the gradient as weight_decay p. AdamW: p shrinks by the factor 1 - lr weight_decay. */
  weight_decay?: number
  /** Divide by the largest second moment so far (Reddi et al. 2018). */
  amsgrad?: boolean
}

/** Adam (Kingma and Ba 2015, algorithm 1), in the form and rounding order of torch.optim.Adam. */
export class Adam extends Optimizer {
  readonly #betas: readonly [number, number]
  readonly #eps: number
  readonly #weightDecay: number
  readonly #amsgrad: boolean
  readonly #decoupled: boolean

  constructor(params: Iterable<Parameter>, options: AdamOptions = {}, kind: 'Adam' | 'AdamW' = 'Adam') {
    const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weight_decay, amsgrad = false } = options
    const moments = ['exp_avg', 'exp_avg_sq']
    super(params, {
      kind,
      lr,
      slots: amsgrad ? [...moments, 'max_exp_avg_sq'] : moments,
      clip: options,
      decay: betas[1],
    })
    this.#betas = [decayRate(kind, 'betas[0]', betas[0]), decayRate(kind, 'betas[1]', betas[1])]
    this.#eps = atLeastZero(kind, 'eps', eps)
    this.#decoupled = kind === 'AdamW'
    this.#weightDecay = atLeastZero(kind, 'weight_decay', weight_decay ?? (this.#decoupled ? 1e-2 : 0))
    this.#amsgrad = amsgrad
  }

  protected override update({ data, grad, slots }: OptimizerRange, step: number): void {
    const [m, v, top] = slots as [Float32Array, Float32Array, Float32Array | undefined]
    const [beta1, beta2] = this.#betas
    const decay = this.#decoupled ? 1 - this.lr * this.#weightDecay : 1
    const l2 = this.#decoupled ? 0 : this.#weightDecay
    const rootBias2 = Math.sqrt(1 - beta2 ** step)
    const size = -(this.lr / (1 - beta1 ** step))
    const kernels = kernelsFor(data, grad, m, v)
    if (this.#amsgrad) {
      kernels.amsgrad(
        data,
        grad,
        m,
        v,
        top!,
        decay,
        l2,
        1 - beta1,
        beta2,
        1 - beta2,
        rootBias2,
        this.#eps,
        size,
      )
    } else {
      kernels.adam(data, grad, m, v, decay, l2, 1 - beta1, beta2, 1 - beta2, rootBias2, this.#eps, size)
    }
  }
}

/** Adam with decoupled weight decay, 0.01 unless told (Loshchilov and Hutter 2019), as torch.optim.AdamW. */
export class AdamW extends Adam {
  constructor(params: Iterable<Parameter>, options: AdamOptions = {}) {
    super(params, options, 'AdamW')
  }
}
