import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parallel_pipeline, serial_pipeline } from '../../entry/index.js'
import { smallDqn, temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const

describe('input of the entries', () => {
  test.each([
    [
      { main_config: {}, create_config: {} },
      /a record with the keys main_config, create_config, expected the pair/,
    ],
    [[{}], /a list of 1, expected the pair/],
    [undefined, /undefined, expected the pair/],
  ])('%j is refused', async (input, said) => {
    await expect(serial_pipeline(input as never, 0, quiet)).rejects.toThrow(said)
  })

  test.each([
    ['max_train_iter', Number.NaN],
    ['max_train_iter', -5],
    ['max_env_step', 0],
    ['max_env_step', '30'],
  ])('the limit %s %s is refused', async (name, limit) => {
    const work_dir = temporaryFolder()
    await expect(serial_pipeline(smallDqn(), 0, { ...quiet, work_dir, [name]: limit })).rejects.toMatchObject(
      {
        name: 'UsageError',
        message: `${name} is ${String(limit)}, expected a number > 0 or Infinity.`,
      },
    )
    expect(readdirSync(work_dir)).toEqual([])
  })

  test('a learning rate function in a config of roles in threads is refused by its key', async () => {
    const learn = { update_per_collect: 4, batch_size: 16, lr_schedule: (remaining: number) => remaining }
    const work_dir = temporaryFolder()
    await expect(parallel_pipeline(smallDqn({ learn }), 0, { ...quiet, work_dir })).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(/policy\.learn\.lr_schedule is a function.*LR_SCHEDULE_REGISTRY/),
    })
    expect(existsSync(join(work_dir, 'small_dqn'))).toBe(false)
  })

  test('a run that collects reads no dataset, and says so', async () => {
    const [main, create] = smallDqn({ collect: { n_sample: 8, data_path: './x.hdf5' } })
    const config = [main, { ...create, policy: { type: 'discrete_cql' } }] as const
    const work_dir = temporaryFolder()
    for (const start of [serial_pipeline, parallel_pipeline])
      await expect(start(config, 0, { ...quiet, work_dir, max_train_iter: 4 })).rejects.toMatchObject({
        name: 'ConfigError',
        message: expect.stringMatching(/policy\.collect\.data_path is "\.\/x\.hdf5".*-m serial_offline/),
      })
    const off = [['policy.collect.data_path', false]] as const
    const result = await serial_pipeline(config, 0, { ...quiet, work_dir, max_train_iter: 4, overrides: off })
    expect(result).toMatchObject({ train_iter: 4 })
  })
})
