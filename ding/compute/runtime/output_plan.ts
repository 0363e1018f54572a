import type { HostTensor, TensorSpec, TypedArray } from '../../utils/index.js'
import { sizeOf } from '../../utils/index.js'
import type { LoweredTrace, OnnxGraph } from '../onnx/index.js'
import { PACKED, packOutputs } from '../onnx/index.js'
import type { ParameterPlace, Trace } from '../tracing/index.js'
import { memoryAt } from '../tracing/index.js'
import { isSlot, mapTree } from '../tree.js'
import type { Fetches, OnnxSession } from './onnx_runtime.js'
import { ortTensor } from './onnx_runtime.js'

type Outputs = ReturnType<OnnxSession['run']>

/** Where a value is found after a run: in an output of its own, or in a part of the packed one. */
interface Place {
  readonly output: string
  readonly part: readonly [from: number, to: number] | undefined
  /** How many of the program's results, gradients and assigned values come from this output. */
  readonly users: number
}

/** A gradient that a run writes; no place means zeros. */
interface GradientTarget {
  readonly to: ParameterPlace
  readonly shape: readonly number[]
  readonly place: Place | undefined
  /** The memory that ONNX Runtime was last told to write into directly. */
  direct: Float32Array | undefined
}

/** Brings what a session computes to where the program's author expects it. */
export class OutputPlan {
  /** The graph with its small outputs packed: the one to compile. */
  readonly graph: OnnxGraph
  /** What to ask of the session. */
  readonly fetches: Fetches = {}
  readonly #results: readonly { place: Place; spec: TensorSpec }[]
  readonly #gradients: readonly GradientTarget[]
  readonly #assigned: readonly { to: ParameterPlace; place: Place }[]
  readonly #resultForm: unknown

  constructor(trace: Trace, lowered: LoweredTrace) {
    const { graph, offsets } = packOutputs(lowered.graph)
    const sizes = new Map(lowered.graph.outputs.map(({ name, shape }) => [name, sizeOf(shape)]))
    const names = [...lowered.results, ...lowered.gradients, ...lowered.assigned]
    const placeOf = (name: string): Place => {
      const users = names.filter((other) => other === name).length
      const from = offsets.get(name)
      if (from === undefined) return { output: name, part: undefined, users }
      return { output: PACKED, part: [from, from + sizes.get(name)!], users }
    }
    this.graph = graph
    for (const { name } of graph.outputs) this.fetches[name] = null
    this.#resultForm = trace.resultForm
    this.#results = trace.results.map(({ value }, i) => ({
      place: placeOf(lowered.results[i]!),
      spec: value.spec,
    }))
    this.#gradients = trace.gradients.map(({ value, ...to }, i) => {
      const name = lowered.gradients[i]
      const shape = value?.spec.shape ?? to.parameter.shape
      return { to, shape, place: name === undefined ? undefined : placeOf(name), direct: undefined }
    })
    this.#assigned = trace.assigned.map((to, i) => ({
      to,
      place: placeOf(lowered.assigned[i]!),
    }))
  }

  /** Before a run: has large gradients written straight into the parameters' memory, which saves one copy. */
  prepare(): void {
    for (const target of this.#gradients) {
      const { to, shape, place } = target
      if (place === undefined || place.part !== undefined || place.users > 1) continue
      const { grad } = to.parameter
      if (target.direct === grad || grad.buffer instanceof SharedArrayBuffer) continue
      target.direct = grad
      this.fetches[place.output] = ortTensor({ dtype: 'float32', shape, data: memoryAt(grad, to) })
    }
  }

  /** After a run: writes gradients and assigned values, and returns the results in the author's form. */
  finish(outputs: Outputs): unknown {
    for (const { to, place, direct } of this.#gradients) {
      if (place === undefined) to.parameter.grad.fill(0)
      else if (direct === undefined) memoryAt(to.parameter.grad, to).set(at(outputs, place))
    }
    for (const { to, place } of this.#assigned) memoryAt(to.parameter.data, to).set(at(outputs, place))
    return mapTree(this.#resultForm, isSlot, ({ index }) => this.#result(index, outputs), '')
  }

  #result(index: number, outputs: Outputs): HostTensor {
    const { place, spec } = this.#results[index]!
    const data = at(outputs, place)
    // Memory that nothing else was taken from is the caller's to keep.
    const isOwn = place.part === undefined && place.users === 1
    return { dtype: spec.dtype, shape: spec.shape, data: isOwn ? data : data.slice() }
  }
}

function at(outputs: Outputs, { output, part }: Place): TypedArray {
  const data = outputs[output]!.data as TypedArray
  return part === undefined ? data : data.subarray(part[0], part[1])
}
