export type { GradientRoot, Origin, ParameterPlace, ParameterRoot, Trace, TraceNode, Value } from './graph.js'
export { memoryAt, reachable, rootsOf } from './graph.js'
export { Recorder } from './recorder.js'
export { isTensorSpec, traceFunction } from './trace.js'
