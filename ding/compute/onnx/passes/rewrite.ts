import type { TensorSpec } from '../../../utils/index.js'
import type { OnnxGraph, OnnxNode } from '../graph.js'

/** A graph under rewriting: who makes a value, how often it is used, and room for new nodes. */
export class Rewriter {
  /** Per place of the original order, what stands there now. */
  readonly #places: (readonly OnnxNode[])[]
  readonly #makers = new Map<string, OnnxNode>()
  readonly #uses = new Map<string, number>()
  readonly #outputs: ReadonlySet<string>

  constructor(readonly graph: OnnxGraph) {
    this.#places = graph.nodes.map((node) => [node])
    this.#outputs = new Set(graph.outputs.map(({ name }) => name))
    for (const node of graph.nodes) this.#add(node)
  }

  /** Offers every node, in order, to `rewrite`, which returns what is to stand in its place or undefined to keep it. */
  each(rewrite: (node: OnnxNode) => readonly OnnxNode[] | undefined): void {
    for (const [i, node] of this.graph.nodes.entries()) {
      const next = rewrite(node)
      if (next === undefined) continue
      this.#places[i] = next
      this.#count(node, -1)
      for (const added of next) this.#add(added)
    }
  }

  /** The node that makes a value; undefined for inputs and constants. */
  maker(name: string): OnnxNode | undefined {
    return this.#makers.get(name)
  }

  spec(name: string): TensorSpec | undefined {
    return this.graph.specs.get(name)
  }

  /** True when exactly one node reads the value and the program does not return it. */
  usedOnce(name: string): boolean {
    return this.#uses.get(name) === 1 && !this.#outputs.has(name)
  }

  /** The scalar float32 constant behind a name. */
  scalar(name: string): number | undefined {
    const constant = this.graph.initializers.get(name)
    if (constant?.dtype !== 'float32' || constant.bytes.length !== 4) return undefined
    return new DataView(constant.bytes.buffer, constant.bytes.byteOffset).getFloat32(0, true)
  }

  /** The values of an int64 constant, such as axes. */
  integers(name: string | undefined): number[] | undefined {
    const constant = name === undefined ? undefined : this.graph.initializers.get(name)
    if (constant?.dtype !== 'int64') return undefined
    return Array.from(new BigInt64Array(constant.bytes.slice().buffer), Number)
  }

  /** The graph as it is now, without the nodes and constants that nothing needs any more. */
  finish(added: OnnxGraph['initializers'] = new Map()): OnnxGraph {
    const needed = new Set(this.#outputs)
    const kept: OnnxNode[] = []
    for (const node of this.#places.flat().toReversed()) {
      if (!node.outputs.some((output) => needed.has(output))) continue
      for (const input of node.inputs) needed.add(input)
      kept.push(node)
    }
    const constants = [...this.graph.initializers, ...added].filter(([name]) => needed.has(name))
    return { ...this.graph, nodes: kept.toReversed(), initializers: new Map(constants) }
  }

  #add(node: OnnxNode): void {
    for (const output of node.outputs) this.#makers.set(output, node)
    this.#count(node, 1)
  }

  #count(node: OnnxNode, by: number): void {
    for (const input of node.inputs) this.#uses.set(input, (this.#uses.get(input) ?? 0) + by)
  }
}
