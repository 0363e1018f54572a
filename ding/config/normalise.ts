import { isRecord } from './formats.js'
import { joinPath, type Problems, show } from './problems.js'
import { FORBIDDEN_KEYS } from './schema.js'

/** Deeper than any config is; a bound against runaway nesting. */
const MAX_DEPTH = 64

/**
 * A deep copy of what a config says as plain data that JSON can hold (infinities aside): typed arrays become lists, -0
 * becomes 0, keys whose value is undefined are dropped. What is not data (functions, class instances, NaN, cycles, keys
 * that reach into prototypes) is reported and left out.
 */
export function normalise(value: unknown, path: string, problems: Problems): Record<string, unknown> {
  if (value === undefined) return {}
  if (isRecord(value)) return copyRecord(value, path, problems, [])
  problems.add(path || WHOLE, `is ${show(value)}, expected an object with keys.`)
  return {}
}

/** What messages call the config that paths start in. */
const WHOLE = 'main_config'

/** The same for any one value; undefined when it was refused. */
export function normaliseValue(
  value: unknown,
  path: string,
  problems: Problems,
  parents: readonly object[] = [],
): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return value
    case 'number':
      if (!Number.isNaN(value)) return Object.is(value, -0) ? 0 : value
      problems.add(path, 'is NaN, which no key takes.')
      return undefined
    case 'object':
      break
    default:
      problems.add(
        path,
        `is a ${typeof value}; a config holds only data. Register code under a name and give the name.`,
      )
      return undefined
  }
  if (value === null) return null
  if (parents.includes(value)) {
    problems.add(path, 'contains itself.')
    return undefined
  }
  if (parents.length >= MAX_DEPTH) {
    problems.add(path, `is nested more than ${MAX_DEPTH} levels deep.`)
    return undefined
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return copyList(Array.from(value as unknown as Iterable<unknown>), path, problems, parents)
  }
  if (Array.isArray(value)) return copyList(value, path, problems, [...parents, value])
  return copyRecord(value as Record<string, unknown>, path, problems, parents)
}

function copyList(list: unknown[], path: string, problems: Problems, parents: readonly object[]): unknown[] {
  return Array.from(list, (item: unknown, i) => {
    const at = `${path}[${i}]`
    if (item === undefined) problems.add(at, 'is undefined; use null, or leave it out.')
    return normaliseValue(item, at, problems, parents)
  })
}

function copyRecord(
  record: Record<string, unknown>,
  path: string,
  problems: Problems,
  parents: readonly object[],
): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  const prototype: unknown = Object.getPrototypeOf(record)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    const name = (prototype as { constructor?: { name?: unknown } }).constructor?.name
    problems.add(path || WHOLE, `is an instance of ${String(name)}; a config holds only plain objects.`)
    return copy
  }
  for (const key of Object.keys(record)) {
    const at = joinPath(path, key)
    if (FORBIDDEN_KEYS.has(key)) {
      problems.add(at, 'is not permitted as a key.')
      continue
    }
    const value = normaliseValue(record[key], at, problems, [...parents, record])
    if (value !== undefined) copy[key] = value
  }
  return copy
}
