import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Compute, HostOutputs } from '../../../ding/compute/index.js'
import {
  backward,
  createCompute,
  Parameter,
  RandomStream,
  random,
  stopGradient,
} from '../../../ding/compute/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'
import { float32, int32 } from './helpers.js'

let onnx: Compute
let eager: Compute
let wasm: Compute
beforeAll(async () => {
  onnx = await createCompute({})
  eager = await createCompute({ runtime: 'eager', backend: 'cpu' })
  wasm = await createCompute({ runtime: 'eager', backend: 'wasm' })
})
afterAll(async () => {
  await onnx.dispose()
  await eager.dispose()
  await wasm.dispose()
})

const ACTIVATIONS: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  identity: (x) => x,
  relu: (x) => tf.relu(x),
  relu6: (x) => tf.relu6(x),
  tanh: (x) => tf.tanh(x),
  sigmoid: (x) => tf.sigmoid(x),
  elu: (x) => tf.elu(x),
  selu: (x) => tf.selu(x),
  leaky: (x) => tf.leakyRelu(x, 0.1),
  softplus: (x) => tf.softplus(x),
  swish: (x) => tf.mul(x, tf.sigmoid(x)),
  norm: (x) => {
    const { mean, variance } = tf.moments(x, -1, true)
    return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-3)))
  },
}

const LOSSES: Record<string, (y: tf.Tensor, target: tf.Tensor, label: tf.Tensor) => tf.Tensor> = {
  squared: (y, target) => tf.mean(tf.squaredDifference(y, target)),
  absolute: (y, target) => tf.mean(tf.abs(tf.sub(y, target))),
  huber: (y, target) => {
    const error = tf.abs(tf.sub(y, target))
    const small = tf.minimum(error, 0.5)
    return tf.mean(tf.add(tf.mul(tf.square(small), 0.5), tf.mul(tf.sub(error, small), 0.5)))
  },
  entropy: (y, _target, label) =>
    tf.neg(tf.mean(tf.sum(tf.mul(tf.oneHot(label as tf.Tensor1D, y.shape[1]!), tf.logSoftmax(y)), -1))),
  gathered: (y, target, label) =>
    tf.mean(
      tf.squaredDifference(tf.gather(y, tf.expandDims(label, 1), 1, 1), tf.slice(target, [0, 0], [-1, 1])),
    ),
  extreme: (y, target) => tf.sum(tf.sub(tf.logSumExp(y, 1), tf.max(target, 1))),
}

interface Network {
  sizes: number[]
  batch: number
  activation: string
  loss: string
  fused: boolean
  noise: boolean
  seed: number
}

const networks: fc.Arbitrary<Network> = fc.record({
  // tf.oneHot, in the cross entropy, wants at least two classes.
  sizes: fc
    .tuple(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 2, max: 9 }),
    )
    .map(([sizes, last]) => [...sizes, last]),
  batch: fc.integer({ min: 1, max: 7 }),
  activation: fc.constantFrom(...Object.keys(ACTIVATIONS)),
  loss: fc.constantFrom(...Object.keys(LOSSES)),
  fused: fc.boolean(),
  noise: fc.boolean(),
  seed: fc.integer({ min: 0, max: 1000 }),
})

/** One network with everything a program may do: gradients, auxiliary values, detached targets, noise and state. */
function build(compute: Compute, { sizes, activation, loss, fused, noise, seed }: Network) {
  const stream = RandomStream.fromSeed(seed)
  const parameters: Parameter[] = []
  for (let i = 0; i + 1 < sizes.length; i++) {
    const [from, to] = [sizes[i]!, sizes[i + 1]!]
    parameters.push(new Parameter([to, from], true, stream.normal(to * from), `${i}.weight`))
    parameters.push(new Parameter([to], true, stream.normal(to), `${i}.bias`))
  }
  const unused = new Parameter([2], true, undefined, 'unused')
  unused.grad.fill(7)
  const running = new Parameter([sizes.at(-1)!], false, undefined, 'running')
  const forward = (x: tf.Tensor): tf.Tensor => {
    let h = x
    for (let i = 0; i < parameters.length; i += 2) {
      const weight = parameters[i]!.value as tf.Tensor2D
      const bias = parameters[i + 1]!.value
      h = fused
        ? tf.fused.matMul({ a: h as tf.Tensor2D, b: weight, transposeB: true, bias })
        : tf.add(tf.matMul(h as tf.Tensor2D, weight, false, true), bias)
      if (i + 2 < parameters.length) h = ACTIVATIONS[activation]!(h)
    }
    return h
  }
  const fn = ({ x, next, label }: { x: tf.Tensor; next: { x: tf.Tensor }; label: tf.Tensor }) => {
    const target = stopGradient(forward(next.x))
    let y: tf.Tensor | undefined
    const value = backward([...parameters, unused], () => {
      const input = noise ? tf.add(x, tf.mul(random.normal(x.shape), 0.1)) : x
      y = forward(input)
      return LOSSES[loss]!(y, target, label)
    })
    running.assign(tf.add(tf.mul(running.value, 0.9), tf.mul(tf.mean(y!, 0), 0.1)))
    return { value, y: y!, best: tf.argMax(y!, 1), running: running.value }
  }
  const program = compute.program('network', fn, { random: stream.child('noise') })
  return { program, parameters: [...parameters, unused, running] }
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  expect(actual.length, what).toBe(expected.length)
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!)
    expect(difference, `${what}[${i}]: ${actual[i]} and ${expected[i]}`).toBeLessThanOrEqual(
      2e-4 * (1 + Math.abs(expected[i]!)),
    )
  }
}

