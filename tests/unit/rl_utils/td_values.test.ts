import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import * as rl from '../../../ding/rl_utils/index.js'
import { UsageError } from '../../../ding/utils/index.js'
import { evaluate, f32, gradients, i32, normal, stream } from './helpers.js'

const near = (actual: readonly number[], expected: readonly number[], digits = 5) => {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, digits)
  })
}

const q = {
  q: f32([2, 3], [1, 2, 3, 4, 5, 6]),
  next_n_q: f32([2, 3], [10, 20, 30, 40, 50, 60]),
  action: i32([2], [0, 2]),
  next_n_action: i32([2], [1, 0]),
  reward: f32([3, 2], [1, 2, 3, 4, 5, 6]),
  done: f32([2], [0, 1]),
}

describe('q_nstep_td_error', () => {
  const errors = [1 + 0.5 * 3 + 0.25 * 5 + 0.125 * 20 - 1, 2 + 0.5 * 4 + 0.25 * 6 - 6]

  test('is the squared distance to the n-step return', async () => {
    const out = await evaluate(q, (t) => ({ ...rl.q_nstep_td_error(t as never, 0.5, { nstep: 3 }) }))
    near(
      out.td_error_per_sample,
      errors.map((e) => e * e),
    )
    near(out.loss, [(errors[0]! ** 2 + errors[1]! ** 2) / 2])
  })

  test('weights count in the loss only', async () => {
    const weight = f32([2], [2, 0.5])
    const out = await evaluate({ ...q, weight }, (t) => ({
      ...rl.q_nstep_td_error(t as never, 0.5, { nstep: 3 }),
    }))
    near(
      out.td_error_per_sample,
      errors.map((e) => e * e),
    )
    near(out.loss, [(2 * errors[0]! ** 2 + 0.5 * errors[1]! ** 2) / 2])
  })

  test('smooth_l1 is quadratic inside 1 and linear outside', async () => {
    const given = { ...q, reward: f32([2], [0.5, 4]), done: f32([2], [1, 1]) }
    const out = await evaluate(given, (t) => ({
      ...rl.q_nstep_td_error(t as never, 0.5, { criterion: 'smooth_l1' }),
    }))
    near(out.td_error_per_sample, [0.5 * 0.25, 2 - 0.5])
  })

  test('value_gamma replaces gamma^n, per sample', async () => {
    const given = { ...q, value_gamma: f32([2], [0.1, 0.1]) }
    const out = await evaluate(given, (t) => ({ ...rl.q_nstep_td_error(t as never, 0.5, { nstep: 3 }) }))
    near(out.td_error_per_sample, [(1 + 1.5 + 1.25 + 2 - 1) ** 2, errors[1]! ** 2])
  })

  test('takes bool, number and (B, 1) columns alike', async () => {
    const fn = (t: Record<string, tf.Tensor>) => ({ ...rl.q_nstep_td_error(t as never, 0.5, { nstep: 3 }) })
    const plain = await evaluate(q, fn)
    const done = { dtype: 'bool' as const, shape: [2], data: Uint8Array.of(0, 1) }
    expect(await evaluate({ ...q, done }, fn)).toEqual(plain)
    expect(await evaluate({ ...q, done: f32([2, 1], [0, 1]) }, fn)).toEqual(plain)
    const weighted = await evaluate({ ...q, weight: f32([2], [3, 4]) }, fn)
    expect(await evaluate({ ...q, weight: f32([2, 1], [3, 4]) }, fn)).toEqual(weighted)
  })

  test('to_time_major turns a batch column into rows of rewards', async () => {
    const column = f32([2, 3], [1, 3, 5, 2, 4, 6])
    const out = await evaluate({ ...q, reward: column }, (t) => ({
      ...rl.q_nstep_td_error({ ...t, reward: rl.to_time_major(t['reward']!) } as never, 0.5, { nstep: 3 }),
    }))
    near(
      out.td_error_per_sample,
      errors.map((e) => e * e),
    )
    const shapes = await evaluate(
      { r: normal(stream('r'), [4, 2, 3]), flat: f32([4], [1, 2, 3, 4]) },
      ({ r, flat }) => ({
        r: tf.tensor(rl.to_time_major(r!).shape),
        flat: tf.tensor(rl.to_time_major(flat!).shape),
      }),
    )
    expect(shapes).toEqual({ r: [3, 4, 2], flat: [1, 4] })
  })

  test('a value behind a terminal state does no harm, nor does a masked action', async () => {
    const given = {
      ...q,
      q: f32([2, 3], [1, Number.NEGATIVE_INFINITY, 3, 4, 5, 6]),
      next_n_q: f32([2, 3], [10, 20, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 50, 60]),
    }
    const out = await evaluate(given, (t) => ({ ...rl.q_nstep_td_error(t as never, 0.5, { nstep: 3 }) }))
    near(
      out.td_error_per_sample,
      errors.map((e) => e * e),
    )
    const { backpropagated } = await gradients(
      given,
      'q',
      (t) => rl.q_nstep_td_error(t as never, 0.5, { nstep: 3 }).loss,
    )
    near(backpropagated, [-errors[0]!, 0, 0, 0, 0, -errors[1]!], 4)
  })

  test('says what is wrong with shapes', async () => {
    const run = (inputs: object, options: rl.NstepOptions) =>
      evaluate({ ...q, ...inputs }, (t) => ({ ...rl.q_nstep_td_error(t as never, 0.5, options) }))
    await expect(run({}, { nstep: 2 })).rejects.toThrow(/nstep = 2 rows.*to_time_major/s)
    await expect(run({ action: i32([2, 1], [0, 2]) }, { nstep: 3 })).rejects.toThrow(UsageError)
    await expect(run({ weight: f32([2, 3], [1, 1, 1, 1, 1, 1]) }, { nstep: 3 })).rejects.toThrow(
      /weight has shape \[2,3\]/,
    )
    await expect(run({}, { nstep: 3, criterion: 'l1' as never })).rejects.toThrow(/criterion/)
    for (const [name, options] of [
      ['reward', { nstep: 1 }],
      ['reward', { nstep: 3, cum_reward: true }],
      ['done', { nstep: 3 }],
      ['weight', { nstep: 3 }],
      ['value_gamma', { nstep: 3 }],
    ] as const)
      await expect(run({ [name]: f32([1], [1]) }, options)).rejects.toThrow(
        `${name} has shape [1] beside values of shape [2]`,
      )
    const three = {
      q: f32([3, 2], [1, 2, 3, 4, 5, 6]),
      next_n_q: f32([3, 2], [1, 2, 3, 4, 5, 6]),
      action: i32([3], [0, 1, 0]),
      next_n_action: i32([3], [0, 1, 0]),
      done: f32([3], [0, 0, 0]),
    }
    // As many samples as steps must not pass for rows of steps.
    await expect(run({ ...three, reward: f32([3], [1, 2, 3]) }, { nstep: 3 })).rejects.toThrow(
      /reward of shape \[3\] must have nstep = 3 rows/,
    )
    const gamma = (t: Record<string, Tensor>) =>
      rl.q_nstep_td_error(t as never, t['gamma']!, { nstep: 3 }).loss
    await expect(evaluate({ ...q, gamma: f32([1], [0.5]) }, (t) => ({ loss: gamma(t) }))).rejects.toThrow(
      /gamma has shape \[1\]/,
    )
  })
})

