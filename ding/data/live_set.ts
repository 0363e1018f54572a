import { CheckpointError } from '../utils/index.js'

/** The rows of a buffer that hold an entry: membership, adding, removing and the n-th of them, each in O(1). */
export class LiveSet {
  readonly #rows: Int32Array
  /** Where a row is in `#rows`; -1 when it is not. */
  readonly #place: Int32Array
  #size = 0

  constructor(readonly capacity: number) {
    this.#rows = new Int32Array(capacity)
    this.#place = new Int32Array(capacity).fill(-1)
  }

  get size(): number {
    return this.#size
  }

  has(row: number): boolean {
    return this.#place[row]! >= 0
  }

  /** The n-th row, in an order that adding and removing decide. */
  at(n: number): number {
    return this.#rows[n]!
  }

  add(row: number): void {
    this.#place[row] = this.#size
    this.#rows[this.#size++] = row
  }

  /** Removes a row; the last one takes its place in the order. */
  remove(row: number): void {
    const place = this.#place[row]!
    const last = this.#rows[--this.#size]!
    this.#rows[place] = last
    this.#place[last] = place
    this.#place[row] = -1
  }

  clear(): void {
    this.#size = 0
    this.#place.fill(-1)
  }

  /** The rows in order. A live view. */
  get rows(): Int32Array {
    return this.#rows.subarray(0, this.#size)
  }

  /** Takes over the rows that `rows` gave. @throws CheckpointError, before changing anything, when they are not a set. */
  restore(rows: Int32Array): void {
    const unique = new Set(rows)
    if (unique.size !== rows.length || rows.some((row) => row < 0 || row >= this.capacity)) {
      throw new CheckpointError(`The saved buffer's rows are not distinct numbers below ${this.capacity}.`)
    }
    this.clear()
    for (const row of rows) this.add(row)
  }
}
