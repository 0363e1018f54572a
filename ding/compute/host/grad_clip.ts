import { ConfigError } from '../../utils/index.js'
import { clampArrays, scaleToNorm, vectorNorm } from './clip.js'

/** DI-engine's ways to clip gradients inside an optimizer's step. */
export type GradClipType = 'clip_value' | 'clip_norm' | 'clip_momentum' | 'clip_momentum_norm'

/** Clipping options that every optimizer takes (names and defaults of ding.torch_utils.Adam and RMSprop). */
export interface GradClipOptions {
  /** How to clip before each step; null for not at all. */
  grad_clip_type?: GradClipType | null
  /** The limit of `clip_value` (per element) and `clip_norm` (of the joint norm); required by these two. */
  clip_value?: number | null
  /** The limit of the `clip_momentum` ways, in units of the running root mean square of the gradient. */
  clip_coef?: number
  /** p of the norm, for `clip_norm` and `clip_momentum_norm`. */
  clip_norm_type?: number
  /** Steps before the `clip_momentum` ways begin, while their running mean is still inaccurate. */
  clip_momentum_timestep?: number
}

/** One contiguous run: gradients, and their running mean of squares for the `clip_momentum` ways. */
export interface ClipRange {
  readonly grad: Float32Array
  readonly meanSquare: Float32Array | undefined
}

/**
 * Clips gradients before a step.
 *
 * The `clip_momentum` ways keep v = decay v + (1 - decay) g^2 of the unclipped gradient and, from step
 * `clip_momentum_timestep` on, limit |g| to clip_coef sqrt(v / (1 - decay^t)): element by element, or norm against norm.
 * Unlike DI-engine's optimizer_helper.py, a clipped element keeps its sign, and t counts this step too.
 */
export class GradClip {
  readonly type: GradClipType | null
  readonly #limit: number
  readonly #coef: number
  readonly #normType: number
  readonly #timestep: number

  /** @param decay of the running mean of squares; none for an optimizer that has no such coefficient. */
  constructor(
    options: GradClipOptions,
    private readonly decay: number | undefined,
  ) {
    this.type = options.grad_clip_type ?? null
    this.#coef = options.clip_coef ?? 5
    this.#normType = options.clip_norm_type ?? 2
    this.#timestep = options.clip_momentum_timestep ?? 100
    const types: (string | null)[] = [null, 'clip_value', 'clip_norm', 'clip_momentum', 'clip_momentum_norm']
    if (!types.includes(this.type)) {
      throw new ConfigError(
        `grad_clip_type is "${this.type}"; it must be null or one of ${types.slice(1).join(', ')}.`,
      )
    }
    const limit = options.clip_value
    const needsLimit = this.type === 'clip_value' || this.type === 'clip_norm'
    if (needsLimit && !(typeof limit === 'number' && limit >= 0)) {
      throw new ConfigError(
        `grad_clip_type "${this.type}" needs clip_value, a number of at least 0; got ${limit}.`,
      )
    }
    this.#limit = limit ?? 0
    if (this.keepsMeanSquare && decay === undefined) {
      throw new ConfigError(
        `grad_clip_type "${this.type}" needs an optimizer with a second moment (Adam, AdamW, RMSprop). ` +
          'With SGD use clip_value or clip_norm.',
      )
    }
  }

  /** Whether ranges must come with a `meanSquare` array. */
  get keepsMeanSquare(): boolean {
    return this.type === 'clip_momentum' || this.type === 'clip_momentum_norm'
  }

  /** Clips in place; `done` is the number of steps taken before this one. */
  apply(ranges: readonly ClipRange[], done: number): void {
    const grads = ranges.map((range) => range.grad)
    if (this.type === 'clip_value') clampArrays(grads, this.#limit)
    if (this.type === 'clip_norm') scaleToNorm(grads, vectorNorm(grads, this.#normType), this.#limit)
    if (!this.keepsMeanSquare) return
    const decay = this.decay!
    for (const { grad, meanSquare } of ranges) accumulate(meanSquare!, grad, decay)
    if (done < this.#timestep) return
    const factor = this.#coef / Math.sqrt(1 - decay ** (done + 1))
    if (this.type === 'clip_momentum') {
      for (const { grad, meanSquare } of ranges) clampToRoot(grad, meanSquare!, factor)
    } else {
      const roots = ranges.map(({ meanSquare }) => meanSquare!.map((v) => Math.sqrt(v) * factor))
      scaleToNorm(grads, vectorNorm(grads, this.#normType), vectorNorm(roots, this.#normType))
    }
  }
}

function accumulate(meanSquare: Float32Array, grad: Float32Array, decay: number): void {
  for (let i = 0; i < grad.length; i++) {
    meanSquare[i] = meanSquare[i]! * decay + (1 - decay) * grad[i]! * grad[i]!
  }
}

function clampToRoot(grad: Float32Array, meanSquare: Float32Array, factor: number): void {
  for (let i = 0; i < grad.length; i++) {
    const limit = Math.sqrt(meanSquare[i]!) * factor
    if (Math.abs(grad[i]!) > limit) grad[i] = Math.sign(grad[i]!) * limit
  }
}