describe('other td errors', () => {
  test('v_1step_td_error keeps (B, 1) from broadcasting to (B, B)', async () => {
    const given = {
      v: f32([2], [1, 2]),
      next_v: f32([2, 1], [3, 5]),
      reward: f32([2], [1, 1]),
      done: f32([2], [0, 0]),
    }
    const out = await evaluate(given, (t) => ({ ...rl.v_1step_td_error(t as never, 0.5) }))
    near(out.td_error_per_sample, [1.5 ** 2, 1.5 ** 2])
    const wrong = { ...given, next_v: f32([2, 2], [1, 2, 3, 4]) }
    await expect(evaluate(wrong, (t) => ({ ...rl.v_1step_td_error(t as never, 0.5) }))).rejects.toThrow(
      /one value per entry/,
    )
    const turned = { v: f32([2, 3], [1, 2, 3, 4, 5, 6]), next_v: f32([3, 2], [1, 2, 3, 4, 5, 6]) }
    await expect(
      evaluate({ ...given, ...turned }, (t) => ({ ...rl.v_1step_td_error(t as never, 0.5) })),
    ).rejects.toThrow('next_v of shape [3,2] must hold one value per entry of v, whose shape is [2,3]')
  })

  test('soft Q-learning stays finite for a small alpha', async () => {
    const out = await evaluate(q, (t) => ({
      ...rl.q_nstep_sql_td_error(t as never, 0.5, 1e-3, { nstep: 3 }),
    }))
    near(out.record_target_v, [30, 60], 3)
  })

  test('m_q_1step counts clipped Munchausen terms and works with one action', async () => {
    const given = {
      q: f32([2, 2], [0, 0, 0, 0]),
      target_q: f32([2, 2], [0, 5, 0, 0]),
      next_q: f32([2, 2], [0, 0, 0, 0]),
      act: i32([2], [0, 0]),
      reward: f32([2], [0, 0]),
      done: f32([2], [1, 1]),
    }
    const out = await evaluate(given, (t) => ({ ...rl.m_q_1step_td_error(t as never, 0.9, 1, 0.5) }))
    near(out.clipfrac, [1, 0])
    near(out.action_gap, [2.5])
    near(out.td_error_per_sample, [0.25, (0.5 * Math.log(2)) ** 2])
    const single = {
      ...given,
      q: f32([2, 1], [0, 0]),
      target_q: f32([2, 1], [0, 0]),
      next_q: f32([2, 1], [0, 0]),
    }
    near(
      (await evaluate(single, (t) => ({ ...rl.m_q_1step_td_error(t as never, 0.9, 1, 0.5) }))).action_gap,
      [0],
    )
  })

  test('dqfd with cum_reward needs the first reward', async () => {
    const given = {
      ...q,
      reward: f32([2], [1, 2]),
      done_one_step: q.done,
      new_n_q_one_step: q.next_n_q,
      next_n_action_one_step: q.next_n_action,
      is_expert: f32([2], [1, 1]),
    }
    const options = {
      lambda_n_step_td: 1,
      lambda_supervised_loss: 1,
      margin_function: 0.8,
      nstep: 3,
      cum_reward: true,
    }
    const fn = (t: Record<string, tf.Tensor>) => ({ ...rl.dqfd_nstep_td_error(t as never, 0.5, options) })
    await expect(evaluate(given, fn)).rejects.toThrow(/reward_one_step/)
    const out = await evaluate({ ...given, reward_one_step: f32([2], [1, 2]) }, fn)
    near(out.onestep_td_mean, [((1 + 0.5 * 20 - 1) ** 2 + (2 - 6) ** 2) / 2])
  })
})

