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

/** What a program leaves in a parameter's `grad`: a value, or zeros where the loss does not reach it. */
export interface GradientRoot {
  readonly parameter: Parameter
  readonly value: Value | undefined
}

/** A traced function: everything that is needed to compile and run it. */
export interface Trace {
  /** Inputs in depth-first order of the input tree. */
  readonly inputs: readonly { readonly path: string; readonly value: Value }[]
  readonly parameters: readonly { readonly parameter: Parameter; readonly value: Value }[]
  readonly draws: readonly { readonly draw: Draw; readonly value: Value }[]
  /** The function's result with a {@link Slot} for each tensor, and those tensors. */
  readonly resultForm: unknown
  readonly results: readonly { readonly path: string; readonly value: Value }[]
  readonly gradients: readonly GradientRoot[]
  readonly assigned: readonly { readonly parameter: Parameter; readonly value: Value }[]
  /** Kernels recorded, common ones counted once. */
  readonly kernels: number
}
