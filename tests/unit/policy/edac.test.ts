import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { backward, Parameter, RandomStream } from '../../../ding/compute/index.js'
import { ConfigError, EDACPolicy, gradient_diversity } from '../../../ding/index.js'
import { createModel, type EDACModel, normalLogit } from '../../../ding/model/index.js'
import { firstLeastOf } from '../../../ding/policy/actor_critic_update.js'
import {
  ACTIONS,
  checksum,
  expectResumes,
  learnOnce,
  OBS,
  offlinePolicy,
  ROWS,
  wave,
  waveObservations,
  wavePolicy,
} from './offline_support.js'
import { f32, sharedCompute } from './support.js'

const sizes = { actor_head_hidden_size: 8, critic_head_hidden_size: 8, actor_head_layer_num: 1 }
const small = { model: { ...sizes, critic_head_layer_num: 1, ensemble_num: 3 } }

// Made with PyTorch 1.13 in float64 on the same waves: CORL's losses, the diversity by autograd through autograd; alpha learns from the actor's sample.
const EXPECTED = [
  {
    policy_loss: -1.28376726682638,
    alpha_loss: 0,
    critic_loss: 1.1228620780174716,
    diversity_loss: -0.5683408450119424,
  },
  {
    policy_loss: -1.3410169370558087,
    alpha_loss: -0.000934268070318697,
    critic_loss: 1.7907850834394754,
    diversity_loss: -0.5877971025035763,
  },
  {
    policy_loss: -1.31086203578916,
    alpha_loss: -0.0018635370705227382,
    critic_loss: 1.7036061024147195,
    diversity_loss: -0.6067287587773368,
  },
]

test('updates are those of CORL`s losses in its order: actor, alpha, critics, targets', async () => {
  const { policy, draws } = await wavePolicy(EDACPolicy, small)
  for (const [i, expected] of EXPECTED.entries()) {
    draws.push(wave(2.1, i + 1, 1.5, ROWS * ACTIONS), wave(1.9, i + 1, 1.5, ROWS * ACTIONS))
    const out = await learnOnce(policy)
    for (const [name, value] of Object.entries(expected)) expect(out[name], name).toBeCloseTo(value, 4)
  }
  const state = policy.learn_mode.state_dict()
  expect(checksum(state['model'])).toBeCloseTo(-4.291963261069784, 4)
  expect(checksum(state['target_model'])).toBeCloseTo(-1.4476531345047863, 4)
})

describe('gradient_diversity', () => {
  const of = async (gradient: number[], shape: number[]) => {
    const program = (await sharedCompute()).program('diversity', ({ g }: { g: Tensor }) => ({
      loss: gradient_diversity(g),
    }))
    const { loss } = await program.run({ g: f32(gradient, shape) })
    program.dispose()
    return loss.data[0]
  }

  test('is the mean cosine of pairs: N for alike, 0 for two at a right angle, whatever their lengths', async () => {
    expect(await of([1, 0, 5, 0], [2, 1, 2])).toBeCloseTo(2, 6)
    expect(await of([1, 0, 0, 7], [2, 1, 2])).toBeCloseTo(0, 6)
    expect(await of([1, 0, -3, 0], [2, 1, 2])).toBeCloseTo(-2, 6)
    expect(await of([2, 2, 2], [3, 1, 1])).toBeCloseTo(3, 6)
  })

  test('counts a gradient of 0 as none, and has the slope of a vector over 1e-10 there', async () => {
    expect(await of([0, 0, 1, 0], [2, 1, 2])).toBe(0)
    const g = new Parameter([2, 1, 2], true, Float32Array.of(0, 0, 1, 0))
    const program = (await sharedCompute()).program('slope', () =>
      backward([g], () => gradient_diversity(g.value)),
    )
    await program.run({})
    program.dispose()
    expect(g.grad[0]! / 2e10).toBeCloseTo(1, 4)
  })
})

test('log_sigma has its whole gradient at its least value', async () => {
  const model = createModel(
    { type: 'edac', ...small.model, obs_shape: OBS, action_shape: ACTIONS },
    { random: RandomStream.fromSeed(1) },
  ) as EDACModel
  const layer = new Map(model.actor.namedParameters())
  const [weight, bias] = ['weight', 'bias'].map((part) => layer.get(`head.log_sigma_layer.${part}`)!)
  weight!.set(new Float32Array(weight!.size))
  bias!.set(new Float32Array(ACTIONS).fill(-5))
  const program = (await sharedCompute()).program('log_sigma', ({ obs }: { obs: Tensor }) =>
    backward([bias!], () => tf.sum(normalLogit(model.actor.forward(obs)).log_sigma)),
  )
  await program.run({ obs: f32(wave(1.3, 0, 1, OBS), [1, OBS]) })
  program.dispose()
  expect(Array.from(bias!.grad)).toEqual(Array(ACTIONS).fill(1))
})

