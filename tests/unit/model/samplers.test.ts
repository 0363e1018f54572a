import type * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { RandomStream } from '../../../ding/compute/index.js'
import { type ModelInput, modelWrap } from '../../../ding/model/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'
import { f32, i32, maxDiff, onBothRuntimes, type RunOptions, run } from '../nn/run.js'
import { Echo } from './stubs.js'

type Inputs = { model: ModelInput; options?: Record<string, tf.Tensor> }
type Fixed = { shot_number?: number; alpha?: number }

/** Runs a wrapper around a model whose output is the given record; `options` are tensors, `fixed` numbers. */
async function sample(
  name: string,
  output: Record<string, unknown>,
  options: Record<string, HostTensor> = {},
  more: RunOptions & { fixed?: Fixed } = {},
) {
  const wrapped = modelWrap(new Echo(), name)
  const inputs = { model: output as never, options }
  const out = await run(
    (i: Inputs) => wrapped.forward(i.model, { ...i.options, ...more.fixed }) as Record<string, tf.Tensor>,
    inputs,
    more,
  )
  return out as unknown as Record<string, HostTensor> & { action: HostTensor }
}

const logit = f32([1, 3, 2, 0, 5, 5, 2, 2, 2], [3, 3])
const mask = f32([1, 0, 1, 1, 0, 0, 0, 1, 1], [3, 3])

