import { describe, expect, test } from 'vitest'
import { type ActorCriticModel, DDPGPolicy } from '../../../ding/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'
import { actionsOf, ask, build, continuousBatch, learn, observations } from './continuous_support.js'
import { f32 } from './support.js'

/** The policy's own model, which tests may look at. */
const modelOf = (policy: DDPGPolicy) => Reflect.get(policy, 'model') as ActorCriticModel

test('the loss is the mean squared error against r + gamma Q(s2, pi(s2)), by hand', async () => {
  const policy = await build(DDPGPolicy, { learn: { discount_factor: 0.5 } })
  const batch = continuousBatch()
  const { obs, next_obs, action, reward, done } = batch as Record<string, HostTensor>
  const model = modelOf(policy)
  // Before the first update the target is the model itself.
  const next = await ask(model, next_obs as HostTensor)
  const now = await ask(model, obs as HostTensor, action)
  const errors = Array.from({ length: 6 }, (_, i) => {
    const future = done?.data[i] ? 0 : 0.5 * (next.q.data[i] as number)
    return (now.q.data[i] as number) - ((reward?.data[i] as number) + future)
  })
  const out = await learn(policy, batch)
  expect(out['critic_loss']).toBeCloseTo(errors.reduce((sum, e) => sum + e * e, 0) / 6, 5)
  Array.from(out['priority'] as Float32Array).forEach((p, i) => {
    expect(p).toBeCloseTo(Math.abs(errors[i] as number), 5)
  })
})

test("reward_batch_norm learns of rewards with mean 0 and torch's standard deviation 1", async () => {
  const rewards = Array.from((continuousBatch()['reward'] as HostTensor).data)
  const mean = rewards.reduce((sum, r) => sum + r, 0) / 6
  const std = Math.sqrt(rewards.reduce((sum, r) => sum + (r - mean) ** 2, 0) / 5)
  const normal = continuousBatch({ reward: f32(rewards.map((r) => (r - mean) / std)) })
  const loss = (out: Record<string, unknown>) => out['critic_loss'] as number
  const expected = loss(await learn(await build(DDPGPolicy), normal))
  expect(loss(await learn(await build(DDPGPolicy, { reward_batch_norm: true })))).toBeCloseTo(expected, 5)
  expect(loss(await learn(await build(DDPGPolicy)))).not.toBeCloseTo(expected, 2)
  await expect(build(DDPGPolicy, { reward_batch_norm: true, nstep: 2 })).rejects.toThrow(
    /policy\.reward_batch_norm is true, but policy\.nstep is 2/,
  )
})

test('the actor loss is minus the first critic, after its step', async () => {
  const policy = await build(DDPGPolicy, { learn: { learning_rate_actor: 0 }, model: { n_critics: 3 } })
  const out = await learn(policy)
  const { q } = await ask(modelOf(policy), continuousBatch()['obs'] as HostTensor)
  expect(q.shape).toEqual([3, 6])
  const first = Array.from(q.data.slice(0, 6))
  expect(out['actor_loss']).toBeCloseTo(-first.reduce((a, b) => a + b, 0) / 6, 5)
})

describe('collecting', () => {
  const collected = async (collect: Record<string, unknown>) => {
    const policy = await build(DDPGPolicy, { collect })
    const obs = observations(2)
    const quiet = actionsOf(await policy.eval_mode.forward(obs))
    const steps: number[][][] = []
    for (let i = 0; i < 3; i++) steps.push(actionsOf(await policy.collect_mode.forward(obs)))
    return { policy, obs, quiet, steps }
  }

  test('adds Gaussian noise by default, each time anew, within [-1, 1]', async () => {
    const { quiet, steps } = await collected({ noise_sigma: 3 })
    expect(steps[0]).not.toEqual(steps[1])
    expect(steps[0]).not.toEqual(quiet)
    expect(steps.flat(2).every((a) => Math.abs(a) <= 1)).toBe(true)
    expect(steps.flat(2).some((a) => Math.abs(a) === 1)).toBe(true)
  })

  test('noise_sigma 0 and noise_type null leave the action', async () => {
    for (const collect of [{ noise_sigma: 0 }, { noise_type: null }]) {
      const { quiet, steps } = await collected(collect)
      expect(steps).toEqual([quiet, quiet, quiet])
    }
  })

  test('OU noise starts anew with an environment, and is saved', async () => {
    const ou = { noise_type: 'ou', noise_sigma: 0, noise_kwargs: { x0: 0.25, theta: 100 } }
    const { quiet, steps } = await collected(ou)
    // With theta dt = 1 and no randomness the process is at mu = 0 after one step.
    expect(steps[0]).toEqual(quiet)
    const slow = await collected({ ...ou, noise_kwargs: { x0: 0.25, theta: 50 } })
    const offset = (actions: number[][]) => (actions[0]?.[0] as number) - (slow.quiet[0]?.[0] as number)
    expect(slow.steps.map((s) => Number(offset(s).toFixed(5)))).toEqual([0.125, 0.0625, 0.03125])
    slow.policy.collect_mode.reset([0])
    const again = actionsOf(await slow.policy.collect_mode.forward(slow.obs))
    expect(offset(again)).toBeCloseTo(0.125, 5)
    const { exploration } = slow.policy.learn_mode.state_dict() as { exploration: { x: object } }
    expect(Object.keys(exploration.x)).toEqual(['0', '1'])
  })

  test('OU noise starts anew where a state has none: it was saved with other noise, or without', async () => {
    const quiet = await build(DDPGPolicy, { collect: { noise_type: null } })
    const ou = await build(DDPGPolicy, {
      collect: { noise_type: 'ou', noise_sigma: 0, noise_kwargs: { x0: 1 } },
    })
    await ou.collect_mode.forward(observations(1))
    void quiet.collect_mode
    ou.learn_mode.load_state_dict(quiet.learn_mode.state_dict())
    const { exploration } = ou.learn_mode.state_dict() as { exploration: { x: object } }
    expect(exploration.x).toEqual({})
  })

  test('noise may have a size for each action dimension', async () => {
    const { quiet, steps } = await collected({ noise_sigma: [0, 0.5] })
    const both = (actions: number[][]) => actions[0] as [number, number]
    expect(steps.map((s) => both(s)[0])).toEqual(steps.map(() => both(quiet)[0]))
    expect(new Set(steps.map((s) => both(s)[1])).size).toBe(steps.length)
    for (const [collect, key] of [
      [{ noise_sigma: [0.1, 0.1, 0.1] }, 'noise_sigma'],
      [{ noise_kwargs: { mu: [1] } }, 'noise_kwargs.mu'],
    ] as const) {
      const policy = await build(DDPGPolicy, { collect })
      expect(() => policy.collect_mode).toThrow(
        `policy.collect.${key} has ${key === 'noise_sigma' ? 3 : 1} values`,
      )
    }
  })

  test('keyword arguments that the noise does not have are refused', async () => {
    const policy = await build(DDPGPolicy, { collect: { noise_kwargs: { theta: 1 } } })
    expect(() => policy.collect_mode).toThrow(/policy\.collect\.noise_kwargs has "theta"/)
  })
})
