import type { BufferRandom } from './types.js'

/**
 * Draws distinct numbers below a bound. A number drawn before in the same call is drawn again, which leaves every subset
 * equally likely; what was drawn is marked with the call's serial number, so nothing has to be cleaned up. Several times
 * as fast as a shuffle as long as few numbers repeat, and the shuffle takes over where many would.
 */
export class DistinctDraw {
  readonly #marks: Uint32Array
  #serial = 0

  /** `most` is the largest bound that will be asked for. */
  constructor(most: number) {
    this.#marks = new Uint32Array(most)
  }

  /** Fills `out` with distinct numbers of 0 ... n - 1. */
  fill(out: Int32Array, n: number, random: BufferRandom): void {
    if (out.length > n / 4) {
      out.set(random.subset(n, out.length))
      return
    }
    const marks = this.#marks
    const serial = this.#nextSerial()
    random.integers(out, 0, n)
    for (let i = 0; i < out.length; i++) {
      let drawn = out[i]!
      while (marks[drawn] === serial) drawn = random.nextInt(0, n)
      marks[drawn] = serial
      out[i] = drawn
    }
  }

  #nextSerial(): number {
    if (this.#serial === 2 ** 32 - 1) {
      this.#marks.fill(0)
      this.#serial = 0
    }
    return ++this.#serial
  }
}
