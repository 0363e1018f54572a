import { describe, expect, test } from 'vitest'
import { resolveConfig } from '../../../ding/config/index.js'
import type { Batch } from '../../../ding/data/index.js'
import { Box } from '../../../ding/envs/index.js'
import { ConfigError, defaultsOf } from '../../../ding/index.js'
import {
  type CQLConfig,
  CQLPolicy,
  cqlPolicyConfig,
  type LearnOutput,
  type PolicyOutput,
} from '../../../ding/policy/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'
import { RecordedDraws, withDraws } from '../../parity/recorded_draws.js'
import { continuousBatch, tensorOf, updates } from './continuous.js'
import { f32, policyOptions } from './support.js'

interface Given {
  readonly model?: Record<string, unknown>
  readonly learn?: Record<string, unknown>
  readonly collect?: Record<string, unknown>
}

function config({ model, learn, collect }: Given = {}): CQLConfig {
  const defaults = defaultsOf(cqlPolicyConfig)
  const sizes = { actor_head_hidden_size: 8, critic_head_hidden_size: 8, q_n_hidden_layers: 2 }
  return {
    ...defaults,
    model: { ...defaults.model, obs_shape: 3, action_shape: 2, ...sizes, ...model },
    learn: { ...defaults.learn, num_actions: 3, ...learn },
    collect: { ...defaults.collect, ...collect },
  } as CQLConfig
}

const build = async (given?: Given, seed = 0) =>
  new CQLPolicy(config(given), await policyOptions(undefined, seed))

const first = async (policy: CQLPolicy, batch: Batch) =>
  [await policy.learn_mode.forward(batch)].flat()[0] as LearnOutput

describe('config', () => {
  test("has CORL's defaults", () => {
    const { learn, random_collect_size } = resolveConfig(cqlPolicyConfig, {}, 'policy') as CQLConfig
    expect(random_collect_size).toBe(0)
    expect(learn).toMatchObject({
      batch_size: 256,
      discount_factor: 0.99,
      alpha_multiplier: 1,
      alpha: 1,
      auto_alpha: true,
      backup_entropy: false,
      learning_rate_policy: 3e-5,
      learning_rate_alpha: 3e-5,
      learning_rate_q: 3e-4,
      target_theta: 5e-3,
      target_update_period: 1,
      min_q_weight: 10,
      num_actions: 10,
      min_q_version: 3,
      with_lagrange: false,
      lagrange_thresh: -1,
      cql_temp: 1,
      cql_max_target_backup: false,
      cql_clip_diff_min: Number.NEGATIVE_INFINITY,
      cql_clip_diff_max: Number.POSITIVE_INFINITY,
      bc_steps: 0,
      log_prob_eps: null,
    })
  })

  test('refuses a gap that nothing can lie in', async () => {
    const given = { learn: { cql_clip_diff_min: 1, cql_clip_diff_max: 0 } }
    await expect(build(given)).rejects.toThrow(ConfigError)
    await expect(build(given)).rejects.toThrow('cql_clip_diff_min is 1, above cql_clip_diff_max, 0')
  })

  test('cql_importance_sample is min_q_version by another name, and goes first', async () => {
    const outputs = async (learn: Record<string, unknown>) =>
      updates((await build({ learn })).learn_mode, 0, 2)
    const plain = await outputs({ min_q_version: 2 })
    expect(await outputs({ cql_importance_sample: false })).toEqual(plain)
    expect(await outputs({ cql_importance_sample: true, min_q_version: 2 })).toEqual(await outputs({}))
    expect(plain).not.toEqual(await outputs({}))
  })
})

