import { describe, expect, test } from 'vitest'
import { Box, createTimestep, Dict, type EnvTimestep, type Obs } from '../../../ding/envs/index.js'
import {
  type Batch,
  Normaliser,
  type NormaliserOptions,
  RandomStream,
  RunningMoments,
  SACPolicy,
  type StateTree,
  type VecNormalizeSettings,
} from '../../../ding/index.js'
import { decodeExact, encodeExact } from '../../../ding/utils/exact_json.js'
import { build, continuousBatch, learn, observations, values } from './continuous_support.js'
import { f32 } from './support.js'

const DEFAULTS: VecNormalizeSettings = {
  norm_obs: true,
  norm_reward: true,
  clip_obs: 10,
  clip_reward: 10,
  gamma: null,
  epsilon: 1e-8,
  norm_obs_keys: null,
}

const make = (settings: Partial<VecNormalizeSettings> = {}, more: Partial<NormaliserOptions> = {}) =>
  new Normaliser({
    settings: { ...DEFAULTS, ...settings },
    discount_factor: 0.5,
    obs_shape: 2,
    use_norm: false,
    ...more,
  })

/** Mean and variance of samples and a prior of weight 1e-4 with mean 0 and variance 1, by their sums. */
function moments(samples: readonly number[]): { mean: number; variance: number } {
  const n = samples.length + 1e-4
  const mean = samples.reduce((sum, x) => sum + x, 0) / n
  return { mean, variance: (1e-4 + samples.reduce((sum, x) => sum + x * x, 0)) / n - mean * mean }
}

const step = (reward: number, done = false): EnvTimestep<Obs> =>
  createTimestep(Float32Array.of(0, 0), reward, done, false, done ? { eval_episode_return: 0 } : {})

describe('RunningMoments', () => {
  test('comes to the mean and variance of all samples and the prior, however they are grouped', () => {
    const samples = [3, -1, 4, 1, -5, 9, 2, 6]
    const expected = moments(samples)
    for (const sizes of [[8], [1, 1, 1, 1, 1, 1, 1, 1], [3, 5], [2, 4, 2]]) {
      const running = new RunningMoments(1)
      let at = 0
      for (const size of sizes) {
        running.update(samples.slice(at, at + size).map((x) => [x]))
        at += size
      }
      expect(running.mean[0]).toBeCloseTo(expected.mean, 12)
      expect(running.variance[0]).toBeCloseTo(expected.variance, 11)
      expect(running.count).toBeCloseTo(8.0001, 10)
    }
  })

  test('its state comes back exactly', () => {
    const running = new RunningMoments(3)
    running.update([RandomStream.fromSeed(1).normal(3), RandomStream.fromSeed(2).normal(3)])
    const again = RunningMoments.from(running.state_dict())
    expect([again.count, [...again.mean], [...again.variance]]).toEqual([
      running.count,
      [...running.mean],
      [...running.variance],
    ])
    expect(() => RunningMoments.from({ count: 1 })).toThrow(/not whole/)
  })
})

