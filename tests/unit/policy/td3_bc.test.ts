import { expect, test } from 'vitest'
import { defaultsOf, EDACPolicy, IQLPolicy, type Parameter, TD3BCPolicy } from '../../../ding/index.js'
import type { ContinuousQAC } from '../../../ding/model/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'
import { ask } from './continuous_support.js'
import {
  ACTIONS,
  checksum,
  expectResumes,
  learnOnce,
  offlinePolicy,
  ROWS,
  wave,
  waveBatch,
  waveObservations,
  wavePolicy,
} from './offline_support.js'
import { mean } from './support.js'

const small = { model: { net_arch: [8, 6] } }

// Made with PyTorch 1.13 in float64: CORL's TD3_BC.train written as plain functions, on the same waves.
const EXPECTED = [
  { critic_loss: 1.04766907792692 },
  { critic_loss: 1.0375213407942767, actor_loss: -2.0757942890902674, bc_loss: 0.4242057109097324 },
  { critic_loss: 1.0242359215889807 },
  { critic_loss: 1.0103711058077496, actor_loss: -2.0761915043932406, bc_loss: 0.4238084956067596 },
]

test('updates are those of CORL: losses, delayed actor and targets', async () => {
  const { policy, draws } = await wavePolicy(TD3BCPolicy, small)
  for (const [i, expected] of EXPECTED.entries()) {
    draws.push(wave(2.1, i + 1, 1.5, ROWS * ACTIONS))
    const out = await learnOnce(policy)
    for (const [name, value] of Object.entries(expected)) expect(out[name], name).toBeCloseTo(value, 5)
    expect(out['actor_loss'] === undefined).toBe(i % 2 === 0)
  }
  const state = policy.learn_mode.state_dict()
  expect(checksum(state['model'])).toBeCloseTo(-1.5366457142315868, 5)
  expect(checksum(state['target_model'])).toBeCloseTo(-1.536903877555869, 5)
})

test('the weight of Q is its mean size, also where its signs differ', async () => {
  const policy = await offlinePolicy(TD3BCPolicy, {
    ...small,
    learn: { alpha: 2, actor_update_freq: 1, learning_rate_critic: 0 },
  })
  const { model } = policy as unknown as { model: ContinuousQAC }
  const batch = waveBatch()
  const valuesNow = async () =>
    Array.from((await ask(model, batch['obs'] as HostTensor)).q.data).slice(0, ROWS)
  const before = await valuesNow()
  // The first critic's values are moved so that 0 lies midway between the least and the largest.
  const bias = model.critic.parameters().at(-1) as Parameter
  bias.data[0] = (bias.data[0] as number) - (Math.min(...before) + Math.max(...before)) / 2
  const q = await valuesNow()
  expect(Math.min(...q)).toBeLessThan(0)
  expect(Math.max(...q)).toBeGreaterThan(0)
  const { actor_loss, bc_loss } = await learnOnce(policy, batch)
  const lambda = 2 / mean(q.map(Math.abs))
  expect(actor_loss).toBeCloseTo((bc_loss as number) - lambda * mean(q), 4)
})

test('with alpha 0 the actor clones the data', async () => {
  const learn = { alpha: 0, learning_rate_actor: 0.01, actor_update_freq: 1 }
  const policy = await offlinePolicy(TD3BCPolicy, { ...small, learn })
  let last = Number.POSITIVE_INFINITY
  for (let i = 0; i < 150; i++) last = (await learnOnce(policy))['bc_loss'] as number
  expect(last).toBeLessThan(0.01)
})

test('defaults are CORL`s; all that is logged is there; the state goes on bit for bit', async () => {
  const policy = await offlinePolicy(TD3BCPolicy, { learn: { actor_update_freq: 1 } })
  const { learn, model } = policy.cfg
  expect(learn).toMatchObject({ learning_rate_actor: 3e-4, learning_rate_critic: 3e-4, alpha: 2.5 })
  expect(model).toMatchObject({
    actor_head_hidden_size: 256,
    critic_head_hidden_size: 256,
    twin_critic: true,
  })
  const out = await learnOnce(policy)
  for (const name of policy.learn_mode.monitor_vars()) expect(out[name], name).toEqual(expect.any(Number))
  await expectResumes(
    () => offlinePolicy(TD3BCPolicy, small),
    (a, b) => expect(a).toEqual(b),
  )
})

test('it collects with noise and evaluates without', async () => {
  const policy = await offlinePolicy(TD3BCPolicy, small)
  const obs = waveObservations(3)
  const evaluated = await policy.eval_mode.forward(obs)
  expect(await policy.eval_mode.forward(obs)).toEqual(evaluated)
  const collected = await policy.collect_mode.forward(obs)
  expect(collected).not.toEqual(evaluated)
  for (const { action } of Object.values(collected))
    for (const value of action as Float32Array) expect(Math.abs(value)).toBeLessThanOrEqual(1)
})

test('replay buffers are as large as CORL`s files have them', () => {
  const sizes = [
    defaultsOf(TD3BCPolicy.config),
    defaultsOf(IQLPolicy.config),
    defaultsOf(EDACPolicy.config),
  ].map(({ other }) => other.replay_buffer.replay_buffer_size)
  expect(sizes).toEqual([2e6, 2e6, 1e6])
})
