import type { Tensor } from '@tensorflow/tfjs-core'
import type { HostTensor, TensorSpec } from '../utils/index.js'
import { UsageError } from '../utils/index.js'

/** What a program's `run` takes: nested records (or arrays) of host tensors. Missing (`undefined`) entries are allowed. */
export type HostTree = HostTensor | undefined | { readonly [key: string]: HostTree } | readonly HostTree[]

/** Shapes and dtypes in the form of a {@link HostTree}. */
export type SpecTree = TensorSpec | undefined | { readonly [key: string]: SpecTree } | readonly SpecTree[]

/** What a program's function receives and may return: nested records (or arrays) of tensors. */
export type TensorTree = Tensor | undefined | { readonly [key: string]: TensorTree } | readonly TensorTree[]

/** The type of a program's results on the host: every tensor of `O` becomes a {@link HostTensor}. */
export type HostOutputs<O> = O extends Tensor
  ? HostTensor
  : O extends object
    ? { [K in keyof O]: HostOutputs<O[K]> }
    : O

/** A leaf of a tree with the dotted path that leads to it. */
export interface Leaf<T> {
  readonly path: string
  readonly value: T
}

function isBranch(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)
}

/**
 * A tree of the same form with every leaf replaced by `map(leaf, path)`. `undefined` and `null` are kept as they are.
 * @throws UsageError when a value is neither a leaf, a record nor an array; `what` names the tree in the message.
 */
export function mapTree<T>(
  tree: unknown,
  isLeaf: (value: unknown) => value is T,
  map: (leaf: T, path: string) => unknown,
  what: string,
  path = '',
): unknown {
  if (tree === undefined || tree === null) return tree
  if (isLeaf(tree)) return map(tree, path)
  if (!isBranch(tree)) {
    throw new UsageError(
      `${what}${path === '' ? '' : ` at "${path}"`}: expected a tensor, a record or an array of tensors, got ${typeof tree === 'object' ? 'a typed array' : `${typeof tree} ${String(tree)}`}.`,
    )
  }
  const child = (key: string) => (path === '' ? key : `${path}.${key}`)
  if (Array.isArray(tree)) return tree.map((value, i) => mapTree(value, isLeaf, map, what, child(String(i))))
  const mapped: Record<string, unknown> = {}
  for (const key of Object.keys(tree)) mapped[key] = mapTree(tree[key], isLeaf, map, what, child(key))
  return mapped
}

/** The leaves of a tree in depth-first order. @throws UsageError as {@link mapTree} does. */
export function leavesOf<T>(tree: unknown, isLeaf: (value: unknown) => value is T, what: string): Leaf<T>[] {
  const leaves: Leaf<T>[] = []
  mapTree(tree, isLeaf, (value, path) => leaves.push({ path, value }), what)
  return leaves
}

/** Stands for the `index`-th leaf in a tree whose leaves were taken out. */
export class Slot {
  constructor(readonly index: number) {}
}

/** Tells a {@link Slot} from a branch. */
export function isSlot(value: unknown): value is Slot {
  return value instanceof Slot
}
