import { join } from 'node:path'
import { expect, test } from 'vitest'
import pendulum from '../../configs/pendulum/pendulum_cql_config.js'
import {
  type ConfigPair,
  createDataset,
  type HostTensor,
  RandomStream,
  transitionAt,
} from '../../ding/index.js'
import { collect_demo_data, serial_pipeline_offline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

/** The shipped config, whose environment scales actions by a key, and the same with the wrapper. */
const [main, create] = pendulum as unknown as [Record<string, object>, object]
const configs: [string, ConfigPair][] = [
  ['act_scale', pendulum],
  [
    'the wrapper act_scale',
    [
      { ...main, env: { ...main['env'], act_scale: false, env_wrapper: ['act_scale'] } },
      create,
    ] as unknown as ConfigPair,
  ],
]

const numbersOf = (value: unknown) => [...(value as HostTensor<Float32Array>).data]

/** Random play of two episodes as a file. */
async function collected(config: ConfigPair, work_dir: string, name: string): Promise<string> {
  const path = join(work_dir, name)
  const random = { random_policy: true, collect_count: 400, expert_data_path: path }
  await collect_demo_data(config, 0, { console: 'quiet', work_dir, ...random })
  return path
}

async function rowsOf(data_path: string) {
  const { batch_columns, count } = await createDataset({ data_path }, { random: RandomStream.fromSeed(0) })
  return Array.from({ length: count }, (_, row) => transitionAt(batch_columns, row))
}

test.each(configs)(
  'with %s the actions of a file are torques: the rewards of Pendulum follow from its rows',
  async (_name, config) => {
    const rows = await rowsOf(await collected(config, temporaryFolder(), 'data.hdf5'))
    expect(rows.length).toBeGreaterThanOrEqual(400)
    let largest = 0
    for (const row of rows) {
      const [cos, sin, speed] = numbersOf(row['obs']) as [number, number, number]
      const torque = numbersOf(row['action'])[0]!
      largest = Math.max(largest, Math.abs(torque))
      const cost = Math.atan2(sin, cos) ** 2 + 0.1 * speed ** 2 + 0.001 * torque ** 2
      expect(numbersOf(row['reward'])[0]).toBeCloseTo(-cost, 3)
    }
    expect(largest).toBeGreaterThan(1.5)
  },
)

test('a buffer keeps them as the policy gave them; the shipped config learns from an HDF5 file as it is', async () => {
  const work_dir = temporaryFolder()
  const buffer = await rowsOf(await collected(pendulum, work_dir, 'data.safetensors'))
  const largest = Math.max(...buffer.map((row) => Math.abs(numbersOf(row['action'])[0]!)))
  expect(largest).toBeGreaterThan(0.9)
  expect(largest).toBeLessThanOrEqual(1)
  const result = await serial_pipeline_offline(pendulum, 0, {
    console: 'quiet',
    work_dir,
    max_train_iter: 2,
    overrides: [
      ['policy.collect.data_type', 'auto'],
      ['policy.collect.data_path', await collected(pendulum, work_dir, 'data.hdf5')],
      ['env.n_evaluator_episode', 1],
    ],
  })
  expect(result).toMatchObject({ train_iter: 2 })
})
