import type { HostTensor, TensorSpec, TypedArray } from '../../utils/index.js'
import type { DrawSource } from '../draws.js'
import { drawBuffer } from '../draws.js'
import { compileTrace, writeModel } from '../onnx/index.js'
import type { Parameter } from '../parameter.js'
import type { Draw } from '../scope.js'
import { traceFunction } from '../tracing/index.js'
import type { Leaf } from '../tree.js'
import type { Feeds, Provider } from './onnx_runtime.js'
import { OnnxSession, ortTensor } from './onnx_runtime.js'
import { OutputPlan } from './output_plan.js'
import type { ProgramDefinition, SpecialisationInfo } from './types.js'

/** Something fed from memory that may move between runs: its tensor is remade only then. */
interface Feed {
  readonly name: string
  readonly spec: TensorSpec
  data: TypedArray | undefined
}

/** A program compiled for one combination of input shapes. */
export class CompiledVariant {
  readonly info: SpecialisationInfo
  /** None for a program that computes nothing. */
  readonly #session: OnnxSession | undefined
  readonly #feeds: Feeds = {}
  /** In the order of the input tree; undefined where the graph does not read the input. */
  readonly #inputs: readonly (Feed | undefined)[]
  readonly #parameters: readonly (Feed & { readonly parameter: Parameter })[]
  readonly #draws: readonly { readonly draw: Draw; readonly buffer: HostTensor }[]
  readonly #outputs: OutputPlan

  constructor(
    definition: ProgramDefinition,
    tree: unknown,
    leaves: readonly Leaf<TensorSpec>[],
    signature: string,
    provider: Provider,
    threads: number,
  ) {
    const start = performance.now()
    const trace = traceFunction(definition.name, definition.fn, tree)
    const traced = performance.now()
    const specs = leaves.map(({ value }) => ({ dtype: value.dtype, shape: [...value.shape] }))
    const lowered = compileTrace(definition.name, trace, specs)
    this.#outputs = new OutputPlan(trace, lowered)
    const { graph } = this.#outputs
    const model = writeModel(graph)
    const written = performance.now()
    if (graph.outputs.length > 0) this.#session = new OnnxSession(model, provider, threads)
    this.info = {
      signature,
      kernels: trace.kernels,
      nodes: graph.nodes.length,
      bytes: model.length,
      traceMs: traced - start,
      lowerMs: written - traced,
      compileMs: performance.now() - written,
    }
    this.#inputs = lowered.inputs.map((name, i) =>
      name === undefined ? undefined : { name, spec: specs[i]!, data: undefined },
    )
    this.#parameters = trace.parameters.flatMap(({ parameter, value }, i) => {
      const name = lowered.parameters[i]
      return name === undefined ? [] : { name, parameter, spec: value.spec, data: undefined }
    })
    this.#draws = trace.draws.map(({ draw }, i) => {
      const buffer = drawBuffer(draw)
      const name = lowered.draws[i]
      if (name !== undefined) this.#feeds[name] = ortTensor(buffer)
      return { draw, buffer }
    })
  }

  /** Runs on host tensors in the order of the tree's leaves and returns the results in the author's form. */
  run(inputs: readonly Leaf<HostTensor>[], draws: DrawSource): unknown {
    for (const [i, feed] of this.#inputs.entries()) {
      if (feed !== undefined) this.#feed(feed, inputs[i]!.value.data)
    }
    for (const feed of this.#parameters) this.#feed(feed, feed.parameter.data)
    // Numbers are drawn even where the graph does not read them, so that every runtime consumes the stream alike.
    for (const { draw, buffer } of this.#draws) draws.fill(draw, buffer)
    draws.finish()
    this.#outputs.prepare()
    return this.#outputs.finish(this.#session?.run(this.#feeds, this.#outputs.fetches) ?? {})
  }

  dispose(): void {
    this.#session?.dispose()
  }

  #feed(feed: Feed, data: TypedArray): void {
    if (data.buffer instanceof SharedArrayBuffer) {
      // ONNX Runtime refuses shared memory, so it reads a copy.
      this.#feeds[feed.name] = ortTensor({ ...feed.spec, data: data.slice() })
      feed.data = undefined
    } else if (feed.data !== data) {
      this.#feeds[feed.name] = ortTensor({ ...feed.spec, data })
      feed.data = data
    }
  }
}
