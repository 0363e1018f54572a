import type { RandomStream } from '../../compute/index.js'
import { CheckpointError, DatasetError, type StateTree } from '../../utils/index.js'
import { DistinctDraw } from '../distinct.js'
import { readCount } from '../state_fields.js'
import type { DatasetConfig } from './config.js'

/**
 * Which rows come next. A pass's order follows from its number and the stream's key alone, so the state of the sampler is
 * two numbers, however large the data.
 */
export class RowOrder {
  #epoch = 0
  /** Rows drawn in this pass. */
  #position = 0
  #order: { readonly epoch: number; readonly rows: Int32Array } | undefined
  #distinct: DistinctDraw | undefined
  #picks = new Int32Array(0)

  constructor(
    private readonly count: number,
    private readonly mode: DatasetConfig['sampling'],
    private readonly random: RandomStream,
    private readonly name: string,
  ) {}

  get epoch(): number {
    return this.#epoch
  }

  /** How many draws of `size` rows, from the beginning, it takes until `passes` passes are complete. */
  drawsFor(passes: number, size: number): number {
    return this.mode === 'epoch'
      ? passes * Math.floor(this.count / size)
      : Math.ceil((passes * this.count) / size)
  }

  /** `size` row numbers, in an array that the next call reuses. */
  draw(size: number): Int32Array {
    this.check(size)
    if (this.#picks.length !== size) this.#picks = new Int32Array(size)
    const picks = this.#picks
    if (this.mode === 'epoch') return this.fromPass(picks)
    if (this.mode === 'free') this.random.integers(picks, 0, this.count)
    else {
      this.#distinct ??= new DistinctDraw(this.count)
      this.#distinct.fill(picks, this.count, this.random)
    }
    this.#position += size
    this.#epoch += Math.floor(this.#position / this.count)
    this.#position %= this.count
    return picks
  }

  state(): StateTree {
    return { count: this.count, mode: this.mode, epoch: this.#epoch, position: this.#position }
  }

  restore(state: StateTree): void {
    const count = readCount(state, 'count')
    if (count !== this.count || state['mode'] !== this.mode) {
      throw new CheckpointError(
        `${this.name} has ${this.count} transitions and policy.collect.sampling '${this.mode}', the saved run had ` +
          `${count} and '${String(state['mode'])}'. Resume with the same data and config.`,
      )
    }
    this.#epoch = readCount(state, 'epoch')
    this.#position = readCount(state, 'position', this.count)
    this.#order = undefined
  }

  private check(size: number): void {
    if (!Number.isInteger(size) || size < 1) {
      throw new DatasetError(
        `${this.name} was asked for a batch of ${size}, expected a whole number > 0. Mend learn.batch_size.`,
      )
    }
    if (size > this.count && this.mode !== 'free') {
      throw new DatasetError(
        `${this.name} has ${this.count} transitions, too few for a batch of ${size}. Lower learn.batch_size, or set ` +
          "policy.collect.sampling to 'free', which may repeat rows.",
      )
    }
  }

  /** The next rows of the pass; one that does not fill a batch any more is over, so all batches are of one size. */
  private fromPass(picks: Int32Array): Int32Array {
    if (this.#position + picks.length > this.count) this.nextPass()
    if (this.#order?.epoch !== this.#epoch) {
      const rows = this.random.child(`epoch ${this.#epoch}`).permutation(this.count)
      this.#order = { epoch: this.#epoch, rows }
    }
    const from = this.#position
    this.#position += picks.length
    picks.set(this.#order.rows.subarray(from, from + picks.length))
    if (this.#position + picks.length > this.count) this.nextPass()
    return picks
  }

  private nextPass(): void {
    this.#epoch++
    this.#position = 0
  }
}
