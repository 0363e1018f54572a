// Settings of SB3-contrib's CrossQ and Tianshou's REDQ (docs/compatibility) that no other test of these policies touches.
import { describe, expect, test } from 'vitest'
import { CrossQPolicy, REDQPolicy, resolveConfig, type Schema } from '../../../ding/index.js'
import type { HostTensor, StateTree } from '../../../ding/utils/index.js'
import { build, continuousBatch, learn, values } from './continuous_support.js'
import { f32 } from './support.js'

const POLICIES = [
  ['crossq', CrossQPolicy],
  ['redq', REDQPolicy],
] as const

/** Everything learns at once, and Adam's first step is in proportion to the gradient. */
const PLAIN = { actor_update_freq: 1, optimizer_eps: 1, learning_rate_q: 1, learning_rate_policy: 1 }

const build_ = (kind: (typeof POLICIES)[number][1], given: Record<string, unknown>) =>
  build(kind as typeof CrossQPolicy, given)

describe.each(POLICIES)('%s', (_name, kind) => {
  const moved = async (given: Record<string, unknown>, part: string) => {
    const policy = await build_(kind, { ...given, learn: { ...PLAIN, ...(given['learn'] as object) } })
    const before = values(policy.learn_mode.state_dict(), 'model', part)
    await learn(policy)
    const after = values(policy.learn_mode.state_dict(), 'model', part)
    return Math.hypot(...after.map((value, i) => value - (before[i] as number)))
  }

  test.each(['critic.', 'actor.'])('max_grad_norm bounds the step of the network %s', async (part) => {
    const clipped = { grad_clip_type: 'clip_norm', grad_clip_value: 1e-3 }
    // Running statistics of CrossQ move by themselves.
    const model = kind === CrossQPolicy ? { batch_norm: false } : {}
    const [free, bound] = [await moved({ model }, part), await moved({ model, learn: clipped }, part)]
    expect(free).toBeGreaterThan(2e-3)
    // |step| = lr |g| / (|g| + eps), and |g| at most 1e-3.
    expect(bound).toBeLessThanOrEqual(1.001e-3)
  })

  test('logs what its monitor names', async () => {
    const policy = await build_(kind, { learn: { actor_update_freq: 1, auto_alpha: true } })
    const out = await learn(policy)
    const names = policy.learn_mode.monitor_vars()
    expect(names).toEqual(
      expect.arrayContaining(['critic_loss', 'policy_loss', 'alpha', 'alpha_loss', 'cur_lr_q', 'cur_lr_p']),
    )
    for (const name of names) expect(out[name], name).toEqual(expect.any(Number))
  })

  test('priorities are the sizes of the TD errors, and weights weigh the critic loss', async () => {
    const given = { priority: true, priority_IS_weight: true, learn: { ent_coef: 0 } }
    const ids = { dtype: 'int32', shape: [6], data: new Int32Array(6) }
    const of = async (weight: number) =>
      learn(
        await build_(kind, given),
        continuousBatch({ IS: f32(Array(6).fill(weight)), replay_unique_id: ids }),
      )
    const [whole, half] = [await of(1), await of(0.5)]
    expect(half['critic_loss']).toBeCloseTo(0.5 * (whole['critic_loss'] as number), 5)
    const priority = whole['priority'] as Float32Array
    expect(priority).toHaveLength(6)
    expect(Math.min(...priority)).toBeGreaterThan(0)
    expect(half['priority']).toEqual(priority)
  })

  test('another activation is another network', async () => {
    const q = async (activation: string) =>
      (await learn(await build_(kind, { model: { activation } })))['q_value']
    expect(await q('tanh')).not.toBe(await q('relu'))
  })

  test('amsgrad keeps the largest second moments', async () => {
    const keys = async (amsgrad: boolean) => {
      const policy = await build_(kind, { learn: { amsgrad } })
      await learn(policy)
      const { state } = policy.learn_mode.state_dict()['optimizer_critic'] as StateTree
      return Object.keys(Object.values(state as StateTree)[0] as StateTree)
    }
    expect(await keys(true)).toContain('max_exp_avg_sq')
    expect(await keys(false)).not.toContain('max_exp_avg_sq')
  })

  test.each([
    ['learn.discount_factor', { discount_factor: 1.01 }],
    ['learn.target_theta', { target_theta: -0.1 }],
    ['learn.actor_update_freq', { actor_update_freq: 0 }],
    ['learn.batch_size', { batch_size: 0 }],
    ['learn.target_mode', { target_mode: 'max' }],
    ['learn.ent_coef', { ent_coef: 'automatic' }],
  ])('a wrong %s is refused with its path', (path, given) => {
    expect(() => resolveConfig(kind.config as unknown as Schema, { learn: given }, 'policy')).toThrow(path)
  })
})

test('crossq with three critics takes the least of the three', async () => {
  const policy = await build(CrossQPolicy, {
    model: { n_critics: 3, batch_norm: false },
    learn: { ent_coef: 0, discount_factor: 1 },
  })
  const state = policy.learn_mode.state_dict()
  const model = { ...(state['model'] as Record<string, HostTensor<Float32Array>>) }
  const last = Object.keys(model)
    .filter((name) => name.startsWith('critic.'))
    .at(-1) as string
  expect(model[last]?.shape[0]).toBe(3)
  // Critics that say 5, 2 and 7, whatever the state.
  for (const [name, tensor] of Object.entries(model)) {
    if (name.startsWith('critic.')) model[name] = { ...tensor, data: new Float32Array(tensor.data.length) }
  }
  model[last] = { ...(model[last] as HostTensor<Float32Array>), data: Float32Array.of(5, 2, 7) }
  policy.learn_mode.load_state_dict({ ...state, model })
  const batch = continuousBatch({ reward: f32(Array(6).fill(0)) })
  const out = await learn(policy, batch)
  // One of the six rows is terminal.
  expect(out['target_q_value']).toBeCloseTo((2 * 5) / 6, 5)
  expect(out['q_value']).toBeCloseTo(14 / 3, 5)
})