test('of equal critics the first has the gradient of the actor; shared, opposite slopes would cancel', async () => {
  const value = new Parameter([1], true, Float32Array.of(0))
  const program = (await sharedCompute()).program('least', () =>
    backward([value], () =>
      tf.sum(firstLeastOf(tf.stack([value.value, tf.neg(value.value), tf.mul(value.value, 3)]))),
    ),
  )
  await program.run({})
  program.dispose()
  expect(Array.from(value.grad)).toEqual([1])
})

test('a larger eta makes the critics less alike', async () => {
  const diversity = async (eta: number) => {
    const learn = { eta, learning_rate_q: 0.01 }
    const policy = await offlinePolicy(EDACPolicy, { ...small, learn })
    for (let i = 0; i < 60; i++) await learnOnce(policy)
    return (await learnOnce(policy))['diversity_loss'] as number
  }
  expect(await diversity(10)).toBeLessThan(await diversity(1e-6))
})

test('eta 0 is SAC-N; DI-engine`s order and target are there to choose', async () => {
  const plain = await offlinePolicy(EDACPolicy, { ...small, learn: { eta: 0 } })
  expect((await learnOnce(plain))['diversity_loss']).toBe(0)
  const target = async (learn: object) =>
    (await learnOnce(await offlinePolicy(EDACPolicy, { ...small, learn })))['target_q_value']
  expect(await target({ with_q_entropy: false })).not.toBe(await target({}))
  expect(await target({ actor_first: false })).not.toBe(await target({}))
})

test('one critic needs eta 0; another model is refused', async () => {
  const one = { ...small.model, ensemble_num: 1 }
  await expect(offlinePolicy(EDACPolicy, { model: one })).rejects.toThrow(/policy\.learn\.eta/)
  const policy = await offlinePolicy(EDACPolicy, { model: one, learn: { eta: 0 } })
  expect((await learnOnce(policy))['critic_loss']).toEqual(expect.any(Number))
  const other = { type: 'continuous_qac', action_space: 'reparameterization' }
  await expect(offlinePolicy(EDACPolicy, { model: other })).rejects.toThrow(ConfigError)
})

test('start values are CORL`s', async () => {
  const policy = await offlinePolicy(EDACPolicy)
  const model = policy.learn_mode.state_dict()['model'] as Record<string, { data: Float32Array }>
  const most = (name: string) =>
    (model[name]?.data ?? Float32Array.of(9)).reduce((m, v) => Math.max(m, Math.abs(v)), 0)
  expect(new Set(model['actor.trunk.4.bias']?.data)).toEqual(new Set([Math.fround(0.1)]))
  expect(new Set(model['critic.q.4.bias']?.data)).toEqual(new Set([Math.fround(0.1)]))
  // What torch makes of a matrix [in, out]: a bound by the layer's width, not by its inputs.
  for (const name of ['critic.q.0.weight', 'critic.q.2.weight']) {
    expect(most(name), name).toBeLessThanOrEqual(Math.fround(1 / 16))
    expect(most(name), name).toBeGreaterThan(0.99 / 16)
  }
  expect(most('critic.q.6.weight')).toBeLessThanOrEqual(Math.fround(3e-3))
  expect(most('critic.q.6.bias')).toBeLessThanOrEqual(Math.fround(3e-3))
  expect(most('actor.head.mu.weight')).toBeLessThanOrEqual(Math.fround(1e-3))
  expect(policy.cfg.learn).toMatchObject({ alpha: 1, auto_alpha: true, eta: 1 })
})

test('all that is logged is there; the state goes on bit for bit', async () => {
  const policy = await offlinePolicy(EDACPolicy, small)
  const out = await learnOnce(policy)
  for (const name of policy.learn_mode.monitor_vars()) expect(out[name], name).toEqual(expect.any(Number))
  await expectResumes(
    () => offlinePolicy(EDACPolicy, small),
    (a, b) => expect(a).toEqual(b),
  )
})

test('it collects samples and evaluates with the mode', async () => {
  const policy = await offlinePolicy(EDACPolicy, small)
  const obs = waveObservations(2)
  expect(await policy.eval_mode.forward(obs)).toEqual(await policy.eval_mode.forward(obs))
  expect(await policy.collect_mode.forward(obs)).not.toEqual(await policy.collect_mode.forward(obs))
})
