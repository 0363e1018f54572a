import { EnvError, type TypedArray } from '../../utils/index.js'
import { Box } from './box.js'
import { Dict, Tuple } from './composite.js'
import { Discrete } from './discrete.js'
import { MultiBinary, MultiDiscrete } from './multi.js'
import { describeValue, type Space, type SpaceValue } from './space.js'

function flatNumbers(value: unknown, out: number[]): void {
  if (Array.isArray(value)) for (const item of value) flatNumbers(item, out)
  else if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    out.push(...Array.from(value as unknown as ArrayLike<number>, Number))
  } else out.push(Number(value))
}

function toTyped(space: Box | MultiDiscrete | MultiBinary, value: unknown): TypedArray {
  const type = space instanceof MultiDiscrete ? 'int32' : space instanceof MultiBinary ? 'uint8' : space.dtype
  const Kind = type === 'float32' ? Float32Array : type === 'int32' ? Int32Array : Uint8Array
  // The slice() of a Buffer is no copy, unlike that of every other typed array.
  if (Kind === Uint8Array && Buffer.isBuffer(value)) return Uint8Array.from(value)
  if (value instanceof Kind) return value
  const isArray = Array.isArray(value) || ArrayBuffer.isView(value)
  if (!isArray && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new EnvError(`${space}: got ${describeValue(value)}, expected numbers`)
  }
  const numbers: number[] = []
  flatNumbers(value, numbers)
  return Kind.from(numbers)
}

/**
 * Turns what plain JavaScript code returns for a space (nested arrays of numbers, other typed arrays, arrays for a
 * Tuple) into ding's form: the space's own typed array, a number, or a record. Bounds are not checked.
 */
export function coerceToSpace(space: Space, value: unknown): SpaceValue {
  if (space instanceof Discrete) {
    if (typeof value === 'number') return value
    const numbers: number[] = []
    flatNumbers(value, numbers)
    if (numbers.length === 1) return numbers[0]!
    throw new EnvError(`${space}: got ${describeValue(value)}, expected one number`)
  }
  if (space instanceof Box || space instanceof MultiDiscrete || space instanceof MultiBinary) {
    return toTyped(space, value)
  }
  if (space instanceof Dict || space instanceof Tuple) {
    if (typeof value !== 'object' || value === null) {
      throw new EnvError(`${space}: got ${describeValue(value)}, expected a record`)
    }
    const record = value as Record<string, unknown>
    const parts = Object.entries<Space>(space.spaces as Record<string, Space>)
    const missing = parts.find(([key]) => record[key] === undefined)
    if (missing !== undefined) {
      throw new EnvError(
        `${space}: got a record of ${Object.keys(record).join(', ') || 'nothing'}, which lacks "${missing[0]}"`,
      )
    }
    return Object.fromEntries(parts.map(([key, part]) => [key, coerceToSpace(part, record[key])]))
  }
  throw new EnvError(
    `${space}: a space of an unknown class; use Discrete, Box, MultiDiscrete, MultiBinary, Dict, Tuple`,
  )
}
