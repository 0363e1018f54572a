import { isRecord, ruleOf } from './formats.js'
import { type GroupNode, isSchema, type LeafNode, type SchemaNode } from './schema.js'

/** A group that takes any keys. */
export const OPEN_GROUP: GroupNode = { kind: 'group', children: new Map(), open: true }

/**
 * The keys of a registered class: its `static config`. A plain object there gives defaults that are not validated, and
 * a class (or factory function) without `config` takes any keys.
 */
export function classGroup(registered: unknown): GroupNode {
  const config: unknown =
    typeof registered === 'function' || isRecord(registered)
      ? (registered as { config?: unknown }).config
      : undefined
  if (isSchema(config)) return config.root
  return isRecord(config) ? looseGroup(config) : OPEN_GROUP
}

function looseGroup(config: Record<string, unknown>): GroupNode {
  const children = new Map<string, SchemaNode>()
  for (const [key, value] of Object.entries(config)) {
    children.set(key, isRecord(value) && Object.keys(value).length > 0 ? looseGroup(value) : looseLeaf(value))
  }
  return { kind: 'group', children, open: true }
}

function looseLeaf(value: unknown): LeafNode {
  return makeLeaf('(not described by its class)', 'any', value)
}

/** A key that the config system itself adds. */
export function makeLeaf(doc: string, format: 'any' | 'string' | 'string_list', value: unknown): LeafNode {
  return {
    kind: 'leaf',
    doc,
    format,
    rule: ruleOf(format, false, false),
    default: value,
    required: false,
    nullable: false,
    infinity: false,
    env: undefined,
    arg: undefined,
    secret: false,
  }
}

/** `over` on top of `base`: its keys win, groups merge. The result is open when either is. */
export function mergeGroups(base: GroupNode, over: GroupNode): GroupNode {
  const children = new Map(base.children)
  for (const [key, node] of over.children) {
    const old = children.get(key)
    children.set(key, old?.kind === 'group' && node.kind === 'group' ? mergeGroups(old, node) : node)
  }
  return { kind: 'group', children, open: base.open || over.open }
}

/** The group with every level open. */
export function openGroup(group: GroupNode): GroupNode {
  const children = new Map<string, SchemaNode>()
  for (const [key, node] of group.children) children.set(key, node.kind === 'group' ? openGroup(node) : node)
  return { kind: 'group', children, open: true }
}

/** The group with `child` at `place` (made where missing); `combine` gets what was there. */
export function placeGroup(
  group: GroupNode,
  place: readonly string[],
  combine: (old: GroupNode | undefined) => GroupNode,
): GroupNode {
  const [key, ...rest] = place
  if (key === undefined) return combine(group)
  const old = group.children.get(key)
  const child = old?.kind === 'group' ? old : undefined
  const made =
    rest.length === 0
      ? combine(child)
      : placeGroup(child ?? { kind: 'group', children: new Map(), open: group.open }, rest, combine)
  return { kind: 'group', children: new Map(group.children).set(key, made), open: group.open }
}

/** The node at a path, or undefined. */
export function nodeAt(root: GroupNode, path: readonly string[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = root
  for (const key of path) {
    if (node?.kind !== 'group') return undefined
    node = node.children.get(key)
  }
  return node
}

/** All keys of a group with their paths, in order of declaration. */
export function* leavesOf(group: GroupNode, path: readonly string[] = []): Generator<[string[], LeafNode]> {
  for (const [key, node] of group.children) {
    if (node.kind === 'leaf') yield [[...path, key], node]
    else yield* leavesOf(node, [...path, key])
  }
}
