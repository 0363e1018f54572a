import cloneDeep from 'lodash-es/cloneDeep.js'
import { ConfigError } from '../utils/index.js'
import {
  type Format,
  type FormatRule,
  type FormatTypes,
  isFormatName,
  isRecord,
  mayBeInfinite,
  ruleOf,
} from './formats.js'

/** One key: a sentence of documentation, what it may hold, and what it holds when nobody says. */
export interface KeyDefinition {
  readonly doc: string
  readonly format: Format
  /** The default. Every key has one, or is `required`. */
  readonly default?: unknown
  /** There is no sensible default: the config must give a value. */
  readonly required?: boolean
  /** null is a value too. */
  readonly nullable?: boolean
  /** Infinity is a value too (minus infinity also, where the format takes negative numbers). */
  readonly infinity?: boolean
  /** An environment variable that sets the key, besides `DING__<PATH>`. */
  readonly env?: string
  /** A name by which the command line may set the key, besides its path. */
  readonly arg?: string
  /** A password or the like: shown as `***` wherever a config is shown or saved. */
  readonly secret?: boolean
}

export type SchemaDefinition = { readonly [key: string]: KeyDefinition | SchemaDefinition }

/** Changes the default (and perhaps the doc) of a key that the extended schema has. */
export interface DefaultOverride {
  readonly default: unknown
  readonly doc?: string
  readonly format?: never
}

export type SchemaExtension = { readonly [key: string]: KeyDefinition | DefaultOverride | SchemaExtension }

type Widen<V> = V extends number
  ? number
  : V extends boolean
    ? boolean
    : V extends string
      ? string
      : V extends readonly (infer E)[]
        ? Widen<E>[]
        : V

type FormatValue<F, D> = F extends keyof FormatTypes
  ? FormatTypes[F]
  : F extends readonly (infer E)[]
    ? E
    : F extends (value: unknown) => value is infer G
      ? G
      : Widen<D>

type KeyValue<K extends KeyDefinition> =
  | FormatValue<K['format'], K['default']>
  | (K extends { readonly nullable: true } ? null : never)

/** The config type that a schema definition describes. */
export type ValuesOf<D> = {
  -readonly [K in keyof D]: D[K] extends KeyDefinition ? KeyValue<D[K]> : ValuesOf<D[K]>
}

/** The config type T extended by definition D: D wins, nested groups merge. */
export type Extended<T, D> = {
  -readonly [K in keyof T | keyof D]: K extends keyof D
    ? D[K] extends KeyDefinition
      ? KeyValue<D[K]>
      : D[K] extends DefaultOverride
        ? K extends keyof T
          ? T[K]
          : never
        : K extends keyof T
          ? Extended<T[K], D[K]>
          : ValuesOf<D[K]>
    : K extends keyof T
      ? T[K]
      : never
}

/** A key of a schema, ready for use. */
export interface LeafNode {
  readonly kind: 'leaf'
  readonly doc: string
  readonly format: Format
  readonly rule: FormatRule
  readonly default: unknown
  readonly required: boolean
  readonly nullable: boolean
  readonly infinity: boolean
  readonly env: string | undefined
  readonly arg: string | undefined
  readonly secret: boolean
}

/** A nested level of a schema. An open group also takes keys that it does not know, unvalidated. */
export interface GroupNode {
  readonly kind: 'group'
  readonly children: ReadonlyMap<string, SchemaNode>
  readonly open: boolean
}

export type SchemaNode = LeafNode | GroupNode

const BRAND: unique symbol = Symbol.for('ding.schema') as never
declare const VALUE: unique symbol

/** The keys of one class's config. `ConfigOf<typeof s>` is the TypeScript type of the config it describes. */
export interface Schema<T = unknown> {
  readonly root: GroupNode
  readonly [BRAND]: true
  readonly [VALUE]?: T
}

/** The config type of a schema. */
export type ConfigOf<S> = S extends Schema<infer T> ? T : never

/** Keys that could reach into prototypes; refused everywhere. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Declares the config of a class: keys `{doc, format, default}` and nested groups of them. The one source of validation,
 * types, defaults and docs.
 * @throws ConfigError when a key's definition is wrong (no doc, unknown format, default that is not of its format).
 */
export function schema<const D extends SchemaDefinition>(definition: D): Schema<ValuesOf<D>> {
  return fromRoot<ValuesOf<D>>(makeGroup(definition, undefined, ''))
}

