import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  createDatasetWriter,
  type DatasetWriter,
  describeDataset,
  type Transition,
} from '../../../../ding/data/index.js'
import { DatasetError } from '../../../../ding/utils/index.js'
import { column, firsts, flagged, hdf5, load, rows, scratch, values } from './fixtures.js'

const path = scratch()
const options = { env_id: 'Pendulum-v1', policy: 'random', seed: 3 } as const

/** Steps from observation `from` on; observation n is (n, n / 2). */
function episode(from: number, length: number, terminated = false): Transition[] {
  return Array.from({ length }, (_, i) => ({
    obs: Float32Array.of(from + i, (from + i) / 2),
    next_obs: Float32Array.of(from + i + 1, (from + i + 1) / 2),
    action: Float32Array.of(i / 10, -i / 10),
    reward: i,
    done: terminated && i === length - 1,
  }))
}

/** A terminated episode, one cut by a time limit, and two environments' unfinished ones, in pieces and interleaved. */
function fill(writer: DatasetWriter): void {
  writer.append(episode(0, 3, true))
  const long = episode(100, 4)
  writer.append(long.slice(0, 1), { env: 1 })
  writer.append(episode(200, 2), { env: 2 })
  writer.append(long.slice(1), { env: 1, truncated: true })
  writer.append(episode(300, 1), { env: 1 })
}

describe.each(['d4rl', 'minari'] as const)('%s', (layout) => {
  test('comes back as it was, every step with its successor', async () => {
    const file = path(`${layout}.hdf5`)
    const writer = await createDatasetWriter(file, { ...options, layout, chunk_rows: 3 })
    fill(writer)
    writer.close()
    expect(writer).toMatchObject({ count: 10, episodes: 4 })
    expect(existsSync(writer.partial_path)).toBe(false)
    const { dataset } = await load(file)
    const { batch_columns } = dataset
    expect(firsts(batch_columns)).toEqual([0, 1, 2, 100, 101, 102, 103, 200, 201, 300])
    expect(firsts(batch_columns, 'next_obs')).toEqual([1, 2, 3, 101, 102, 103, 104, 201, 202, 301])
    expect(values(batch_columns, 'done')).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    expect(column(batch_columns, 'action')).toMatchObject({ dtype: 'float32', shape: [10, 2] })
    expect(values(batch_columns, 'action')[5]).toBeCloseTo(-0.2)
    expect(dataset.env_id).toBe('Pendulum-v1')
    expect(dataset.warnings).toEqual([])
    expect(dataset.statistics).toMatchObject({ episodes: 4, terminations: 1, timeouts: 3 })
    expect(await describeDataset(file)).toMatch(/ding_version +\d+\.\d+/)
  })

  test('discrete actions, images and records, compressed', async () => {
    const file = path(`${layout}_rich.hdf5`)
    const writer = await createDatasetWriter(file, { ...options, layout, compression: 4 })
    const image = (n: number) =>
      ({ dtype: 'uint8', shape: [2, 2, 1], data: new Uint8Array(4).fill(n) }) as const
    writer.append(
      [0, 1, 2].map((i) => ({
        obs: { image: image(i), state: Float32Array.of(i) },
        next_obs: { image: image(i + 1), state: Float32Array.of(i + 1) },
        action: i,
        reward: 1,
        done: i === 2,
      })),
    )
    writer.close()
    const { dataset } = await load(file)
    expect(dataset.batch_columns).toMatchObject({
      obs: { image: { dtype: 'uint8', shape: [3, 2, 2, 1] }, state: { data: Float32Array.of(0, 1, 2) } },
      next_obs: { state: { data: Float32Array.of(1, 2, 3) } },
      action: { dtype: 'int32', data: Int32Array.of(0, 1, 2) },
    })
  })

  test('flat arrays get the shape that they are said to have, alone and in records', async () => {
    const step = <T>(obs: (n: number) => T) =>
      [0, 1, 2].map((i) => ({ obs: obs(i), next_obs: obs(i + 1), action: i, reward: 1, done: i === 2 }))
    const pixels = (n: number) => Uint8Array.from({ length: 12 }, (_, k) => 12 * n + k)
    const image = path(`${layout}_image.hdf5`)
    const one = await createDatasetWriter(image, { ...options, layout, obs_shape: [3, 2, 2] })
    one.append(step(pixels))
    one.close()
    const { batch_columns } = (await load(image)).dataset
    const all = Uint8Array.from({ length: 48 }, (_, k) => k)
    expect(batch_columns).toMatchObject({
      obs: { dtype: 'uint8', shape: [3, 3, 2, 2], data: all.slice(0, 36) },
      next_obs: { dtype: 'uint8', shape: [3, 3, 2, 2], data: all.slice(12) },
    })
    const record = path(`${layout}_record.hdf5`)
    const two = await createDatasetWriter(record, { ...options, layout, obs_shape: { image: [3, 2, 2] } })
    two.append(step((n) => ({ image: pixels(n), state: Float32Array.of(n, n) })))
    two.close()
    expect((await load(record)).dataset.sample(2)).toMatchObject({
      obs: { image: { dtype: 'uint8', shape: [2, 3, 2, 2] }, state: { dtype: 'float32', shape: [2, 2] } },
    })
  })

  test('an interrupted write leaves a readable partial file and the old file as it was', async () => {
    const file = path(`${layout}_crash.hdf5`)
    writeFileSync(file, 'the old file')
    const writer = await createDatasetWriter(file, { ...options, layout, chunk_rows: 5 })
    writer.append(episode(0, 6, true))
    writer.append(episode(50, 3, true))
    // What a killed process leaves behind: the chunk on disk, nothing of the rest.
    copyFileSync(writer.partial_path, path(`${layout}_copy.partial`))
    const { dataset } = await load(path(`${layout}_copy.partial`))
    expect(firsts(dataset.batch_columns)).toEqual([0, 1, 2, 3, 4, 5])
    expect(dataset.warnings[0]).toMatch(/interrupted/)
    expect(readFileSync(file, 'utf8')).toBe('the old file')
    writer.close()
    expect((await load(file)).dataset.count).toBe(9)
  })
})

