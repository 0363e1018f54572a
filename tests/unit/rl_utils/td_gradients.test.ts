import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import * as rl from '../../../ding/rl_utils/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'
import { f32, gradients, i32, normal, stream } from './helpers.js'

type Inputs = Record<string, HostTensor>
type Tensors = Record<string, Tensor>

const B = 3
const N = 4
const STEPS = 2

/** Columns that most td errors share. */
function common(name: string): Inputs {
  const random = stream(name)
  return {
    q: normal(random, [B, N]),
    next_n_q: normal(random, [B, N]),
    action: i32([B], random.integers(B, 0, N)),
    next_n_action: i32([B], random.integers(B, 0, N)),
    reward: normal(random, [STEPS, B]),
    done: f32([B], [0, 1, 0]),
    weight: f32([B], random.uniform(B)),
    value_gamma: f32([B], [0.8, 0.9, 0.7]),
  }
}

function oneStep(name: string): Inputs {
  const { next_n_q, action, next_n_action, value_gamma: _, ...rest } = common(name)
  const reward = normal(stream(`${name} reward`), [B])
  return {
    ...rest,
    reward,
    act: action!,
    next_q: next_n_q!,
    next_act: next_n_action!,
    target_q: normal(stream(`${name} target`), [B, N]),
  }
}

function values(name: string): Inputs {
  const random = stream(name)
  return { v: normal(random, [B]), next_v: normal(random, [B]), next_n_v: normal(random, [B]) }
}

function distributions(name: string): Inputs {
  const random = stream(name)
  const atoms = 5
  const simplex = () => {
    const raw = random.uniform(B * N * atoms).map((x) => x + 0.2)
    return f32(
      [B, N, atoms],
      raw.map((x, i) => x / raw.slice(i - (i % atoms), i - (i % atoms) + atoms).reduce((a, b) => a + b)),
    )
  }
  const { action, next_n_action, ...rest } = common(name)
  return { ...rest, act: action!, next_n_act: next_n_action!, dist: simplex(), next_n_dist: simplex() }
}

function quantiles(name: string): Inputs {
  const random = stream(name)
  const next = common(name)
  return {
    ...next,
    q_bnk: normal(random, [B, N, 3]),
    next_bnk: normal(random, [B, N, 3]),
    q_kbn: normal(random, [3, B, N]),
    next_kbn: normal(random, [2, B, N]),
    q_bkn: normal(random, [B, 3, N]),
    next_bkn: normal(random, [B, 3, N]),
    tau: f32([1, 3, 1], [1 / 6, 0.5, 5 / 6]),
    taus: f32([3 * B, 1], random.uniform(3 * B)),
    hats: f32([B, 3], random.uniform(B * 3)),
  }
}

function demonstrations(name: string): Inputs {
  const random = stream(`${name} one step`)
  return {
    ...common(name),
    new_n_q_one_step: normal(random, [B, N]),
    next_n_action_one_step: i32([B], random.integers(B, 0, N)),
    done_one_step: f32([B], [0, 0, 0]),
    is_expert: f32([B], [1, 0, 1]),
  }
}

interface GradientCase {
  inputs: (name: string) => Inputs
  of: string
  td: (t: never) => rl.TdError
}

const support = { v_min: -2, v_max: 2, n_atom: 5 }
const nstep = { nstep: STEPS }
const dqfd = {
  ...nstep,
  lambda_n_step_td: 0.7,
  lambda_supervised_loss: 1.3,
  margin_function: 0.8,
  lambda_one_step_td: 0.5,
}

