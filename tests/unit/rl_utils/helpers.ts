import type { Tensor } from '@tensorflow/tfjs-core'
import {
  backward,
  type Compute,
  createCompute,
  Parameter,
  RandomStream,
} from '../../../ding/compute/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'

let started: Promise<Compute> | undefined

export function eager(): Promise<Compute> {
  started ??= createCompute({ runtime: 'eager', backend: 'cpu' })
  return started
}

export const stream = (name: string) => RandomStream.fromSeed(7).child(name)

export function f32(shape: number[], data: ArrayLike<number>): HostTensor<Float32Array> {
  return { dtype: 'float32', shape, data: Float32Array.from(data) }
}

export function i32(shape: number[], data: ArrayLike<number>): HostTensor<Int32Array> {
  return { dtype: 'int32', shape, data: Int32Array.from(data) }
}

export function normal(random: RandomStream, shape: number[]): HostTensor<Float32Array> {
  return f32(shape, random.normal(shape.reduce((a, b) => a * b, 1)))
}

/** Runs a tensor function eagerly. */
export async function evaluate<K extends string>(
  inputs: Record<string, HostTensor>,
  fn: (inputs: Record<string, Tensor>) => Record<K, Tensor>,
): Promise<Record<K, number[]>> {
  const program = (await eager()).program('evaluate', fn)
  const outputs = (await program.run(inputs)) as Record<K, HostTensor>
  return Object.fromEntries(
    Object.entries<HostTensor>(outputs).map(([key, value]) => [key, Array.from(value.data)]),
  ) as Record<K, number[]>
}

/** The loss's gradient to the input `of`, by backpropagation and by central differences. */
export async function gradients(
  inputs: Record<string, HostTensor>,
  of: string,
  loss: (inputs: Record<string, Tensor>) => Tensor,
  step = 2 ** -7,
): Promise<{ backpropagated: number[]; differences: number[] }> {
  const compute = await eager()
  const { [of]: at, ...rest } = inputs
  const start = Float32Array.from(at!.data)
  const parameter = new Parameter(at!.shape, true, start.slice(), of)
  const program = compute.program('gradient', (given: Record<string, Tensor>) => ({
    loss: backward([parameter], () => loss({ ...given, [of]: parameter.value })),
  }))
  const lossAt = async (index: number, shift: number) => {
    const values = start.slice()
    values[index]! += shift
    parameter.set(values)
    const outputs = await program.run(rest)
    return { loss: outputs.loss.data[0]!, moved: parameter.data[index]! }
  }
  await program.run(rest)
  const backpropagated = Array.from(parameter.grad)
  const differences: number[] = []
  for (let i = 0; i < start.length; i++) {
    const up = await lossAt(i, step)
    const down = await lossAt(i, -step)
    differences.push((up.loss - down.loss) / (up.moved - down.moved))
  }
  return { backpropagated, differences }
}
