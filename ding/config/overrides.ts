import { ConfigError } from '../utils/index.js'
import { leavesOf } from './class_schema.js'
import { isRecord, parseJson, valueAt } from './formats.js'
import { normaliseValue } from './normalise.js'
import { type Problems, show } from './problems.js'
import { ROLES } from './roles.js'
import { FORBIDDEN_KEYS, type GroupNode, type SchemaNode } from './schema.js'

/**
 * A key set from the command line: dotted path, and a text to be read by the key's format or a JSON value. `false` for a key that is no switch means what
 * turns it off: null, or for a path the empty string.
 */
export type OverrideEntry = readonly [path: string, value: unknown]

/** One key set from outside the config files. */
export interface Override {
  readonly path: readonly string[]
  readonly value: unknown
  /** For messages and provenance: "command line", "environment variable DING__SEED". */
  readonly source: string
  /** Path segments are to be compared without regard to case (environment variables). */
  readonly ignoreCase: boolean
}

const PREFIX = 'DING__'

/** Variables `DING__A__B=text`, which set the key `a.b`, in order of their names. */
export function overridesFromEnv(env: Readonly<Record<string, string | undefined>>): Override[] {
  const found: Override[] = []
  for (const name of Object.keys(env).sort()) {
    const text = env[name]
    if (!name.startsWith(PREFIX) || text === undefined) continue
    const path = name.slice(PREFIX.length).split('__')
    found.push({ path: inTree(path), value: text, source: `environment variable ${name}`, ignoreCase: true })
  }
  return found
}

/** Overrides of the command line, in the order given. */
export function overridesFromList(entries: readonly OverrideEntry[]): Override[] {
  if (!Array.isArray(entries)) {
    throw new ConfigError(
      `Overrides: is ${show(entries)}, expected a list of [path, value] pairs such as ['policy.nstep', 3].`,
    )
  }
  return entries.map((entry) => {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string' || entry[0] === '') {
      throw new ConfigError(`Command line: ${show(entry)} is not a [path, value] pair.`)
    }
    const path = inTree(entry[0].split('.'))
    return { path, value: entry[1], source: 'command line', ignoreCase: false }
  })
}

/**
 * Paths may begin with the config they are for (main_config or main, create_config or create): the first says nothing new, sections of the second
 * have their places.
 */
function inTree(path: string[]): string[] {
  const [first, second, ...rest] = path
  if (first === undefined || second === undefined) return path
  if (/^main(_config)?$/i.test(first)) return [second, ...rest]
  if (!/^create(_config)?$/i.test(first)) return path
  const role = ROLES.find(({ section }) => section === second.toLowerCase())
  return role === undefined ? path : [...role.place, ...rest]
}

/** What an override says of the key at `path`: its value, or that part of the record which it gives to a group of keys around it. */
export function saidBy(override: Override, path: readonly string[]): unknown {
  const { path: own, value, ignoreCase } = override
  const around = own.every(
    (key, i) => key === path[i] || (ignoreCase && key.toLowerCase() === path[i]?.toLowerCase()),
  )
  if (!around || own.length > path.length) return undefined
  if (own.length === path.length) return value
  return valueAt(typeof value === 'string' ? parseJson(value) : value, path.slice(own.length))
}

/** Overrides from variables and options that keys themselves name (`env` and `arg` in their definitions). */
export function bindKeys(
  root: GroupNode,
  env: Readonly<Record<string, string | undefined>>,
  overrides: readonly Override[],
): Override[] {
  const fromEnv: Override[] = []
  const byArg = new Map<string, string[]>()
  for (const [path, leaf] of leavesOf(root)) {
    if (leaf.arg !== undefined) byArg.set(leaf.arg, path)
    const text = leaf.env === undefined ? undefined : env[leaf.env]
    if (text === undefined) continue
    fromEnv.push({ path, value: text, source: `environment variable ${leaf.env}`, ignoreCase: false })
  }
  const bound = overrides.map((override) => ({
    ...override,
    path: byArg.get(override.path.join('.')) ?? override.path,
  }))
  return [...fromEnv, ...bound]
}

/**
 * The override as a layer of config: its value, read by the format of the key it is for, at its path. Undefined when it
 * was refused (and reported).
 */
export function overrideLayer(
  root: GroupNode,
  override: Override,
  problems: Problems,
): Record<string, unknown> | undefined {
  const path: string[] = []
  let node: SchemaNode | undefined = root
  for (const segment of override.path) {
    const key: string = override.ignoreCase ? matchKey(node, segment) : segment
    path.push(key)
    if (FORBIDDEN_KEYS.has(key) || key === '') {
      problems.add(path.join('.'), `is not a path (${override.source}).`)
      return undefined
    }
    node = node?.kind === 'group' ? node.children.get(key) : undefined
  }
  const value = normaliseValue(readValue(node, override.value), path.join('.'), problems)
  if (value === undefined) return undefined
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Record<string, unknown>
}

/** The child whose name is `segment` but for case, else `segment` in lower case. */
function matchKey(node: SchemaNode | undefined, segment: string): string {
  const wanted = segment.toLowerCase()
  const keys = node?.kind === 'group' ? [...node.children.keys()] : []
  return keys.find((key) => key.toLowerCase() === wanted) ?? wanted
}

/** Texts are read by the key's format, where there is none as JSON; what cannot be read stays a text, for the validator to refuse. */
function readValue(node: SchemaNode | undefined, value: unknown): unknown {
  if (value === false && node?.kind === 'leaf') return node.rule.off()
  if (typeof value !== 'string') return value
  const read = node?.kind === 'leaf' ? node.rule.parse(value) : parseJson(value)
  if (node?.kind === 'group') return isRecord(read) ? read : value
  // null is a value that was read.
  return read === undefined ? value : read
}
