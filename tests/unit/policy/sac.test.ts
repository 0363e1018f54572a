import { describe, expect, test } from 'vitest'
import { createTimestep } from '../../../ding/envs/index.js'
import {
  Box,
  ConfigError,
  Discrete,
  NumericError,
  SACPolicy,
  type StateTree,
  type Transition,
} from '../../../ding/index.js'
import {
  ACTIONS,
  actionsOf,
  build,
  continuousBatch,
  learn,
  OBS,
  observations,
  values,
} from './continuous_support.js'
import { f32 } from './support.js'

describe('one update', () => {
  test('moves actor, critics, alpha and, by theta, the target', async () => {
    const policy = await build(SACPolicy, { learn: { target_theta: 0.25 } })
    const before = policy.learn_mode.state_dict()
    expect(values(before, 'target_model')).toEqual(values(before, 'model', 'critic.'))
    const out = await learn(policy)
    const after = policy.learn_mode.state_dict()
    for (const part of ['actor.', 'critic.'])
      expect(values(after, 'model', part)).not.toEqual(values(before, 'model', part))
    const [old, online] = [values(before, 'target_model'), values(after, 'model', 'critic.')]
    values(after, 'target_model').forEach((value, i) => {
      expect(value).toBeCloseTo(0.75 * (old[i] as number) + 0.25 * (online[i] as number), 6)
    })
    // The coefficient is that from before the update.
    expect(out['alpha']).toBeCloseTo(0.2, 6)
    expect((await learn(policy))['alpha']).not.toBeCloseTo(0.2, 5)
    for (const name of policy.learn_mode.monitor_vars()) expect(out[name], name).toEqual(expect.any(Number))
  })

  test('the actor follows Q: with alpha 0 its loss is minus the value', async () => {
    const policy = await build(SACPolicy, {
      learn: { ent_coef: 0, learning_rate_policy: 0.01, learning_rate_q: 0 },
    })
    const losses: number[] = []
    for (let i = 0; i < 60; i++) losses.push((await learn(policy))['policy_loss'] as number)
    const mean = (part: number[]) => part.reduce((a, b) => a + b, 0) / part.length
    expect(mean(losses.slice(-10))).toBeLessThan(mean(losses.slice(0, 10)))
  })

  test('init_w starts the last layers small; null leaves them', async () => {
    const largest = async (init_w: number | null) => {
      const state = (await build(SACPolicy, { learn: { init_w } })).learn_mode.state_dict()
      return Math.max(...values(state, 'model', 'actor.head.').map(Math.abs))
    }
    expect(await largest(3e-3)).toBeLessThanOrEqual(3e-3)
    expect(await largest(3e-3)).toBeGreaterThan(1e-3)
    expect(await largest(null)).toBeGreaterThan(0.1)
  })

  test('target_update_interval spaces the target updates', async () => {
    const policy = await build(SACPolicy, { learn: { target_update_interval: 2, target_theta: 1 } })
    const start = values(policy.learn_mode.state_dict(), 'target_model')
    await learn(policy)
    expect(values(policy.learn_mode.state_dict(), 'target_model')).toEqual(start)
    await learn(policy)
    const state = policy.learn_mode.state_dict()
    expect(values(state, 'target_model')).toEqual(values(state, 'model', 'critic.'))
  })

  test('a terminal row does not bootstrap, unless done is ignored', async () => {
    const ended = { done: { dtype: 'bool', shape: [6], data: new Uint8Array(6).fill(1) } }
    const meanReward = 0.125
    const batch = continuousBatch({ ...ended, reward: f32(Array(6).fill(meanReward)) })
    expect((await learn(await build(SACPolicy), batch))['target_q_value']).toBeCloseTo(meanReward, 6)
    const ignoring = await build(SACPolicy, { learn: { ignore_done: true } })
    expect((await learn(ignoring, batch))['target_q_value']).not.toBeCloseTo(meanReward, 3)
  })

  test('n rewards are discounted and summed', async () => {
    const done = { dtype: 'bool', shape: [6], data: new Uint8Array(6).fill(1) }
    const reward = f32(Array(6).fill([1, 2, 4]).flat(), [6, 3])
    const policy = await build(SACPolicy, { nstep: 3, learn: { discount_factor: 0.5 } })
    const batch = continuousBatch({ done, reward, value_gamma: f32(Array(6).fill(0.125)) })
    expect((await learn(policy, batch))['target_q_value']).toBeCloseTo(3, 6)
  })

  test('importance weights weigh the loss, and priorities are |td error|', async () => {
    const loss = async (weight: number[]) => {
      const policy = await build(SACPolicy, { priority: true, priority_IS_weight: true })
      const ids = { dtype: 'int32', shape: [6], data: new Int32Array(6) }
      return learn(policy, continuousBatch({ IS: f32(weight), replay_unique_id: ids }))
    }
    const [one, half] = [await loss(Array(6).fill(1)), await loss(Array(6).fill(0.5))]
    expect(half['critic_loss']).toBeCloseTo((one['critic_loss'] as number) / 2, 5)
    expect(half['priority']).toEqual(one['priority'])
    const priority = Array.from(one['priority'] as Float32Array)
    expect(priority).toHaveLength(6)
    expect(priority.reduce((a, b) => a + b, 0) / 6).toBeCloseTo(one['td_error'] as number, 5)
    const unkept = await build(SACPolicy, { priority: true })
    await expect(learn(unkept)).rejects.toThrow(/policy\.priority is true/)
  })

  test('learning rates follow the schedule, each from its own start', async () => {
    const policy = await build(
      SACPolicy,
      {
        learn: {
          learning_rate_q: 1,
          learning_rate_policy: 0.5,
          learning_rate_alpha: 0.25,
          lr_schedule: { type: 'linear' },
        },
      },
      { max_train_iter: 2 },
    )
    const rates = async () => {
      const { cur_lr_q, cur_lr_p, cur_lr_alpha } = await learn(policy)
      return [cur_lr_q, cur_lr_p, cur_lr_alpha]
    }
    expect([await rates(), await rates()]).toEqual([
      [1, 0.5, 0.25],
      [0.5, 0.25, 0.125],
    ])
  })

  test('a reward that is not finite is refused and changes nothing', async () => {
    const policy = await build(SACPolicy)
    const before = policy.learn_mode.state_dict()
    const broken = continuousBatch({ reward: f32([Number.NaN, 0, 0, 0, 0, 0]) })
    await expect(learn(policy, broken)).rejects.toThrow(NumericError)
    expect(policy.learn_mode.state_dict()).toEqual(before)
  })
})

