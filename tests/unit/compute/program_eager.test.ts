import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Compute } from '../../../ding/compute/index.js'
import { backward, createCompute, Parameter, random, stopGradient } from '../../../ding/compute/index.js'
import { float32 } from './helpers.js'

describe.each(['cpu', 'wasm'] as const)('eager programs on the %s backend', (backend) => {
  let compute: Compute
  beforeAll(async () => {
    compute = await createCompute({ runtime: 'eager', backend })
  })
  afterAll(() => compute.dispose())

  it('returns the structure that the function returned', async () => {
    const program = compute.program('form', ({ x }: { x: tf.Tensor }) => ({
      twice: tf.mul(x, 2),
      list: [tf.sum(x), x],
      nothing: undefined,
    }))
    const result = await program.run({ x: float32([1, 2, 3]) })
    expect([...result.twice.data]).toEqual([2, 4, 6])
    expect([...result.list[0]!.data]).toEqual([6])
    expect(result.list[1]!.shape).toEqual([3])
    expect(result.nothing).toBeUndefined()
  })

  it('leaves no tensors behind', async () => {
    const w = new Parameter([2], true, Float32Array.of(1, 2), 'w')
    const program = compute.program('tidy', ({ x }: { x: tf.Tensor }) => {
      let aux: tf.Tensor | undefined
      const loss = backward([w], () => {
        aux = tf.mul(w.value, x)
        return tf.sum(tf.square(aux))
      })
      w.assign(tf.add(w.value, 1))
      return { loss, aux: tf.add(aux!, random.normal([2])) }
    })
    const before = tf.memory().numTensors
    await program.run({ x: float32([1, 1]) }, { draws: [float32([0, 0])] })
    expect(tf.memory().numTensors).toBe(before)
    expect([...w.data]).toEqual([2, 3])
    expect([...w.grad]).toEqual([2, 4])
  })

  it('stops gradients', async () => {
    const w = new Parameter([], true, Float32Array.of(3), 'w')
    const program = compute.program('stop', () =>
      backward([w], () => tf.mul(stopGradient(tf.square(w.value)), w.value)),
    )
    expect([...(await program.run({})).data]).toEqual([27])
    expect([...w.grad]).toEqual([9])
  })
})
