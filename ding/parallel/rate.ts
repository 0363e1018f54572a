import type { JsonRecord } from '../utils/index.js'

/** Bounds on samples learned from per transition collected. */
export interface SampleLimits {
  /** The learner takes no new data in while it has learned less than this from what it has. 0: collectors are never held back. */
  readonly min: number
  /** The learner waits for new data rather than learn more than this from what it has. Infinity: it never waits. */
  readonly max: number
}

/**
 * Keeps learning and collecting in proportion, as Reverb's SampleToInsertRatio: counted in what was inserted and sampled, with no clock, so that it
 * decides the same way every time. The bounds hold to within one batch and one chunk, and one of the two is always let through.
 */
export class SampleRate {
  private inserted = 0
  private sampled = 0
  /** Samples that were allowed and will not be made up for. */
  private waived = 0

  constructor(private readonly limits: SampleLimits) {}

  /** Whether `size` rows may be sampled now. */
  maySample(size: number): boolean {
    return this.credit(this.limits.max) >= size
  }

  /** Whether new data may come in now: not enough samples are left for a batch of `size` before the minimum is met. */
  mayInsert(size: number): boolean {
    return this.credit(this.limits.min) < size
  }

  /** Samples still to be taken to come to `ratio`. */
  private credit(ratio: number): number {
    if (ratio === Number.POSITIVE_INFINITY) return ratio
    return ratio * this.inserted - this.sampled - this.waived
  }

  insert(count: number): void {
    this.inserted += count
  }

  sample(count: number): void {
    this.sampled += count
  }

  /** The buffer is not ready: what might be sampled now is given up, as the serial pipeline gives up the updates of such a round. */
  waive(): void {
    const { max, min } = this.limits
    this.waived += Math.max(0, this.credit(max === Number.POSITIVE_INFINITY ? min : max))
  }

  /** Rows sampled so far. */
  get samples(): number {
    return this.sampled
  }

  state_dict(): JsonRecord {
    return { inserted: this.inserted, sampled: this.sampled, waived: this.waived }
  }

  load_state_dict(state: JsonRecord): void {
    this.inserted = state['inserted'] as number
    this.sampled = state['sampled'] as number
    this.waived = state['waived'] as number
  }
}