describe.each([false, true])('saved state (gSDE %s)', (use_sde) => {
  test('goes on bit for bit, alpha included', async () => {
    const given = { model: { use_sde }, learn: { learning_rate_alpha: 0.01 } }
    const [a, b] = [await build(SACPolicy, given), await build(SACPolicy, given)]
    for (let i = 0; i < 3; i++) await learn(a)
    // The random streams are the run's to save: b draws as often as a has.
    for (let i = 0; i < 3; i++) await learn(b, continuousBatch({ reward: f32([9, 9, 9, 9, 9, 9]) }))
    expect(b.learn_mode.state_dict()).not.toEqual(a.learn_mode.state_dict())
    b.learn_mode.load_state_dict(structuredClone(a.learn_mode.state_dict()))
    expect(b.learn_mode.state_dict()).toEqual(a.learn_mode.state_dict())
    for (let i = 0; i < 2; i++) expect(await learn(b)).toEqual(await learn(a))
    expect(b.learn_mode.state_dict()).toEqual(a.learn_mode.state_dict())
  })
})

test('a state without alpha, or of another network, changes nothing', async () => {
  const policy = await build(SACPolicy)
  const before = policy.learn_mode.state_dict()
  const { entropy: _e, ...noAlpha } = before
  const other = (await build(SACPolicy, { model: { net_arch: [4] } })).learn_mode.state_dict()
  for (const state of [noAlpha, other, { ...before, updates: 'x' }] as StateTree[]) {
    expect(() => policy.learn_mode.load_state_dict(state)).toThrow()
    expect(policy.learn_mode.state_dict()).toEqual(before)
  }
})

