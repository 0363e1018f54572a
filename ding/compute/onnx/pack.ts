import { sizeOf } from '../../utils/index.js'
import type { Initializer, NamedSpec, OnnxGraph, OnnxNode } from './graph.js'

/** The output that holds all small outputs, one after another. */
export const PACKED = '$packed'
/** Tensors up to this many elements are packed; copying larger ones twice costs more than handing them over. */
const SMALL = 4096

const SHAPE_1D = '$flat'
const SPLIT_SIZES = '$split'

/** The input that all small vectors are read from, one after another. */
export const PACKED_INPUT = '$packed_input'
/** Vectors up to this many elements are packed; a longer one costs more to copy than to hand over. */
const SHORT = 1024

/** A graph whose small outputs (or inputs) are joined, and where each of them begins in the joined one. */
export interface PackedGraph {
  readonly graph: OnnxGraph
  /** By name. */
  readonly offsets: ReadonlyMap<string, number>
}

/**
 * Joins all small float32 outputs to one. Handing an output over to JavaScript takes ONNX Runtime about 6 us, several
 * times what a small kernel takes, and a program with gradients has as many outputs as parameters.
 */
export function packOutputs(graph: OnnxGraph): PackedGraph {
  const isSmall = ({ dtype, shape }: NamedSpec) => dtype === 'float32' && sizeOf(shape) <= SMALL
  const small = graph.outputs.filter(isSmall)
  if (small.length < 2) return { graph, offsets: new Map() }
  const offsets = new Map<string, number>()
  let size = 0
  for (const { name, shape } of small) {
    offsets.set(name, size)
    size += sizeOf(shape)
  }
  const flatten: OnnxNode[] = []
  const parts = small.map(({ name, shape }) => {
    if (shape.length === 1) return name
    const flat = `${name}:flat`
    flatten.push({ type: 'Reshape', domain: '', inputs: [name, SHAPE_1D], outputs: [flat], attrs: {} })
    return flat
  })
  const join: OnnxNode = { type: 'Concat', domain: '', inputs: parts, outputs: [PACKED], attrs: { axis: 0 } }
  const minusOne: Initializer = {
    dtype: 'int64',
    shape: [1],
    bytes: new Uint8Array(BigInt64Array.of(-1n).buffer),
  }
  return {
    graph: {
      ...graph,
      nodes: [...graph.nodes, ...flatten, join],
      initializers: new Map([...graph.initializers, [SHAPE_1D, minusOne]]),
      outputs: [
        ...graph.outputs.filter((output) => !isSmall(output)),
        { name: PACKED, dtype: 'float32', shape: [size] },
      ],
    },
    offsets,
  }
}

/**
 * Reads all short float32 vectors, which biases are, from one input: taking an input over from JavaScript costs ONNX Runtime about 1 us,
 * and a cut of a Split a fraction of that.
 */
export function packInputs(graph: OnnxGraph): PackedGraph {
  const isShort = ({ dtype, shape }: NamedSpec) =>
    dtype === 'float32' && shape.length === 1 && sizeOf(shape) <= SHORT
  const short = graph.inputs.filter(isShort)
  if (short.length < 3) return { graph, offsets: new Map() }
  const offsets = new Map<string, number>()
  let size = 0
  for (const { name, shape } of short) {
    offsets.set(name, size)
    size += sizeOf(shape)
  }
  const lengths = BigInt64Array.from(short, ({ shape }) => BigInt(sizeOf(shape)))
  const split: OnnxNode = {
    type: 'Split',
    domain: '',
    inputs: [PACKED_INPUT, SPLIT_SIZES],
    outputs: short.map(({ name }) => name),
    attrs: { axis: 0 },
  }
  return {
    graph: {
      ...graph,
      nodes: [split, ...graph.nodes],
      initializers: new Map([
        ...graph.initializers,
        [SPLIT_SIZES, { dtype: 'int64', shape: [short.length], bytes: new Uint8Array(lengths.buffer) }],
      ]),
      inputs: [
        ...graph.inputs.filter((input) => !isShort(input)),
        { name: PACKED_INPUT, dtype: 'float32', shape: [size] },
      ],
    },
    offsets,
  }
}