/** `base` with the keys of `more` added or replaced, level by level; `{default: x}` changes only a default. */
export function extendSchema<T, const D extends SchemaExtension>(
  base: Schema<T>,
  more: D,
): Schema<Extended<T, D>> {
  return fromRoot<Extended<T, D>>(makeGroup(more, base.root, ''))
}

/** Whether `value` was made by {@link schema}, by whichever copy of the library. */
export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true
}

/** The schema whose root is `root`. */
export function fromRoot<T>(root: GroupNode): Schema<T> {
  return Object.freeze({ root, [BRAND]: true as const })
}

/** The defaults of a schema as a plain config; required keys are left out. */
export function defaultsOf<T>(source: Schema<T>): T {
  return groupDefaults(source.root) as T
}

function groupDefaults(group: GroupNode): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [key, node] of group.children) {
    if (node.kind === 'group') values[key] = groupDefaults(node)
    else if (!node.required) values[key] = cloneDeep(node.default)
  }
  return values
}

function makeGroup(definition: SchemaExtension, base: GroupNode | undefined, path: string): GroupNode {
  const children = new Map(base?.children)
  for (const [key, part] of Object.entries(definition)) {
    const where = path === '' ? key : `${path}.${key}`
    if (FORBIDDEN_KEYS.has(key) || key === '' || key.includes('.')) {
      throw new ConfigError(`Schema: "${where}" is not a usable key.`, { path: where })
    }
    const old = children.get(key)
    if (isKeyDefinition(part)) children.set(key, makeLeaf(part, where))
    else if (isOverride(part)) children.set(key, overrideLeaf(old, part, where))
    else if (isRecord(part))
      children.set(key, makeGroup(part, old?.kind === 'group' ? old : undefined, where))
    else
      throw new ConfigError(`Schema: "${where}" must be {doc, format, default} or a nested group.`, {
        path: where,
      })
  }
  return { kind: 'group', children, open: base?.open ?? false }
}

function isFormat(value: unknown): value is Format {
  return typeof value === 'string' || typeof value === 'function' || Array.isArray(value)
}

function isKeyDefinition(part: unknown): part is KeyDefinition {
  return isRecord(part) && isFormat(part['format'])
}

/** `default` names an override unless what it holds is itself a key's definition (a group with a key called "default"). */
function isOverride(part: unknown): part is DefaultOverride {
  return isRecord(part) && 'default' in part && !isKeyDefinition(part['default'])
}

function overrideLeaf(old: SchemaNode | undefined, part: DefaultOverride, path: string): LeafNode {
  if (old?.kind !== 'leaf') {
    throw new ConfigError(
      `Schema: "${path}" changes only a default, but the schema that is extended has no key of that name. ` +
        'Give doc and format too.',
      { path },
    )
  }
  return checkDefault({ ...old, doc: part.doc ?? old.doc, default: part.default, required: false }, path)
}

function makeLeaf(definition: KeyDefinition, path: string): LeafNode {
  const { doc, format, nullable = false, infinity = false, required = false } = definition
  if (typeof doc !== 'string' || doc.trim() === '')
    throw new ConfigError(`Schema: "${path}" has no doc.`, { path })
  if (typeof format === 'string' && !isFormatName(format)) {
    throw new ConfigError(`Schema: "${path}" has the unknown format "${String(format)}".`, { path })
  }
  if (infinity && !mayBeInfinite(format)) {
    throw new ConfigError(`Schema: "${path}" cannot be infinite: its format is not an unbounded number.`, {
      path,
    })
  }
  if (required === 'default' in definition) {
    throw new ConfigError(`Schema: "${path}" needs either a default or required: true.`, { path })
  }
  const rule = ruleOf(format, nullable, infinity)
  const { env, arg, secret = false } = definition
  return checkDefault(
    {
      kind: 'leaf',
      doc,
      format,
      rule,
      default: definition.default,
      required,
      nullable,
      infinity,
      env,
      arg,
      secret,
    },
    path,
  )
}

function checkDefault(leaf: LeafNode, path: string): LeafNode {
  const refusal = leaf.required ? undefined : leaf.rule.refuse(leaf.default)
  if (refusal === undefined) return leaf
  throw new ConfigError(
    `Schema: the default of "${path}" is ${JSON.stringify(leaf.default)}, expected ${leaf.rule.expected}. ${refusal}`,
    { path },
  )
}
