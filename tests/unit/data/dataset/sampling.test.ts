import { describe, expect, test } from 'vitest'
import { copyBatch, D4RL_REFERENCE_SCORES, normalised_score } from '../../../../ding/data/index.js'
import { ENV_WRAPPER_REGISTRY } from '../../../../ding/registry/index.js'
import '../../../../ding/envs/index.js'
import { column, d4rl, firsts, load, scratch, values } from './fixtures.js'

const path = scratch()
// 20 transitions: row 20 is the successor of the last.
const file = await d4rl(path('twenty.hdf5'), 21, { terminals: [4, 9], timeouts: [] })

describe('sampling', () => {
  test('epoch: each pass has every row once, in another order', async () => {
    const { dataset } = await load(file)
    const passes = [0, 1].map(() =>
      [0, 1, 2, 3].flatMap(() => {
        const batch = dataset.sample(5)
        expect(firsts(batch, 'next_obs')).toEqual(firsts(batch).map((row) => row + 1))
        expect(values(batch, 'reward')).toEqual(firsts(batch))
        return firsts(batch)
      }),
    )
    for (const pass of passes)
      expect([...pass].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(passes[0]).not.toEqual(passes[1])
    expect(dataset.epoch).toBe(2)
  })

  test('epoch: counts a pass when no further batch fits', async () => {
    const { dataset } = await load(file)
    const epochs = Array.from({ length: 6 }, () => {
      dataset.sample(6)
      return dataset.epoch
    })
    expect(epochs).toEqual([0, 0, 1, 1, 1, 2])
  })

  test('free: with replacement, any size; free_no_replace: distinct rows', async () => {
    const { dataset: free } = await load(file, { sampling: 'free' })
    expect(new Set(firsts(free.sample(50))).size).toBeLessThanOrEqual(20)
    expect(free.epoch).toBe(2)
    const { dataset: distinct } = await load(file, { sampling: 'free_no_replace' })
    for (const size of [3, 20]) expect(new Set(firsts(distinct.sample(size))).size).toBe(size)
    expect(() => distinct.sample(21)).toThrow(/20 transitions, too few for a batch of 21.*'free'/)
    expect(() => free.sample(0)).toThrow(/batch of 0/)
  })

  test.each(['epoch', 'free', 'free_no_replace'] as const)(
    '%s: says how many batches a number of passes has',
    async (sampling) => {
      for (const size of [1, 5, 6, 7, 20]) {
        const { dataset } = await load(file, { sampling })
        let drawn = 0
        for (; dataset.epoch < 3; drawn++) dataset.sample(size)
        expect(dataset.batchesIn(3, size), `batches of ${size}`).toBe(drawn)
      }
    },
  )

  test('arrays are reused', async () => {
    const { dataset } = await load(file)
    expect(dataset.sample(4)).toBe(dataset.sample(4))
  })

  test.each(['epoch', 'free', 'free_no_replace'] as const)('%s: resumes bit for bit', async (sampling) => {
    const first = await load(file, { sampling })
    for (let i = 0; i < 7; i++) first.dataset.sample(3)
    const saved = JSON.parse(
      JSON.stringify({ data: first.dataset.state_dict(), random: first.random.state() }),
    )
    const wanted = Array.from({ length: 9 }, () => copyBatch(first.dataset.sample(3)))
    const second = await load(file, { sampling }, 1)
    second.dataset.sample(3)
    second.dataset.load_state_dict(saved.data)
    second.random.restore(saved.random)
    expect(Array.from({ length: 9 }, () => copyBatch(second.dataset.sample(3)))).toEqual(wanted)
    expect(second.dataset.epoch).toBe(first.dataset.epoch)
  })

  test('a state of other data is refused', async () => {
    const { dataset } = await load(file)
    const { dataset: less } = await load(file, { max_transitions: 7 })
    expect(() => less.load_state_dict(dataset.state_dict())).toThrow(/7 transitions.*20/)
  })
})

describe('statistics', () => {
  test('observations, actions, episodes', async () => {
    const { dataset } = await load(file)
    const { statistics } = dataset
    expect(Array.from(statistics.mean!)).toEqual([9.5, 10])
    // Deviation of 0 ... 19, + 1e-3.
    expect(statistics.std![0]).toBeCloseTo(Math.sqrt((20 ** 2 - 1) / 12) + 1e-3, 5)
    expect(statistics.action_bounds).toEqual({ min: Float32Array.of(0), max: Float32Array.of(1) })
    // Rows 0-4 and 5-9; rows 10-20 end with the file.
    expect(statistics).toMatchObject({ size: 20, episodes: 2, terminations: 2, timeouts: 0 })
    expect(statistics.returns).toEqual({ mean: 22.5, std: 12.5, min: 10, max: 35 })
    expect(statistics.lengths).toEqual({ mean: 5, std: 0, min: 5, max: 5 })
  })
})

describe('normalisation of observations', () => {
  test('obs and next_obs by the mean and deviation of obs, the same as the wrapper for evaluation', async () => {
    const { dataset } = await load(file, { use_norm: true })
    const { mean, std } = dataset.statistics
    const { obs, next_obs } = dataset.batch_columns
    const raw = (row: number): number[] => [row, row + 0.5]
    for (const [batch, from] of [
      [obs, 0],
      [next_obs, 1],
    ] as const) {
      const { data } = column({ batch: batch! }, 'batch')
      for (let row = 0; row < 20; row++) {
        const expected = raw(row + from).map((value, k) => (value - mean![k]!) / std![k]!)
        expect(Array.from(data.subarray(2 * row, 2 * row + 2))).toEqual(expected.map(Math.fround))
        expect(Array.from(dataset.normalise!(raw(row + from)))).toEqual(expected.map(Math.fround))
      }
    }
    expect(ENV_WRAPPER_REGISTRY.has('static_obs_norm')).toBe(true)
    expect(dataset.obs_norm).toEqual({ mean: Array.from(mean!), std: Array.from(std!) })
    expect(() => dataset.normalise!([1, 2, 3])).toThrow(/3 entries/)
  })

  test('is absent unless asked for', async () => {
    const { dataset } = await load(file)
    expect(dataset.normalise).toBeUndefined()
    expect(dataset.obs_norm).toBeUndefined()
  })
})

describe('rewards', () => {
  // Returns 10 and 35: a range of 25.
  const cases = [
    [{ reward_norm: 'iql_antmaze' }, (r: number) => r - 1],
    [{ reward_norm: 'cql_antmaze' }, (r: number) => (r - 0.5) * 4],
    [{ reward_norm: 'antmaze' }, (r: number) => (r - 0.25) * 2],
    [{ reward_norm: 'iql_locomotion' }, (r: number) => (r / 25) * 1000],
    [{ reward_norm: 'return_range', max_episode_steps: 300 }, (r: number) => (r / 25) * 300],
    [{ reward_norm: 'normalize' }, (r: number) => (r - 9.5) / Math.sqrt((20 ** 2 - 1) / 12)],
    [{ reward_scale: 10, reward_bias: -5 }, (r: number) => r * 10 - 5],
    [{ reward_norm: 'iql_antmaze', reward_scale: 10, reward_bias: -5 }, (r: number) => (r - 1) * 10 - 5],
    [{ normalize_reward: true, env_id: 'hopper-medium-v2' }, (r: number) => (r / 25) * 1000],
    [{ normalize_reward: true, env_id: 'antmaze-umaze-v2', reward_scale: 10 }, (r: number) => r * 10],
    [{ reward_norm: 'corl', env_id: 'walker2d-expert-v2' }, (r: number) => (r / 25) * 1000],
    [{ reward_norm: 'corl', env_id: 'antmaze-umaze-v2', reward_scale: 10 }, (r: number) => (r - 1) * 10],
    [{ reward_norm: 'corl', env_id: 'pen-human-v1' }, (r: number) => r],
  ] as const

  test.each(cases)('%j', async (cfg, expected) => {
    const { dataset } = await load(file, cfg)
    const reward = values(dataset.batch_columns, 'reward')
    for (const [row, value] of reward.entries()) expect(value).toBeCloseTo(expected(row), 3)
    expect(dataset.statistics.rewards).toMatchObject({ min: 0, max: 19 })
  })

  test('normalize_reward needs to know the environment', async () => {
    for (const cfg of [{ normalize_reward: true }, { reward_norm: 'corl' }] as const)
      await expect(load(file, cfg)).rejects.toThrow(/which environment.*env_id/)
  })

  test('a range of nothing is an error', async () => {
    const flat = await d4rl(path('flat.hdf5'), 5, { terminals: [1] })
    await expect(load(flat, { reward_norm: 'return_range' })).rejects.toThrow(
      /all its 1 episodes have the return 1/,
    )
    const open = await d4rl(path('open.hdf5'), 5, {})
    await expect(load(open, { reward_norm: 'iql_locomotion' })).rejects.toThrow(/no whole episode/)
  })
})

describe('reference scores', () => {
  test('all environments of d4rl/infos.py', () => {
    expect(D4RL_REFERENCE_SCORES.size).toBe(147)
    expect(normalised_score('hopper-medium-v2', 3234.3)).toBeCloseTo(100, 10)
    expect(normalised_score('halfcheetah-random-v0', -280.178953)).toBe(0)
    expect(normalised_score('antmaze-large-play-v2', 0.47)).toBeCloseTo(47, 10)
    expect(normalised_score('pen-human-v1', 1586.547991)).toBeCloseTo(50, 4)
    expect(normalised_score('bullet-maze2d-large-v0', 143.87)).toBeCloseTo(50, 4)
    for (const { min, max } of D4RL_REFERENCE_SCORES.values()) expect(max).toBeGreaterThan(min)
  })

  test('an unknown name is an error with a suggestion', () => {
    expect(() => normalised_score('hopper-medum-v2', 1)).toThrow(/Did you mean "hopper-medium-v2"/)
  })
})