describe('one update', () => {
  test('gives every variable that it says it logs', async () => {
    const { learn_mode } = await build({ learn: { with_lagrange: true } })
    const [output] = await updates(learn_mode, 0, 1)
    for (const name of learn_mode.monitor_vars()) expect(output?.[name], name).toBeTypeOf('number')
  })

  test('of a batch in parts is the update of the whole', async () => {
    // Layers of 2048 make parts of 6 states: 4 rows are one part, the same rows four times are three.
    const wide = { model: { critic_head_hidden_size: 2048, q_n_hidden_layers: 1 } }
    const tensors = async (times: number) => {
      const draws = new RecordedDraws()
      const options = await policyOptions()
      const policy = new CQLPolicy(config(wide), { ...options, compute: withDraws(options.compute, draws) })
      const repeated = (values: readonly number[]) => Array.from({ length: times }, () => values).flat()
      const numbers = (count: number, scale: number) =>
        Array.from({ length: count }, (_, i) => 0.5 + 0.4 * Math.sin(scale * i + scale))
      for (const [i, size] of [8, 8, 24, 24, 24].entries()) draws.push(repeated(numbers(size, i + 1)))
      const batch = Object.fromEntries(
        Object.entries(continuousBatch(1, 4)).map(([key, value]) => {
          const { dtype, shape, data } = value as HostTensor
          const all = repeated(Array.from(data))
          const kind = dtype === 'bool' ? Uint8Array.from(all) : Float32Array.from(all)
          return [key, { dtype, shape: [4 * times, ...shape.slice(1)], data: kind } as HostTensor]
        }),
      )
      const { priority, ...scalars } = await first(policy, batch)
      expect(draws.left).toBe(0)
      const gradient = policy.learn_mode.state_dict()
      return {
        scalars: Object.values(scalars) as number[],
        weights: tensorOf(gradient, 'model', 'critic.q.0.0.weight').slice(0, 500),
        priority: Array.from((priority as Float32Array).slice(-4)),
      }
    }
    const whole = await tensors(1)
    const parts = await tensors(4)
    for (const name of ['scalars', 'weights', 'priority'] as const) {
      expect(parts[name]).toHaveLength(whole[name].length)
      for (const [i, value] of parts[name].entries()) expect(value).toBeCloseTo(whole[name][i] as number, 4)
    }
  })

  test('the best of one next action is that action', async () => {
    const outputs = async (cql_max_target_backup: boolean) => {
      const learn = { num_actions: 1, backup_entropy: true, cql_max_target_backup }
      return updates((await build({ learn })).learn_mode, 0, 2)
    }
    const [best, plain] = [await outputs(true), await outputs(false)]
    for (const [i, update] of plain.entries()) {
      expect(best[i]?.['average_target_q']).toBeCloseTo(update['average_target_q'] as number, 6)
      expect(best[i]?.['critic_loss']).toBeCloseTo(update['critic_loss'] as number, 5)
    }
  })

  test('weights rows by importance in the TD errors alone', async () => {
    const given = { learn: { learning_rate_q: 0 } }
    const outputs = async (weight: number) => {
      const policy = await build(given)
      return first(policy, { ...continuousBatch(0), weight: f32(Array<number>(8).fill(weight)) })
    }
    const [one, two] = [await outputs(1), await outputs(2)]
    expect(two['qf1_loss']).toBeCloseTo(2 * (one['qf1_loss'] as number), 4)
    expect(two['cql_qf1_diff']).toBe(one['cql_qf1_diff'])
    expect(two['priority']).toEqual(one['priority'])
  })

  test('takes one critic, too, and the networks of continuous_qac', async () => {
    const single = await first(await build({ model: { twin_critic: false } }), continuousBatch(0))
    expect(single['qf1_loss']).toBeTypeOf('number')
    expect(single['qf2_loss']).toBeUndefined()
    const model = {
      type: 'continuous_qac',
      obs_shape: 3,
      action_shape: 2,
      action_space: 'reparameterization',
      twin_critic: true,
    }
    const policy = new CQLPolicy({ ...config(), model } as CQLConfig, await policyOptions())
    expect((await first(policy, continuousBatch(0)))['qf2_loss']).toBeTypeOf('number')
  })

  test('draws uniform actions from the whole of [-max_action, max_action], unless it is to do as CORL', async () => {
    const metric = async (max_action: number, corl_uniform_actions: boolean) => {
      const policy = await build({ model: { max_action }, learn: { corl_uniform_actions } })
      return (await first(policy, continuousBatch(0)))['cql_std_q1'] as number
    }
    const [plain, whole, corl] = [await metric(1, false), await metric(2, false), await metric(2, true)]
    expect(whole).toBeGreaterThan(corl)
    expect(corl).toBeGreaterThan(plain)
  })
})

