import type * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { RandomStream } from '../../../ding/compute/index.js'
import {
  DiscreteHead,
  DistributionHead,
  DuelingHead,
  evenly,
  MLP,
  MultiHead,
  QRDQNHead,
  RegressionHead,
  ReparameterizationHead,
} from '../../../ding/nn/index.js'
import { f32, maxDiff, onBothRuntimes, run } from './run.js'

const stream = () => RandomStream.fromSeed(5)
const numbers = (n: number) => Array.from({ length: n }, (_, i) => Math.sin(1 + 2.3 * i))

type X = { x: tf.Tensor }

onBothRuntimes(() => {
  describe('heads', () => {
    const x = { x: f32(numbers(8), [2, 4]) }

    it('dueling: the mean over actions is the value', async () => {
      const head = new DuelingHead(4, 3, stream())
      const { q, v } = await run(({ x }: X) => ({ q: head.forward(x).logit, v: head.V.forward(x) }), x)
      expect(q.shape).toEqual([2, 3])
      for (let b = 0; b < 2; b++)
        expect((q.data[3 * b]! + q.data[3 * b + 1]! + q.data[3 * b + 2]!) / 3).toBeCloseTo(v.data[b]!, 5)
      expect(head.namedParameters().map(([n]) => n)).toContain('A.1.0.bias')
    })

    it('multi-discrete: a list with one logit tensor per action dimension', async () => {
      const head = new MultiHead((n) => new DiscreteHead(4, n, stream()), [3, 2])
      const out = await run(({ x }: X) => head.forward(x), x)
      expect(out['logit']!.map((t) => t.shape)).toEqual([
        [2, 3],
        [2, 2],
      ])
    })

    it('atoms and quantiles are each rounded once, to the last', async () => {
      const { atoms, taus } = await run(
        () => ({ atoms: evenly(-10, 0, 51), taus: evenly(0.0025, 0.9975, 200) }),
        {},
      )
      expect(
        maxDiff(
          atoms.data,
          Array.from({ length: 51 }, (_, i) => i / 5 - 10),
        ),
      ).toBeLessThan(5e-7)
      expect(atoms.data[50]).toBe(0)
      expect(
        maxDiff(
          taus.data,
          Array.from({ length: 200 }, (_, i) => (i + 0.5) / 200),
        ),
      ).toBeLessThan(6e-8)
    })

    it('regression: [B, n], or [B] for one output; tanh bounds it', async () => {
      const wide = new RegressionHead(4, 3, stream(), {
        final_tanh: true,
        last: { biasInit: { type: 'constant', value: 100 } },
      })
      const narrow = new RegressionHead(4, 1, stream(), { layer_num: 0 })
      const out = await run(({ x }: X) => [wide.forward(x).pred, narrow.forward(x).pred], x)
      expect(out[0]!.data).toEqual(new Float32Array(6).fill(1))
      expect(out[1]!.shape).toEqual([2])
    })

    it('reparameterisation: fixed, independent and conditioned sigma, clamped log sigma, bounded mu', async () => {
      const last = { biasInit: { type: 'constant', value: 50 } } as const
      const fixed = new ReparameterizationHead(4, 2, stream(), {
        sigma_type: 'fixed',
        fixed_sigma_value: 0.3,
        bound_type: 'tanh',
        last,
      })
      const independent = new ReparameterizationHead(4, 2, stream(), { sigma_type: 'independent' })
      independent.log_sigma_param?.set([0, Math.log(2)])
      const conditioned = new ReparameterizationHead(4, 2, stream(), { sigma_type: 'conditioned', last })
      const out = await run(
        ({ x }: X) => [fixed.forward(x), independent.forward(x), conditioned.forward(x)],
        x,
      )
      expect([...out[0]!.mu.data]).toEqual([1, 1, 1, 1])
      expect(maxDiff(out[0]!.sigma.data, [0.3, 0.3, 0.3, 0.3])).toBeLessThan(1e-7)
      expect(maxDiff(out[1]!.sigma.data, [1, 2, 1, 2])).toBeLessThan(1e-6)
      expect(out[2]!.sigma.data[0]).toBeCloseTo(Math.exp(2), 4)
      expect(() => new ReparameterizationHead(4, 2, stream(), { sigma_type: 'fix' as 'fixed' })).toThrow(
        /fixed, independent/,
      )
    })

    it('distributional: logits are the expectation, quantiles have fixed midpoints', async () => {
      const c51 = new DistributionHead(4, 3, stream(), { n_atom: 5, v_min: -2, v_max: 2 })
      const qr = new QRDQNHead(4, 3, stream(), { num_quantiles: 4 })
      const out = await run(({ x }: X) => ({ c: c51.forward(x), q: qr.forward(x) }), x)
      expect(out.c.distribution.shape).toEqual([2, 3, 5])
      const p = out.c.distribution.data
      expect(out.c.logit.data[0]).toBeCloseTo(-2 * p[0]! - p[1]! + p[3]! + 2 * p[4]!, 5)
      expect(out.q.q.shape).toEqual([2, 3, 4])
      expect(out.q.logit.data[0]).toBeCloseTo(
        (out.q.q.data[0]! + out.q.q.data[1]! + out.q.q.data[2]! + out.q.q.data[3]!) / 4,
        5,
      )
      expect(maxDiff(out.q.tau.data.slice(0, 4), [0.125, 0.375, 0.625, 0.875])).toBeLessThan(1e-6)
      expect(out.q.tau.shape).toEqual([2, 4, 1])
    })

    it('MLP puts norm, activation and dropout where DI-engine does, or leaves the last ones out', () => {
      const kinds = (mlp: MLP) => mlp.layers.map((layer) => layer.constructor.name)
      const full = new MLP(2, 4, 3, 2, stream(), { norm_type: 'LN', dropout: 0.1 })
      expect(kinds(full)).toEqual([
        'Linear',
        'LayerNorm',
        'Activation',
        'Dropout',
        'Linear',
        'LayerNorm',
        'Activation',
        'Dropout',
      ])
      expect(
        kinds(
          new MLP(2, 4, 3, 2, stream(), { output_activation: false, norm_type: 'BN', output_norm: false }),
        ),
      ).toEqual(['Linear', 'BatchNorm1d', 'Activation', 'Linear'])
    })
  })
})