const CASES: Record<string, GradientCase> = {
  q_1step: { inputs: oneStep, of: 'q', td: (t: rl.Q1stepTdData) => rl.q_1step_td_error(t, 0.9) },
  'q_1step smooth_l1': {
    inputs: oneStep,
    of: 'q',
    td: (t: rl.Q1stepTdData) => rl.q_1step_td_error(t, 0.9, { criterion: 'smooth_l1' }),
  },
  m_q_1step: {
    inputs: oneStep,
    of: 'q',
    td: (t: rl.MQ1stepTdData) => rl.m_q_1step_td_error(t, 0.9, 0.5, 0.9),
  },
  q_v_1step: {
    inputs: (name) => ({ ...oneStep(name), v: normal(stream('v'), [B]) }),
    of: 'q',
    td: (t: rl.QV1stepTdData) => rl.q_v_1step_td_error(t, 0.9),
  },
  v_1step: {
    inputs: (name) => ({ ...oneStep(name), ...values(name) }),
    of: 'v',
    td: (t: rl.V1stepTdData) => rl.v_1step_td_error(t, 0.9),
  },
  v_nstep: {
    inputs: (name) => ({ ...common(name), ...values(name) }),
    of: 'v',
    td: (t: rl.VNstepTdData) => rl.v_nstep_td_error(t, 0.9, nstep),
  },
  q_nstep: { inputs: common, of: 'q', td: (t: rl.QNstepTdData) => rl.q_nstep_td_error(t, 0.9, nstep) },
  'q_nstep smooth_l1': {
    inputs: common,
    of: 'q',
    td: (t: rl.QNstepTdData) => rl.q_nstep_td_error(t, 0.9, { ...nstep, criterion: 'smooth_l1' }),
  },
  q_nstep_with_rescale: {
    inputs: common,
    of: 'q',
    td: (t: rl.QNstepTdData) => rl.q_nstep_td_error_with_rescale(t, 0.9, nstep),
  },
  q_nstep_sql: {
    inputs: common,
    of: 'q',
    td: (t: rl.QNstepTdData) => rl.q_nstep_sql_td_error(t, 0.9, 0.3, nstep),
  },
  td_lambda: {
    inputs: (name) => ({ value: normal(stream(name), [4, B]), reward: normal(stream(`${name} r`), [3, B]) }),
    of: 'value',
    // The returns are built from the same values but count as constants, so the differences must not move them.
    td: (t: rl.TdLambdaData & { fixed: Tensor }) => lambdaError(t),
  },
  dqfd_nstep: {
    inputs: demonstrations,
    of: 'q',
    td: (t: rl.DqfdNstepTdData) => rl.dqfd_nstep_td_error(t, 0.9, dqfd),
  },
  dqfd_nstep_with_rescale: {
    inputs: demonstrations,
    of: 'q',
    td: (t: rl.DqfdNstepTdData) => rl.dqfd_nstep_td_error_with_rescale(t, 0.9, dqfd),
  },
  dist_nstep: {
    inputs: distributions,
    of: 'dist',
    td: (t: rl.DistNstepTdData) => rl.dist_nstep_td_error(t, 0.9, { ...support, ...nstep }),
  },
  dist_1step: {
    inputs: (name) => ({ ...distributions(name), reward: normal(stream(name), [B]) }),
    of: 'dist',
    td: (t: Tensors) =>
      rl.dist_1step_td_error(
        {
          dist: t['dist']!,
          next_dist: t['next_n_dist']!,
          act: t['act']!,
          next_act: t['next_n_act']!,
          reward: t['reward']!,
          done: t['done']!,
          weight: t['weight'],
        },
        0.9,
        support,
      ),
  },
  qrdqn_nstep: {
    inputs: quantiles,
    of: 'q_bnk',
    td: (t: rl.QrdqnNstepTdData & Tensors) =>
      rl.qrdqn_nstep_td_error({ ...t, q: t['q_bnk']!, next_n_q: t['next_bnk']! }, 0.9, nstep),
  },
  'qrdqn_nstep kappa 0.3': {
    inputs: quantiles,
    of: 'q_bnk',
    td: (t: rl.QrdqnNstepTdData & Tensors) =>
      rl.qrdqn_nstep_td_error({ ...t, q: t['q_bnk']!, next_n_q: t['next_bnk']! }, 0.9, {
        ...nstep,
        kappa: 0.3,
      }),
  },
  iqn_nstep: {
    inputs: quantiles,
    of: 'q_kbn',
    td: (t: rl.IqnNstepTdData & Tensors) =>
      rl.iqn_nstep_td_error(
        { ...t, q: t['q_kbn']!, next_n_q: t['next_kbn']!, replay_quantiles: t['taus']! },
        0.9,
        { ...nstep, kappa: 0.5 },
      ),
  },
  fqf_nstep: {
    inputs: quantiles,
    of: 'q_bkn',
    td: (t: rl.FqfNstepTdData & Tensors) =>
      rl.fqf_nstep_td_error(
        { ...t, q: t['q_bkn']!, next_n_q: t['next_bkn']!, quantiles_hats: t['hats']! },
        0.9,
        nstep,
      ),
  },
}

/** TD(lambda) on returns held at the unmoved values: what the gradient is the gradient of. */
function lambdaError({ value, reward, fixed }: rl.TdLambdaData & { fixed: Tensor }): rl.TdError {
  const returns = rl.generalized_lambda_returns(fixed, reward, 0.9, 0.8)
  const td_error_per_sample = tf.mul(tf.squaredDifference(returns, tf.slice(value, [0], [3])), 0.5)
  return { loss: tf.mean(td_error_per_sample), td_error_per_sample }
}

describe('gradients of td errors agree with finite differences', () => {
  test.each(Object.entries(CASES).filter(([name]) => name !== 'td_lambda'))(
    '%s',
    async (name, { inputs, of, td }) => {
      const { backpropagated, differences } = await gradients(inputs(name), of, (t) => td(t as never).loss)
      expect(backpropagated.some((g) => Math.abs(g) > 0.01)).toBe(true)
      backpropagated.forEach((g, i) => {
        expect(Math.abs(g - differences[i]!)).toBeLessThan(3e-3 * Math.max(1, Math.abs(g)))
      })
    },
  )

  test('td_lambda, whose targets do not move with the values', async () => {
    const { inputs, td } = CASES['td_lambda']!
    const given = inputs('td_lambda')
    const own = await gradients(given, 'value', (t) => rl.td_lambda_error(t as never).loss)
    const held = await gradients({ ...given, fixed: given['value']! }, 'value', (t) => td(t as never).loss)
    own.backpropagated.forEach((g, i) => {
      expect(Math.abs(g - held.differences[i]!)).toBeLessThan(3e-3)
    })
    expect(own.backpropagated.slice(9)).toEqual([0, 0, 0])
  })

  test('targets take no gradient, even where the same parameters give them', async () => {
    const given = common('shared network')
    const { backpropagated } = await gradients(
      given,
      'next_n_q',
      (t) => rl.q_nstep_td_error(t as never, 0.9, nstep).loss,
    )
    expect(backpropagated.every((g) => g === 0)).toBe(true)
  })
})
