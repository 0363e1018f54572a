import { DingError } from '../utils/index.js'

/** The next power of two that is not smaller than `n`. */
export function powerOfTwo(n: number): number {
  let power = 1
  while (power < n) power *= 2
  return power
}

/**
 * A binary tree over `capacity` (a power of two) float64 leaves, each inner node the sum or the minimum of its two
 * children. Node 1 is the root and node `capacity + i` is leaf i, as in DI-engine's ding/utils/segment_tree.py.
 */
abstract class SegmentTree {
  readonly nodes: Float64Array

  constructor(
    readonly capacity: number,
    readonly neutral: number,
    protected readonly combine: (a: number, b: number) => number,
  ) {
    if (!Number.isInteger(capacity) || capacity < 1 || powerOfTwo(capacity) !== capacity) {
      throw new DingError(`A segment tree needs a capacity that is a power of two, got ${capacity}.`)
    }
    this.nodes = new Float64Array(2 * capacity).fill(neutral)
  }

  get(leaf: number): number {
    return this.nodes[this.capacity + leaf]!
  }

  /** Sets a leaf and works out the nodes above it. Each kind of tree spells it out: it is the hot loop of an update. */
  abstract set(leaf: number, value: number): void

  /** The value over all leaves. */
  get root(): number {
    return this.nodes[1]!
  }

  /** The value over leaves start ... end - 1; the neutral value for an empty range. */
  reduce(start = 0, end = this.capacity): number {
    let result = this.neutral
    let left = start + this.capacity
    let right = end + this.capacity
    for (; left < right; left >>= 1, right >>= 1) {
      if (left & 1) result = this.combine(result, this.nodes[left++]!)
      if (right & 1) result = this.combine(result, this.nodes[--right]!)
    }
    return result
  }

  /** Makes every leaf neutral. */
  clear(): void {
    this.nodes.fill(this.neutral)
  }

  /** Sets the first leaves and works out all inner nodes: the same bits as setting the leaves one by one. */
  load(leaves: Float64Array): void {
    const { nodes, combine, capacity } = this
    this.clear()
    nodes.set(leaves, capacity)
    for (let node = capacity - 1; node >= 1; node--)
      nodes[node] = combine(nodes[2 * node]!, nodes[2 * node + 1]!)
  }
}

/** Sums; finds the leaf in which a share of the total falls. */
export class SumSegmentTree extends SegmentTree {
  constructor(capacity: number) {
    super(capacity, 0, (a, b) => a + b)
  }

  set(leaf: number, value: number): void {
    const { nodes } = this
    let node = this.capacity + leaf
    nodes[node] = value
    for (node >>= 1; node >= 1; node >>= 1) nodes[node] = nodes[2 * node]! + nodes[2 * node + 1]!
  }

  /**
   * The leaf i with sum(leaves before i) <= mass < sum(leaves up to i). Never a leaf that is zero, also where rounding
   * makes `mass` reach the total. @throws DingError when all leaves are zero.
   */
  find(mass: number): number {
    const { nodes, capacity } = this
    if (!(nodes[1]! > 0))
      throw new DingError('The sum tree holds nothing but zeros, so no leaf can be drawn from it.')
    let node = 1
    let rest = mass
    while (node < capacity) {
      node *= 2
      const left = nodes[node]!
      if (left <= rest && nodes[node + 1]! > 0) {
        rest -= left
        node++
      }
    }
    return node - capacity
  }
}

/** Minima. */
export class MinSegmentTree extends SegmentTree {
  constructor(capacity: number) {
    super(capacity, Number.POSITIVE_INFINITY, Math.min)
  }

  set(leaf: number, value: number): void {
    const { nodes } = this
    let node = this.capacity + leaf
    nodes[node] = value
    for (node >>= 1; node >= 1; node >>= 1) nodes[node] = Math.min(nodes[2 * node]!, nodes[2 * node + 1]!)
  }
}
