import { beforeAll, describe } from 'vitest'
import {
  type Compute,
  createCompute,
  type HostOutputs,
  type HostTree,
  RandomStream,
} from '../../../ding/compute/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'

/** The compiled runtime, or the tfjs backend that runs operation by operation. */
type Runtime = 'eager' | 'wasm' | 'onnx'

const started = new Map<Runtime, Promise<Compute>>()
let current: Runtime = 'eager'

/** Declares the tests of `body` for each runtime: tfjs' cpu and wasm backends, operation by operation, and compiled. */
export function onBothRuntimes(body: () => void): void {
  describe.each(['eager', 'wasm', 'onnx'] as const)('%s', (runtime) => {
    beforeAll(() => {
      current = runtime
    })
    body()
  })
}

/** A float32 host tensor; rows may be nested. */
export function f32(
  values: readonly number[],
  shape: readonly number[] = [values.length],
): HostTensor<Float32Array> {
  return { dtype: 'float32', shape, data: Float32Array.from(values) }
}

/** An int32 host tensor. */
export function i32(
  values: readonly number[],
  shape: readonly number[] = [values.length],
): HostTensor<Int32Array> {
  return { dtype: 'int32', shape, data: Int32Array.from(values) }
}

export interface RunOptions {
  readonly draws?: readonly HostTensor[]
  readonly random?: RandomStream
}

/** Runs a tfjs function once on host tensors. */
export async function run<I, O>(
  fn: (inputs: I) => O,
  inputs: HostTree,
  options: RunOptions = {},
): Promise<HostOutputs<O>> {
  let compute = started.get(current)
  if (compute === undefined) {
    compute = createCompute(current === 'wasm' ? { runtime: 'eager', backend: 'wasm' } : { runtime: current })
    started.set(current, compute)
  }
  const program = (await compute).program('test', fn, { random: options.random ?? RandomStream.fromSeed(7) })
  return program.run(inputs, options.draws === undefined ? undefined : { draws: options.draws })
}

/** Largest absolute difference. */
export function maxDiff(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let most = 0
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i]! - b[i]!)
    if (!(d <= most)) most = d
  }
  return most
}
