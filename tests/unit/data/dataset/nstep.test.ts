import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  createDataset,
  createDatasetWriter,
  describeDataset,
  NaiveReplayBuffer,
  RandomStream,
  type Transition,
} from '../../../../ding/index.js'
import type { HostTensor } from '../../../../ding/utils/index.js'
import { temporaryFolder } from '../../../fixtures/configs.js'
import { d4rl, firsts, load, scratch, values } from './fixtures.js'

const path = scratch()

/** Two episodes of observations 0, 1, 2, ... with reward 10 + t: one of four steps that terminates, one of three that is cut. */
async function written(): Promise<string> {
  const path = join(temporaryFolder(), 'steps.hdf5')
  const writer = await createDatasetWriter(path, { layout: 'd4rl', env_id: 'none' })
  const step = (t: number, done: boolean) => ({
    obs: Float32Array.of(t),
    next_obs: Float32Array.of(t + 1),
    action: 0,
    reward: 10 + t,
    done,
  })
  writer.append([step(0, false), step(1, false), step(2, false), step(3, true)])
  writer.append([step(20, false), step(21, false), step(22, false)], { truncated: true })
  writer.close()
  return path
}

test('single steps become n-step returns that end at terminal steps and at cuts, with the right discount', async () => {
  const data_path = await written()
  const options = { random: RandomStream.fromSeed(0), nstep: 3, gamma: 0.5 }
  const dataset = await createDataset({ data_path, sampling: 'free_no_replace' }, options)
  const batch = dataset.sample(dataset.count)
  const rows = new Map<number, { reward: number[]; next: number; done: number; value_gamma: number }>()
  const column = (name: string) => (batch[name] as HostTensor).data
  expect((batch['reward'] as HostTensor).shape).toEqual([7, 3])
  for (let i = 0; i < dataset.count; i++) {
    rows.set(column('obs')[i]!, {
      reward: Array.from(column('reward').subarray(3 * i, 3 * i + 3)),
      next: column('next_obs')[i]!,
      done: column('done')[i]!,
      value_gamma: column('value_gamma')[i]!,
    })
  }
  expect(rows.get(0)).toEqual({ reward: [10, 11, 12], next: 3, done: 0, value_gamma: 0.125 })
  expect(rows.get(1)).toEqual({ reward: [11, 12, 13], next: 4, done: 1, value_gamma: 0.125 })
  expect(rows.get(3)).toEqual({ reward: [13, 0, 0], next: 4, done: 1, value_gamma: 0.5 })
  expect(rows.get(20)).toEqual({ reward: [30, 31, 32], next: 23, done: 0, value_gamma: 0.125 })
  expect(rows.get(22)).toEqual({ reward: [32, 0, 0], next: 23, done: 0, value_gamma: 0.5 })
})

test('a D4RL file without next observations: windows end at its terminal steps, too', async () => {
  // Rows 0 to 7; 2 is terminal, 5 a time-out, 7 the end of the file: rewards are the row numbers.
  const file = await d4rl(path('plain.hdf5'), 8, { terminals: [2], timeouts: [5] })
  const { dataset } = await load(file, { sampling: 'free_no_replace' }, 0, 3)
  const batch = dataset.sample(dataset.count)
  const [starts, rewards, gammas] = [firsts(batch), values(batch, 'reward'), values(batch, 'value_gamma')]
  const windows = starts.map((row, i) => [row, rewards.slice(3 * i, 3 * i + 3), gammas[i]])
  const gamma = (steps: number) => Math.fround(0.99 ** steps)
  expect(windows.sort(([a], [b]) => Number(a) - Number(b))).toEqual([
    [0, [0, 1, 2], gamma(3)],
    [1, [1, 2, 0], gamma(2)],
    [2, [2, 0, 0], gamma(1)],
    [3, [3, 4, 0], gamma(2)],
    [4, [4, 0, 0], gamma(1)],
    [6, [6, 0, 0], gamma(1)],
  ])
})

/** What a buffer of 3-step returns saves of an episode of five steps, rewards 1 to 5, that a time limit ends; gamma 0.5. */
function saved(): string {
  const path = join(temporaryFolder(), 'three.safetensors')
  const random = RandomStream.fromSeed(0)
  const buffer = new NaiveReplayBuffer({ replay_buffer_size: 9 } as never, { random })
  const windows = Array.from({ length: 5 }, (_, t): Transition => {
    const steps = Math.min(3, 5 - t)
    const reward = Float32Array.from({ length: 3 }, (_, i) => (i < steps ? t + 1 + i : 0))
    const next_obs = Float32Array.of(t + steps)
    return { obs: Float32Array.of(t), next_obs, action: 0, reward, done: false, value_gamma: 0.5 ** steps }
  })
  buffer.push(windows)
  buffer.save_data(path)
  return path
}

test('n-step returns of a file keep the discount that a time limit cut short', async () => {
  const data_path = saved()
  const random = RandomStream.fromSeed(0)
  const options = { random, nstep: 3, gamma: 0.5 }
  const dataset = await createDataset({ data_path, sampling: 'free_no_replace' }, options)
  const batch = dataset.sample(5)
  const { data: obs } = batch['obs'] as HostTensor
  expect(batch['value_gamma']).toEqual({
    dtype: 'float32',
    shape: [5],
    data: Float32Array.from(obs, (t) => 0.5 ** Math.min(3, 5 - t)),
  })
})

test('rows of n-step returns tell of no episodes, nor of a range of returns', async () => {
  const data_path = saved()
  const options = { random: RandomStream.fromSeed(0), nstep: 3, gamma: 0.5 }
  const { statistics } = await createDataset({ data_path }, options)
  expect(statistics).toMatchObject({ episodes: 0, terminations: 0, timeouts: 0 })
  const told = await describeDataset(data_path)
  expect(told).toMatch(/episodes +not known: rewards of 3 steps a row/)
  expect(told).not.toContain('No row ends an episode')
  await expect(createDataset({ data_path, reward_norm: 'return_range' }, options)).rejects.toThrow(
    /no whole episode/,
  )
})