describe('bc_steps', () => {
  const learn = { bc_steps: 300, learning_rate_policy: 0.02, auto_alpha: false, alpha: 0 }

  test("move the actor to the data's actions, those at the very bounds included", async () => {
    const policy = await build({ learn, model: { actor_head_hidden_size: 32 } })
    const batch = continuousBatch(0)
    const action = f32([1, -1, 0.5, 0.5, -0.5, 0.2, 0.9, -0.9, 1, 1, -1, -1, 0, 0, 0.3, -0.3], [8, 2])
    const { data } = batch['obs'] as HostTensor
    const obs = Object.fromEntries(
      Array.from({ length: 8 }, (_, i) => [i, data.slice(3 * i, 3 * i + 3) as Float32Array]),
    )
    const distance = async () => {
      const answers = await policy.eval_mode.forward(obs)
      const errors = Object.values(answers).flatMap(({ action: own }, row) =>
        Array.from(own as Float32Array, (v, k) => Math.abs(v - (action.data[2 * row + k] as number))),
      )
      return errors.reduce((a, b) => a + b, 0) / errors.length
    }
    const before = await distance()
    for (let i = 0; i < 300; i++) {
      const { policy_loss } = await first(policy, { ...batch, action })
      expect(policy_loss).toSatisfy(Number.isFinite)
    }
    expect(await distance()).toBeLessThan(before / 2)
  })

  test("with corl_bc_log_prob the data's actions make no difference to the actor", async () => {
    const actor = async (corl_bc_log_prob: boolean, action: number) => {
      const policy = await build({ learn: { ...learn, corl_bc_log_prob } })
      const actions = f32(Array<number>(16).fill(action), [8, 2])
      await first(policy, { ...continuousBatch(0), action: actions })
      return tensorOf(policy.learn_mode.state_dict(), 'model', 'actor.head.last.weight')
    }
    expect(await actor(true, 0.5)).toEqual(await actor(true, -0.5))
    expect(await actor(false, 0.5)).not.toEqual(await actor(false, -0.5))
  })

  test('clone actions in units of max_action', async () => {
    const loss = async (max_action: number) => {
      const policy = await build({ learn: { ...learn, bc_steps: 1 }, model: { max_action } })
      const batch = continuousBatch(0)
      const { data, shape } = batch['action'] as HostTensor
      const action = f32(
        Array.from(data, (v) => max_action * v),
        shape,
      )
      return (await first(policy, { ...batch, action }))['policy_loss'] as number
    }
    expect(await loss(2)).toBeCloseTo(await loss(1), 5)
  })

  test('end after that many updates', async () => {
    const follows = async (bc_steps: number) =>
      updates((await build({ learn: { ...learn, bc_steps } })).learn_mode, 0, 2)
    const [one, two, none] = [await follows(1), await follows(2), await follows(0)]
    expect(one[0]?.['policy_loss']).toBe(two[0]?.['policy_loss'])
    expect(one[0]?.['policy_loss']).not.toBe(none[0]?.['policy_loss'])
    expect(one[1]?.['policy_loss']).not.toBe(two[1]?.['policy_loss'])
  })
})

describe('the switch to online learning', () => {
  const learn = { min_q_weight: 10, cql_alpha_online: 2 }

  test('changes the weight of the conservative term, and is part of the state', async () => {
    const policy = await build({ learn })
    const ratio = async (of: CQLPolicy) => {
      const output = await first(of, continuousBatch(0))
      return (output['cql_min_qf1_loss'] as number) / (output['cql_qf1_diff'] as number)
    }
    expect(await ratio(policy)).toBeCloseTo(10, 4)
    policy.startOnline()
    expect(policy.online).toBe(true)
    expect(await ratio(policy)).toBeCloseTo(2, 4)
    const resumed = await build({ learn }, 5)
    resumed.learn_mode.load_state_dict(policy.learn_mode.state_dict())
    expect(resumed.online).toBe(true)
    expect(await ratio(resumed)).toBeCloseTo(2, 4)
  })

  test('can take the conservative term away', async () => {
    const policy = await build({ learn: { ...learn, cql_alpha_online: 0 } })
    policy.startOnline()
    const output = await first(policy, continuousBatch(0))
    expect(output['min_q_weight']).toBe(0)
    expect(output['cql_min_qf1_loss']).toBe(0)
  })

  test('changes nothing without cql_alpha_online', async () => {
    const policy = await build()
    policy.startOnline()
    expect(policy.conservativeWeight).toBe(10)
  })
})

