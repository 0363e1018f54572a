import * as tf from '@tensorflow/tfjs-core'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Compute } from '../../../ding/compute/index.js'
import {
  backward,
  createCompute,
  Parameter,
  ParameterArena,
  RandomStream,
  random,
} from '../../../ding/compute/index.js'
import { float32, int32 } from './helpers.js'

let compute: Compute
beforeAll(async () => {
  compute = await createCompute({ runtime: 'onnx' })
})
afterAll(() => compute.dispose())

describe('compiled programs', () => {
  it('compile once per combination of input shapes', async () => {
    const program = compute.program('shapes', ({ x }: { x: tf.Tensor }) => tf.sum(x))
    for (const size of [2, 3, 2, 3]) await program.run({ x: float32(new Array<number>(size).fill(1)) })
    expect(program.specialisations().map(({ signature }) => signature)).toEqual([
      'x:float32[2]',
      'x:float32[3]',
    ])
  })

  it('read inputs and parameters anew on every run', async () => {
    const w = new Parameter([2], true, Float32Array.of(1, 2), 'w')
    const program = compute.program('fresh', ({ x }: { x: tf.Tensor }) => tf.mul(x, w.value))
    const x = float32([1, 1])
    expect([...(await program.run({ x })).data]).toEqual([1, 2])
    x.data.set([2, 3])
    w.set([10, 20])
    expect([...(await program.run({ x })).data]).toEqual([20, 60])
    ParameterArena.pack([w])
    w.data.set([0.5, 0.25])
    expect([...(await program.run({ x: float32([4, 4]) })).data]).toEqual([2, 1])
  })

  it('give results that later runs do not change', async () => {
    const program = compute.program('kept', ({ x }: { x: tf.Tensor }) => {
      const y = tf.mul(x, 2)
      return { y, again: y, z: tf.add(x, 1), x }
    })
    const first = await program.run({ x: float32([1, 2]) })
    first.y.data[0] = 99
    await program.run({ x: float32([5, 6]) })
    expect([...first.again.data]).toEqual([2, 4])
    expect([...first.z.data]).toEqual([2, 3])
    expect([...first.x.data]).toEqual([1, 2])
  })

  it('hold large and small outputs of every dtype', async () => {
    const program = compute.program('dtypes', ({ x }: { x: tf.Tensor }) => ({
      large: tf.add(x, 1),
      count: tf.cast(x, 'int32'),
      positive: tf.greater(x, 0),
      small: tf.mean(x),
      tiny: tf.max(x),
    }))
    const size = 5000
    const x = float32(Array.from({ length: size }, (_, i) => i - 1))
    const { large, count, positive, small, tiny } = await program.run({ x })
    expect([large.data[0], large.data[size - 1], large.dtype]).toEqual([0, size - 1, 'float32'])
    expect([count.data[3], count.dtype]).toEqual([2, 'int32'])
    expect([...positive.data.slice(0, 3), positive.dtype]).toEqual([0, 0, 1, 'bool'])
    expect([small.data[0], small.shape]).toEqual([(size - 1) / 2 - 1, []])
    expect(tiny.data[0]).toBe(size - 2)
  })

  it('read uint8 inputs as int32', async () => {
    const program = compute.program('pixels', ({ x }: { x: tf.Tensor }) => ({
      x,
      scaled: tf.div(tf.cast(x, 'float32'), 255),
    }))
    const { x, scaled } = await program.run({
      x: { dtype: 'uint8', shape: [2], data: Uint8Array.of(0, 255) },
    })
    expect([x.dtype, ...x.data]).toEqual(['int32', 0, 255])
    expect([...scaled.data]).toEqual([0, 1])
  })

  it('copy inputs in shared memory', async () => {
    const data = new Float32Array(new SharedArrayBuffer(8))
    data.set([1, 2])
    const program = compute.program('shared', ({ x }: { x: tf.Tensor }) => tf.neg(x))
    expect([...(await program.run({ x: { dtype: 'float32', shape: [2], data } })).data]).toEqual([-1, -2])
    data[0] = 5
    expect([...(await program.run({ x: { dtype: 'float32', shape: [2], data } })).data]).toEqual([-5, -2])
  })

  it('take several gradients, and use captured values of one loss in the next', async () => {
    const w = new Parameter([], true, Float32Array.of(3), 'w')
    const alpha = new Parameter([], true, Float32Array.of(2), 'alpha')
    const program = compute.program('two', ({ x }: { x: tf.Tensor }) => {
      let y: tf.Tensor | undefined
      const actor = backward([w], () => {
        y = tf.mul(w.value, x)
        return tf.square(y)
      })
      return [actor, backward([alpha], () => tf.mul(alpha.value, y!))]
    })
    const [actor, temperature] = await program.run({ x: float32([2], []) })
    expect([actor!.data[0], temperature!.data[0], w.grad[0], alpha.grad[0]]).toEqual([36, 12, 24, 6])
  })

  it('let no gradient through an assigned value', async () => {
    const w = new Parameter([], true, Float32Array.of(3), 'w')
    const state = new Parameter([], false, undefined, 'state')
    const program = compute.program('assigned', () =>
      backward([w], () => {
        state.assign(tf.mul(w.value, 2))
        return tf.mul(state.value, w.value)
      }),
    )
    expect([...(await program.run({})).data]).toEqual([18])
    expect([state.data[0], w.grad[0]]).toEqual([6, 6])
  })

  it('swap two parameters', async () => {
    const [a, b] = [
      new Parameter([1], false, Float32Array.of(1), 'a'),
      new Parameter([1], false, Float32Array.of(2), 'b'),
    ]
    const program = compute.program('swap', () => {
      const [x, y] = [a.value, b.value]
      a.assign(y)
      b.assign(x)
    })
    expect(await program.run({})).toBeUndefined()
    expect([a.data[0], b.data[0]]).toEqual([2, 1])
  })

  it('obey custom gradients and tf.grad inside a loss', async () => {
    const w = new Parameter([2], true, Float32Array.of(1, 2), 'w')
    const doubled = tf.customGrad((x) => ({
      value: tf.mul(x as tf.Tensor, 1),
      gradFunc: (dy: tf.Tensor) => tf.mul(dy, 2),
    }))
    const program = compute.program('penalty', ({ x }: { x: tf.Tensor }) =>
      backward([w], () => {
        const slope = tf.grad((input: tf.Tensor) => tf.sum(tf.mul(tf.square(input), w.value)))(x)
        return tf.add(tf.sum(slope), tf.sum(doubled(w.value)))
      }),
    )
    await program.run({ x: float32([3, 5]) })
    expect([...w.grad]).toEqual([8, 12])
  })

  it('keep NaN behind a closed relu', async () => {
    const w = new Parameter([2], true, Float32Array.of(-1, 2), 'w')
    const program = compute.program('closed', ({ x }: { x: tf.Tensor }) =>
      // The derivative of the root is infinite at 0, and 0 times infinity NaN; only the closed unit meets it.
      backward([w], () => tf.sum(tf.mul(tf.sqrt(tf.mul(tf.relu(w.value), x)), x))),
    )
    await program.run({ x: float32([0, 2]) })
    expect([...w.grad]).toEqual([0, 1])
  })

  it('use tensors made outside as constants', async () => {
    await createCompute({ runtime: 'eager', backend: 'cpu' })
    await tf.setBackend('cpu')
    const table = tf.tensor1d([1, 2, 3])
    const program = compute.program('table', ({ i }: { i: tf.Tensor }) => tf.gather(table, i as tf.Tensor1D))
    expect([...(await program.run({ i: int32([2, 0]) })).data]).toEqual([3, 1])
    expect([...table.dataSync()]).toEqual([1, 2, 3])
    expect(tf.getBackend()).toBe('cpu')
    table.dispose()
  })

  it('leave out what no result needs', async () => {
    const program = compute.program('lean', ({ x, y }: { x: tf.Tensor; y: tf.Tensor }) => {
      tf.matMul(tf.reshape(y, [2, 2]), tf.reshape(y, [2, 2]))
      return tf.add(tf.mul(tf.add(x, 0), 1), tf.mul(x, tf.ones([2])))
    })
    await program.run({ x: float32([1, 2]), y: float32([1, 2, 3, 4]) })
    expect(program.specialisations()[0]!.nodes).toBe(1)
  })

  it('write large gradients where they belong, also after packing and when they are returned as well', async () => {
    const size = 5000
    const w = new Parameter([size], true, new Float32Array(size).fill(1), 'w')
    const v = new Parameter([size], true, new Float32Array(size).fill(2), 'v')
    const program = compute.program('large', ({ x }: { x: tf.Tensor }) => {
      backward([w, v], () => tf.sum(tf.mul(tf.mul(w.value, x), v.value)))
      return tf.mul(x, v.value)
    })
    const x = float32(new Array<number>(size).fill(3))
    await program.run({ x })
    expect([w.grad[size - 1], v.grad[0]]).toEqual([6, 3])
    ParameterArena.pack([w, v])
    v.data.fill(4)
    w.grad.fill(0)
    v.grad.fill(0)
    const y = await program.run({ x })
    expect([w.grad[0], v.grad[size - 1], y.data[7]]).toEqual([12, 3, 12])
    y.data[7] = 0
    expect(w.grad[7]).toBe(12)
  })

  it('export an ONNX model with names that a reader understands', () => {
    const w = new Parameter([2], true, undefined, 'head.weight')
    const program = compute.program('export', ({ obs }: { obs: tf.Tensor }) => ({
      loss: backward([w], () => tf.sum(tf.mul(w.value, tf.add(obs, random.normal([2]))))),
    }))
    const text = Buffer.from(program.onnx({ obs: { dtype: 'float32', shape: [2] } })).toString('latin1')
    for (const name of ['in:obs', 'param:head.weight', 'draw:0', 'loss', 'grad:head.weight'])
      expect(text).toContain(name)
  })

  it('export an acting program that ONNX Runtime runs without ding, with the same actions', async () => {
    const stream = RandomStream.fromSeed(3)
    const sizes = [4, 16, 3]
    const layers = [0, 1].map((i) => {
      const [from, to] = [sizes[i]!, sizes[i + 1]!]
      return {
        weight: new Parameter([to, from], true, stream.normal(to * from), `${i}.weight`),
        bias: new Parameter([to], true, stream.normal(to), `${i}.bias`),
      }
    })
    const program = compute.program('act', ({ obs }: { obs: tf.Tensor2D }) => {
      let h = obs
      for (const [i, { weight, bias }] of layers.entries()) {
        const b = weight.value as tf.Tensor2D
        const activation = i === 0 ? 'relu' : 'linear'
        h = tf.fused.matMul({ a: h, b, transposeB: true, bias: bias.value, activation }) as tf.Tensor2D
      }
      return { action: tf.argMax(h, 1), logit: h }
    })
    const obs = { dtype: 'float32' as const, shape: [32, 4], data: stream.normal(128) }
    const { action, logit } = await program.run({ obs })
    expect(new Set(action.data).size).toBeGreaterThan(1)

    const session = await InferenceSession.create(program.onnx({ obs }))
    const feeds: Record<string, Tensor> = { 'in:obs': new Tensor('float32', obs.data, obs.shape) }
    for (const { weight, bias } of layers)
      for (const { name, data, shape } of [weight, bias])
        feeds[`param:${name}`] = new Tensor('float32', data, shape)
    expect([...session.inputNames].sort()).toEqual(Object.keys(feeds).sort())
    const alone = await session.run(feeds)
    expect([...(alone['action']!.data as Int32Array)]).toEqual([...action.data])
    expect([...(alone['logit']!.data as Float32Array)]).toEqual([...logit.data])
    await session.release()
  })
})
