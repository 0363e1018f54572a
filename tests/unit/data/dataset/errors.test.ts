import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { DatasetError, writeSafetensors } from '../../../../ding/utils/index.js'
import { d4rl, flagged, hdf5, load, rows, scratch, values } from './fixtures.js'

const path = scratch()

/** The complaint about a file; it must name the file. */
async function complaint(file: string, cfg: Parameters<typeof load>[1] = {}): Promise<string> {
  const error: unknown = await load(file, cfg).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(DatasetError)
  const { message } = error as DatasetError
  expect(message).toContain(file)
  return message
}

describe('files that are none', () => {
  test('missing, empty, foreign, a pickle', async () => {
    expect(await complaint(path('missing.h5'))).toMatch(/there is no such file.*data_path/)
    writeFileSync(path('empty.h5'), '')
    expect(await complaint(path('empty.h5'))).toMatch(/the file is empty/)
    writeFileSync(path('foreign.h5'), 'no dataset at all')
    expect(await complaint(path('foreign.h5'))).toMatch(/no dataset that is known/)
    expect(await complaint(path('foreign.h5'), { data_type: 'd4rl' })).toMatch(/not an HDF5 file/)
    writeFileSync(path('demo.pkl'), Buffer.from([0x80, 4, 0x95, 1]))
    expect(await complaint(path('demo.pkl'))).toMatch(/pickle/)
  })

  test('truncated', async () => {
    const whole = readFileSync(await d4rl(path('whole.hdf5'), 500, {}))
    writeFileSync(path('half.hdf5'), whole.subarray(0, whole.length / 2))
    expect(await complaint(path('half.hdf5'))).toMatch(/it is truncated/)
  })

  test('no data_path, and a data_type that is not there', async () => {
    await expect(load('')).rejects.toThrow(/data_path is empty/)
    await expect(load(path('whole.hdf5'), { data_type: 'd4r' })).rejects.toThrow(/Did you mean "d4rl"/)
  })
})

