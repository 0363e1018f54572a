import { expect, test } from 'vitest'
import {
  CrossQPolicy,
  REDQPolicy,
  SACPolicy,
  SOFT_VALUES,
  type SoftValues,
  TD3Policy,
} from '../../../ding/index.js'
import type { ActorCriticModel } from '../../../ding/model/index.js'
import { ask, build, observations } from './continuous_support.js'
import { f32 } from './support.js'

const valuesOf = (policy: { eval_mode: { get_attribute(name: string): unknown } }) =>
  policy.eval_mode.get_attribute(SOFT_VALUES) as SoftValues

test.each([
  ['sac', SACPolicy],
  ['crossq', CrossQPolicy],
  ['redq', REDQPolicy],
])('%s samples actions with the mean of all critics of just those', async (_name, kind) => {
  const policy = await build(kind as typeof SACPolicy, {
    learn: { alpha: 0.25, auto_alpha: false, discount_factor: 0.9 },
  })
  const values = valuesOf(policy)
  expect([values.alpha, values.discount_factor]).toEqual([0.25, 0.9])
  const obs = observations(3)
  const answers = await values.sample(obs)
  const again = await values.sample(obs)
  expect(again[0]?.action).not.toEqual(answers[0]?.action)
  for (const id of [0, 1, 2]) {
    const { action, value, log_prob } = answers[id] as (typeof answers)[number]
    const model = (policy as unknown as { model: ActorCriticModel }).model
    model.train(false)
    const { q } = await ask(
      model,
      f32([...(obs[id] as Float32Array)], [1, 3]),
      f32([...(action as Float32Array)], [1, 2]),
    )
    expect(value).toBeCloseTo([...q.data].reduce((a, b) => a + b, 0) / q.data.length, 5)
    expect(Number.isFinite(log_prob)).toBe(true)
  }
})

test('there are none of a policy without entropy and of normalised rewards', async () => {
  const has = (policy: { eval_mode: { has_attribute(name: string): boolean } }) =>
    policy.eval_mode.has_attribute(SOFT_VALUES)
  expect(has(await build(SACPolicy))).toBe(true)
  expect(has(await build(TD3Policy))).toBe(false)
  expect(has(await build(SACPolicy, { vec_normalize: { norm_reward: true } }))).toBe(false)
})
