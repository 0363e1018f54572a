import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Compute } from '../../../ding/compute/index.js'
import { backward, createCompute, Parameter, random, stopGradient } from '../../../ding/compute/index.js'
import { RuntimeUnavailableError } from '../../../ding/utils/index.js'
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

  it('computes a biased linear layer, whatever is transposed', async () => {
    const [x, w] = [float32([1, 2, 3, 4], [2, 2]), float32([1, -1, 0, 2, 5, 1], [3, 2])]
    const program = compute.program('linear', (t: Record<'x' | 'w' | 'b', tf.Tensor2D>) => ({
      plain: tf.fused.matMul({ a: t.x, b: t.w, transposeB: true, bias: t.b }),
      relu: tf.fused.matMul({ a: t.x, b: t.w, transposeB: true, bias: t.b, activation: 'relu' }),
      both: tf.fused.matMul({ a: t.x, b: t.w, transposeA: true, transposeB: true, bias: t.b }),
    }))
    const { plain, relu, both } = await program.run({ x, w, b: float32([10, 20, -30]) })
    expect([...plain.data]).toEqual([9, 24, -23, 9, 28, -11])
    expect([...relu.data]).toEqual([9, 24, 0, 9, 28, 0])
    expect([...both.data]).toEqual([8, 26, -22, 8, 28, -16])
  })

  it('leaves parameters and inputs as they are when a program scatters into them', async () => {
    const w = new Parameter([3], true, Float32Array.of(1, 2, 3), 'w')
    const program = compute.program('scatter', ({ x }: { x: tf.Tensor }) => {
      const at = tf.tensor2d([0], [1, 1], 'int32')
      const [a, b] = [w.value, x].map((t) => tf.tensorScatterUpdate(t, at, tf.tensor1d([9])))
      return { a: a!, b: b!, after: tf.add(w.value, x) }
    })
    const x = float32([4, 5, 6])
    const { a, b, after } = await program.run({ x })
    expect([[...a.data], [...b.data]]).toEqual([
      [9, 2, 3],
      [9, 5, 6],
    ])
    expect([...after.data]).toEqual([5, 7, 9])
    expect([[...w.data], [...x.data]]).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
  })

  it('says which kernel of which program the backend lacks', async () => {
    // Every kernel of tfjs' own is there; this stands for one that a package of the user's brings for another backend.
    const program = compute.program(
      'foreign',
      ({ x }: { x: tf.Tensor }) => tf.engine().runKernel('Foreign', { x }) as tf.Tensor,
    )
    const failed = program.run({ x: float32([1]) })
    await expect(failed).rejects.toThrow(RuntimeUnavailableError)
    await expect(failed).rejects.toThrow(
      `"foreign" uses the tfjs kernel Foreign, which the tfjs backend "${backend}"`,
    )
  })
})