onBothRuntimes(() => {
  describe('argmax_sample', () => {
    it('takes the highest logit, the first of equals, as int32, and leaves the rest of the output', async () => {
      const out = await sample('argmax_sample', { logit, extra: f32([7]) })
      expect(out.action.dtype).toBe('int32')
      expect([...out.action.data]).toEqual([1, 1, 0])
      expect([...out['logit']!.data]).toEqual([...logit.data])
      expect([...out['extra']!.data]).toEqual([7])
    })

    it('obeys the mask, float, int or bool, without changing the logits', async () => {
      const out = await sample('argmax_sample', { logit, action_mask: mask })
      expect([...out.action.data]).toEqual([2, 0, 1])
      expect([...out['logit']!.data]).toEqual([...logit.data])
      const bool = { dtype: 'bool', shape: [3, 3], data: Uint8Array.from(mask.data) } as const
      expect([...(await sample('argmax_sample', { logit, action_mask: bool })).action.data]).toEqual([
        2, 0, 1,
      ])
      expect([
        ...(await sample('argmax_sample', { logit, action_mask: i32([...mask.data], [3, 3]) })).action.data,
      ]).toEqual([2, 0, 1])
    })

    it('still obeys it where logits are huge, or all below the forbidden ones', async () => {
      const out = await sample('argmax_sample', {
        logit: f32([1e9, -1e9], [1, 2]),
        action_mask: f32([0, 1], [1, 2]),
      })
      expect([...out.action.data]).toEqual([1])
    })

    it('gives a list for several heads, a tensor for a list of one', async () => {
      const heads = await sample('argmax_sample', {
        logit: [logit, f32([0, 1, 1, 0, 3, 2], [3, 2])],
        action_mask: [mask, f32([1, 1, 1, 1, 0, 1], [3, 2])],
      })
      const actions = heads.action as unknown as HostTensor[]
      expect(actions.map((a) => [...a.data])).toEqual([
        [2, 0, 1],
        [1, 0, 1],
      ])
      expect([...(await sample('argmax_sample', { logit: [logit] })).action.data]).toEqual([1, 1, 0])
    })

    it('says what is missing', async () => {
      await expect(sample('argmax_sample', { q: logit })).rejects.toThrow(
        /"argmax_sample" needs a tensor "logit".*q/,
      )
    })
  })

  describe('eps_greedy_sample', () => {
    it('decides for each row by itself: explores where the coin is below eps', async () => {
      const draws = [f32([0.3, 0.7, 0.3]), f32([0.99, 0.99, 0.4], [3, 1])]
      const out = await sample('eps_greedy_sample', { logit }, { eps: f32([0.5], []) }, { draws })
      expect([...out.action.data]).toEqual([2, 1, 1])
      const perRow = await sample('eps_greedy_sample', { logit }, { eps: f32([0.2, 0.9, 0.9]) }, { draws })
      expect([...perRow.action.data]).toEqual([1, 2, 1])
    })

    it('takes a probability a row as a column too, and no other number of them', async () => {
      const draws = [f32([0.3, 0.7, 0.3]), f32([0.99, 0.99, 0.4], [3, 1])]
      const column = f32([0.2, 0.9, 0.9], [3, 1])
      const out = await sample('eps_greedy_sample', { logit }, { eps: column }, { draws })
      expect(out.action.shape).toEqual([3])
      expect([...out.action.data]).toEqual([1, 2, 1])
      for (const eps of [f32([0.5, 0.5]), f32([0.2, 0.9, 0.9], [1, 3])]) {
        await expect(sample('eps_greedy_sample', { logit }, { eps })).rejects.toThrow(
          /"eps" has shape \[.*\], but the actions have \[3\]/,
        )
      }
    })

    it('never explores at 0 and always at 1', async () => {
      const low = [f32([0, 0, 0]), f32([0.99, 0.99, 0.99], [3, 1])]
      expect([
        ...(await sample('eps_greedy_sample', { logit }, { eps: f32([0], []) }, { draws: low })).action.data,
      ]).toEqual([1, 1, 0])
      const high = [f32([0.9999999, 0.9999999, 0.9999999]), f32([0, 0, 0.99], [3, 1])]
      expect([
        ...(await sample('eps_greedy_sample', { logit }, { eps: f32([1], []) }, { draws: high })).action.data,
      ]).toEqual([0, 0, 2])
    })

    it('explores uniformly over the allowed actions, and only those', async () => {
      const rows = 3000
      const random = RandomStream.fromSeed(21)
      const wide = f32(Array.from({ length: rows }, () => [9, 0, 0, 0]).flat(), [rows, 4])
      const masks = f32(Array.from({ length: rows }, () => [1, 0, 1, 1]).flat(), [rows, 4])
      const out = await sample(
        'eps_greedy_sample',
        { logit: wide, action_mask: masks },
        { eps: f32([1], []) },
        { random },
      )
      const counts = [0, 0, 0, 0]
      for (const a of out.action.data) counts[a]!++
      expect(counts[1]).toBe(0)
      for (const a of [0, 2, 3]) expect(Math.abs(counts[a]! / rows - 1 / 3)).toBeLessThan(0.03)
      const mixed = await sample('eps_greedy_sample', { logit: wide }, { eps: f32([0.4], []) }, { random })
      const greedy = [...mixed.action.data].filter((a) => a === 0).length
      expect(Math.abs(greedy / rows - 0.7)).toBeLessThan(0.03)
    })

    it('asks for eps, and takes the largest float32 below 1 as a draw', async () => {
      await expect(sample('eps_greedy_sample', { logit })).rejects.toThrow(/"eps"/)
      const below = 1 - 2 ** -24
      const out = await sample(
        'eps_greedy_sample',
        { logit, action_mask: f32([1, 1, 0, 1, 1, 0, 1, 1, 0], [3, 3]) },
        { eps: f32([1], []) },
        {
          draws: [f32([0, 0, 0]), f32([below, below, below], [3, 1])],
        },
      )
      expect([...out.action.data]).toEqual([1, 1, 1])
    })
  })

  describe('multinomial_sample', () => {
    it('inverts the distribution function of softmax(logit / alpha)', async () => {
      const p = f32([Math.log(0.2), Math.log(0.5), Math.log(0.3)], [1, 3])
      const at = async (u: number, options = {}) =>
        (await sample('multinomial_sample', { logit: p }, options, { draws: [f32([u], [1, 1])] })).action
          .data[0]
      expect([
        await at(0),
        await at(0.19),
        await at(0.21),
        await at(0.69),
        await at(0.71),
        await at(1 - 2 ** -24),
      ]).toEqual([0, 0, 1, 1, 2, 2])
      // alpha 0.5 squares the probabilities: 0.04, 0.25, 0.09 of 0.38.
      expect([await at(0.1, { alpha: f32([0.5], []) }), await at(0.11, { alpha: f32([0.5], []) })]).toEqual([
        0, 1,
      ])
    })

    it('never draws a forbidden action', async () => {
      const rows = 500
      const wide = f32(Array.from({ length: rows }, () => [50, 0, 0]).flat(), [rows, 3])
      const masks = f32(Array.from({ length: rows }, () => [0, 1, 1]).flat(), [rows, 3])
      const out = await sample('multinomial_sample', { logit: wide, action_mask: masks })
      expect(new Set(out.action.data)).toEqual(new Set([1, 2]))
    })

    it('is the greedy branch of eps_greedy_multinomial_sample', async () => {
      const p = f32([Math.log(0.2), Math.log(0.8), 0, 0], [2, 2])
      const draws = [f32([0.1, 0.9], [2, 1]), f32([0.5, 0.5]), f32([0.6, 0.6], [2, 1])]
      const out = await sample(
        'eps_greedy_multinomial_sample',
        { logit: p },
        { eps: f32([0.4, 0.6]) },
        { draws },
      )
      expect([...out.action.data]).toEqual([0, 1])
    })
  })

  describe('combination samplers', () => {
    it('choose different items, best first, within the mask', async () => {
      const out = await sample(
        'combination_argmax_sample',
        { logit: f32([1, 3, 2, 0], [1, 4]) },
        {},
        { fixed: { shot_number: 3 } },
      )
      expect(out.action.shape).toEqual([1, 3])
      expect([...out.action.data]).toEqual([1, 2, 0])
      const within = await sample(
        'combination_argmax_sample',
        { logit: f32([1, 3, 2, 0], [1, 4]), action_mask: f32([1, 0, 1, 1], [1, 4]) },
        {},
        { fixed: { shot_number: 2 } },
      )
      expect([...within.action.data]).toEqual([2, 0])
    })

    it('multinomial: never the same item twice', async () => {
      const out = await sample(
        'combination_multinomial_sample',
        { logit: f32([9, 0, 0, 0, 0, 9, 0, 0], [2, 4]) },
        {},
        { fixed: { shot_number: 4 } },
      )
      for (const row of [0, 1])
        expect(Array.from(out.action.data.slice(row * 4, row * 4 + 4).sort())).toEqual([0, 1, 2, 3])
    })

    it('asks for a possible shot_number', async () => {
      await expect(
        sample('combination_argmax_sample', { logit }, {}, { fixed: { shot_number: 4 } }),
      ).rejects.toThrow(/1 to 3/)
    })
  })

  describe('continuous samplers', () => {
    const mu = f32([1, -1], [1, 2])
    const sigma = f32([0.5, 2], [1, 2])

    it('take mu, or mu + sigma z, from a record or a list', async () => {
      expect([...(await sample('deterministic_sample', { logit: { mu, sigma } })).action.data]).toEqual([
        1, -1,
      ])
      const draws = [f32([2, -1], [1, 2])]
      expect([
        ...(await sample('reparam_sample', { logit: { mu, sigma } }, {}, { draws })).action.data,
      ]).toEqual([2, -3])
      expect([
        ...(await sample('reparam_sample', { logit: [mu, sigma] }, {}, { draws })).action.data,
      ]).toEqual([2, -3])
    })
  })

  describe('hybrid samplers', () => {
    type Hybrid = { action: { action_type: HostTensor; action_args: HostTensor } }
    const args = f32([0.1, 0.2, 0.3], [3, 1])

    it('choose a type and pass arguments through', async () => {
      const out = (await sample('hybrid_argmax_sample', {
        logit,
        action_args: args,
      })) as unknown as Hybrid & {
        logit: HostTensor
      }
      expect([...out.action.action_type.data]).toEqual([1, 1, 0])
      expect(out.action.action_args.data).toEqual(args.data)
      expect(out.logit.data).toEqual(logit.data)
      const draws = [f32([0.3, 0.7, 0.3]), f32([0.99, 0.99, 0.4], [3, 1])]
      const eps = (await sample(
        'hybrid_eps_greedy_sample',
        { logit, action_args: args },
        { eps: f32([0.5], []) },
        { draws },
      )) as unknown as Hybrid
      expect([...eps.action.action_type.data]).toEqual([2, 1, 1])
      const both = (await sample(
        'hybrid_eps_greedy_multinomial_sample',
        { logit, action_args: args, action_mask: f32([0, 1, 0, 0, 1, 0, 0, 1, 0], [3, 3]) },
        { eps: f32([0.5], []) },
      )) as unknown as Hybrid
      expect([...both.action.action_type.data]).toEqual([1, 1, 1])
    })

    it('sample or take the mean of the arguments of actor-critic models', async () => {
      const normal = { mu: args, sigma: f32([1, 1, 1], [3, 1]) }
      const output = { logit: { action_type: logit, action_args: normal } }
      const mean = (await sample('hybrid_deterministic_argmax_sample', output)) as unknown as Hybrid
      expect([...mean.action.action_type.data]).toEqual([1, 1, 0])
      expect(mean.action.action_args.data).toEqual(args.data)
      const draws = [f32([0.99, 0, 0.5], [3, 1]), f32([1, -1, 0], [3, 1])]
      const drawn = (await sample(
        'hybrid_reparam_multinomial_sample',
        output,
        {},
        { draws },
      )) as unknown as Hybrid
      expect([...drawn.action.action_type.data]).toEqual([2, 0, 1])
      expect(maxDiff(drawn.action.action_args.data, [1.1, -0.8, 0.3])).toBeLessThan(1e-6)
    })
  })
})