describe('compiled and eager programs, on the cpu and wasm backends,', () => {
  it('agree on values, gradients and assigned state of random networks', async () => {
    await fc.assert(
      fc.asyncProperty(networks, async (network) => {
        const { batch, sizes, seed } = network
        const stream = RandomStream.fromSeed(seed + 1)
        const x = () => ({
          dtype: 'float32' as const,
          shape: [batch, sizes[0]!],
          data: stream.normal(batch * sizes[0]!),
        })
        const label: HostTensor = {
          dtype: 'int32',
          shape: [batch],
          data: stream.integers(batch, 0, sizes.at(-1)!),
        }
        const inputs = { x: x(), next: { x: x() }, label }
        const compiled = build(onnx, network)
        const reference = build(eager, network)
        const others = [compiled, build(wasm, network)]
        for (let run = 0; run < 2; run++) {
          const b = await reference.program.run(inputs)
          for (const other of others) {
            const a = await other.program.run(inputs)
            for (const key of ['value', 'y', 'best', 'running'] as const) {
              expect(a[key].shape, key).toEqual(b[key].shape)
              expect(a[key].dtype, key).toEqual(b[key].dtype)
              if (key !== 'best') expectClose(a[key].data, b[key].data, key)
            }
            for (const [i, parameter] of other.parameters.entries()) {
              const known = reference.parameters[i]!
              expectClose(parameter.data, known.data, `${parameter.name} data`)
              expectClose(parameter.grad, known.grad, `${parameter.name} grad`)
            }
          }
        }
        expect(compiled.program.specialisations()).toHaveLength(1)
        compiled.program.dispose()
      }),
      { numRuns: 60, seed: 20 },
    )
  })

  it('give the same results for the same injected draws', async () => {
    const fn = () => ({
      normal: random.normal([2]),
      uniform: random.uniform([1, 2]),
      integers: random.integers([3], 0, 9),
      order: random.permutation(3),
      subset: random.subset(5, 2),
    })
    const draws = [
      float32([1, 2]),
      float32([0.25, 0.5], [1, 2]),
      int32([4, 5, 6]),
      int32([2, 0, 1]),
      int32([4, 1]),
    ]
    const results: HostOutputs<ReturnType<typeof fn>>[] = []
    for (const compute of [onnx, eager]) results.push(await compute.program('draws', fn).run({}, { draws }))
    expect(results[0]).toEqual(results[1])
    expect(Object.values(results[0]!).map(({ data }) => [...data])).toEqual(
      draws.map(({ data }) => [...data]),
    )
  })

  it('draw the same numbers from the same stream, used or not', async () => {
    const results: number[][] = []
    for (const compute of [onnx, eager]) {
      const program = compute.program(
        'stream',
        () => {
          random.normal([3])
          return tf.add(random.uniform([4]), 0)
        },
        { random: RandomStream.fromSeed(5) },
      )
      await program.run({})
      results.push([...(await program.run({})).data])
    }
    expect(results[0]).toEqual(results[1])
  })

  it('can be used alternately in one process', async () => {
    const fn = ({ x }: { x: tf.Tensor }) => tf.mul(x, 3)
    const compiled = onnx.program('a', fn)
    const reference = eager.program('b', fn)
    for (const size of [1, 2, 3]) {
      const x = float32(new Array<number>(size).fill(size))
      expect((await compiled.run({ x })).data).toEqual((await reference.run({ x })).data)
    }
  })
})
