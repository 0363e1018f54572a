import { mkdirSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { detectLayout } from '../../../../ding/data/index.js'
import { DATASET_REGISTRY } from '../../../../ding/registry/index.js'
import { writeSafetensors } from '../../../../ding/utils/index.js'
import { naive, steps } from '../helpers.js'
import { column, d3rlpy, d4rl, firsts, flagged, hdf5, load, rows, scratch, values } from './fixtures.js'

const path = scratch()

test('the registry knows all layouts', () => {
  expect(DATASET_REGISTRY.query()).toEqual(
    expect.arrayContaining(['auto', 'd3rlpy', 'd4rl', 'hdf5', 'jsonl', 'minari', 'safetensors']),
  )
})

test("DI-engine's data_type naive means auto", async () => {
  const { dataset } = await load(await d4rl(path('naive.hdf5'), 4, {}), { data_type: 'naive' })
  expect(dataset.count).toBe(3)
})

describe('d4rl', () => {
  test('skips time-outs and the last row, takes terminals as done only', async () => {
    const { dataset } = await load(await d4rl(path('a.hdf5'), 8, { terminals: [2], timeouts: [5] }))
    const { batch_columns } = dataset
    expect(firsts(batch_columns)).toEqual([0, 1, 2, 3, 4, 6])
    expect(firsts(batch_columns, 'next_obs')).toEqual([1, 2, 3, 4, 5, 7])
    expect(values(batch_columns, 'done')).toEqual([0, 0, 1, 0, 0, 0])
    expect(values(batch_columns, 'reward')).toEqual([0, 1, 2, 3, 4, 6])
    expect(column(batch_columns, 'action')).toMatchObject({ dtype: 'int32', shape: [6] })
    expect(column(batch_columns, 'done').dtype).toBe('bool')
  })

  test('a row flagged both ways is a time-out', async () => {
    const { dataset } = await load(await d4rl(path('both.hdf5'), 6, { terminals: [2], timeouts: [2] }))
    expect(firsts(dataset.batch_columns)).toEqual([0, 1, 3, 4])
    expect(values(dataset.batch_columns, 'done')).toEqual([0, 0, 0, 0])
    expect(dataset.warnings.join()).toMatch(/1 rows are flagged both "terminals" and "timeouts"/)
  })

  test('without timeouts cuts at max_episode_steps, counted from each end', async () => {
    const file = await d4rl(path('none.hdf5'), 9, { terminals: [1], timeouts: null })
    const { dataset } = await load(file, { max_episode_steps: 3 })
    // Episodes: 0-1 (terminal), 2-4 (cut), 5-7 (cut), 8.
    expect(firsts(dataset.batch_columns)).toEqual([0, 1, 2, 3, 5, 6])
    expect(dataset.statistics).toMatchObject({ terminations: 1, timeouts: 2, episodes: 3 })
    const { dataset: blind, logger } = await load(file)
    expect(blind.count).toBe(8)
    expect(JSON.stringify(logger)).toMatch(/give max_episode_steps/)
    const { dataset: hopper } = await load(file, { env_id: 'hopper-medium-v0' })
    expect(hopper.warnings).toEqual([])
  })

  test('next_observations keep every row, and are stored only where they are not the next row', async () => {
    const { next_obs } = rows(5)
    const data = (next_obs.data as Float32Array).slice()
    data.set([70, 70.5], 4)
    const file = await d4rl(
      path('next.hdf5'),
      5,
      { timeouts: [2] },
      { next_observations: { ...next_obs, data } },
    )
    const { dataset } = await load(file)
    expect(firsts(dataset.batch_columns)).toEqual([0, 1, 2, 3, 4])
    expect(firsts(dataset.batch_columns, 'next_obs')).toEqual([1, 2, 70, 4, 5])
    expect(values(dataset.batch_columns, 'done')).toEqual([0, 0, 0, 0, 0])
    // The same when only a part is loaded.
    const { dataset: part } = await load(file, { max_transitions: 3 })
    expect(firsts(part.batch_columns, 'next_obs')).toEqual([1, 2, 70])
  })

  test('converts element types, finds the environment in the file name', async () => {
    const count = 4
    const file = await hdf5(path('halfcheetah_medium_expert-v2.hdf5'), {
      observations: { data: Float64Array.from([0, 1, 2, 3]), shape: [4, 1] },
      actions: { data: Float64Array.from([0.5, -0.5, 1, -1]), shape: [4] },
      rewards: { data: Float64Array.from([1, 2, 3, 4]), shape: [4, 1] },
      terminals: { data: BigInt64Array.from([0n, 1n, 0n, 0n]) },
      timeouts: flagged(count, []),
      'metadata/algorithm': { data: 'SAC' },
    })
    const { dataset } = await load(file)
    expect(dataset.env_id).toBe('halfcheetah-medium-expert-v2')
    expect(column(dataset.batch_columns, 'action')).toEqual({
      dtype: 'float32',
      shape: [3, 1],
      data: Float32Array.of(0.5, -0.5, 1),
    })
    expect(column(dataset.batch_columns, 'reward').shape).toEqual([3])
    expect(values(dataset.batch_columns, 'done')).toEqual([0, 1, 0])
  })

  test('keeps images as bytes', async () => {
    const file = await hdf5(path('images.hdf5'), {
      observations: {
        data: Uint8Array.from({ length: 3 * 100 }, (_, i) => i),
        shape: [3, 10, 10],
        dtype: '<B',
      },
      actions: { data: Int32Array.of(0, 1, 0) },
      rewards: { data: Float32Array.of(0, 1, 2) },
      terminals: flagged(3, []),
      timeouts: flagged(3, []),
    })
    const { dataset } = await load(file)
    const next = column(dataset.sample(2), 'next_obs')
    expect(next).toMatchObject({ dtype: 'uint8', shape: [2, 10, 10] })
    expect(column(dataset.batch_columns, 'next_obs').data[0]).toBe(100)
    await expect(load(file, { use_norm: true })).rejects.toThrow(/images or records.*use_norm/)
  })
})

describe('d3rlpy', () => {
  // Episodes: 0-2 terminated (flags on 1 and 2), 3-5 timed out, 6-8 terminated (7 and 8), 9 the cut end.
  const make = (name: string) => d3rlpy(path(name), 10, [1, 2, 7, 8], [2, 5, 8, 9])

  test('reads double terminal flags', async () => {
    const { dataset } = await load(await make('flags.h5'))
    expect(firsts(dataset.batch_columns)).toEqual([0, 1, 2, 3, 4, 6, 7, 8])
    expect(values(dataset.batch_columns, 'done')).toEqual([0, 0, 1, 0, 0, 0, 0, 1])
    expect(dataset.statistics).toMatchObject({ episodes: 4, terminations: 2, timeouts: 2 })
    expect(dataset.warnings.join()).toMatch(/2 rows .*double terminal flags/)
  })

  test('agilerl_compat takes every row but the last and the flags as they stand', async () => {
    const file = await make('compat.h5')
    const { dataset } = await load(file, { agilerl_compat: true })
    expect(firsts(dataset.batch_columns)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(firsts(dataset.batch_columns, 'next_obs')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(values(dataset.batch_columns, 'done')).toEqual([0, 1, 1, 0, 0, 0, 0, 1, 1])
    // A ring buffer of 4 keeps the last ones.
    const { dataset: ring } = await load(file, { agilerl_compat: true, max_transitions: 4 })
    expect(firsts(ring.batch_columns)).toEqual([5, 6, 7, 8])
    const { dataset: first } = await load(file, { max_transitions: 4 })
    expect(firsts(first.batch_columns)).toEqual([0, 1, 2, 3])
  })
})

describe('minari', () => {
  const episode = (i: number, first: number, length: number, terminated: boolean) => ({
    [`episode_${i}/observations`]: {
      data: Float32Array.from({ length: length + 1 }, (_, k) => first + k),
      shape: [length + 1, 1],
    },
    [`episode_${i}/actions`]: { data: Float32Array.from({ length }, (_, k) => k / 10), shape: [length, 1] },
    [`episode_${i}/rewards`]: { data: new Float64Array(length).fill(1) },
    [`episode_${i}/terminations`]: flagged(length, terminated ? [length - 1] : []),
    [`episode_${i}/truncations`]: flagged(length, terminated ? [] : [length - 1]),
  })

  test('every step has its successor, also at a time limit', async () => {
    mkdirSync(path('set/data'), { recursive: true })
    await hdf5(path('set/data/main_data.hdf5'), {
      ...episode(0, 0, 2, true),
      ...episode(1, 10, 3, false),
      ...episode(10, 30, 1, false),
      ...episode(2, 20, 1, true),
    })
    writeFileSync(path('set/data/metadata.json'), JSON.stringify({ env_spec: '{"id": "Hopper-v4"}' }))
    const { dataset } = await load(path('set'))
    expect(firsts(dataset.batch_columns)).toEqual([0, 1, 10, 11, 12, 20, 30])
    expect(firsts(dataset.batch_columns, 'next_obs')).toEqual([1, 2, 11, 12, 13, 21, 31])
    expect(values(dataset.batch_columns, 'done')).toEqual([0, 1, 0, 0, 0, 1, 0])
    expect(dataset.env_id).toBe('Hopper-v4')
    expect(dataset.statistics).toMatchObject({ episodes: 4, terminations: 2, timeouts: 2 })
    expect(dataset.statistics.lengths).toMatchObject({ min: 1, max: 3 })
  })

  test('observations may be records', async () => {
    const { 'episode_0/observations': _, ...rest } = episode(0, 0, 2, true)
    const file = await hdf5(path('dict.hdf5'), {
      ...rest,
      'episode_0/observations/goal': { data: Float32Array.of(5, 6, 7), shape: [3, 1] },
      'episode_0/observations/state': { data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [3, 2] },
    })
    const { dataset } = await load(file)
    expect(dataset.batch_columns).toMatchObject({
      obs: { goal: { data: Float32Array.of(5, 6) }, state: { data: Float32Array.of(0, 1, 2, 3) } },
      next_obs: { goal: { data: Float32Array.of(6, 7) }, state: { data: Float32Array.of(2, 3, 4, 5) } },
    })
    expect(dataset.statistics.mean).toBeUndefined()
  })

  test('names an episode whose arrays do not fit together', async () => {
    const broken = episode(1, 0, 3, true)
    const file = await hdf5(path('broken.hdf5'), {
      ...episode(0, 0, 2, true),
      ...broken,
      'episode_1/observations': { data: Float32Array.of(0, 1, 2), shape: [3, 1] },
    })
    await expect(load(file)).rejects.toThrow(/"episode_1\/observations" has 3 rows, expected 4/)
  })
})

describe('hdf5 (demonstrations of DI-engine)', () => {
  test('rows in any order, int64 actions of shape [n, 1], n-step rewards', async () => {
    const file = await hdf5(path('demo.hdf5'), {
      obs: { data: Float32Array.of(5, 1, 2), shape: [3, 1] },
      next_obs: { data: Float32Array.of(6, 2, 3), shape: [3, 1] },
      action: { data: BigInt64Array.of(1n, 0n, 2n), shape: [3, 1] },
      reward: { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] },
      done: flagged(3, [0]),
    })
    expect(await detectLayout(file)).toBe('hdf5')
    await expect(load(file)).rejects.toThrow(/rewards are those of 2 steps a row, but policy\.nstep is 1/)
    const { dataset } = await load(file, {}, 0, 2)
    expect(dataset.batch_columns).toMatchObject({
      obs: { data: Float32Array.of(5, 1, 2) },
      next_obs: { data: Float32Array.of(6, 2, 3) },
      action: { dtype: 'int32', shape: [3], data: Int32Array.of(1, 0, 2) },
      reward: { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      done: { data: Uint8Array.of(1, 0, 0) },
    })
  })
})

describe('safetensors', () => {
  test('what a buffer saved', async () => {
    const { buffer } = naive({ replay_buffer_size: 10 })
    buffer.push(steps(0, 7))
    buffer.save_data(path('buffer.safetensors'))
    const { dataset } = await load(path('buffer.safetensors'))
    expect(firsts(dataset.batch_columns)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(firsts(dataset.batch_columns, 'next_obs')).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(values(dataset.batch_columns, 'action')).toEqual([0, 1, 2, 0, 1, 2, 0])
    expect(values(dataset.batch_columns, 'done')).toEqual([0, 0, 0, 1, 0, 0, 0])
    expect(Object.keys(dataset.sample(2))).toEqual(['obs', 'action', 'reward', 'next_obs', 'done'])
  })

  test('plain columns under the names of other libraries', async () => {
    writeSafetensors(path('plain.safetensors'), {
      observations: { dtype: 'float32', shape: [4, 1], data: Float32Array.of(0, 1, 2, 3) },
      actions: { dtype: 'float32', shape: [4, 1], data: Float32Array.of(0, 1, 0, 1) },
      rewards: { dtype: 'float32', shape: [4], data: Float32Array.of(1, 1, 1, 1) },
      terminals: { dtype: 'bool', shape: [4], data: Uint8Array.of(0, 0, 0, 1) },
      timeouts: { dtype: 'bool', shape: [4], data: Uint8Array.of(0, 1, 0, 0) },
    })
    const { dataset } = await load(path('plain.safetensors'))
    expect(firsts(dataset.batch_columns)).toEqual([0, 2])
  })
})

describe('jsonl', () => {
  test('a record a line', async () => {
    const lines = [0, 1, 2].map((i) => ({
      obs: [i, 9 - i],
      next_obs: [i + 1, 8 - i],
      action: i,
      reward: i / 2,
      done: i === 2,
    }))
    writeFileSync(path('small.jsonl'), `${lines.map((line) => JSON.stringify(line)).join('\n')}\n\n`)
    const { dataset } = await load(path('small.jsonl'))
    expect(dataset.batch_columns).toMatchObject({
      obs: { shape: [3, 2], data: Float32Array.of(0, 9, 1, 8, 2, 7) },
      action: { dtype: 'int32', data: Int32Array.of(0, 1, 2) },
      done: { data: Uint8Array.of(0, 0, 1) },
    })
  })

  test('a fraction makes all actions continuous', async () => {
    const lines = [1, 0.5].map((action) => ({ obs: [0], next_obs: [1], action, reward: 1, terminated: 0 }))
    writeFileSync(path('c.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'))
    const { dataset } = await load(path('c.jsonl'))
    expect(column(dataset.batch_columns, 'action')).toEqual({
      dtype: 'float32',
      shape: [2, 1],
      data: Float32Array.of(1, 0.5),
    })
  })
})
