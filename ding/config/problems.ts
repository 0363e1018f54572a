import { ConfigError } from '../utils/index.js'

/** One thing that is wrong with a config. */
export interface Problem {
  /** Dotted path of the key at fault. */
  readonly path: string
  readonly message: string
}

/** Gathers what is wrong, so that one error can tell all of it. */
export class Problems {
  readonly list: Problem[] = []

  add(path: string, message: string): void {
    this.list.push({ path, message })
  }

  /** @throws ConfigError listing every problem, when there are any; its `path` is the first one's. */
  throwIfAny(what: string): void {
    const [first, ...more] = this.list
    if (first === undefined) return
    const lines = this.list.map(({ path, message }) => `  ${path}: ${message}`)
    const count = more.length === 0 ? 'a problem' : `${this.list.length} problems`
    throw new ConfigError(`${what} has ${count}:\n${lines.join('\n')}`, { path: first.path })
  }
}

/** `parent.key`, or `key` at the top. */
export function joinPath(parent: string, key: string): string {
  return parent === '' ? key : `${parent}.${key}`
}

const MAX_SHOWN = 60

/** A value in a message: short, and never failing. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'symbol')
    return String(value)
  const text = safeJson(value)
  const kind = Array.isArray(value) ? 'the list ' : typeof value === 'string' ? 'the string ' : ''
  return kind + (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text)
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, item: unknown) =>
      item === Infinity || item === -Infinity ? String(item) : item,
    )
  } catch {
    return 'a value that JSON cannot show'
  }
}
