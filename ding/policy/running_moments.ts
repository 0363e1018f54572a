import { CheckpointError, isHostTensor, type StateTree, type StateValue } from '../utils/index.js'

/** What the statistics start with: mean 0 and variance 1, as if seen this many times (SB3's). */
const PRIOR_COUNT = 1e-4

/**
 * Running mean and (population) variance of vectors, in float64: SB3's RunningMeanStd. Batches are merged by Chan's
 * parallel formula, so that the result does not depend, but for rounding, on how the samples were grouped.
 */
export class RunningMoments {
  readonly mean: Float64Array
  readonly variance: Float64Array
  count = PRIOR_COUNT

  constructor(readonly size: number) {
    this.mean = new Float64Array(size)
    this.variance = new Float64Array(size).fill(1)
  }

  /** Takes in some samples of `size` values each. */
  update(rows: readonly ArrayLike<number>[]): void {
    const n = rows.length
    if (n === 0) return
    const total = this.count + n
    for (let k = 0; k < this.size; k++) {
      let sum = 0
      for (const row of rows) sum += row[k]!
      const mean = sum / n
      let squares = 0
      for (const row of rows) squares += (row[k]! - mean) ** 2
      const delta = mean - this.mean[k]!
      const between = (delta * delta * this.count * n) / total
      this.mean[k]! += (delta * n) / total
      this.variance[k] = (this.variance[k]! * this.count + squares + between) / total
    }
    this.count = total
  }

  state_dict(): StateTree {
    return { count: this.count, mean: Array.from(this.mean), var: Array.from(this.variance) }
  }

  /** @throws CheckpointError for a state of something else */
  static from(state: StateValue | undefined): RunningMoments {
    if (typeof state === 'object' && state !== null && !Array.isArray(state) && !isHostTensor(state)) {
      const { count, mean, var: variance } = state as StateTree
      if (typeof count === 'number' && isNumbers(mean) && isNumbers(variance)) {
        const moments = new RunningMoments(mean.length)
        moments.mean.set(mean)
        moments.variance.set(variance)
        moments.count = count
        return moments
      }
    }
    throw new CheckpointError('The saved running statistics are not whole: expected count, mean and var.')
  }
}

function isNumbers(value: StateValue | undefined): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number')
}
