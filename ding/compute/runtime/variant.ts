import type { HostTensor, TensorSpec, TypedArray } from '../../utils/index.js'
import { CompileError, sizeOf, UsageError } from '../../utils/index.js'
import type { DrawSource } from '../draws.js'
import { drawBuffer } from '../draws.js'
import { splitEnsembles } from '../ensembles/index.js'
import { compileTrace, PACKED_INPUT, packInputs, writeModel } from '../onnx/index.js'
import type { Draw } from '../scope.js'
import type { ParameterPlace } from '../tracing/index.js'
import { memoryAt, traceFunction } from '../tracing/index.js'
import type { Leaf } from '../tree.js'
import type { Feeds, Provider } from './onnx_runtime.js'
import { OnnxSession, ortTensor } from './onnx_runtime.js'
import { OutputPlan } from './output_plan.js'
import type { ProgramDefinition, SpecialisationInfo } from './types.js'

/** Something fed from memory that may move between runs: its tensor is remade only then. */
interface Feed {
  readonly name: string
  readonly spec: TensorSpec
  /** The memory that its tensor shares. */
  data: TypedArray | undefined
  /** Its place in the packed input, for a short vector: it is copied there before each run. */
  readonly offset: number | undefined
}

interface InputFeed extends Feed {
  /** Numbers in it. */
  readonly size: number
}

interface ParameterFeed extends Feed {
  readonly place: ParameterPlace
}

/** A program compiled for one combination of input shapes. */
export class CompiledVariant {
  readonly info: SpecialisationInfo
  readonly #program: string
  /** None for a program that computes nothing. */
  readonly #session: OnnxSession | undefined
  readonly #feeds: Feeds = {}
  /** The packed input's memory. */
  readonly #packed: Float32Array
  /** In the order of the input tree; undefined where the graph does not read the input. */
  readonly #inputs: readonly (InputFeed | undefined)[]
  readonly #parameters: readonly ParameterFeed[]
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
    const whole = traceFunction(definition.name, definition.fn, tree)
    // Members one after another would not fill a GPU.
    const trace = provider === 'cpu' ? splitEnsembles(whole) : whole
    const traced = performance.now()
    const specs = leaves.map(({ value }) => ({ dtype: value.dtype, shape: [...value.shape] }))
    const lowered = compileTrace(definition.name, trace, specs)
    this.#outputs = new OutputPlan(trace, lowered)
    const { graph, offsets } = packInputs(this.#outputs.graph)
    const packed = graph.inputs.find(({ name }) => name === PACKED_INPUT)
    this.#packed = new Float32Array(packed === undefined ? 0 : sizeOf(packed.shape))
    if (packed !== undefined) this.#feeds[PACKED_INPUT] = ortTensor({ ...packed, data: this.#packed })
    const model = writeModel(graph)
    const written = performance.now()
    this.#program = definition.name
    if (graph.outputs.length > 0) this.#session = openSession(definition.name, model, provider, threads)
    this.info = {
      signature,
      kernels: trace.kernels,
      nodes: graph.nodes.length,
      bytes: model.length,
      traceMs: traced - start,
      lowerMs: written - traced,
      compileMs: performance.now() - written,
    }
    this.#inputs = lowered.inputs.map((name, i) => {
      const spec = specs[i]!
      return name === undefined
        ? undefined
        : { name, spec, size: sizeOf(spec.shape), data: undefined, offset: offsets.get(name) }
    })
    this.#parameters = trace.parameters.flatMap(({ value, ...place }, i) => {
      const name = lowered.parameters[i]
      return name === undefined
        ? []
        : { name, place, spec: value.spec, data: undefined, offset: offsets.get(name) }
    })
    this.#draws = trace.draws.map(({ draw }, i) => {
      const buffer = drawBuffer(draw)
      const name = lowered.draws[i]
      if (name === undefined) return { draw, buffer }
      const offset = offsets.get(name)
      if (offset === undefined) {
        this.#feeds[name] = ortTensor(buffer)
        return { draw, buffer }
      }
      return { draw, buffer: { ...buffer, data: this.#packed.subarray(offset, offset + buffer.data.length) } }
    })
  }

  /** Runs on host tensors in the order of the tree's leaves and returns the results in the author's form. */
  run(inputs: readonly Leaf<HostTensor>[], draws: DrawSource): unknown {
    for (const [i, feed] of this.#inputs.entries()) {
      if (feed === undefined) continue
      const { path, value } = inputs[i]!
      this.#check(feed, path, value.data)
      this.#feed(feed, value.data)
    }
    for (const feed of this.#parameters) this.#feed(feed, feed.place.parameter.data, feed.place)
    // Numbers are drawn even where the graph does not read them, so that every runtime consumes the stream alike.
    for (const { draw, buffer } of this.#draws) draws.fill(draw, buffer)
    draws.finish()
    this.#outputs.prepare()
    return this.#outputs.finish(this.#session?.run(this.#feeds, this.#outputs.fetches) ?? {})
  }

  dispose(): void {
    this.#session?.dispose()
  }

  /** The rest of a vector with too little data would be that of the run before. */
  #check({ spec, size }: InputFeed, path: string, { length }: TypedArray): void {
    if (length === size) return
    throw new UsageError(
      `Program "${this.#program}", inputs${path === '' ? '' : `, "${path}"`}: shape [${spec.shape}] takes ${size} numbers, but the data has ${length}.`,
    )
  }

  #feed(feed: Feed, data: TypedArray): void
  #feed(feed: ParameterFeed, data: Float32Array, place: ParameterPlace): void
  #feed(feed: Feed, data: TypedArray, place?: ParameterPlace): void {
    const part = () => (place === undefined ? data : memoryAt(data as Float32Array, place))
    if (feed.offset !== undefined) {
      this.#packed.set(part(), feed.offset)
      return
    }
    const isShared = data.buffer instanceof SharedArrayBuffer
    if (feed.data === data && !isShared) return
    // ONNX Runtime refuses shared memory, so it reads a copy.
    this.#feeds[feed.name] = ortTensor({ ...feed.spec, data: isShared ? part().slice() : part() })
    feed.data = data
  }
}

/** @throws CompileError naming the program when ONNX Runtime does not accept its model. */
function openSession(program: string, model: Uint8Array, provider: Provider, threads: number): OnnxSession {
  try {
    return new OnnxSession(model, provider, threads)
  } catch (cause) {
    throw new CompileError(
      `Program "${program}" was compiled, but ONNX Runtime does not accept it on ${provider}: ` +
        `${cause instanceof Error ? cause.message : String(cause)}. Set policy.runtime to 'eager' to run it without compiling.`,
      { cause },
    )
  }
}