test('arrays that an interrupted writer left at different lengths are read up to the shortest', async () => {
  const { obs, action, reward } = rows(6)
  const arrays = {
    observations: obs,
    actions: action,
    rewards: reward,
    terminals: flagged(4, [1]),
    timeouts: flagged(5, []),
  }
  const file = await hdf5(path('uneven.partial'), arrays, { complete: 0 })
  expect(firsts((await load(file)).dataset.batch_columns)).toEqual([0, 1, 2])
})

describe('appending', () => {
  test('observations that have not the shape they should have are refused', async () => {
    const file = path('misshapen.hdf5')
    const writer = await createDatasetWriter(file, { ...options, layout: 'd4rl', obs_shape: [2, 2] })
    expect(() => writer.append(episode(0, 2))).toThrow(
      /misshapen\.hdf5": "obs" has 2 entries, expected those of the shape \[2, 2\].*obs_shape/,
    )
    writer.abandon()
  })

  test('a step that does not follow begins another episode', async () => {
    const file = path('gap.hdf5')
    const writer = await createDatasetWriter(file, { ...options, layout: 'd4rl' })
    writer.append([...episode(0, 2), ...episode(10, 2)])
    writer.close()
    const { dataset } = await load(file)
    expect(dataset.statistics).toMatchObject({ episodes: 2, timeouts: 2, size: 4 })
  })

  test('arrays may be reused by the environment', async () => {
    const writer = await createDatasetWriter(path('reused.hdf5'), { ...options, layout: 'minari' })
    const [first, second] = episode(0, 2)
    writer.append([first!])
    ;(first!['action'] as Float32Array).fill(9)
    writer.append([second!])
    writer.close()
    const { dataset } = await load(path('reused.hdf5'))
    expect(values(dataset.batch_columns, 'action').map((a) => Math.abs(a).toFixed(1))).toEqual([
      '0.0',
      '0.0',
      '0.1',
      '0.1',
    ])
  })

  test('what does not fit is refused', async () => {
    const writer = await createDatasetWriter(path('bad.hdf5'), { ...options, layout: 'd4rl' })
    const [step] = episode(0, 1)
    expect(() => writer.append([{ ...step!, reward: Float32Array.of(1, 2) }])).toThrow(
      /reward.*2 numbers.*nstep 1/,
    )
    const { next_obs: _, ...lacking } = step!
    expect(() => writer.append([lacking as Transition])).toThrow(/no "next_obs"/)
    writer.append(episode(0, 1, true))
    expect(() => writer.append([{ ...step!, obs: Float32Array.of(1), done: true }])).toThrow(DatasetError)
    writer.close()
    expect(() => writer.append(episode(0, 1))).toThrow(/is closed/)
  })

  test('nothing appended: no file', async () => {
    const writer = await createDatasetWriter(path('nothing.hdf5'), { ...options, layout: 'd4rl' })
    expect(() => writer.close()).toThrow(/no transition was appended/)
    expect(existsSync(path('nothing.hdf5'))).toBe(false)
  })

  test('a place that cannot be written', async () => {
    writeFileSync(path('file'), '')
    await expect(createDatasetWriter(path('file/x.hdf5'), { ...options, layout: 'd4rl' })).rejects.toThrow(
      /cannot be written/,
    )
  })
})

