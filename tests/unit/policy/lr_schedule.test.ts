import { describe, expect, test } from 'vitest'
import {
  BCPolicy,
  CQLPolicy,
  CrossQPolicy,
  DQNPolicy,
  IQLPolicy,
  LR_SCHEDULE_REGISTRY,
  type LrFunction,
  learningRateAt,
  type Policy,
  type PolicyOptions,
  resolveConfig,
  SACPolicy,
  type Schema,
  TD3Policy,
} from '../../../ding/index.js'
import { build, continuousBatch } from './continuous_support.js'
import { offlinePolicy, waveBatch } from './offline_support.js'
import { f32, i32, policyOptions } from './support.js'

const spec = { type: 'linear' } as const

describe('learningRateAt', () => {
  test('linear and cosine go over the run, whichever of its limits is nearer', () => {
    const at = learningRateAt({ type: 'linear', end_lr: 0.2 }, 1, {
      known: true,
      remaining: (updates) => Math.min(1 - updates / 10, 0.25),
    })
    expect(at(0)).toBeCloseTo(0.4, 12)
    expect(at(9)).toBeCloseTo(0.28, 12)
    const cosine = learningRateAt({ type: 'cosine' }, 2, 8)
    expect(cosine(0)).toBe(2)
    expect(cosine(2)).toBeCloseTo(1 + Math.SQRT1_2, 12)
    expect(cosine(8)).toBeCloseTo(0, 12)
    expect(cosine(20)).toBeCloseTo(0, 12)
  })

  test('a function gives the learning rate, from the share that remains and where it starts', () => {
    const seen: unknown[] = []
    const fn: LrFunction = (remaining, point) => {
      seen.push(point)
      return remaining ** 2 * point.lr
    }
    const at = learningRateAt({ type: 'function' }, 0.5, 4, fn)
    expect([at(0), at(1), at(4)]).toEqual([0.5, 0.28125, 0])
    expect(seen[1]).toEqual({ lr: 0.5, step: 1, args: {} })
    expect(learningRateAt(null, 3, 4, (remaining) => remaining)(2)).toBe(0.5)
  })

  test('one that is registered is found by its name and has its arguments', () => {
    const name = 'lr_schedule_test_power'
    if (!LR_SCHEDULE_REGISTRY.has(name))
      LR_SCHEDULE_REGISTRY.register(
        name,
        (remaining, { lr, args }) => lr * remaining ** Number(args['power']),
      )
    expect(learningRateAt({ type: name, power: 3 }, 2, 4)(2)).toBe(0.25)
    expect(() => learningRateAt({ type: 'lr_schedule_test_powr' }, 2, 4)).toThrow(
      /Did you mean "lr_schedule_test_power"/,
    )
  })

  test('a function that is missing, of no length, twice there, or wrong is an error', () => {
    expect(() => learningRateAt({ type: 'function' }, 1, 4)).toThrow(
      /started with a function.*resume_pipeline\(folder, \{ lr_schedule \}\).*LR_SCHEDULE_REGISTRY/s,
    )
    expect(() => learningRateAt(spec, 1, 4, () => 1)).toThrow(/Leave one of them out/)
    expect(() => learningRateAt(null, 1, Number.POSITIVE_INFINITY, () => 1)).toThrow(
      /no max_train_iter and no max_env_step/,
    )
    expect(() => learningRateAt(null, 1, 4, () => Number.NaN)(0)).toThrow(/gave NaN/)
    expect(() => learningRateAt(null, 1, 4, () => -1)(2)).toThrow(/gave -1 after 2 updates/)
  })
})

type Kind = { new (cfg: never, options: PolicyOptions): Policy; readonly config?: unknown }

async function discrete(kind: Kind, learn: object, lr_schedule?: LrFunction): Promise<Policy> {
  const { model, ...cfg } = resolveConfig(kind.config as Schema, { learn }, 'policy') as { model: object }
  const options = { ...(await policyOptions()), ...(lr_schedule && { lr_schedule }) }
  const shapes = { obs_shape: 3, action_shape: 2, encoder_hidden_size_list: [4] }
  return new kind({ ...cfg, model: { ...model, ...shapes } } as never, options)
}

