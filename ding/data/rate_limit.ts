import type { StateTree } from '../utils/index.js'
import { readNumber } from './state_fields.js'

/** Bounds on the ratio of pushed to sampled transitions. */
export interface RateLimits {
  readonly min: number
  readonly max: number
  /** Counts beyond this many transitions fade: both are halved whenever their sum exceeds it. */
  readonly window: number
}

/**
 * Keeps pushing and sampling in step: with pushed / sampled above `max` new data is refused, below `min` sampling is.
 * It counts transitions and knows no clock, so a run repeats exactly. Until the first sample everything is let in.
 */
export class RateLimiter {
  #pushed = 0
  #sampled = 0

  constructor(private readonly limits: RateLimits) {}

  /** Why `size` more may not be pushed, or undefined. */
  refusesPush(size: number): string | undefined {
    if (this.#sampled === 0) return undefined
    const rate = (this.#pushed + size) / this.#sampled
    return rate > this.limits.max
      ? `push/sample would be ${rate.toFixed(4)}, above max ${this.limits.max}`
      : undefined
  }

  /** Why `size` may not be sampled, or undefined. */
  refusesSample(size: number): string | undefined {
    const rate = this.#pushed / (this.#sampled + size)
    return rate < this.limits.min
      ? `push/sample would be ${rate.toFixed(4)}, below min ${this.limits.min}`
      : undefined
  }

  /** Counts what was let through. */
  count(pushed: number, sampled: number): void {
    this.#pushed += pushed
    this.#sampled += sampled
    if (this.#pushed + this.#sampled <= this.limits.window) return
    this.#pushed /= 2
    this.#sampled /= 2
  }

  state_dict(): StateTree {
    return { pushed: this.#pushed, sampled: this.#sampled }
  }

  load_state_dict(state: StateTree): void {
    const pushed = readNumber(state, 'pushed')
    this.#sampled = readNumber(state, 'sampled')
    this.#pushed = pushed
  }
}
