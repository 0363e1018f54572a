import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { createCompute } from '../../../../ding/compute/index.js'
import type { HostTensor } from '../../../../ding/utils/index.js'
import { sizeOf } from '../../../../ding/utils/index.js'

export type Inputs = Record<string, HostTensor>
export type Tensors = Record<string, Tensor>

/** What a case's results are held against. */
export type Check =
  /** Values and gradients against tfjs' cpu backend, and gradients against finite differences. */
  | 'all'
  /** Not against finite differences: near kinks, or where the gradient is one by convention. */
  | 'tfjs'
  /** Values against tfjs, no gradients: there are none, or the inputs are special numbers. */
  | 'values'

/** One use of one or more kernels. */
export interface KernelCase {
  readonly name: string
  readonly inputs: Inputs
  readonly run: (inputs: Tensors) => Tensor | Tensor[]
  readonly check: Check
  /** Largest difference from tfjs, absolute plus relative. */
  readonly tolerance: number
  /** Plain values that the outputs are held against where tfjs' cpu backend is wrong. */
  readonly expected?: readonly (readonly number[])[] | undefined
}

export interface CaseOptions {
  readonly check?: Check
  readonly tolerance?: number
  readonly expected?: readonly (readonly number[])[]
}

export function kernelCase(
  name: string,
  inputs: Inputs,
  run: (inputs: Tensors) => Tensor | Tensor[],
  { check = 'all', tolerance = 1e-5, expected }: CaseOptions = {},
): KernelCase {
  return { name, inputs, run, check, tolerance, expected }
}

/** A reproducible stream of numbers in [0, 1). */
function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    state = (state ^ (state >>> 12)) >>> 0
    return state / 2 ** 32
  }
}

const next = numbers(20260727)

/** Floats in [low, high). */
export function floats(shape: readonly number[], low = -2, high = 2): HostTensor<Float32Array> {
  return {
    dtype: 'float32',
    shape,
    data: Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * next()),
  }
}

/** Floats that keep `margin` away from the given points, where a function has a kink or a jump. */
export function floatsAwayFrom(
  points: readonly number[],
  shape: readonly number[],
  low = -3,
  high = 3,
  margin = 0.1,
): HostTensor<Float32Array> {
  const draw = (): number => {
    for (;;) {
      const value = low + (high - low) * next()
      if (points.every((point) => Math.abs(value - point) > margin)) return value
    }
  }
  return { dtype: 'float32', shape, data: Float32Array.from({ length: sizeOf(shape) }, draw) }
}

/** Floats 0.3 apart in random order: no ties for maxima and sorting. */
export function distinct(shape: readonly number[]): HostTensor<Float32Array> {
  const size = sizeOf(shape)
  const data = Float32Array.from({ length: size }, (_, i) => 0.3 * (i - size / 2))
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    const kept = data[i]!
    data[i] = data[j]!
    data[j] = kept
  }
  return { dtype: 'float32', shape, data }
}

/** Integers in [low, high). */
export function ints(shape: readonly number[], low = -5, high = 6): HostTensor<Int32Array> {
  const draw = (): number => low + Math.floor((high - low) * next())
  return { dtype: 'int32', shape, data: Int32Array.from({ length: sizeOf(shape) }, draw) }
}

export function bools(shape: readonly number[]): HostTensor<Uint8Array> {
  return {
    dtype: 'bool',
    shape,
    data: Uint8Array.from({ length: sizeOf(shape) }, () => Number(next() < 0.5)),
  }
}

/** The given floats. */
export function values(
  data: readonly number[],
  shape: readonly number[] = [data.length],
): HostTensor<Float32Array> {
  return { dtype: 'float32', shape, data: Float32Array.from(data) }
}

/** The given integers. */
export function integers(
  data: readonly number[],
  shape: readonly number[] = [data.length],
): HostTensor<Int32Array> {
  return { dtype: 'int32', shape, data: Int32Array.from(data) }
}

export function listOf(result: Tensor | Tensor[]): Tensor[] {
  return Array.isArray(result) ? result : [result]
}

/** Fixed weights that make a scalar of an output; none of them are equal or zero. */
export function weights(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => 0.4 + 0.7 * Math.sin(1.3 * i + 0.5) ** 2)
}

