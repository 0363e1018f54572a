import type { TensorSpec } from '../../utils/index.js'
import type { OnnxAttribute } from '../kernels/index.js'

/** Element types that ONNX graphs hold here: those of programs, and int64 for axes and shapes. */
export type OnnxDType = TensorSpec['dtype'] | 'int64'

export interface OnnxNode {
  readonly type: string
  /** '' for the standard operators. */
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attrs: Readonly<Record<string, OnnxAttribute>>
}

/** A constant of the model. `bytes` are little-endian, row-major. */
export interface Initializer {
  readonly dtype: OnnxDType
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** A name with what it stands for. */
export interface NamedSpec extends TensorSpec {
  readonly name: string
}

/** An ONNX graph before it is written. Nodes are in an order in which they can run. */
export interface OnnxGraph {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly initializers: ReadonlyMap<string, Initializer>
  readonly inputs: readonly NamedSpec[]
  readonly outputs: readonly NamedSpec[]
  /** Shapes of the values that come from the traced function; values inside one kernel's lowering are not in it. */
  readonly specs: ReadonlyMap<string, TensorSpec>
}
