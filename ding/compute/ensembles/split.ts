import type { Trace, TraceNode, Value } from '../tracing/index.js'
import { Recorder, reachable, rootsOf } from '../tracing/index.js'
import { isParameter, Members } from './members.js'
import { ruleOf } from './rules.js'

/** Ensembles of more members stay in batched products, which keeps the graph small. */
const MOST_MEMBERS = 16
/** Multiplications in the largest product from which splitting pays: below, starting more nodes costs more than it saves. */
const LEAST_WORK = 2 ** 20

/**
 * A trace with its ensembles of matrix products, [N, B, in] x [N, in, out], computed member by member, each parameter of theirs fed by its
 * members: ONNX Runtime joins a product of matrices with bias and activation, multiplies transposed matrices faster than it does batches of
 * them, and one member's activations stay in the cache. Other traces come back as they are. Results differ by rounding alone.
 */
export function splitEnsembles(trace: Trace): Trace {
  const { nodes } = reachable(rootsOf(trace))
  const ensembles = nodes.filter(isEnsembleProduct)
  if (!ensembles.some((node) => workOf(node) >= LEAST_WORK)) return trace
  return new Splitter(trace, nodes, new Set(ensembles)).run()
}

/** A batched product with a parameter of [N, in, out] or some members of one. */
function isEnsembleProduct(node: TraceNode): boolean {
  if (node.kernel !== 'BatchMatMul') return false
  const operands = Object.values(node.inputs)
  const members = node.outputs[0]?.spec.shape[0] as number
  return (
    members <= MOST_MEMBERS &&
    operands.every(({ spec }) => spec.shape.length === 3) &&
    operands.some(isWeight)
  )
}

function isWeight(value: Value): boolean {
  if (value.origin.kind !== 'node') return isParameter(value)
  const { kernel, inputs } = value.origin.node
  return kernel === 'Slice' && isParameter(inputs['x'] as Value)
}

/** Multiplications per member. */
function workOf({ inputs, outputs }: TraceNode): number {
  const size = (value: Value | undefined) => value?.spec.shape.slice(1).reduce((a, b) => a * b, 1) ?? 0
  return Math.sqrt(size(inputs['a']) * size(inputs['b']) * size(outputs[0]))
}

class Splitter {
  readonly #recorder: Recorder
  readonly #members: Members

  constructor(
    readonly trace: Trace,
    readonly nodes: readonly TraceNode[],
    readonly ensembles: ReadonlySet<TraceNode>,
  ) {
    this.#recorder = new Recorder(trace.program)
    this.#members = new Members(this.#recorder)
  }

  run(): Trace {
    const { trace } = this
    const members = this.#members
    for (const node of this.nodes) this.#record(node)
    const perMember = <T extends { readonly value: Value | undefined }>(
      root: T,
    ): (T & { member?: number })[] => {
      if (root.value === undefined) return [root]
      const parts = members.known(root.value)
      if (parts === undefined) return [{ ...root, value: members.whole(root.value) }]
      return parts.map((value, member) => ({ ...root, value, member }))
    }
    const whole = <T extends { readonly value: Value }>(root: T): T => ({
      ...root,
      value: members.whole(root.value),
    })
    const [inputs, draws, results] = [
      trace.inputs.map(whole),
      trace.draws.map(whole),
      trace.results.map(whole),
    ]
    const [gradients, assigned] = [trace.gradients.flatMap(perMember), trace.assigned.flatMap(perMember)]
    const { parameters } = members
    const { kernels } = this.#recorder
    return { ...trace, inputs, parameters, draws, results, gradients, assigned, kernels }
  }

  #record(node: TraceNode): void {
    const members = this.#members
    const outcomes = this.#split(node)
    if (outcomes === undefined) {
      const inputs = Object.entries(node.inputs).map(([name, value]) => [name, members.whole(value)] as const)
      const outputs = members.calls(node.kernel, Object.fromEntries(inputs), node.attrs)
      for (const [i, value] of node.outputs.entries()) members.setWhole(value, outputs[i] as Value)
      return
    }
    for (const [i, value] of node.outputs.entries()) {
      const outcome = outcomes[i]
      if (outcome === undefined) continue
      if ('parts' in outcome) members.setParts(value, outcome.parts)
      else members.setWhole(value, outcome.whole)
    }
  }

  #split(node: TraceNode) {
    const isConcerned =
      this.ensembles.has(node) ||
      Object.values(node.inputs).some((value) => this.#members.known(value) !== undefined)
    return isConcerned ? ruleOf(node.kernel)?.(node, this.#members) : undefined
  }
}
