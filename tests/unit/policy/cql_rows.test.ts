import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import {
  backward,
  backwardOfSum,
  Parameter,
  RandomStream,
  withoutNegligible,
} from '../../../ding/compute/index.js'
import { Linear } from '../../../ding/nn/index.js'
import { clip_gap, tempered_log_sum_exp } from '../../../ding/policy/cql_gap.js'
import { cachedStates, partsOf, repeatRows } from '../../../ding/policy/cql_rows.js'
import { f32, sharedCompute } from './support.js'

const parameterOf = (values: readonly number[], shape: readonly number[]) =>
  new Parameter(shape, true, Float32Array.from(values), 'x')

describe('tempered_log_sum_exp', () => {
  const rows = [0.5, -1, 2, 100, 101, 99]

  test.each([1, 0.5, 4])(
    'of temperature %d and its gradient are right, for large values too',
    async (temp) => {
      const x = parameterOf(rows, [2, 3])
      const compute = await sharedCompute()
      const program = compute.program('lse', ({ scale }: { scale: Tensor }) => {
        let value!: Tensor
        backward([x], () => {
          value = tempered_log_sum_exp(x.value, temp)
          return tf.sum(tf.mul(value, scale))
        })
        return { value }
      })
      const { value } = await program.run({ scale: f32([1, 3]) })
      for (const row of [0, 1]) {
        const own = rows.slice(3 * row, 3 * row + 3)
        const top = Math.max(...own)
        const sum = own.reduce((total, v) => total + Math.exp((v - top) / temp), 0)
        expect(value.data[row]).toBeCloseTo(top + temp * Math.log(sum), 4)
        for (const [i, v] of own.entries()) {
          const share = (Math.exp((v - top) / temp) / sum) * (row === 0 ? 1 : 3)
          expect(x.grad[3 * row + i]).toBeCloseTo(share, 5)
        }
      }
      program.dispose()
    },
  )
})

describe('a share that is too small to count', () => {
  test('is an exact zero in the gradient, so that nothing subnormal goes through the critics', async () => {
    const x = parameterOf([0, -40, -50, -95], [1, 4])
    const compute = await sharedCompute()
    const program = compute.program('lse', () => ({
      loss: backward([x], () => tf.sum(tempered_log_sum_exp(x.value, 1))),
    }))
    await program.run({})
    program.dispose()
    expect(x.grad[0]).toBe(1)
    expect((x.grad[1] as number) / Math.exp(-40)).toBeCloseTo(1, 5)
    expect(Array.from(x.grad.slice(2))).toEqual([0, 0])
  })

  test('NaN and infinity are no such share', async () => {
    const compute = await sharedCompute()
    const program = compute.program('negligible', ({ x }: { x: Tensor }) => ({ y: withoutNegligible(x) }))
    const { y } = await program.run({ x: f32([Number.NaN, Number.POSITIVE_INFINITY, 2e-20, 9e-21, 0]) })
    program.dispose()
    expect(Array.from(y.data)).toEqual([Number.NaN, Number.POSITIVE_INFINITY, Math.fround(2e-20), 0, 0])
  })
})

describe('clip_gap', () => {
  test('keeps values in the bounds, and gradients inside them', async () => {
    const x = parameterOf([-3, 0, 3], [3])
    const compute = await sharedCompute()
    const run = async (min: number, max: number) => {
      const program = compute.program('clip', () => {
        let value!: Tensor
        backward([x], () => {
          value = clip_gap(x.value, min, max)
          return tf.sum(value)
        })
        return { value }
      })
      const { value } = await program.run({})
      program.dispose()
      return [Array.from(value.data), Array.from(x.grad)]
    }
    expect(await run(-1, 1)).toEqual([
      [-1, 0, 1],
      [0, 1, 0],
    ])
    expect(await run(-1, Number.POSITIVE_INFINITY)).toEqual([
      [-1, 0, 3],
      [0, 1, 1],
    ])
    expect(await run(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)).toEqual([
      [-3, 0, 3],
      [1, 1, 1],
    ])
  })
})

describe('rows', () => {
  test('are cut into pieces of about equal size that hold all of them, in order', async () => {
    const compute = await sharedCompute()
    const column = (count: number) => f32(Array.from({ length: count }, (_, i) => i))
    const program = compute.program('parts', ({ target }: { target: Tensor }) => {
      const count = target.shape[0] as number
      const actions = tf.tile(tf.reshape(target, [count, 1, 1]), [1, 2, 1])
      const obs = { a: tf.expandDims(target, 1), b: tf.expandDims(target, 1) }
      const rows = { obs, actions, log_density: tf.expandDims(target, 1), target, weight: target }
      return Object.fromEntries(
        partsOf(rows, 4).map(({ obs: own, ...part }, i) => [
          i,
          { ...part, ...(own as Record<string, Tensor>) },
        ]),
      )
    })
    const out = (await program.run({ target: column(10) })) as Record<
      string,
      Record<string, { data: ArrayLike<number> }>
    >
    const sizes = Object.values(out).map(({ target }) => target?.data.length)
    expect(sizes).toEqual([3, 4, 3])
    for (const name of ['target', 'weight', 'a', 'b', 'log_density'])
      expect(Object.values(out).flatMap((part) => Array.from(part[name]?.data ?? []))).toEqual([
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
      ])
    program.dispose()
  })

  test('of one piece stay as they are', () => {
    const rows = { target: { shape: [4] } } as never
    expect(partsOf(rows, 4)).toEqual([rows])
  })

  test('of observations are repeated one by one', async () => {
    const compute = await sharedCompute()
    const program = compute.program('repeat', ({ obs }: { obs: Tensor }) => ({
      plain: repeatRows(obs, 3) as Tensor,
      parts: (repeatRows({ a: obs }, 2) as { a: Tensor }).a,
    }))
    const { plain, parts } = await program.run({ obs: f32([1, 2, 3, 4], [2, 2]) })
    expect([plain.shape, Array.from(plain.data)]).toEqual([
      [6, 2],
      [1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4],
    ])
    expect(Array.from(parts.data)).toEqual([1, 2, 1, 2, 3, 4, 3, 4])
    program.dispose()
  })

  test('go through the cache by the widest layer', () => {
    const layer = new Linear(3, 256, RandomStream.fromSeed(0))
    expect(cachedStates(layer, 31)).toBe(16)
    expect(cachedStates(layer, 1e6)).toBe(1)
  })
})

describe('backwardOfSum', () => {
  test('is backward of the sum; a parameter that no loss reaches gets zeros', async () => {
    const compute = await sharedCompute()
    const [a, b, c] = [parameterOf([2, 3], [2]), parameterOf([5], [1]), parameterOf([7], [1])]
    const program = compute.program('sum', ({ scale }: { scale: Tensor }) => ({
      total: backwardOfSum(
        [a, b, c],
        [
          () => tf.sum(tf.mul(tf.square(a.value), scale)),
          () => tf.sum(tf.mul(a.value, b.value)),
          () => tf.sum(b.value),
        ],
      ),
    }))
    const { total } = await program.run({ scale: f32([1, 10]) })
    expect(total.data[0]).toBe(4 + 90 + 25 + 5)
    expect(Array.from(a.grad)).toEqual([4 + 5, 60 + 5])
    expect(Array.from(b.grad)).toEqual([5 + 1])
    expect(Array.from(c.grad)).toEqual([0])
    program.dispose()
  })

  test('needs a loss', async () => {
    const compute = await sharedCompute()
    const program = compute.program('none', () => ({ total: backwardOfSum([parameterOf([1], [1])], []) }))
    await expect(program.run({})).rejects.toThrow('no losses')
  })
})
