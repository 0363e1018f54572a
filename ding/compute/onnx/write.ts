import protobuf from 'protobufjs'
import type { OnnxAttribute } from '../kernels/index.js'
import { ONNX_DESCRIPTOR } from './descriptor.js'
import type { Initializer, NamedSpec, OnnxDType, OnnxGraph, OnnxNode } from './graph.js'

const Model = protobuf.Root.fromJSON(structuredClone(ONNX_DESCRIPTOR)).lookupType('ModelProto')

/** Version of the file format; 9 came with opset 19 and is read by everything that reads opset 18. */
const IR_VERSION = 9
/** Version of the standard operators that the kernel table is written against. */
const OPSET = 18

const ELEMENT: Readonly<Record<OnnxDType, number>> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 }
const ATTRIBUTE = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const

/** The bytes of a model that ONNX Runtime (or any ONNX tool) loads. */
export function writeModel(graph: OnnxGraph): Uint8Array {
  return Model.encode({
    irVersion: IR_VERSION,
    producerName: 'ding',
    opsetImport: [
      { domain: '', version: OPSET },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: graph.name,
      node: graph.nodes.map(nodeProto),
      initializer: [...graph.initializers].map(tensorProto),
      input: graph.inputs.map(valueProto),
      output: graph.outputs.map(valueProto),
    },
  }).finish()
}

function nodeProto(node: OnnxNode, index: number): object {
  return {
    name: `${node.type}_${index}`,
    opType: node.type,
    domain: node.domain,
    input: node.inputs,
    output: node.outputs,
    attribute: Object.entries(node.attrs).map(([name, value]) => ({ name, ...attributeValue(value) })),
  }
}

function attributeValue(value: OnnxAttribute): object {
  if (typeof value === 'number') return { type: ATTRIBUTE.int, i: value }
  if (typeof value === 'string') return { type: ATTRIBUTE.string, s: new TextEncoder().encode(value) }
  if ('float' in value) return { type: ATTRIBUTE.float, f: value.float }
  if ('floats' in value) return { type: ATTRIBUTE.floats, floats: value.floats }
  return { type: ATTRIBUTE.ints, ints: value }
}

function tensorProto([name, { dtype, shape, bytes }]: [string, Initializer]): object {
  return { name, dims: shape, dataType: ELEMENT[dtype], rawData: bytes }
}

function valueProto({ name, dtype, shape }: NamedSpec): object {
  const dim = shape.map((dimValue) => ({ dimValue }))
  return { name, type: { tensorType: { elemType: ELEMENT[dtype], shape: { dim } } } }
}
