import { expect, test } from 'vitest'
import { TD3Policy } from '../../../ding/index.js'
import { build, continuousBatch, learn, values } from './continuous_support.js'
import { f32 } from './support.js'

const actorOf = (policy: TD3Policy) => values(policy.learn_mode.state_dict(), 'model', 'actor.')
const targetOf = (policy: TD3Policy) => values(policy.learn_mode.state_dict(), 'target_model')

test('the actor learns at every second update; the targets, as in DI-engine, at every', async () => {
  const policy = await build(TD3Policy)
  const [actor, target] = [actorOf(policy), targetOf(policy)]
  const first = await learn(policy)
  expect(actorOf(policy)).toEqual(actor)
  expect(first['actor_loss']).toBeUndefined()
  expect(targetOf(policy)).not.toEqual(target)
  const second = await learn(policy)
  expect(actorOf(policy)).not.toEqual(actor)
  expect(second['actor_loss']).toEqual(expect.any(Number))
})

test('target_update_with_actor moves the targets, actor and critics, with the actor only', async () => {
  const policy = await build(TD3Policy, { learn: { target_update_with_actor: true, target_theta: 1 } })
  const target = targetOf(policy)
  await learn(policy)
  expect(targetOf(policy)).toEqual(target)
  await learn(policy)
  expect(targetOf(policy)).toEqual(values(policy.learn_mode.state_dict(), 'model'))
})

test('noise on the target action is clipped to noise_range, and the action to [-1, 1]', async () => {
  const targetValue = async (learn_keys: Record<string, unknown>) => {
    const policy = await build(TD3Policy, { learn: learn_keys })
    return (await learn(policy))['target_q_value'] as number
  }
  const quiet = await targetValue({ noise: false })
  expect(await targetValue({ noise: true, noise_sigma: 100, noise_range: { min: 0, max: 0 } })).toBe(quiet)
  expect(await targetValue({ noise: true, noise_sigma: 0.5 })).not.toBe(quiet)
  // Any huge positive noise is one and the same action.
  const pushed = (max: number) =>
    targetValue({ noise: true, noise_sigma: 1e6, noise_range: { min: max, max } })
  expect(await pushed(5)).toBe(await pushed(50))
})

test('a range that is none is refused with its path', async () => {
  const policy = await build(TD3Policy, { learn: { noise_range: { min: 1, max: 0 } } })
  expect(() => policy.learn_mode).toThrow(/policy\.learn\.noise_range/)
})

test('the state goes on bit for bit from between two actor updates', async () => {
  const [a, b] = [await build(TD3Policy), await build(TD3Policy)]
  for (let i = 0; i < 3; i++) await learn(a)
  for (let i = 0; i < 3; i++) await learn(b, continuousBatch({ reward: f32([9, 9, 9, 9, 9, 9]) }))
  b.learn_mode.load_state_dict(structuredClone(a.learn_mode.state_dict()))
  for (let i = 0; i < 3; i++) expect(await learn(b)).toEqual(await learn(a))
  expect(b.learn_mode.state_dict()).toEqual(a.learn_mode.state_dict())
})
