import { EnvError, sizeOf } from '../../utils/index.js'
import type { RandomStream } from '../light_imports.js'
import { argMax } from './discrete.js'
import { describeValue, Space, type SpaceJson, sameNumbers } from './space.js'

/** Several discrete choices at once: entry i is an integer in `[start[i], start[i] + nvec[i])`. A value is an Int32Array. */
export class MultiDiscrete extends Space<Int32Array> {
  readonly shape: readonly number[]
  readonly nvec: readonly number[]
  readonly start: readonly number[]
  readonly flatdim: number

  constructor(nvec: ArrayLike<number>, start?: ArrayLike<number>) {
    super()
    this.nvec = Array.from(nvec)
    this.start = start === undefined ? this.nvec.map(() => 0) : Array.from(start)
    if (this.nvec.length === 0 || !this.nvec.every((n) => Number.isInteger(n) && n >= 1)) {
      throw new EnvError(`MultiDiscrete: nvec is [${this.nvec}], expected integers of at least 1`)
    }
    if (this.start.length !== this.nvec.length || !this.start.every(Number.isInteger)) {
      throw new EnvError(`MultiDiscrete: start is [${this.start}], expected ${this.nvec.length} integers`)
    }
    this.shape = [this.nvec.length]
    this.flatdim = this.nvec.reduce((sum, n) => sum + n, 0)
  }

  override sample(random: RandomStream): Int32Array {
    return Int32Array.from(this.nvec, (n, i) => this.start[i]! + random.nextInt(0, n))
  }

  override explain(value: unknown): string | null {
    if (!(value instanceof Int32Array) || value.length !== this.nvec.length) {
      return `got ${describeValue(value)}, expected an Int32Array(${this.nvec.length})`
    }
    for (let i = 0; i < value.length; i++) {
      const low = this.start[i]!
      const high = low + this.nvec[i]! - 1
      if (value[i]! < low || value[i]! > high) return `entry ${i} is ${value[i]}, expected ${low} to ${high}`
    }
    return null
  }

  override flattenInto(value: Int32Array, out: Float32Array, offset: number): void {
    out.fill(0, offset, offset + this.flatdim)
    let at = offset
    for (let i = 0; i < this.nvec.length; i++) {
      out[at + value[i]! - this.start[i]!] = 1
      at += this.nvec[i]!
    }
  }

  override unflattenFrom(flat: Float32Array, offset: number): Int32Array {
    let at = offset
    return Int32Array.from(this.nvec, (n, i) => {
      const choice = this.start[i]! + argMax(flat, at, n)
      at += n
      return choice
    })
  }

  override equals(other: Space): boolean {
    return (
      other instanceof MultiDiscrete &&
      sameNumbers(other.nvec, this.nvec) &&
      sameNumbers(other.start, this.start)
    )
  }

  override toJSON(): SpaceJson {
    return { type: 'MultiDiscrete', nvec: [...this.nvec], start: [...this.start] }
  }

  override toString(): string {
    const start = this.start.some((s) => s !== 0) ? `, start=[${this.start}]` : ''
    return `MultiDiscrete([${this.nvec}]${start})`
  }
}

/** An array of bits; a value is a Uint8Array of zeros and ones. */
export class MultiBinary extends Space<Uint8Array> {
  readonly shape: readonly number[]
  readonly flatdim: number

  constructor(shape: number | readonly number[]) {
    super()
    this.shape = typeof shape === 'number' ? [shape] : [...shape]
    if (this.shape.length === 0 || !this.shape.every((d) => Number.isInteger(d) && d >= 1)) {
      throw new EnvError(`MultiBinary: shape is [${this.shape}], expected integers of at least 1`)
    }
    this.flatdim = sizeOf(this.shape)
  }

  override sample(random: RandomStream): Uint8Array {
    return Uint8Array.from({ length: this.flatdim }, () => random.nextInt(0, 2))
  }

  override explain(value: unknown): string | null {
    if (!(value instanceof Uint8Array) || value.length !== this.flatdim) {
      return `got ${describeValue(value)}, expected a Uint8Array(${this.flatdim})`
    }
    const wrong = value.findIndex((bit) => bit > 1)
    return wrong < 0 ? null : `entry ${wrong} is ${value[wrong]}, expected 0 or 1`
  }

  override flattenInto(value: Uint8Array, out: Float32Array, offset: number): void {
    out.set(value, offset)
  }

  override unflattenFrom(flat: Float32Array, offset: number): Uint8Array {
    return Uint8Array.from(flat.subarray(offset, offset + this.flatdim))
  }

  override equals(other: Space): boolean {
    return other instanceof MultiBinary && sameNumbers(other.shape, this.shape)
  }

  override toJSON(): SpaceJson {
    return { type: 'MultiBinary', shape: [...this.shape] }
  }

  override toString(): string {
    return `MultiBinary([${this.shape}])`
  }
}
