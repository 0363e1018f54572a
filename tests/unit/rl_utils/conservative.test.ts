import type * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { conservative_term, cross_entropy, tanh_normal_log_prob } from '../../../ding/rl_utils/index.js'
import { f32, i32, onBothRuntimes, run } from '../nn/run.js'

type Inputs = Record<string, tf.Tensor>
const logSumExp = (values: readonly number[]) => Math.log(values.reduce((sum, v) => sum + Math.exp(v), 0))

onBothRuntimes(() => {
  describe('conservative_term', () => {
    const q = f32([1, 2, 3, 0, 0, 50], [2, 3])
    const action = i32([0, 1])

    it('is the gap between all actions and those of the data, or their mean', async () => {
      const term = async (kind: 'dataset' | 'mean') =>
        (await run((x: Inputs) => ({ out: conservative_term(x['q']!, x['action']!, kind) }), { q, action }))
          .out.data[0]
      const all = (logSumExp([1, 2, 3]) + 50) / 2
      expect(await term('dataset')).toBeCloseTo(all - 0.5, 4)
      expect(await term('mean')).toBeCloseTo(all - 56 / 6, 4)
    })

    it('leaves illegal actions out', async () => {
      const mask = i32([1, 1, 0, 1, 1, 0], [2, 3])
      const term = async (kind: 'dataset' | 'mean') =>
        (
          await run((x: Inputs) => ({ out: conservative_term(x['q']!, x['action']!, kind, x['mask']) }), {
            q,
            action,
            mask,
          })
        ).out.data[0]
      const all = (logSumExp([1, 2]) + Math.log(2)) / 2
      expect(await term('dataset')).toBeCloseTo(all - 0.5, 5)
      expect(await term('mean')).toBeCloseTo(all - 0.75, 5)
    })

    it('is finite where exponentials are not', async () => {
      const large = f32([1000, -1000, 0], [1, 3])
      const { out } = await run((x: Inputs) => ({ out: conservative_term(x['q']!, x['action']!) }), {
        q: large,
        action: i32([0]),
      })
      expect(out.data[0]).toBeCloseTo(0, 5)
    })
  })

  describe('cross_entropy', () => {
    it('is the negative log-likelihood, smoothed if told to', async () => {
      const logit = f32([1, 2, 3], [1, 3])
      const label = i32([2])
      const value = async (smoothing: number) =>
        (
          await run((x: Inputs) => ({ out: cross_entropy(x['logit']!, x['label']!, smoothing) }), {
            logit,
            label,
          })
        ).out.data[0]
      const z = logSumExp([1, 2, 3])
      expect(await value(0)).toBeCloseTo(z - 3, 5)
      expect(await value(0.1)).toBeCloseTo(0.9 * (z - 3) + 0.05 * (z - 1) + 0.05 * (z - 2), 5)
    })
  })

  describe('tanh_normal_log_prob', () => {
    it('is the density of tanh of a normal variable, and finite at the bounds', async () => {
      const inputs = {
        mu: f32([0.3, -0.2], [1, 2]),
        sigma: f32([0.5, 2], [1, 2]),
        action: f32([0.4, -0.9], [1, 2]),
      }
      const log_prob = async (given: typeof inputs) =>
        (
          await run(
            (x: Inputs) => ({ out: tanh_normal_log_prob(x['mu']!, x['sigma']!, x['action']!) }),
            given,
          )
        ).out.data[0]!
      const density = (mu: number, sigma: number, a: number) =>
        -0.5 * ((Math.atanh(a) - mu) / sigma) ** 2 -
        Math.log(sigma) -
        0.5 * Math.log(2 * Math.PI) -
        Math.log(1 - a * a)
      expect(await log_prob(inputs)).toBeCloseTo(density(0.3, 0.5, 0.4) + density(-0.2, 2, -0.9), 4)
      expect(Number.isFinite(await log_prob({ ...inputs, action: f32([1, -1], [1, 2]) }))).toBe(true)
    })
  })
})
