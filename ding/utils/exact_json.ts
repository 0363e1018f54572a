import type { JsonValue } from './state.js'

/** What a value that cannot be written exactly is, and where; the caller turns it into its own error. */
export class NotJsonError extends Error {
  constructor(
    readonly path: readonly string[],
    readonly what: string,
  ) {
    super(`${path.join('.')} is ${what}`)
  }
}

/** Numbers that JSON has no form for. Text that starts with `$` gets a second one, so these cannot be confused. */
const SPECIAL = new Map<string, number>([
  ['$NaN', Number.NaN],
  ['$Infinity', Number.POSITIVE_INFINITY],
  ['$-Infinity', Number.NEGATIVE_INFINITY],
  ['$-0', -0],
])

function encodeNumber(value: number): number | string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '$-0' : value
  return `$${value}`
}

/** Adds an own property, also one called `__proto__`. */
export function setOwn<T>(target: { [key: string]: T }, key: string, value: T): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  } else target[key] = value
}

/** True for records made by `{}`, `Object.create(null)` or JSON.parse; false for arrays and class instances. */
export function isPlainRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** Names a value's kind for a message. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
  const name = value.constructor?.name ?? 'Object'
  return name === 'Object' ? 'a record' : `a value of class ${name}`
}

/**
 * Turns a value into one that JSON.stringify writes without loss: infinities, NaN and -0 become marked text.
 * `leaf` may take a value out of the ordinary course by returning text that starts with `$`.
 * @throws NotJsonError for undefined, functions, bigints, symbols and class instances.
 */
export function encodeExact(
  value: unknown,
  leaf?: (value: object, path: readonly string[]) => string | undefined,
  path: readonly string[] = [],
): JsonValue {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return encodeNumber(value)
  if (typeof value === 'string') return value.startsWith('$') ? `$${value}` : value
  if (typeof value === 'object') {
    const taken = leaf?.(value, path)
    if (taken !== undefined) return taken
    if (Array.isArray(value)) {
      // Inside arrays nothing is taken out: their elements have no names.
      return Array.from(value, (item, i) => encodeExact(item, undefined, [...path, String(i)]))
    }
    if (isPlainRecord(value)) {
      const result: { [key: string]: JsonValue } = {}
      for (const key of Object.keys(value)) setOwn(result, key, encodeExact(value[key], leaf, [...path, key]))
      return result
    }
  }
  throw new NotJsonError(path, kindOf(value))
}

/** Undoes {@link encodeExact}. `leaf` resolves the marks that its counterpart made. */
export function decodeExact<T = never>(
  value: JsonValue,
  leaf?: (mark: string, path: readonly string[]) => T,
  path: readonly string[] = [],
): JsonValue | T {
  if (typeof value === 'string') {
    if (!value.startsWith('$')) return value
    if (value.startsWith('$$')) return value.slice(1)
    const special = SPECIAL.get(value)
    if (special !== undefined) return special
    if (leaf !== undefined) return leaf(value, path)
    throw new NotJsonError(path, `the unknown mark ${JSON.stringify(value)}`)
  }
  if (Array.isArray(value)) return value.map((item, i) => decodeExact(item, undefined, [...path, String(i)]))
  if (typeof value === 'object' && value !== null) {
    const result: { [key: string]: JsonValue | T } = {}
    for (const key of Object.keys(value)) setOwn(result, key, decodeExact(value[key]!, leaf, [...path, key]))
    return result as JsonValue | T
  }
  return value
}
