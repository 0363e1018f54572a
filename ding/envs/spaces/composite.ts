import { EnvError } from '../../utils/index.js'
import type { RandomStream } from '../light_imports.js'
import { describeValue, Space, type SpaceJson, type SpaceValue } from './space.js'

type RecordValue = { [key: string]: SpaceValue }

/** What Dict and Tuple share: named parts, flattened one after the other in the order of declaration. */
abstract class CompositeSpace extends Space<RecordValue> {
  readonly shape: readonly number[] = []
  readonly flatdim: number
  protected readonly parts: readonly (readonly [string, Space])[]

  protected constructor(name: string, parts: readonly (readonly [string, Space])[]) {
    super()
    for (const [key, part] of parts) {
      if (!(part instanceof Space))
        throw new EnvError(`${name}: part "${key}" is ${describeValue(part)}, expected a Space`)
    }
    if (parts.length === 0) throw new EnvError(`${name}: no parts given, expected at least one`)
    this.parts = parts
    this.flatdim = parts.reduce((sum, [, part]) => sum + part.flatdim, 0)
  }

  override sample(random: RandomStream): RecordValue {
    return Object.fromEntries(this.parts.map(([key, part]) => [key, part.sample(random)]))
  }

  override explain(value: unknown): string | null {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) {
      return `got ${describeValue(value)}, expected a record with keys ${this.parts.map(([key]) => key).join(', ')}`
    }
    const record = value as Record<string, unknown>
    for (const [key, part] of this.parts) {
      if (!Object.hasOwn(record, key)) return `key "${key}" is missing`
      const why = part.explain(record[key])
      if (why !== null) return `at "${key}": ${why}`
    }
    const extra = Object.keys(record).find((key) => !this.parts.some(([known]) => known === key))
    return extra === undefined ? null : `key "${extra}" is not of this space`
  }

  override flattenInto(value: RecordValue, out: Float32Array, offset: number): void {
    let at = offset
    for (const [key, part] of this.parts) {
      part.flattenInto(value[key]!, out, at)
      at += part.flatdim
    }
  }

  override unflattenFrom(flat: Float32Array, offset: number): RecordValue {
    let at = offset
    const out: RecordValue = {}
    for (const [key, part] of this.parts) {
      out[key] = part.unflattenFrom(flat, at)
      at += part.flatdim
    }
    return out
  }

  protected sameParts(other: CompositeSpace): boolean {
    return (
      other.parts.length === this.parts.length &&
      this.parts.every(([key, part], i) => other.parts[i]![0] === key && part.equals(other.parts[i]![1]))
    )
  }
}

/** Named spaces; a value is a record with exactly these keys. The order of the keys is the order of flattening. */
export class Dict extends CompositeSpace {
  readonly spaces: Readonly<Record<string, Space>>

  constructor(spaces: Record<string, Space>) {
    super('Dict', Object.entries(spaces))
    this.spaces = { ...spaces }
  }

  override equals(other: Space): boolean {
    return other instanceof Dict && this.sameParts(other)
  }

  override toJSON(): SpaceJson {
    return { type: 'Dict', spaces: Object.fromEntries(this.parts.map(([key, part]) => [key, part.toJSON()])) }
  }

  override toString(): string {
    return `Dict(${this.parts.map(([key, part]) => `${key}: ${part}`).join(', ')})`
  }
}

/** Spaces by position; a value is the record `{ 0: ..., 1: ... }` (an array of the parts is accepted as well). */
export class Tuple extends CompositeSpace {
  readonly spaces: readonly Space[]

  constructor(spaces: readonly Space[]) {
    super(
      'Tuple',
      spaces.map((part, i) => [String(i), part]),
    )
    this.spaces = [...spaces]
  }

  override equals(other: Space): boolean {
    return other instanceof Tuple && this.sameParts(other)
  }

  override toJSON(): SpaceJson {
    return { type: 'Tuple', spaces: this.spaces.map((part) => part.toJSON()) }
  }

  override toString(): string {
    return `Tuple(${this.spaces.join(', ')})`
  }
}