describe('observations', () => {
  test('are normalised by the statistics of all environments, and clipped', () => {
    const normaliser = make({ clip_obs: 1.2 })
    normaliser.observe({ 0: Float32Array.of(1, 10), 1: Float32Array.of(3, 20) })
    normaliser.observe({ 1: Float32Array.of(8, -30) })
    const [a, b] = [moments([1, 3, 8]), moments([10, 20, -30])]
    const seen = normaliser.normalised({ 4: Float32Array.of(2, -30) })[4] as Float32Array
    expect(seen[0]).toBeCloseTo((2 - a.mean) / Math.sqrt(a.variance + 1e-8), 6)
    expect((-30 - b.mean) / Math.sqrt(b.variance)).toBeLessThan(-1.2)
    expect(seen[1]).toBeCloseTo(-1.2, 6)
    // Looking does not move the statistics.
    expect(normaliser.normalised({ 4: Float32Array.of(2, -30) })[4]).toEqual(seen)
  })

  test('of a batch are normalised alike, in arrays of their own', () => {
    const normaliser = make()
    normaliser.observe({ 0: Float32Array.of(1, 10), 1: Float32Array.of(3, 20) })
    const batch = {
      obs: f32([1, 10, 5, 5], [2, 2]),
      next_obs: f32([3, 20, 0, 0], [2, 2]),
      action: f32([0.5, 0.25]),
    } as Batch
    const out = normaliser.batch(batch) as never as Record<string, { data: Float32Array }>
    const rows = normaliser.normalised({ 0: Float32Array.of(1, 10), 1: Float32Array.of(0, 0) })
    expect(Array.from(out['obs']?.data.slice(0, 2) ?? [])).toEqual(Array.from(rows[0] as Float32Array))
    expect(Array.from(out['next_obs']?.data.slice(2) ?? [])).toEqual(Array.from(rows[1] as Float32Array))
    expect(out['action']).toBe(batch['action'])
    expect((batch['obs'] as { data: Float32Array }).data).toEqual(Float32Array.of(1, 10, 5, 5))
  })

  test('of a Dict are normalised entry by entry; images, one-hot entries and masks are left alone', () => {
    const obs_shape = { goal: 1, image: [1, 2, 2], kind: { one_hot: 3 }, inner: { speed: 2 } }
    const row = (x: number) => ({
      goal: Float32Array.of(x),
      image: Float32Array.of(x, 0, 0, 0),
      pixels: Uint8Array.of(x, 1),
      kind: Int32Array.of(1),
      inner: { speed: Float32Array.of(x, 2 * x) },
      action_mask: Float32Array.of(1, 0),
    })
    const normaliser = make({}, { obs_shape })
    normaliser.observe({ 0: row(1), 1: row(5) })
    const seen = normaliser.normalised({ 0: row(1) })[0] as ReturnType<typeof row>
    const { mean, variance } = moments([1, 5])
    expect(seen.goal[0]).toBeCloseTo((1 - mean) / Math.sqrt(variance), 6)
    expect(seen.inner.speed[0]).toBeCloseTo((1 - mean) / Math.sqrt(variance), 6)
    const { goal: _goal, inner: _inner, ...rest } = seen
    const { goal: _rawGoal, inner: _rawInner, ...raw } = row(1)
    expect(rest).toEqual(raw)
    const batch = { obs: { goal: f32([1, 5], [2, 1]), kind: f32([1, 1], [2, 1]) } } as Batch
    const out = normaliser.batch(batch)['obs'] as Record<string, { data: Float32Array }>
    expect(out['goal']?.data[0]).toBe(seen.goal[0])
    expect(out['kind']).toBe((batch['obs'] as Batch)['kind'])
  })

  test('norm_obs_keys names the entries', () => {
    const normaliser = make({ norm_obs_keys: ['b'] }, { obs_shape: { a: 1, b: 1 } })
    const row = (x: number) => ({ a: Float32Array.of(x), b: Float32Array.of(x) })
    normaliser.observe({ 0: row(1), 1: row(5) })
    const seen = normaliser.normalised({ 0: row(7) })[0] as ReturnType<typeof row>
    expect(seen.a[0]).toBe(7)
    expect(seen.b[0]).not.toBe(7)
  })

  test('norm_obs_keys that observations do not have are refused', () => {
    const box = new Box(-1, 1, [1])
    const space = new Dict({ arm: new Dict({ angle: box }), goal: box })
    make({ norm_obs_keys: ['arm.angle', 'goal'] }).checkSpace(space)
    make({ norm_obs_keys: ['arm'] }).checkSpace(space)
    make().checkSpace(box)
    expect(() => make({ norm_obs_keys: ['gaol'] }).checkSpace(space)).toThrow(
      /norm_obs_keys has "gaol".*"goal".*arm, arm\.angle, goal/,
    )
    expect(() => make({ norm_obs_keys: ['goal'] }).checkSpace(box)).toThrow(/Set it to null/)
  })
})

describe('rewards', () => {
  test('are divided by the deviation of the discounted returns of all environments, and clipped', () => {
    const normaliser = make({ clip_reward: 3 })
    // gamma 0.5. Environment 0: 1, 2.5 (its episode ends), 4; environment 1: 2, -1, -0.5.
    normaliser.observeStep({ 0: step(1), 1: step(2) })
    normaliser.observeStep({ 0: step(2, true), 1: step(-2) })
    normaliser.observeStep({ 0: step(4), 1: step(0) })
    const { variance } = moments([1, 2, 2.5, -1, 4, -0.5])
    const { reward } = normaliser.batch({ reward: f32([1, -2, 100], [3, 1]) } as Batch) as never as {
      reward: { data: Float32Array; shape: number[] }
    }
    expect(reward.shape).toEqual([3, 1])
    expect(reward.data[0]).toBeCloseTo(1 / Math.sqrt(variance + 1e-8), 6)
    expect(reward.data[1]).toBeCloseTo(-2 / Math.sqrt(variance + 1e-8), 6)
    expect(reward.data[2]).toBe(3)
  })

  test('of an abnormal step do not count, and end its return', () => {
    const [one, two] = [make(), make()]
    for (const normaliser of [one, two]) normaliser.observeStep({ 0: step(1) })
    one.observeStep({ 0: { ...step(50), info: { abnormal: true } } })
    const returns = (normaliser: Normaliser) => normaliser.state_dict()?.['returns']
    expect(returns(one)).toEqual(returns(two))
    one.observeStep({ 0: step(1) })
    const [mean] = (returns(one) as StateTree)['mean'] as number[]
    expect(mean).toBeCloseTo(moments([1, 1]).mean, 12)
  })
})