describe('acting', () => {
  test('collects samples within the bounds, float32, one for each environment', async () => {
    const policy = await build(SACPolicy, { collect: { collector_logit: true } })
    const obs = observations(3)
    const [first, second] = [await policy.collect_mode.forward(obs), await policy.collect_mode.forward(obs)]
    expect(first[0]?.action).toBeInstanceOf(Float32Array)
    expect(actionsOf(first)).not.toEqual(actionsOf(second))
    expect(
      actionsOf(first)
        .flat()
        .every((a) => Math.abs(a) <= 1),
    ).toBe(true)
    const step = createTimestep(new Float32Array(OBS), 1, false, true)
    const transition = policy.collect_mode.process_transition(obs[0] as Float32Array, first[0] as never, step)
    expect(transition['done']).toBe(false)
    expect(transition['logit']).toMatchObject({
      mu: expect.any(Float32Array),
      sigma: expect.any(Float32Array),
    })
  })

  test('evaluates the mode, or samples with eval.deterministic false', async () => {
    const obs = observations(2)
    const twice = async (deterministic: boolean) => {
      const { eval_mode } = await build(SACPolicy, { eval: { deterministic } })
      return [actionsOf(await eval_mode.forward(obs)), actionsOf(await eval_mode.forward(obs))]
    }
    const [a, b] = await twice(true)
    expect(a).toEqual(b)
    const [c, d] = await twice(false)
    expect(c).not.toEqual(d)
  })

  test('n-step samples keep gamma^m of learn.discount_factor', async () => {
    const { collect_mode } = await build(SACPolicy, { nstep: 2, learn: { discount_factor: 0.5 } })
    const obs = new Float32Array(OBS)
    const steps = [false, true].map((terminated) =>
      collect_mode.process_transition(
        obs,
        { action: new Float32Array(ACTIONS) },
        createTimestep(obs, 1, terminated, false),
      ),
    )
    const samples: Transition[] = collect_mode.get_train_sample(steps)
    expect(samples.map((t) => t['value_gamma'])).toEqual([0.25, 0.5])
  })
})

describe('gSDE while collecting', () => {
  const noiseOf = async (settings: Record<string, number>[], sde_sample_freq = -1) => {
    const policy = await build(SACPolicy, { model: { use_sde: true }, collect: { sde_sample_freq } })
    const obs = observations(2)
    const out: number[][][] = []
    for (const each of settings) out.push(actionsOf(await policy.collect_mode.forward(obs, each)))
    return out
  }

  test('an environment keeps its noise through a collect', async () => {
    const [a, b, c] = await noiseOf([{ rollout: 0 }, { rollout: 0 }, { rollout: 8 }])
    expect(b).toEqual(a)
    expect(c).not.toEqual(a)
  })

  test('sde_sample_freq draws anew after so many steps', async () => {
    const [a, b, c] = await noiseOf([{ rollout: 0 }, { rollout: 0 }, { rollout: 0 }], 2)
    expect(b).toEqual(a)
    expect(c).not.toEqual(a)
  })

  test('the collect settings tell rollouts apart, and noise is saved', async () => {
    const given = { model: { use_sde: true } }
    const [a, b] = [await build(SACPolicy, given), await build(SACPolicy, given, { seed: 1 })]
    const setting = a.command_mode.get_setting_collect({ env_step: 40, train_iter: 2 })
    expect(setting).toEqual({ rollout: 40 })
    const obs = observations(2)
    const held = actionsOf(await a.collect_mode.forward(obs, setting))
    b.learn_mode.load_state_dict(structuredClone(a.learn_mode.state_dict()))
    expect(actionsOf(await b.collect_mode.forward(obs, setting))).toEqual(held)
  })

  test('is not combined with action noise', async () => {
    const policy = await build(SACPolicy, { model: { use_sde: true }, collect: { noise_type: 'gauss' } })
    expect(() => policy.collect_mode).toThrow(/policy\.collect\.noise_type/)
  })
})

describe('what does not fit', () => {
  test('spaces that are not [-1, 1]', async () => {
    const policy = await build(SACPolicy)
    const seen = new Box(-1, 1, [OBS])
    expect(() => policy.checkSpaces(seen, new Box(-2, 2, [ACTIONS]))).toThrow(/act_scale/)
    expect(() => policy.checkSpaces(seen, new Discrete(2))).toThrow(ConfigError)
    expect(() => policy.checkSpaces(seen, new Box(-1, 1, [3]))).toThrow(/policy\.model\.action_shape/)
    policy.checkSpaces(seen, new Box(-1, 1, [ACTIONS]))
  })

  test.each([
    [{ priority_IS_weight: true }, /policy\.priority_IS_weight/],
    [{ collect: { unroll_len: 2 } }, /policy\.collect\.unroll_len/],
    [{ learn: { ent_coef: 'auto_x' } }, /ent_coef/],
    [{ collect: { sde_sample_freq: 0 } }, /sde_sample_freq.*at least 1, or -1/],
    [{ collect: { sde_sample_freq: -2 } }, /sde_sample_freq/],
    [{ collect: { sde_sample_freq: 1.5 } }, /sde_sample_freq/],
  ])('%j', async (given, words) => {
    await expect(build(SACPolicy, given)).rejects.toThrow(words)
  })

  test('a deterministic actor', async () => {
    const policy = await build(SACPolicy, { model: { action_space: 'regression' }, learn: { init_w: null } })
    expect(() => policy.learn_mode).toThrow(/policy\.model\.action_space/)
  })
})