const discreteBatch = {
  obs: f32([1, 2, 3, 4, 5, 6], [2, 3]),
  next_obs: f32([1, 2, 3, 4, 5, 6], [2, 3]),
  action: i32([0, 1]),
  reward: f32([1, 0]),
  done: { dtype: 'bool' as const, shape: [2], data: Uint8Array.of(0, 1) },
}

/** Learning rates of two updates, after so many env steps of 100. */
async function ratesOf(policy: Policy, batch: object, names: readonly string[]): Promise<number[][]> {
  const rates: number[][] = []
  for (const env_step of [50, 75]) {
    policy.setAttribute('env_step', env_step)
    const out = (await policy.learn_mode.forward(batch as never)) as Record<string, number>
    rates.push(names.map((name) => out[name] as number))
  }
  return rates
}

describe('in every policy learning rates go by the env steps of a run that these limit', () => {
  const own = { learning_rate_q: 1e-3, learning_rate_policy: 2e-3, learning_rate_alpha: 4e-3 }
  const entropic = ['cur_lr_q', 'cur_lr_p', 'cur_lr_alpha']
  const critic = { learning_rate_critic: 1e-3, learning_rate_actor: 2e-3 }

  test.each([
    ['sac', SACPolicy, { ...own }, entropic, [1e-3, 2e-3, 4e-3]],
    ['crossq', CrossQPolicy, { ...own, actor_update_freq: 1 }, entropic, [1e-3, 2e-3, 4e-3]],
    ['td3', TD3Policy, { ...critic, actor_update_freq: 1 }, ['cur_lr_critic', 'cur_lr_actor'], [1e-3, 2e-3]],
  ] as const)('%s', async (_name, kind, learn, names, starts) => {
    const policy = await build(kind as Kind, { learn: { ...learn, lr_schedule: spec } })
    policy.setAttribute('max_env_step', 100)
    const [first, second] = await ratesOf(policy, continuousBatch(), names)
    starts.forEach((start, i) => {
      expect(first?.[i]).toBeCloseTo(start * 0.5, 12)
      expect(second?.[i]).toBeCloseTo(start * 0.25, 12)
    })
  })

  test.each([
    ['cql', CQLPolicy, own, entropic],
    [
      'iql',
      IQLPolicy,
      { learning_rate_q: 1e-3, learning_rate_policy: 2e-3, learning_rate_value: 4e-3 },
      ['cur_lr_q', 'cur_lr_p', 'cur_lr_value'],
    ],
  ] as const)('%s, which names its networks otherwise', async (_name, kind, learn, names) => {
    const policy = await offlinePolicy(kind as Kind & { new (...of: never[]): Policy }, {
      learn: { ...learn, lr_schedule: spec },
    })
    policy.setAttribute('max_env_step', 100)
    expect(await ratesOf(policy, waveBatch(), names)).toEqual([
      [0.5e-3, 1e-3, 2e-3],
      [0.25e-3, 0.5e-3, 1e-3],
    ])
  })

  test.each([
    ['dqn', DQNPolicy as Kind],
    ['bc', BCPolicy as Kind],
  ])('%s, also by a function', async (_name, kind) => {
    for (const fn of [undefined, ((remaining, { lr }) => lr * remaining) as LrFunction]) {
      const lr_schedule = fn === undefined ? spec : { type: 'function' }
      const policy = await discrete(kind, { learning_rate: 0.01, lr_schedule }, fn)
      policy.setAttribute('max_env_step', 100)
      expect(await ratesOf(policy, discreteBatch, ['cur_lr'])).toEqual([[0.005], [0.0025]])
    }
  })

  test('of two limits the nearer one counts', async () => {
    const policy = await discrete(DQNPolicy as Kind, { learning_rate: 1, lr_schedule: spec })
    policy.setAttribute('max_env_step', 100)
    policy.setAttribute('max_train_iter', 2)
    expect(await ratesOf(policy, discreteBatch, ['cur_lr'])).toEqual([[0.5], [0.25]])
    const slow = await discrete(DQNPolicy as Kind, { learning_rate: 1, lr_schedule: spec })
    slow.setAttribute('max_env_step', 1000)
    slow.setAttribute('max_train_iter', 2)
    expect(await ratesOf(slow, discreteBatch, ['cur_lr'])).toEqual([[0.95], [0.5]])
  })
})
