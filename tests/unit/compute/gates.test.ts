import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Compute } from '../../../ding/compute/index.js'
import { backward, createCompute, Parameter, RandomStream } from '../../../ding/compute/index.js'
import { compileTrace } from '../../../ding/compute/onnx/index.js'
import { traceFunction } from '../../../ding/compute/tracing/index.js'
import { Linear } from '../../../ding/nn/index.js'
import { float32 } from './helpers.js'

describe.each(['eager', 'onnx'] as const)(
  'on %s, tf.where(x > 0, y, 0) is 0 where x is not above 0,',
  (runtime) => {
    let compute: Compute
    beforeAll(async () => {
      compute = await createCompute({ runtime })
    })
    afterAll(() => compute.dispose())

    type Given = Record<'x' | 'y', tf.Tensor>
    const { NaN: nan, NEGATIVE_INFINITY: infinity } = Number
    const cases: readonly [string, (given: Given) => tf.Tensor, number, number][] = [
      ['0 / 0, clipped', ({ x, y }) => tf.clipByValue(tf.div(y, x), -10, 10), 0, 0],
      ['a logarithm, clipped', ({ x }) => tf.clipByValue(tf.log(x), -20, 2), -1, 0],
      ['exp', ({ x }) => tf.exp(tf.neg(x)), -100, 0],
      ['sinh', ({ x }) => tf.sinh(x), -100, 0],
      ['cosh', ({ x }) => tf.cosh(x), -100, 0],
      ['an input of NaN', ({ y }) => y, -1, nan],
      ['an input of infinity', ({ y }) => y, -1, infinity],
      ['a condition of NaN', ({ x }) => tf.onesLike(x), nan, 0],
      ['a constant of infinity', ({ y }) => tf.add(tf.cast(tf.cast(y, 'int32'), 'float32'), infinity), -1, 0],
    ]
    it.each(cases)('behind %s', async (_name, value, x, y) => {
      const program = compute.program('gate', (given: Given) =>
        tf.where(tf.greater(given.x, 0), value(given), tf.zerosLike(given.x)),
      )
      const rows = (number: number) => float32([number, number, number])
      expect([...(await program.run({ x: rows(x), y: rows(y) })).data]).toEqual([0, 0, 0])
    })

    it('behind a product whose rows are one number each', async () => {
      const w = new Parameter([2, 1], true, Float32Array.of(1, 1), 'w')
      const program = compute.program('rows', ({ valid, x }: Record<'valid' | 'x', tf.Tensor>) => {
        const q = tf.reshape(tf.matMul(x as tf.Tensor2D, w.value as tf.Tensor2D), [-1])
        return tf.where(tf.greater(tf.reshape(valid, [-1]), 0), q, tf.zerosLike(q))
      })
      const x = float32([1, 2, nan, 3], [2, 2])
      expect([...(await program.run({ valid: float32([1, 0]), x })).data]).toEqual([3, 0])
    })
  },
)

it("the update of a critic gates every hidden layer's gradient by a product", () => {
  const random = RandomStream.fromSeed(1)
  const layers = [new Linear(6, 16, random), new Linear(16, 16, random), new Linear(16, 1, random)]
  const value = (x: tf.Tensor) =>
    layers.reduce((h, layer, i) => (i === 0 ? layer.forward(h) : layer.forward(tf.relu(h))), x)
  type Batch = Record<'obs' | 'action' | 'target', tf.Tensor>
  const update = (batch: unknown) => {
    const { obs, action, target } = batch as Batch
    const parameters = layers.flatMap((layer) => layer.parameters())
    return backward(parameters, () => {
      const q = tf.squeeze(value(tf.concat([obs, action], 1)), [1])
      return tf.mean(tf.squaredDifference(q, target))
    })
  }
  const batch = { obs: float32([], [8, 4]), action: float32([], [8, 2]), target: float32([], [8]) }
  const { graph } = compileTrace('critic', traceFunction('critic', update, batch), Object.values(batch))
  const count = (type: string) => graph.nodes.filter((node) => node.type === type).length
  expect([count('HardSigmoid'), count('Where')]).toEqual([2, 0])
})
