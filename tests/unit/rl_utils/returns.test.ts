import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as rl from '../../../ding/rl_utils/index.js'
import { evaluate, f32, normal, stream } from './helpers.js'

describe('nstep_return', () => {
  test('a discount per sample', async () => {
    const given = {
      reward: f32([2, 2], [1, 2, 3, 4]),
      next_value: f32([2], [10, 10]),
      done: f32([2], [0, 0]),
      gamma: f32([2], [0.5, 0.1]),
    }
    const { out } = await evaluate(given, ({ gamma, ...data }) => ({
      out: rl.nstep_return(data as never, gamma!, 2),
    }))
    expect(out[0]).toBeCloseTo(1 + 1.5 + 2.5, 5)
    expect(out[1]).toBeCloseTo(2 + 0.4 + 0.1, 5)
  })

  test('agents share reward and done', async () => {
    const given = {
      reward: f32([2, 2], [1, 2, 3, 4]),
      next_value: f32([2, 3], [1, 2, 3, 4, 5, 6]),
      done: f32([2], [0, 1]),
    }
    const { out } = await evaluate(given, (data) => ({ out: rl.nstep_return(data as never, 0.5, 2) }))
    expect(out).toEqual([2.75, 3, 3.25, 4, 4, 4])
  })
})

describe('generalized_lambda_returns', () => {
  const bootstrap_values = normal(stream('values'), [5, 2])
  const rewards = normal(stream('rewards'), [4, 2])
  const v = (t: number, b: number) => bootstrap_values.data[t * 2 + b]!
  const r = (t: number, b: number) => rewards.data[t * 2 + b]!

  test('lambda 0 is the one-step return, lambda 1 the discounted sum', async () => {
    const { zero, one } = await evaluate({ bootstrap_values, rewards }, (t) => ({
      zero: rl.generalized_lambda_returns(t['bootstrap_values']!, t['rewards']!, 0.9, 0),
      one: rl.generalized_lambda_returns(t['bootstrap_values']!, t['rewards']!, 0.9, 1),
    }))
    for (let t = 0; t < 4; t++) {
      for (let b = 0; b < 2; b++) {
        expect(zero[t * 2 + b]).toBeCloseTo(r(t, b) + 0.9 * v(t + 1, b), 5)
        let sum = 0.9 ** (4 - t) * v(4, b)
        for (let k = t; k < 4; k++) sum += 0.9 ** (k - t) * r(k, b)
        expect(one[t * 2 + b]).toBeCloseTo(sum, 5)
      }
    }
  })

  test('done cuts, and an infinite value behind it does no harm', async () => {
    const values = f32([3, 1], [0, Number.POSITIVE_INFINITY, 2])
    const { out } = await evaluate(
      { values, rewards: f32([2, 1], [1, 1]), done: f32([2, 1], [1, 0]) },
      (t) => ({ out: rl.generalized_lambda_returns(t['values']!, t['rewards']!, 0.5, 0.5, t['done']) }),
    )
    expect(out).toEqual([1, 2])
  })

  test('wants one value more than rewards', async () => {
    await expect(
      evaluate({ rewards }, (t) => ({
        out: rl.generalized_lambda_returns(t['rewards']!, t['rewards']!, 0.9, 0.9),
      })),
    ).rejects.toThrow(/one row more/)
  })
})

describe('value rescaling', () => {
  test('the inverses invert', async () => {
    const x = f32([7], [-300, -5, -0.1, 0, 0.1, 5, 300])
    const out = await evaluate({ x }, ({ x }) => ({
      rescaled: rl.value_inv_transform(rl.value_transform(x!)),
      symmetric: rl.inv_symlog(rl.symlog(x!)),
    }))
    for (const [i, value] of x.data.entries()) {
      expect(Math.abs(out.rescaled[i]! - value)).toBeLessThan(1e-6 * Math.max(1, Math.abs(value)))
      expect(Math.abs(out.symmetric[i]! - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)))
    }
  })
})

describe('gae', () => {
  const step = fc.record({
    value: fc.float({ min: -5, max: 5, noNaN: true }),
    next: fc.float({ min: -5, max: 5, noNaN: true }),
    reward: fc.float({ min: -5, max: 5, noNaN: true }),
    done: fc.boolean(),
    cut: fc.boolean(),
  })

  test('is the sum of discounted one-step errors up to the end of each trajectory', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const column = (f: (s: (typeof steps)[number]) => number) => steps.map(f)
        const flags = column((s) => Number(s.done || s.cut))
        const advantage = rl.gae(
          {
            value: column((s) => s.value),
            next_value: column((s) => s.next),
            reward: column((s) => s.reward),
            done: column((s) => Number(s.done)),
            traj_flag: flags,
          },
          0.9,
          0.8,
        )
        steps.forEach((_, t) => {
          let sum = 0
          for (let k = t; k < steps.length; k++) {
            const { value, next, reward, done } = steps[k]!
            sum += (0.9 * 0.8) ** (k - t) * (reward + (done ? 0 : 0.9 * next) - value)
            if (flags[k]) break
          }
          expect(advantage.data[t]).toBeCloseTo(sum, 3)
        })
      }),
      { seed: 1, numRuns: 50 },
    )
  })

  test('an infinite value behind a terminal state does no harm', () => {
    const data = { value: [1, 1], next_value: [Number.POSITIVE_INFINITY, 3], reward: [2, 2], done: [1, 0] }
    expect(Array.from(rl.gae(data, 1, 1).data)).toEqual([1, 4])
  })

  test('says what is wrong with shapes', () => {
    expect(() => rl.gae({ value: [1, 2], next_value: [1], reward: [1, 2] })).toThrow(
      /next_value has shape \[1\]/,
    )
    expect(() => rl.gae({ value: [1, 2], next_value: [1, 2], reward: [1, 2, 3] })).toThrow(
      /reward has shape \[3\]/,
    )
    expect(() => rl.gae({ value: [1], next_value: [1], reward: [1], done: [0, 1] })).toThrow(/done/)
  })
})