describe('files that do not fit', () => {
  test('an unknown layout, and a missing key', async () => {
    const file = await hdf5(path('strange.hdf5'), { x: { data: Float32Array.of(1) } })
    expect(await complaint(file)).toMatch(/layout is not known; it has the keys x/)
    expect(await complaint(file, { data_type: 'd4rl' })).toMatch(/no array "observations". There are: x/)
    expect(await complaint(file, { data_type: 'minari' })).toMatch(/episode_<i>/)
  })

  test('columns of different lengths', async () => {
    const file = await d4rl(path('lengths.hdf5'), 5, {}, { timeouts: flagged(4, []) })
    expect(await complaint(file)).toMatch(/"timeouts" has 4 rows, expected 5/)
    const rewards = await d4rl(path('rewards.hdf5'), 5, {}, { rewards: { data: new Float32Array(3) } })
    expect(await complaint(rewards)).toMatch(/"rewards" has 3 rows, expected 5 as in "observations"/)
  })

  test('no rows, and no transitions', async () => {
    const none = { data: new Float32Array(0), dtype: '<f' as const }
    const file = await hdf5(path('rowless.hdf5'), {
      observations: { ...none, shape: [0, 2] },
      actions: { ...none, shape: [0, 1] },
      rewards: none,
      terminals: none,
    })
    expect(await complaint(file)).toMatch(/"observations" has no rows/)
    expect(await complaint(await d4rl(path('one.hdf5'), 1, {}))).toMatch(/none of its 1 rows has a successor/)
  })

  test('NaN and infinity, by key and row', async () => {
    const { obs, reward } = rows(6)
    const bad = (obs.data as Float32Array).slice()
    bad[7] = Number.NaN
    const file = await d4rl(path('nan.hdf5'), 6, {}, { observations: { ...obs, data: bad } })
    expect(await complaint(file)).toMatch(/"observations" is NaN in row 3/)
    const endless = (reward.data as Float32Array).slice()
    endless[5] = Number.POSITIVE_INFINITY
    const other = await d4rl(path('inf.hdf5'), 6, {}, { rewards: { data: endless } })
    expect(await complaint(other)).toMatch(/"rewards" is Infinity in row 5/)
  })

  test('flags that are none, fractions as discrete actions, texts', async () => {
    const file = await d4rl(path('two.hdf5'), 3, {}, { terminals: { data: Float32Array.of(0, 0.5, 0) } })
    expect(await complaint(file)).toMatch(/"terminals" is 0.5 in row 1, expected 0 or 1/)
    const text = await d4rl(path('text.hdf5'), 2, {}, { rewards: { data: ['a', 'b'] } })
    expect(await complaint(text)).toMatch(/"rewards" is text of shape \[2\], expected rows of numbers/)
    const big = await d4rl(path('big.hdf5'), 2, {}, { actions: { data: BigInt64Array.of(0n, 1n << 40n) } })
    expect(await complaint(big)).toMatch(/"actions" is 1099511627776 in row 1/)
  })

  test('next observations of another width', async () => {
    const file = await d4rl(
      path('wide.hdf5'),
      3,
      {},
      {
        next_observations: { data: new Float32Array(9), shape: [3, 3] },
      },
    )
    expect(await complaint(file)).toMatch(
      /next observations have rows of float32 \[3\], expected float32 \[2\]/,
    )
  })

  test('JSON lines, by line', async () => {
    const good = '{"obs": [1], "next_obs": [2], "action": 0, "reward": 1, "done": false}'
    writeFileSync(path('cut.jsonl'), `${good}\n${good.slice(0, 20)}`)
    expect(await complaint(path('cut.jsonl'))).toMatch(/line 2 is not JSON/)
    writeFileSync(path('null.jsonl'), `${good}\n${good.replace('[1]', 'null')}`)
    expect(await complaint(path('null.jsonl'))).toMatch(/"obs" of line 2 is null/)
    writeFileSync(path('wide.jsonl'), `${good}\n\n${good.replace('[1]', '[1, 2]')}`)
    expect(await complaint(path('wide.jsonl'))).toMatch(/"obs" of line 3 .*float32 \[1\]/)
    writeFileSync(path('less.jsonl'), '{"obs": [1], "action": 0}')
    expect(await complaint(path('less.jsonl'))).toMatch(/no column "reward"/)
  })

  test('two columns that stand for one, and differ', async () => {
    const of = (shape: number[], ...data: number[]) => ({
      dtype: 'float32' as const,
      shape,
      data: Float32Array.from(data),
    })
    const columns = { obs: of([2, 1], 0, 1), action: of([2, 1], 0, 0), reward: of([2], 1, 1) }
    const next_obs = of([2, 1], 1, 2)
    const flags = { terminated: of([2], 0, 0), done: of([2, 1], 0, 1) }
    writeSafetensors(path('two.safetensors'), { ...columns, next_obs, ...flags })
    expect(await complaint(path('two.safetensors'))).toMatch(
      /"(terminated|done)" and "(terminated|done)" both stand for "done".*true at time-outs.*"truncated"/,
    )
    writeSafetensors(path('obs.safetensors'), {
      ...columns,
      next_obs,
      done: flags.done,
      observation: next_obs,
    })
    expect(await complaint(path('obs.safetensors'))).toMatch(/both stand for "obs", but differ\. Leave one/)
    const alike = { ...columns, next_obs, done: flags.done, terminated: of([2], 0, 1) }
    writeSafetensors(path('alike.safetensors'), alike)
    expect(values((await load(path('alike.safetensors'))).dataset.batch_columns, 'done')).toEqual([0, 1])

    const line = (i: number, more: object) =>
      JSON.stringify({ obs: [i], next_obs: [i + 1], action: 0, reward: 1, ...more })
    const lines = [line(0, { terminated: false, done: 0 }), line(1, { terminated: false, done: true })]
    writeFileSync(path('two.jsonl'), lines.join('\n'))
    expect(await complaint(path('two.jsonl'))).toMatch(
      /"terminated" and "done" of line 2 both stand for "done".*true at time-outs/,
    )
    writeFileSync(path('alike.jsonl'), [lines[0], line(1, { terminated: true, done: 1 })].join('\n'))
    expect(values((await load(path('alike.jsonl'))).dataset.batch_columns, 'done')).toEqual([0, 1])
  })

  test('safetensors cut short', async () => {
    writeFileSync(path('cut.safetensors'), Buffer.from('\x40\0\0\0\0\0\0\0{"obs":', 'latin1'))
    expect(await complaint(path('cut.safetensors'))).toMatch(/truncated/)
  })
})
