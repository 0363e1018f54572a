export type { GradientRoot, Origin, Trace, TraceNode, Value } from './graph.js'
export { isTensorSpec, traceFunction } from './trace.js'
