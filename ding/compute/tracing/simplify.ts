import type { TensorSpec } from '../../utils/index.js'
import type { Value } from './graph.js'

type Inputs = Readonly<Record<string, Value>>

/** What a kernel call comes to without being recorded: one of its inputs, or one number everywhere. */
export type Simplified = { readonly same: Value } | { readonly uniform: number } | undefined

const { fround } = Math

/** float32 kernels whose result is uniform when their inputs are. */
const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => fround(a + b),
  Sub: (a, b) => fround(a - b),
  Multiply: (a, b) => fround(a * b),
  RealDiv: (a, b) => fround(a / b),
  Neg: (a) => -a,
  Square: (a) => fround(a * a),
  Sqrt: (a) => fround(Math.sqrt(a)),
}

/** Kernels that move elements about without changing them. */
const MOVEMENT = new Set(['ExpandDims', 'Identity', 'Reshape', 'Reverse', 'Slice', 'Tile', 'Transpose'])

/** The number that fills a value, if one does. */
export function uniformOf(value: Value | undefined): number | undefined {
  return value?.origin.kind === 'uniform' ? value.origin.number : undefined
}

function sameSpec(a: TensorSpec, b: TensorSpec): boolean {
  return a.dtype === b.dtype && a.shape.join() === b.shape.join()
}

/** Recognises calls that need no node: moves that move nothing, neutral elements, and arithmetic on uniform values. */
export function simplify(
  kernel: string,
  inputs: Inputs,
  attrs: Readonly<Record<string, unknown>>,
  out: TensorSpec,
): Simplified {
  if (kernel === 'ZerosLike') return { uniform: 0 }
  if (kernel === 'OnesLike') return { uniform: 1 }
  if (kernel === 'Fill')
    return typeof attrs['value'] === 'number' ? { uniform: numberAs(attrs['value'], out) } : undefined
  const values = Object.values(inputs)
  const first = values[0]
  if (first === undefined) return undefined
  if (isStill(kernel, attrs) && sameSpec(first.spec, out)) return { same: first }
  return neutral(kernel, inputs, out) ?? foldUniform(kernel, values, out)
}

/** True for movements that leave every element where it is, provided that the shape stays. */
function isStill(kernel: string, attrs: Readonly<Record<string, unknown>>): boolean {
  if (kernel === 'Transpose') return (attrs['perm'] as number[]).every((axis, i) => axis === i)
  // Without axes tf.reverse turns all of them.
  if (kernel === 'Reverse') return (attrs['dims'] as number[] | undefined)?.length === 0
  return kernel === 'Cast' || MOVEMENT.has(kernel)
}

/** x + 0, x - 0, x * 1 and x / 1, for float32. */
function neutral(kernel: string, { a, b }: Inputs, out: TensorSpec): Simplified {
  if (a === undefined || b === undefined || out.dtype !== 'float32') return undefined
  const idle =
    kernel === 'Add' || kernel === 'Sub' ? 0 : kernel === 'Multiply' || kernel === 'RealDiv' ? 1 : undefined
  if (idle === undefined) return undefined
  if (uniformOf(b) === idle && sameSpec(a.spec, out)) return { same: a }
  const commutes = kernel === 'Add' || kernel === 'Multiply'
  return commutes && uniformOf(a) === idle && sameSpec(b.spec, out) ? { same: b } : undefined
}

function foldUniform(kernel: string, values: readonly Value[], out: TensorSpec): Simplified {
  const numbers = values.map(uniformOf)
  const [a, b] = numbers
  if (a === undefined || numbers.includes(undefined)) return undefined
  if (MOVEMENT.has(kernel)) return { uniform: a }
  if (kernel === 'Cast') return { uniform: numberAs(a, out) }
  const arithmetic = ARITHMETIC[kernel]
  if (arithmetic === undefined || values.some((value) => value.spec.dtype !== 'float32')) return undefined
  return { uniform: arithmetic(a, b ?? 0) }
}

function numberAs(value: number, { dtype }: TensorSpec): number {
  if (dtype === 'float32') return fround(value)
  return dtype === 'bool' ? Number(value !== 0) : Math.trunc(value)
}

/** Kernels whose ONNX counterparts broadcast, by the inputs that may be smaller than the output. */
const BROADCASTS: Readonly<Record<string, readonly string[]>> = {
  Add: ['a', 'b'],
  Sub: ['a', 'b'],
  Multiply: ['a', 'b'],
  RealDiv: ['a', 'b'],
  SquaredDifference: ['a', 'b'],
  Greater: ['a', 'b'],
  GreaterEqual: ['a', 'b'],
  Less: ['a', 'b'],
  LessEqual: ['a', 'b'],
  Equal: ['a', 'b'],
  Select: ['t', 'e'],
}

/**
 * Inputs with needless copies taken out: where another input already has the output's shape, a uniform value is passed as
 * a scalar, and a tensor that was tiled up from size 1 as it was before.
 */
export function withoutCopies(
  kernel: string,
  inputs: Inputs,
  out: TensorSpec,
  scalar: (value: Value) => Value,
): Inputs {
  const names = BROADCASTS[kernel]
  if (names === undefined) return inputs
  const isFull = (value: Value) => value.spec.shape.join() === out.shape.join()
  const slim = { ...inputs }
  for (const name of names) {
    const value = slim[name]
    if (value === undefined) continue
    const anotherIsFull = Object.entries(slim).some(([other, input]) => other !== name && isFull(input))
    if (anotherIsFull) slim[name] = withoutCopy(value, scalar)
  }
  return slim
}

function withoutCopy(value: Value, scalar: (value: Value) => Value): Value {
  if (value.origin.kind === 'uniform') return value.spec.shape.length === 0 ? value : scalar(value)
  if (value.origin.kind !== 'node' || value.origin.node.kernel !== 'Tile') return value
  const source = value.origin.node.inputs['x']
  const isBroadcast = source?.spec.shape.every((size, i) => size === 1 || size === value.spec.shape[i])
  return source !== undefined && isBroadcast === true ? source : value
}
