import cloneDeep from 'lodash-es/cloneDeep.js'
import mergeWith from 'lodash-es/mergeWith.js'
import { didYouMean, nearest } from '../utils/index.js'
import { leavesOf } from './class_schema.js'
import { isRecord, valueAt } from './formats.js'
import { keysNamed } from './key_names.js'
import { joinPath, type Problems, show } from './problems.js'
import type { GroupNode } from './schema.js'

/** Where the value of each key came from, by dotted path: "class default", "create_config", "main_config", ... */
export type Provenance = ReadonlyMap<string, string>

/** A config while its layers are put on top of each other. */
export class LayeredConfig {
  readonly values: Record<string, unknown> = {}
  readonly provenance = new Map<string, string>()
  readonly #root: GroupNode
  readonly #problems: Problems
  readonly #places: ReadonlyMap<string, readonly string[]>

  /** Starts from the defaults of `root`. */
  constructor(root: GroupNode, problems: Problems) {
    this.#root = root
    this.#problems = problems
    this.#places = placesByKey(root)
    this.#addDefaults(root, this.values, '')
  }

  /**
   * Puts a layer on top: records merge, lists and scalars replace. Unknown keys, and values where a group of keys belongs,
   * are reported.
   */
  apply(layer: Record<string, unknown>, source: string): void {
    this.#applyGroup(this.#root, this.values, layer, '', source)
  }

  /** The value at a path, or undefined. */
  get(path: readonly string[]): unknown {
    return valueAt(this.values, path)
  }

  /** Whether a key has a value that no default gave it. */
  isGiven(path: readonly string[]): boolean {
    return (this.provenance.get(path.join('.')) ?? CLASS_DEFAULT) !== CLASS_DEFAULT
  }

  /** Which layer gave a key its value; a later one has a higher number, and 0 is the defaults. */
  layerOf(path: readonly string[]): number {
    const source = this.provenance.get(path.join('.')) ?? CLASS_DEFAULT
    return Math.max(
      0,
      LAYERS.findIndex((layer) => source.startsWith(layer)),
    )
  }

  /** Sets one key that the config system knows to exist. */
  fill(path: readonly string[], value: unknown, source: string): void {
    const parent = this.get(path.slice(0, -1))
    if (!isRecord(parent)) return
    parent[path.at(-1)!] = cloneDeep(value)
    this.provenance.set(path.join('.'), source)
  }

  /** Sets one key, leaving what is known of its source. */
  settle(path: readonly string[], value: unknown): void {
    this.fill(path, value, this.provenance.get(path.join('.')) ?? CLASS_DEFAULT)
  }

  #addDefaults(group: GroupNode, target: Record<string, unknown>, path: string): void {
    for (const [key, node] of group.children) {
      const at = joinPath(path, key)
      if (node.kind === 'group') {
        const child: Record<string, unknown> = {}
        target[key] = child
        this.#addDefaults(node, child, at)
      } else if (!node.required) {
        target[key] = cloneDeep(node.default)
        this.provenance.set(at, CLASS_DEFAULT)
      }
    }
  }

  #applyGroup(
    group: GroupNode,
    target: Record<string, unknown>,
    layer: Record<string, unknown>,
    path: string,
    source: string,
  ): void {
    for (const [key, value] of Object.entries(layer)) {
      const at = joinPath(path, key)
      const node = group.children.get(key)
      if (node === undefined && !group.open) {
        this.#problems.add(at, this.#unknownKey(group, key, path, source))
      } else if (node?.kind === 'group') {
        if (isRecord(value)) this.#applyGroup(node, target[key] as Record<string, unknown>, value, at, source)
        else this.#problems.add(at, `is ${show(value)} (${source}), expected an object with keys.`)
      } else {
        target[key] = mergeValue(target[key], value)
        this.provenance.set(at, source)
      }
    }
  }

  #unknownKey(group: GroupNode, key: string, path: string, source: string): string {
    const siblings = [...group.children.keys()]
    const elsewhere = this.#places.get(key) ?? []
    const named = keysNamed(this.#root, key)
    let advice = didYouMean(key, siblings)
    if (named.length > 0) advice = ` Here it is called "${named.join('" and "')}".`
    else if (elsewhere.length > 0 && elsewhere.length <= 3)
      advice = ` It belongs at "${elsewhere.join('" or "')}".`
    else if (advice === '') {
      const close = nearest(key, this.#places.keys()).flatMap((name) => this.#places.get(name) ?? [])
      if (close.length > 0) advice = ` Did you mean "${close.slice(0, 3).join('" or "')}"?`
    }
    const known = siblings.length === 0 ? 'no keys are' : `keys: ${siblings.join(', ')}`
    const where = path === '' ? 'at the top' : `in ${path}`
    if (advice === '')
      advice = siblings.length === 0 ? ` There ${known} known ${where}.` : ` Known ${where} are the ${known}.`
    return `unknown key (${source}).${advice}`
  }
}

/** The source of values that nobody gave. */
export const CLASS_DEFAULT = 'class default'

/** How the sources of each layer begin, the lowest first. */
const LAYERS = [CLASS_DEFAULT, 'create_config', 'main_config', 'environment variable', 'command line']

/** Records merge key by key; anything else replaces. */
function mergeValue(old: unknown, value: unknown): unknown {
  if (!isRecord(old) || !isRecord(value)) return cloneDeep(value)
  return mergeWith(old, value, (under: unknown, item: unknown) =>
    isRecord(under) && isRecord(item) ? undefined : cloneDeep(item),
  )
}

/** The paths at which each key name occurs. */
function placesByKey(root: GroupNode): Map<string, string[]> {
  const places = new Map<string, string[]>()
  for (const [path] of leavesOf(root)) {
    const key = path.at(-1)!
    places.set(key, [...(places.get(key) ?? []), path.join('.')])
  }
  return places
}
