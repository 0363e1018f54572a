import { EnvError, sizeOf, type TypedArray } from '../../utils/index.js'
import type { RandomStream } from '../light_imports.js'
import { describeValue, Space, type SpaceJson, sameNumbers } from './space.js'

export type BoxDType = 'float32' | 'int32' | 'uint8'

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const

/** A dense array with a lower and an upper bound per entry (each may be infinite for float32). Row-major. */
export class Box extends Space<TypedArray> {
  readonly shape: readonly number[]
  readonly dtype: BoxDType
  /** Bounds, one entry per element, in the box's own dtype. */
  readonly low: TypedArray
  readonly high: TypedArray
  private readonly size: number

  /**
   * @param low one bound for all entries, or one per entry
   * @param high as `low`
   * @param shape of a value; if left out, `[low.length]` (or `[high.length]`, or `[1]`)
   */
  constructor(
    low: number | ArrayLike<number>,
    high: number | ArrayLike<number>,
    shape?: readonly number[],
    dtype: BoxDType = 'float32',
  ) {
    super()
    if (!(dtype in ARRAYS)) {
      throw new EnvError(`Box: dtype is ${describeValue(dtype)}, expected float32, int32 or uint8`)
    }
    const own = typeof low !== 'number' ? low.length : typeof high !== 'number' ? high.length : 1
    this.shape = [...(shape ?? [own])]
    if (!this.shape.every((d) => Number.isInteger(d) && d >= 0)) {
      throw new EnvError(`Box: shape is [${this.shape}], expected integers of at least 0`)
    }
    this.dtype = dtype
    this.size = sizeOf(this.shape)
    this.low = this.bound('low', low)
    this.high = this.bound('high', high)
    for (let i = 0; i < this.size; i++) {
      if (!(this.low[i]! <= this.high[i]!)) {
        throw new EnvError(
          `Box: low[${i}] = ${this.low[i]} is not below or equal to high[${i}] = ${this.high[i]}`,
        )
      }
    }
  }

  private bound(name: string, bound: number | ArrayLike<number>): TypedArray {
    const out = new ARRAYS[this.dtype](this.size)
    if (typeof bound !== 'number' && bound.length !== this.size) {
      throw new EnvError(
        `Box: ${name} has ${bound.length} entries, the shape [${this.shape}] has ${this.size}`,
      )
    }
    for (let i = 0; i < this.size; i++) {
      const value = typeof bound === 'number' ? bound : bound[i]!
      out[i] = value
      if (Number.isNaN(value) || (this.dtype !== 'float32' && out[i] !== value)) {
        throw new EnvError(`Box: ${name}[${i}] = ${value} is no ${this.dtype} number`)
      }
    }
    return out
  }

  get flatdim(): number {
    return this.size
  }

  /** True if every entry has a finite lower and upper bound. */
  get bounded(): boolean {
    return this.low.every(Number.isFinite) && this.high.every(Number.isFinite)
  }

  /** Uniform between finite bounds; exponential beyond a single bound; standard normal where there is none. */
  override sample(random: RandomStream): TypedArray {
    const out = new ARRAYS[this.dtype](this.size)
    for (let i = 0; i < this.size; i++) {
      const low = this.low[i]!
      const high = this.high[i]!
      if (this.dtype !== 'float32') out[i] = low + Math.floor(random.nextFloat() * (high - low + 1))
      else if (Number.isFinite(low) && Number.isFinite(high)) out[i] = low + random.nextFloat() * (high - low)
      else if (Number.isFinite(low)) out[i] = low - Math.log1p(-random.nextFloat())
      else if (Number.isFinite(high)) out[i] = high + Math.log1p(-random.nextFloat())
      else out[i] = random.normal(1)[0]!
    }
    return out
  }

  /** Why the value has not this box's array type and length or holds NaN; the bounds are not looked at. */
  explainForm(value: unknown): string | null {
    const wanted = ARRAYS[this.dtype]
    if (!(value instanceof wanted))
      return `got ${describeValue(value)}, expected a ${wanted.name}(${this.size})`
    if (value.length !== this.size) return `got ${describeValue(value)}, expected ${this.size} entries`
    for (let i = 0; i < this.size; i++) if (Number.isNaN(value[i])) return `entry ${i} is NaN`
    return null
  }

  override explain(value: unknown): string | null {
    const form = this.explainForm(value)
    if (form !== null) return form
    const array = value as TypedArray
    for (let i = 0; i < this.size; i++) {
      if (array[i]! < this.low[i]! || array[i]! > this.high[i]!) {
        return `entry ${i} is ${array[i]}, expected ${this.low[i]} to ${this.high[i]}`
      }
    }
    return null
  }

  override flattenInto(value: TypedArray, out: Float32Array, offset: number): void {
    out.set(value, offset)
  }

  override unflattenFrom(flat: Float32Array, offset: number): TypedArray {
    return new ARRAYS[this.dtype](flat.subarray(offset, offset + this.size))
  }

  override equals(other: Space): boolean {
    return (
      other instanceof Box &&
      other.dtype === this.dtype &&
      sameNumbers(other.shape, this.shape) &&
      sameNumbers(other.low, this.low) &&
      sameNumbers(other.high, this.high)
    )
  }

  override toJSON(): SpaceJson {
    return {
      type: 'Box',
      dtype: this.dtype,
      shape: [...this.shape],
      low: boundJson(this.low),
      high: boundJson(this.high),
    }
  }

  override toString(): string {
    const show = (bound: TypedArray): string => {
      const json = boundJson(bound)
      return Array.isArray(json)
        ? `[${json.slice(0, 6).join(', ')}${json.length > 6 ? ', ...' : ''}]`
        : String(json)
    }
    return `Box(${show(this.low)}, ${show(this.high)}, [${this.shape}], ${this.dtype})`
  }
}

type BoundJson = number | string | (number | string)[]

/** One number when all entries are equal; infinities as strings, which JSON can hold. */
function boundJson(bound: TypedArray): BoundJson {
  const items = Array.from(bound, (v) => (Number.isFinite(v) ? v : String(v)))
  const first = items[0]
  return first !== undefined && items.every((v) => v === first) ? first : items
}
