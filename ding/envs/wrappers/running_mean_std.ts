import type { StateTree } from '../../utils/index.js'
import { stateNumber, stateNumbers } from '../env_state.js'

/** Running mean and standard deviation of vectors, one sample at a time (Welford's method). */
export class RunningMeanStd {
  count = 0
  private readonly mean: Float64Array
  /** Sums of squared deviations from the mean. */
  private readonly squares: Float64Array

  constructor(
    readonly size: number,
    private readonly epsilon = 1e-4,
  ) {
    this.mean = new Float64Array(size)
    this.squares = new Float64Array(size)
  }

  update(sample: ArrayLike<number>): void {
    this.count++
    for (let i = 0; i < this.size; i++) {
      const delta = sample[i]! - this.mean[i]!
      this.mean[i] = this.mean[i]! + delta / this.count
      this.squares[i] = this.squares[i]! + delta * (sample[i]! - this.mean[i]!)
    }
  }

  meanAt(i: number): number {
    return this.mean[i]!
  }

  /** Standard deviation plus epsilon; 1 + epsilon before the second sample. */
  stdAt(i: number): number {
    return (this.count < 2 ? 1 : Math.sqrt(this.squares[i]! / this.count)) + this.epsilon
  }

  state(): StateTree {
    return { count: this.count, mean: Array.from(this.mean), squares: Array.from(this.squares) }
  }

  restore(state: StateTree): void {
    this.count = stateNumber(state, 'count', 'running statistics')
    this.mean.set(stateNumbers(state, 'mean', 'running statistics', this.size))
    this.squares.set(stateNumbers(state, 'squares', 'running statistics', this.size))
  }
}
