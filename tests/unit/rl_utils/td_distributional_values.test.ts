import type * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { DistributionHead } from '../../../ding/nn/index.js'
import * as rl from '../../../ding/rl_utils/index.js'
import { evaluate, f32, gradients, i32, stream } from './helpers.js'

const near = (actual: readonly number[], expected: readonly number[], digits = 5) => {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, digits)
  })
}

/** Bellemare et al. 2017, algorithm 1, atom by atom. */
function projectByAtoms(
  next: number[],
  reward: number,
  factor: number,
  v_min: number,
  v_max: number,
): number[] {
  const n = next.length
  const delta = (v_max - v_min) / (n - 1)
  const m = Array<number>(n).fill(0)
  for (let j = 0; j < n; j++) {
    const z = Math.min(v_max, Math.max(v_min, reward + factor * (v_min + j * delta)))
    const b = Math.round(((z - v_min) / delta) * 1e6) / 1e6
    const l = Math.floor(b)
    const u = Math.ceil(b)
    if (l === u) m[l]! += next[j]!
    else {
      m[l]! += next[j]! * (u - b)
      m[u]! += next[j]! * (b - l)
    }
  }
  return m
}

describe('C51', () => {
  const next = [0.1, 0.2, 0.3, 0.15, 0.25]
  const cases = [
    { reward: 0.3, done: 0, factor: 0.9 },
    { reward: 1, done: 1, factor: 0.9 }, // lands on an atom
    { reward: -9, done: 0, factor: 0.9 }, // clipped to v_min
    { reward: 9, done: 0, factor: 0.9 }, // clipped to v_max
    { reward: 0, done: 0, factor: 1 }, // maps every atom on itself
  ]

  test.each(cases)('projects as the algorithm by atoms does: %o', async ({ reward, done, factor }) => {
    const dist = [0.2, 0.2, 0.1, 0.4, 0.1]
    const given = {
      dist: f32([1, 2, 5], [...next, ...dist]),
      next_n_dist: f32([1, 2, 5], [...next, ...dist]),
      act: i32([1], [1]),
      next_n_act: i32([1], [0]),
      reward: f32([1], [reward]),
      done: f32([1], [done]),
    }
    const support = { v_min: -2, v_max: 2, n_atom: 5 }
    const out = await evaluate(given, (t) => ({ ...rl.dist_nstep_td_error(t as never, factor, support) }))
    const target = projectByAtoms(next, reward, done ? 0 : factor, -2, 2)
    near(out.td_error_per_sample, [-target.reduce((sum, m, i) => sum + m * Math.log(dist[i]!), 0)], 4)
  })

  test('a probability of zero gives no NaN', async () => {
    const given = {
      dist: f32([1, 1, 3], [0, 0.5, 0.5]),
      next_n_dist: f32([1, 1, 3], [0, 0, 1]),
      act: i32([1], [0]),
      next_n_act: i32([1], [0]),
      reward: f32([1], [0]),
      done: f32([1], [0]),
    }
    const loss = (t: Record<string, tf.Tensor>) =>
      rl.dist_nstep_td_error(t as never, 1, { v_min: -1, v_max: 1, n_atom: 3 })
    near((await evaluate(given, (t) => ({ ...loss(t) }))).loss, [Math.log(2)])
    const { backpropagated } = await gradients(given, 'dist', (t) => loss(t).loss)
    near(backpropagated, [0, 0, -2])
  })

  test('n_atom must fit', async () => {
    const given = { dist: f32([1, 1, 3], [0, 0.5, 0.5]) }
    await expect(
      evaluate(given, ({ dist }) => ({
        ...rl.dist_nstep_td_error({ dist } as never, 1, { v_min: -1, v_max: 1, n_atom: 4 }),
      })),
    ).rejects.toThrow(/n_atom is 4.*\[1,1,3\]/)
  })

  test.each([
    [1, 1, 3],
    [2, -2, 3],
    [Number.NEGATIVE_INFINITY, 0, 3],
    [-1, 1, 1],
  ])(
    'a support from %d to %d with %d atoms is none, for the head as for the loss',
    async (v_min, v_max, n_atom) => {
      const words = `n_atom ${n_atom}, v_min ${v_min}, v_max ${v_max}: `
      const given = { dist: f32([1, 1, n_atom], Array(n_atom).fill(1 / n_atom)) }
      const loss = evaluate(given, ({ dist }) => ({
        ...rl.dist_nstep_td_error({ dist } as never, 1, { v_min, v_max, n_atom }),
      }))
      await expect(loss).rejects.toThrow(words)
      expect(() => new DistributionHead(4, 2, stream('head'), { v_min, v_max, n_atom })).toThrow(words)
    },
  )
})

describe('quantile regression', () => {
  const given = {
    q: f32([1, 1, 2], [0, 1]),
    next_n_q: f32([1, 1, 2], [2, -3]),
    action: i32([1], [0]),
    next_n_action: i32([1], [0]),
    reward: f32([1], [0]),
    done: f32([1], [0]),
    tau: f32([1, 2, 1], [0.25, 0.75]),
  }
  const pairs = (kappa: number) => {
    const huber = (u: number) => (Math.abs(u) <= kappa ? 0.5 * u * u : kappa * (Math.abs(u) - 0.5 * kappa))
    const rho = (tau: number, u: number) =>
      Math.abs(tau - (u <= 0 ? 1 : 0)) * (kappa === 0 ? Math.abs(u) : huber(u) / kappa)
    return (rho(0.25, 2) + rho(0.25, -3) + rho(0.75, 1) + rho(0.75, -4)) / 2
  }

  test.each([0, 0.5, 1, 2.5])('qrdqn honours kappa %d', async (kappa) => {
    const out = await evaluate(given, (t) => ({ ...rl.qrdqn_nstep_td_error(t as never, 1, { kappa }) }))
    near(out.td_error_per_sample, [pairs(kappa)])
  })

  test('a negative kappa and a wrong number of fractions are errors', async () => {
    const run = (inputs: object, kappa: number) =>
      evaluate({ ...given, ...inputs }, (t) => ({ ...rl.qrdqn_nstep_td_error(t as never, 1, { kappa }) }))
    await expect(run({}, -1)).rejects.toThrow(/kappa/)
    await expect(run({ tau: f32([3], [0.1, 0.5, 0.9]) }, 1)).rejects.toThrow(/quantile fractions/)
  })
})