const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import h5py']).status === 0,
)

describe.skipIf(python === undefined)('h5py reads', () => {
  const ask = (file: string, code: string): unknown => {
    const script = `import h5py, json, sys\nf = h5py.File(sys.argv[1], 'r')\nprint(json.dumps(${code}, default=str))`
    const { stdout, stderr, status } = spawnSync(python!, ['-c', script, file], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
    return JSON.parse(stdout)
  }

  test('the D4RL layout', async () => {
    const file = path('h5py_d4rl.hdf5')
    const writer = await createDatasetWriter(file, { ...options, layout: 'd4rl', chunk_rows: 3 })
    fill(writer)
    writer.close()
    const code = `{
      'arrays': {k: [list(v.shape), str(v.dtype)] for k, v in f.items()},
      'rows': [f['observations'][:, 0].tolist(), f['terminals'][:].tolist(), f['timeouts'][:].tolist()],
      'attrs': [f.attrs['env_id'], f.attrs['policy'], int(f.attrs['seed']), int(f.attrs['complete'])],
    }`
    expect(ask(file, code)).toEqual({
      arrays: {
        observations: [[10, 2], 'float32'],
        next_observations: [[10, 2], 'float32'],
        actions: [[10, 2], 'float32'],
        rewards: [[10], 'float32'],
        terminals: [[10], 'uint8'],
        timeouts: [[10], 'uint8'],
      },
      rows: [
        [0, 1, 2, 100, 101, 102, 103, 200, 201, 300],
        [0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 0, 1, 1],
      ],
      attrs: ['Pendulum-v1', 'random', 3, 1],
    })
  })

  test('the Minari layout', async () => {
    const file = path('h5py_minari.hdf5')
    const writer = await createDatasetWriter(file, { ...options, layout: 'minari' })
    fill(writer)
    writer.close()
    const code = `{
      'groups': sorted(f),
      'totals': [int(f.attrs['total_steps']), int(f.attrs['total_episodes'])],
      'env': json.loads(f.attrs['env_spec'])['id'],
      'arrays': {k: list(v.shape) for k, v in f['episode_1'].items()},
      'truncations': f['episode_1/truncations'][:].tolist(),
      'steps': int(f['episode_1'].attrs['total_steps']),
    }`
    expect(ask(file, code)).toEqual({
      groups: ['episode_0', 'episode_1', 'episode_2', 'episode_3'],
      totals: [10, 4],
      env: 'Pendulum-v1',
      arrays: { observations: [5, 2], actions: [4, 2], rewards: [4], terminations: [4], truncations: [4] },
      truncations: [0, 0, 0, 1],
      steps: 4,
    })
  })
})

describe.skipIf(python === undefined)('files that h5py wrote', () => {
  test('booleans, big-endian numbers, gzip', async () => {
    const file = path('from_h5py.hdf5')
    const script = [
      'import h5py, numpy as np, sys',
      "f = h5py.File(sys.argv[1], 'w')",
      "f.create_dataset('observations', data=np.arange(12.).reshape(6, 2), compression='gzip')",
      "f['actions'] = np.linspace(-1, 1, 6).reshape(6, 1).astype('>f4')",
      "f['rewards'] = np.arange(6, dtype='f4')",
      "f['terminals'] = np.array([0, 1, 0, 0, 0, 0], dtype=bool)",
      "f['timeouts'] = np.array([0, 0, 0, 1, 0, 0], dtype=bool)",
    ].join('\n')
    expect(spawnSync(python!, ['-c', script, file]).status).toBe(0)
    const { dataset } = await load(file)
    expect(firsts(dataset.batch_columns)).toEqual([0, 2, 4, 8])
    expect(values(dataset.batch_columns, 'done')).toEqual([0, 1, 0, 0])
    expect(values(dataset.batch_columns, 'action')[0]).toBe(-1)
  })

  test('half floats are named', async () => {
    const file = path('half.hdf5')
    const script = [
      'import h5py, numpy as np, sys',
      "f = h5py.File(sys.argv[1], 'w')",
      "f['observations'] = np.zeros((3, 1), 'f2')",
      "for k in ['actions', 'rewards', 'terminals']: f[k] = np.zeros(3, 'f4')",
    ].join('\n')
    expect(spawnSync(python!, ['-c', script, file]).status).toBe(0)
    await expect(load(file)).rejects.toThrow(/"observations" cannot be read: Float16 not supported/)
  })
})
