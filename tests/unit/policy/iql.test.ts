import { describe, expect, test } from 'vitest'
import { ConfigError, IQLPolicy } from '../../../ding/index.js'
import {
  checksum,
  expectResumes,
  learnOnce,
  offlinePolicy,
  waveBatch,
  waveObservations,
  wavePolicy,
} from './offline_support.js'

const small = {
  model: { actor_hidden_size: [8, 6], critic_hidden_size: [8, 6], value_hidden_size: [8, 6] },
}

describe('updates are those of CORL', () => {
  // Made with PyTorch 1.13 in float64: CORL's ImplicitQLearning.train written as plain functions, on the same waves.
  const losses = [
    { value_loss: 0.2648671549698726, critic_loss: 0.9873313908133534 },
    { value_loss: 0.2634991395376691, critic_loss: 0.9838237688032812 },
    { value_loss: 0.2621292081086003, critic_loss: 0.9803291769003182 },
  ]
  test.each([
    [false, [6.7367418580301655, 6.734870006496067, 6.732997412709575], -0.10340585945883903],
    [true, [2.06382446225247, 2.061194023181217, 2.0585633301708395], -0.5882016479018358],
  ])('iql_deterministic %s', async (iql_deterministic, actor_losses, sum) => {
    const { policy } = await wavePolicy(IQLPolicy, {
      model: { ...small.model, iql_deterministic },
      learn: { exp_adv_max: 2.5 },
    })
    for (const [i, expected] of losses.entries()) {
      const out = await learnOnce(policy)
      for (const [name, value] of Object.entries(expected)) expect(out[name], name).toBeCloseTo(value, 5)
      expect(out['actor_loss']).toBeCloseTo(actor_losses[i] as number, 5)
    }
    const state = policy.learn_mode.state_dict()
    expect(checksum(state['model'])).toBeCloseTo(sum, 5)
    expect(checksum(state['target_model'])).toBeCloseTo(-0.583026685655236, 5)
  })
})

test('the value comes to an expectile: above the mean of the critics` values with iql_tau over 0.5', async () => {
  // One observation, six actions: what the value should be between is known.
  const same = waveBatch({ obs: { dtype: 'float32', shape: [6, 3], data: new Float32Array(18) } })
  const valueWith = async (iql_tau: number) => {
    const learn = { iql_tau, learning_rate_value: 0.02, learning_rate_q: 0 }
    const policy = await offlinePolicy(IQLPolicy, { ...small, learn })
    let value = 0
    for (let i = 0; i < 400; i++) value = (await learnOnce(policy, same))['value'] as number
    return { value, advantage: (await learnOnce(policy, same))['advantage'] as number }
  }
  const [middle, high] = [await valueWith(0.5), await valueWith(0.95)]
  expect(middle.advantage).toBeCloseTo(0, 3)
  expect(high.advantage).toBeLessThan(-0.001)
  expect(high.value).toBeGreaterThan(middle.value)
})

test('beta 0 is behaviour cloning', async () => {
  const learn = { beta: 0, learning_rate_policy: 0.01 }
  const policy = await offlinePolicy(IQLPolicy, { model: { ...small.model, iql_deterministic: true }, learn })
  let last = Number.POSITIVE_INFINITY
  for (let i = 0; i < 200; i++) last = (await learnOnce(policy))['actor_loss'] as number
  expect(last).toBeLessThan(0.02)
})

test('the actor alone follows policy_lr_schedule', async () => {
  const learn = { policy_lr_schedule: { type: 'cosine', steps: 2 } }
  const policy = await offlinePolicy(IQLPolicy, { ...small, learn })
  const rates: number[] = []
  for (let i = 0; i < 3; i++) {
    const out = await learnOnce(policy)
    rates.push(out['cur_lr_p'] as number)
    expect(out['cur_lr_q']).toBe(3e-4)
  }
  expect(rates[0]).toBeCloseTo(3e-4, 9)
  expect(rates[1]).toBeCloseTo(1.5e-4, 9)
  expect(rates[2]).toBeCloseTo(0, 9)
})

test('all that is logged is there; the state goes on bit for bit', async () => {
  const policy = await offlinePolicy(IQLPolicy, small)
  const out = await learnOnce(policy)
  for (const name of policy.learn_mode.monitor_vars()) expect(out[name], name).toEqual(expect.any(Number))
  await expectResumes(
    () => offlinePolicy(IQLPolicy, { model: { ...small.model, actor_dropout: 0.1 } }),
    (a, b) => expect(a).toEqual(b),
  )
})

test('it collects from the distribution and evaluates with its mean, in [-1, 1]', async () => {
  const policy = await offlinePolicy(IQLPolicy, small)
  const obs = waveObservations(2)
  const mean = await policy.eval_mode.forward(obs)
  expect(await policy.eval_mode.forward(obs)).toEqual(mean)
  const [first, second] = [await policy.collect_mode.forward(obs), await policy.collect_mode.forward(obs)]
  expect(second).not.toEqual(first)
  for (const { action } of Object.values(first))
    for (const value of action as Float32Array) expect(Math.abs(value)).toBeLessThanOrEqual(1)
  const sampled = await offlinePolicy(IQLPolicy, { ...small, eval: { deterministic: false } })
  expect(await sampled.eval_mode.forward(obs)).not.toEqual(await sampled.eval_mode.forward(obs))
})

test('a model without a value network is refused', async () => {
  const policy = await offlinePolicy(IQLPolicy, { model: { type: 'continuous_qac' } })
  expect(() => policy.learn_mode).toThrow(ConfigError)
})
