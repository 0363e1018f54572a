import type { TensorSpec } from '../../utils/index.js'

/** Attribute values that ONNX nodes take here. Integers are written as int64, `{ float: x }` and `{ floats: [...] }` as float32. */
export type OnnxAttribute =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly floats: readonly number[] }

/** One recorded call of a tfjs kernel: what went in, by the kernel's own input names, and its attributes. */
export interface KernelCall {
  readonly kernel: string
  /** Inputs by tfjs' name (`a`, `b`, `x`, ...); kernels that take a list (Concat, Pack, AddN) name them '0', '1', ... */
  readonly inputs: Readonly<Record<string, TensorSpec>>
  readonly attrs: Readonly<Record<string, unknown>>
}

/** What a lowering has at hand: the call, the ONNX value names of its inputs, and a writer of nodes and constants. */
export interface Lowering extends KernelCall {
  readonly outputs: readonly TensorSpec[]
  /** ONNX value name of an input. bool tensors are ONNX bool, int32 are ONNX int32. */
  name(input: string): string
  /** ONNX value names of a list input, in order. */
  names(): string[]
  /** Adds a node and returns the name of its first (or only) output. `outputs` > 1: see `ops`. */
  op(
    type: string,
    inputs: readonly string[],
    attrs?: Readonly<Record<string, OnnxAttribute>>,
    domain?: string,
  ): string
  /** Adds a node with several outputs and returns their names. */
  ops(
    type: string,
    inputs: readonly string[],
    outputs: number,
    attrs?: Readonly<Record<string, OnnxAttribute>>,
    domain?: string,
  ): string[]
  /** Constants, shared when equal. `shape` defaults to a scalar for a number and to one axis for a list. */
  float(values: number | readonly number[], shape?: readonly number[]): string
  int32(values: number | readonly number[], shape?: readonly number[]): string
  int64(values: number | readonly number[], shape?: readonly number[]): string
  bool(values: boolean | readonly boolean[], shape?: readonly number[]): string
}

/** The two halves of a kernel: its shape rule and its lowering, kept side by side. */
export interface KernelRule {
  /** tfjs' kernel name. */
  readonly kernel: string
  /** The outputs' shapes and dtypes. @throws CompileError when a shape depends on data. */
  infer(call: KernelCall): readonly TensorSpec[]
  /** Writes ONNX (opset 18) and returns one value name per output. */
  lower(at: Lowering): readonly string[]
  /** Set for kernels that treat every element alike, with inputs that broadcast. */
  readonly elementwise?: true
  /** Set for kernels whose outputs are a list to tfjs, also when it is a list of one. */
  readonly list?: true
}
