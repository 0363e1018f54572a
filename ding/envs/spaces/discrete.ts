import { EnvError } from '../../utils/index.js'
import type { RandomStream } from '../light_imports.js'
import { type ActionMask, describeValue, Space, type SpaceJson } from './space.js'

/** The integers `start, start + 1, ..., start + n - 1`; a value is a number. */
export class Discrete extends Space<number> {
  readonly shape: readonly number[] = []
  readonly n: number
  readonly start: number

  constructor(n: number, start = 0) {
    super()
    if (!Number.isInteger(n) || n < 1) {
      throw new EnvError(`Discrete(n): n is ${describeValue(n)}, expected an integer of at least 1`)
    }
    if (!Number.isInteger(start)) {
      throw new EnvError(`Discrete(n, start): start is ${describeValue(start)}, expected an integer`)
    }
    this.n = n
    this.start = start
  }

  get flatdim(): number {
    return this.n
  }

  /** Uniform over all values, or over those that `mask` (n entries, truthy = allowed) leaves. */
  override sample(random: RandomStream, mask?: ActionMask): number {
    if (mask === undefined) return this.start + random.nextInt(0, this.n)
    if (mask.length !== this.n) {
      throw new EnvError(`${this}: the action mask has ${mask.length} entries, expected ${this.n}`)
    }
    let allowed = 0
    for (let i = 0; i < this.n; i++) if (mask[i]) allowed++
    if (allowed === 0) throw new EnvError(`${this}: the action mask allows no action`)
    let left = random.nextInt(0, allowed)
    for (let i = 0; i < this.n; i++) {
      if (mask[i] && left-- === 0) return this.start + i
    }
    throw new EnvError(`${this}: the random stream returned an index beyond the ${allowed} allowed actions`)
  }

  override explain(value: unknown): string | null {
    if (typeof value !== 'number') return `got ${describeValue(value)}, expected a number`
    if (!Number.isInteger(value)) return `got ${value}, expected an integer`
    if (value < this.start || value >= this.start + this.n) {
      return `got ${value}, expected an integer from ${this.start} to ${this.start + this.n - 1}`
    }
    return null
  }

  override flattenInto(value: number, out: Float32Array, offset: number): void {
    out.fill(0, offset, offset + this.n)
    out[offset + value - this.start] = 1
  }

  override unflattenFrom(flat: Float32Array, offset: number): number {
    return this.start + argMax(flat, offset, this.n)
  }

  override equals(other: Space): boolean {
    return other instanceof Discrete && other.n === this.n && other.start === this.start
  }

  override toJSON(): SpaceJson {
    return { type: 'Discrete', n: this.n, start: this.start }
  }

  override toString(): string {
    return this.start === 0 ? `Discrete(${this.n})` : `Discrete(${this.n}, start=${this.start})`
  }
}

/** Index, from `offset`, of the first largest of `n` entries. */
export function argMax(values: Float32Array, offset: number, n: number): number {
  let best = 0
  for (let i = 1; i < n; i++) if (values[offset + i]! > values[offset + best]!) best = i
  return best
}
