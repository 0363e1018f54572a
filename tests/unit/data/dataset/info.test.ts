import { expect, test } from 'vitest'
import { datasetInfoCommand } from '../../../../entry/dataset_info.js'
import { d4rl, rows, scratch } from './fixtures.js'

const path = scratch()

test('prints layout, arrays, episodes, returns, bounds, scores', async () => {
  const file = await d4rl(path('hopper_medium-v2.hdf5'), 21, { terminals: [4], timeouts: [9] })
  const text = await datasetInfoCommand(file)
  for (const line of [
    /^file +hopper_medium-v2\.hdf5$/m,
    /^layout +d4rl$/m,
    /^environment +hopper-medium-v2$/m,
    /^transitions +19 of 21 rows/m,
    /^episodes +2 whole, 1 pieces$/m,
    /^ended by +1 terminations, 1 time-outs or cuts$/m,
    /^return +mean 22\.5, std 12\.5, from 10 to 35$/m,
    /^normalised +mean 1\.31/m,
    /^action +discrete, from 0 to 1$/m,
    /^ {2}observations +\[21, 2\] +float32$/m,
    /^ {2}terminals +\[21\] +uint8$/m,
    /^Nothing looks wrong\.$/m,
  ]) {
    expect(text).toMatch(line)
  }
})

test('points at NaN, constant entries, constant rewards and missing ends', async () => {
  const { obs } = rows(6)
  const data = (obs.data as Float32Array).map((value, i) => (i % 2 === 1 ? 7 : value))
  data[8] = Number.NaN
  const file = await d4rl(
    path('odd.hdf5'),
    6,
    {},
    {
      observations: { ...obs, data },
      rewards: { data: new Float32Array(6).fill(1) },
    },
  )
  const text = await datasetInfoCommand(file, { env_id: 'CartPole-v1' })
  expect(text).toMatch(/environment +CartPole-v1/)
  expect(text).toMatch(/observations: 1 values are NaN or infinite, the first in row 4/)
  expect(text).toMatch(/observations: entries \[1\] of 2 have the same value/)
  expect(text).toMatch(/rewards: all are 1/)
  expect(text).toMatch(/No row ends an episode/)
})

test('an explicit data_type says what the file lacks', async () => {
  const file = await d4rl(path('plain.hdf5'), 3, {})
  await expect(datasetInfoCommand(file, { data_type: 'd3rlpy' })).rejects.toThrow(
    /no array "episode_terminals"/,
  )
})
