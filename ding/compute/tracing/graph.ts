import type { TensorSpec, TypedArray } from '../../utils/index.js'
import type { Parameter } from '../parameter.js'
import type { Draw } from '../scope.js'

/** Where a symbolic value comes from. */
export type Origin =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'parameter'; readonly parameter: Parameter }
  | { readonly kind: 'draw'; readonly index: number }
  | { readonly kind: 'constant'; readonly data: TypedArray }
  /** The same number everywhere; kept apart because it costs nothing and simplifies what it meets. */
  | { readonly kind: 'uniform'; readonly number: number }
  | { readonly kind: 'node'; readonly node: TraceNode; readonly output: number }

/** A tensor without numbers. */
export interface Value {
  readonly id: number
  readonly spec: TensorSpec
  readonly origin: Origin
}

/** One recorded kernel call. Inputs and outputs by value, never by tensor: tfjs reuses and frees those. */
export interface TraceNode {
  readonly kernel: string
  readonly inputs: Readonly<Record<string, Value>>
  readonly attrs: Readonly<Record<string, unknown>>
  readonly outputs: readonly Value[]
}

/** The memory of a parameter that a value stands for: all of it, or one member along its leading axis. */
export interface ParameterPlace {
  readonly parameter: Parameter
  readonly member?: number
}

/** A value that is read from a parameter or written to it. */
export interface ParameterRoot extends ParameterPlace {
  readonly value: Value
}

/** What a program leaves in a parameter's `grad`: a value, or zeros where the loss does not reach it. */
export interface GradientRoot extends ParameterPlace {
  readonly value: Value | undefined
}

/** A traced function: everything that is needed to compile and run it. */
export interface Trace {
  readonly program: string
  /** Inputs in depth-first order of the input tree. */
  readonly inputs: readonly { readonly path: string; readonly value: Value }[]
  readonly parameters: readonly ParameterRoot[]
  readonly draws: readonly { readonly draw: Draw; readonly value: Value }[]
  /** The function's result with a {@link Slot} for each tensor, and those tensors. */
  readonly resultForm: unknown
  readonly results: readonly { readonly path: string; readonly value: Value }[]
  readonly gradients: readonly GradientRoot[]
  readonly assigned: readonly ParameterRoot[]
  /** Kernels recorded, common ones counted once. */
  readonly kernels: number
}

/** The values that a traced function is there for. */
export function rootsOf({ results, gradients, assigned }: Trace): Value[] {
  return [...results, ...gradients, ...assigned].flatMap(({ value }) => value ?? [])
}

/** The part of a parameter's values or gradient that a place names, without copying. */
export function memoryAt(data: Float32Array, { parameter, member }: ParameterPlace): Float32Array {
  if (member === undefined) return data
  const size = data.length / (parameter.shape[0] as number)
  return data.subarray(member * size, (member + 1) * size)
}

/** Everything that the roots depend on; nodes in recording order, in which they can run. */
export function reachable(roots: readonly Value[]): {
  values: ReadonlySet<Value>
  nodes: readonly TraceNode[]
} {
  const values = new Set<Value>(roots)
  const nodes = new Set<TraceNode>()
  for (const value of values) {
    if (value.origin.kind !== 'node' || nodes.has(value.origin.node)) continue
    nodes.add(value.origin.node)
    for (const input of Object.values(value.origin.node.inputs)) values.add(input)
  }
  return { values, nodes: [...nodes].sort((a, b) => a.outputs[0]!.id - b.outputs[0]!.id) }
}
