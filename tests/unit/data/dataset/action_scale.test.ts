import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { d4rl, load, scratch, values } from './fixtures.js'

const path = scratch()

const row = (action: unknown) => JSON.stringify({ obs: [0], action, reward: 1, next_obs: [1], done: false })

test('action_scale multiplies continuous actions, and nothing else', async () => {
  const file = path('torques.jsonl')
  writeFileSync(file, `${[[-2], [0.5], [2]].map(row).join('\n')}\n`)
  const { dataset } = await load(file, { action_scale: 0.5 })
  expect(values(dataset.batch_columns, 'action')).toEqual([-1, 0.25, 1])
  expect(values(dataset.batch_columns, 'reward')).toEqual([1, 1, 1])
  const { dataset: plain } = await load(file)
  expect(values(plain.batch_columns, 'action')).toEqual([-2, 0.5, 2])
})

test('discrete actions have no scale', async () => {
  const file = await d4rl(path('discrete.hdf5'), 8, { terminals: [4], timeouts: [] })
  await expect(load(file, { action_scale: 2 })).rejects.toThrow(/not continuous.*action_scale/s)
})