describe('the state', () => {
  const used = () => {
    const normaliser = make()
    normaliser.observe({ 0: Float32Array.of(1, 10), 1: Float32Array.of(3, 20) })
    normaliser.observeStep({ 0: step(1), 1: step(2) })
    return normaliser
  }

  test('goes on exactly, through JSON', () => {
    const saved = decodeExact(encodeExact(used().state_dict())) as StateTree
    const [straight, again] = [used(), make()]
    again.load_state_dict(saved)
    for (const normaliser of [straight, again]) {
      normaliser.observe({ 0: Float32Array.of(0.1, 0.2) })
      normaliser.observeStep({ 0: step(3), 1: step(4, true) })
    }
    expect(again.state_dict()).toEqual(straight.state_dict())
  })

  test('is used, frozen, where the config does not ask for one', () => {
    const off = make({ norm_obs: false, norm_reward: false })
    expect(off.active).toBe(false)
    expect(off.state_dict()).toBeUndefined()
    off.load_state_dict(used().state_dict())
    expect(off.active).toBe(true)
    const obs = { 0: Float32Array.of(2, 2) }
    expect(off.normalised(obs)).toEqual(used().normalised(obs))
    const before = off.state_dict()
    off.observe({ 0: Float32Array.of(100, 100) })
    off.observeStep({ 0: step(100) })
    expect(off.state_dict()).toEqual(before)
    off.load_state_dict(undefined)
    expect(off.active).toBe(false)
  })

  test('is used, frozen, where the config asks for rewards alone', () => {
    const rewards = make({ norm_obs: false, clip_obs: 0.1 })
    rewards.load_state_dict(used().state_dict())
    const obs = { 0: Float32Array.of(2, 2) }
    expect(rewards.normalised(obs)).toEqual(used().normalised(obs))
    rewards.observe({ 0: Float32Array.of(100, 100) })
    rewards.observeStep({ 0: step(100) })
    expect(rewards.normalised(obs)).toEqual(used().normalised(obs))
    expect(rewards.state_dict()).not.toEqual(used().state_dict())
  })

  test('is missed where the config asks for it', () => {
    expect(() => make().load_state_dict(undefined)).toThrow(/no normalisation statistics/)
    const rewards = make({ norm_obs: false })
    expect(() => make().load_state_dict(rewards.state_dict())).toThrow(/vec_normalize\.norm_obs/)
  })

  test('two normalisations of observations contradict each other', () => {
    expect(() => make({}, { use_norm: true })).toThrow(/both true/)
  })

  test("statistics of another environment's observations are refused", () => {
    expect(() => used().normalised({ 0: Float32Array.of(1, 2, 3) })).toThrow(/3 values.*statistics of 2/)
  })
})

describe('a fixed mean and deviation', () => {
  test('are those of a dataset, are waited for, and are saved', () => {
    const normaliser = make({ norm_obs: false, norm_reward: false }, { use_norm: true })
    const obs = { 0: Float32Array.of(3, 3) }
    expect(() => normaliser.normalised(obs)).toThrow(/a dataset gives them/)
    normaliser.fix({ mean: [1, 2], std: [2, 0.01] })
    expect(Array.from(normaliser.normalised(obs)[0] as Float32Array)).toEqual([1, 100])
    const other = make({ norm_obs: false, norm_reward: false })
    other.load_state_dict(normaliser.state_dict())
    expect(other.normalised(obs)).toEqual(normaliser.normalised(obs))
  })
})

describe('in a policy', () => {
  const settings = { vec_normalize: { norm_obs: true, norm_reward: true } }

  test('collecting observes; acting, evaluating and learning do not', async () => {
    const policy = await build(SACPolicy, settings)
    const obs = observations(4)
    const statistics = () => policy.learn_mode.state_dict()['normalisation']
    const before = statistics()
    await policy.collect_mode.forward(obs)
    await policy.eval_mode.forward(obs)
    await learn(policy)
    expect(statistics()).toEqual(before)
    policy.collect_mode.observe?.(obs)
    policy.collect_mode.observe_step?.({ 0: step(1) })
    expect(statistics()).not.toEqual(before)
  })

  test('learns from a batch as an ordinary policy does from the normalised one', async () => {
    const policy = await build(SACPolicy, settings)
    const twin = await build(SACPolicy)
    policy.collect_mode.observe?.(observations(5))
    policy.collect_mode.observe_step?.({ 0: step(1), 1: step(-3) })
    const [normalisation] = [policy.learn_mode.state_dict()['normalisation']]
    const normaliser = new Normaliser({
      settings: DEFAULTS,
      discount_factor: 0.99,
      obs_shape: 3,
      use_norm: false,
    })
    normaliser.load_state_dict(normalisation)
    await learn(policy)
    await learn(twin, normaliser.batch(continuousBatch()))
    const weights = [policy, twin].map((one) => values(one.learn_mode.state_dict(), 'model'))
    expect(weights[0]).toEqual(weights[1])
    const obs = observations(2)
    expect(await policy.eval_mode.forward(obs)).toEqual(
      await twin.eval_mode.forward(normaliser.normalised(obs)),
    )
  })
})