describe('bdq_nstep_td_error', () => {
  test('is the mean over branches of their own n-step errors', async () => {
    const given = {
      q: f32([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
      next_n_q: f32([2, 2, 2], [10, 20, 30, 40, 50, 60, 70, 80]),
      action: i32([2, 2], [0, 1, 1, 0]),
      next_n_action: i32([2, 2], [1, 0, 0, 0]),
      reward: f32([2, 2], [1, 2, 3, 4]),
      done: f32([2], [0, 1]),
      weight: f32([2], [2, 0.5]),
    }
    const out = await evaluate(given, (t) => ({ ...rl.bdq_nstep_td_error(t as never, 0.5, { nstep: 2 }) }))
    // Sums 1 + 0.5 * 3 and 2 + 0.5 * 4; bootstraps 0.25 * 20 and 0.25 * 30 in the first row, none in the second.
    const errors = [((2.5 + 5 - 1) ** 2 + (2.5 + 7.5 - 4) ** 2) / 2, ((4 - 6) ** 2 + (4 - 7) ** 2) / 2]
    near(out.td_error_per_sample, errors)
    near(out.loss, [(2 * errors[0]! + 0.5 * errors[1]!) / 2])
    const sums = { ...given, reward: f32([2], [2.5, 4]) }
    const same = await evaluate(sums, (t) => ({
      ...rl.bdq_nstep_td_error(t as never, 0.5, { nstep: 2, cum_reward: true }),
    }))
    near(same.td_error_per_sample, errors)
  })
})

describe('td_lambda_error', () => {
  test('a weight for each trajectory stands along the batch, also where it is as long as time', async () => {
    const given = { value: f32([3, 2], [1, 2, 3, 4, 5, 6]), reward: f32([2, 2], [1, 0, 0, 1]) }
    const loss = async (weight: ReturnType<typeof f32>) =>
      (await evaluate({ ...given, weight }, (t) => ({ loss: rl.td_lambda_error(t as never).loss }))).loss[0]!
    const [each, whole] = [await loss(f32([2], [3, 0.5])), await loss(f32([2, 2], [3, 0.5, 3, 0.5]))]
    expect(each).toBe(whole)
    expect(each).not.toBeCloseTo(await loss(f32([2, 2], [3, 3, 0.5, 0.5])), 3)
  })
})

describe('fqf_calculate_fraction_loss', () => {
  test('weighs each inner fraction by what moving it would change', async () => {
    const given = {
      q_tau_i: f32([1, 2, 2], [0, 2, 0, 4]),
      q_value: f32([1, 3, 2], [0, 1, 0, 3, 0, 6]),
      quantiles: f32([1, 4], [0, 0.25, 0.5, 1]),
      actions: i32([1], [1]),
    }
    const fn = (t: Record<string, tf.Tensor>) => rl.fqf_calculate_fraction_loss(t as never)
    const { loss } = await evaluate(given, (t) => ({ loss: fn(t) }))
    // 2 F(tau_i) - F(tau^_i) - F(tau^_{i-1}): 2 * 2 - 1 - 3 and 2 * 4 - 3 - 6.
    near(loss, [-0.5])
    const { backpropagated } = await gradients(given, 'quantiles', fn)
    near(backpropagated, [0, 0, -1, 0])
    const two = { ...given, q_tau_i: f32([1, 1, 1], [2]), q_value: f32([1, 2, 1], [1, 5]) }
    const only = await evaluate(
      { ...two, quantiles: f32([1, 3], [0, 0.5, 1]), actions: i32([1], [0]) },
      (t) => ({ loss: fn(t) }),
    )
    near(only.loss, [0.5 * (2 * 2 - 1 - 5)])
  })

  test('takes differences with the other sign where values do not rise', async () => {
    const given = {
      q_tau_i: f32([1, 1, 1], [1]),
      q_value: f32([1, 2, 1], [3, 2]),
      quantiles: f32([1, 3], [0, 0.5, 1]),
      actions: i32([1], [0]),
    }
    const { loss } = await evaluate(given, (t) => ({ loss: rl.fqf_calculate_fraction_loss(t as never) }))
    // 1 is below both midpoints: -(1 - 3) for the first, and 1 - 2 as it stands.
    near(loss, [0.5 * (2 - 1)])
  })
})