/** A scalar that depends on every float element of the outputs. */
function scalarOf(outputs: readonly Tensor[]): Tensor {
  const parts = outputs
    .filter((output) => output.dtype === 'float32')
    .map((output) => tf.sum(tf.mul(output, tf.tensor(weights(output.size), output.shape))))
  return tf.addN(parts)
}

/** Names of the float inputs that the case is differentiated by. */
export function differentiated(kernelCase: KernelCase): string[] {
  return Object.keys(kernelCase.inputs).filter((name) => kernelCase.inputs[name]!.dtype === 'float32')
}

/** The outputs, and the gradients of a scalar made of them where `withGradients`. */
export function evaluate(
  kernelCase: KernelCase,
  inputs: Tensors,
  withGradients: boolean,
): { outputs: Tensor[]; gradients: Tensors } {
  const outputs = listOf(kernelCase.run(inputs))
  if (!withGradients) return { outputs, gradients: {} }
  const names = differentiated(kernelCase)
  const loss = (...wanted: Tensor[]): tf.Scalar => {
    const replaced = Object.fromEntries(names.map((name, i) => [name, wanted[i]!]))
    return scalarOf(listOf(kernelCase.run({ ...inputs, ...replaced }))) as tf.Scalar
  }
  const found = tf.grads(loss)(names.map((name) => inputs[name]!))
  return { outputs, gradients: Object.fromEntries(names.map((name, i) => [name, found[i]!])) }
}

export function toTensor({ data, shape, dtype }: HostTensor): Tensor {
  return tf.tensor(data.slice(), [...shape], dtype === 'uint8' ? 'int32' : dtype)
}

/** The scalar of {@link evaluate} in double precision, from tfjs' float32 outputs. */
function scalarAt(kernelCase: KernelCase, inputs: Inputs): number {
  return tf.tidy(() => {
    const tensors = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, toTensor(value)]))
    let sum = 0
    for (const output of listOf(kernelCase.run(tensors))) {
      if (output.dtype !== 'float32') continue
      const weight = weights(output.size)
      for (const [i, value] of output.dataSync().entries()) sum += value * weight[i]!
    }
    return sum
  })
}

/** d scalar / d input by central differences on tfjs' cpu backend. */
export function differences(kernelCase: KernelCase, name: string, step = 1e-2): Float32Array {
  const input = kernelCase.inputs[name]!
  const at = (i: number, change: number): number => {
    const data = Float32Array.from(input.data)
    data[i] = data[i]! + change
    return scalarAt(kernelCase, { ...kernelCase.inputs, [name]: { ...input, data } })
  }
  return Float32Array.from(input.data, (_, i) => (at(i, step) - at(i, -step)) / (2 * step))
}

/** The largest |a - b| / (1 + |b|), NaN and infinities counting as equal to themselves. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let worst = 0
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i]) || a[i] === b[i]) continue
    const gap = Math.abs(a[i]! - b[i]!) / (1 + Math.abs(b[i]!))
    worst = Math.max(worst, Number.isNaN(gap) ? Number.POSITIVE_INFINITY : gap)
  }
  return worst
}

/** True for cases whose gradients are looked at. */
export function hasGradients(kernelCase: KernelCase): boolean {
  return kernelCase.check !== 'values' && differentiated(kernelCase).length > 0
}

export interface Result {
  readonly outputs: readonly HostTensor[]
  readonly gradients: Inputs
}

/** All cases of a family in one program, so that a family costs one compilation; compiled, or eager on a tfjs backend. */
export async function runFamily(
  runtime: 'onnx' | 'cpu' | 'wasm',
  family: string,
  cases: readonly KernelCase[],
): Promise<readonly Result[]> {
  const compute = await createCompute(runtime === 'onnx' ? {} : { runtime: 'eager', backend: runtime })
  const program = compute.program(family, (inputs: Record<string, Tensors>) =>
    cases.map((kernelCase, i) => evaluate(kernelCase, inputs[`case${i}`]!, hasGradients(kernelCase))),
  )
  const inputs = Object.fromEntries(cases.map((kernelCase, i) => [`case${i}`, kernelCase.inputs]))
  const results = await program.run(inputs)
  await compute.dispose()
  return results as unknown as readonly Result[]
}