describe('state', () => {
  test('continues bit for bit, multiplier and coefficient included', async () => {
    const given = {
      learn: { with_lagrange: true, target_update_period: 2, bc_steps: 3, learning_rate_q: 0.01 },
    }
    const build = async (seed: number) => {
      const draws = new RecordedDraws()
      const options = await policyOptions(undefined, seed)
      const compute = withDraws(options.compute, draws)
      const { learn_mode } = new CQLPolicy(config(given), { ...options, compute })
      const learn = async (from: number, to: number) => {
        for (let k = from; k < to; k++)
          for (const size of [16, 16, 48, 48, 48])
            draws.push(Array.from({ length: size }, (_, i) => 0.5 + 0.4 * Math.sin(k + i * size)))
        await updates(learn_mode, from, to)
        expect(draws.left).toBe(0)
      }
      return { learn_mode, learn }
    }
    const [straight, resumed] = [await build(0), await build(9)]
    await straight.learn(0, 2)
    const saved = straight.learn_mode.state_dict()
    resumed.learn_mode.load_state_dict(saved)
    expect(resumed.learn_mode.state_dict()).toEqual(saved)
    for (const run of [straight, resumed]) await run.learn(2, 6)
    expect(resumed.learn_mode.state_dict()).toEqual(straight.learn_mode.state_dict())
    expect(resumed.learn_mode.state_dict()['lagrange']).not.toEqual(saved['lagrange'])
  })

  test('of a run without a multiplier does not fit one with it, and changes nothing', async () => {
    const plain = await build()
    const other = await build({ learn: { with_lagrange: true } })
    const before = other.learn_mode.state_dict()
    expect(() => other.learn_mode.load_state_dict(plain.learn_mode.state_dict())).toThrow('lagrange')
    expect(other.learn_mode.state_dict()).toEqual(before)
  })
})

describe('the multiplier', () => {
  test.each([
    [-100, 1],
    [100, -1],
  ])('with a gap on one side of %d it moves by the sign %d', async (lagrange_thresh, sign) => {
    const policy = await build({ learn: { with_lagrange: true, lagrange_thresh, learning_rate_q: 0.1 } })
    const outputs = await updates(policy.learn_mode, 0, 3)
    const [start, , end] = outputs.map((output) => output['alpha_prime'] as number) as [
      number,
      number,
      number,
    ]
    expect(start).toBeCloseTo(Math.E, 5)
    expect(Math.sign(end - start)).toBe(sign)
  })
})

describe('acting', () => {
  const obs = { 0: Float32Array.of(0.1, 0.2, 0.3), 4: Float32Array.of(-1, 0, 1) }

  test('collects samples, evaluates by the mode', async () => {
    const policy = await build({ collect: { collector_logit: true } })
    const [once, twice] = [await policy.collect_mode.forward(obs), await policy.collect_mode.forward(obs)]
    expect(once[4]?.action).not.toEqual(twice[4]?.action)
    expect(Object.keys(once[0]?.['logit'] as object)).toEqual(['mu', 'sigma'])
    const answers = [await policy.eval_mode.forward(obs), await policy.eval_mode.forward(obs)]
    expect(answers[0]).toEqual(answers[1])
    const { mu } = (once[4] as PolicyOutput)['logit'] as { mu: Float32Array }
    const mode = Array.from(answers[0]?.[4]?.action as Float32Array)
    for (const [i, value] of mode.entries()) expect(value).toBeCloseTo(Math.tanh(mu[i] as number), 5)
  })

  test('max_action scales what comes out, and wants a space of that size', async () => {
    const [plain, twice] = [await build(), await build({ model: { max_action: 2 } })]
    for (const mode of ['collect_mode', 'eval_mode'] as const) {
      const [a, b] = [await plain[mode].forward(obs), await twice[mode].forward(obs)]
      const own = Array.from(a[0]?.action as Float32Array, (v) => 2 * v)
      for (const [i, value] of ((b[0] as PolicyOutput).action as Float32Array).entries())
        expect(value).toBeCloseTo(own[i] as number, 5)
    }
    const observation = new Box(-10, 10, [3])
    expect(() => plain.checkSpaces(observation, new Box(-1, 1, [2]))).not.toThrow()
    expect(() => plain.checkSpaces(observation, new Box(-2, 2, [2]))).toThrow('act_scale')
    expect(() => twice.checkSpaces(observation, new Box(-2, 2, [2]))).not.toThrow()
    expect(() => twice.checkSpaces(observation, new Box(-1, 1, [2]))).toThrow('max_action is 2')
  })
})
