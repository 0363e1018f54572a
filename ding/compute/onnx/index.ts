import type { TensorSpec } from '../../utils/index.js'
import type { Trace } from '../tracing/index.js'
import type { LoweredTrace } from './lower.js'
import { lowerTrace } from './lower.js'
import { optimise } from './passes/index.js'

export type { OnnxGraph, OnnxNode } from './graph.js'
export type { LoweredTrace } from './lower.js'
export { PACKED, PACKED_INPUT, packInputs, packOutputs } from './pack.js'
export { writeModel } from './write.js'

/**
 * Lowers a trace to an optimised ONNX graph.
 * @param hostSpecs the inputs' specs as the host holds them, in the trace's order
 */
export function compileTrace(name: string, trace: Trace, hostSpecs: readonly TensorSpec[]): LoweredTrace {
  const lowered = lowerTrace(name, trace, hostSpecs)
  return { ...lowered, graph: optimise(lowered.graph) }
}
