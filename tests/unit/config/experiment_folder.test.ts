import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { claimExperiment, read_config, removeExperiment } from '../../../ding/config/index.js'
import { ConfigError } from '../../../ding/utils/index.js'
import { compile, create_config, main_config, rejection, temporaryFolder } from './fakes.js'

const work_dir = temporaryFolder()

describe('the experiment folder', () => {
  const clock = () => new Date(2024, 1, 3, 4, 5, 6)
  const options = { work_dir, save: true, renew_dir: true, clock }

  test('is made, nested, and renamed when it exists', async () => {
    const main = { ...main_config(), exp_name: 'group/run' }
    const names = []
    for (let i = 0; i < 3; i++)
      names.push((await compile(main, create_config(), options)).main_config.exp_name)
    expect(names).toEqual(['group/run', 'group/run_240203_040506', 'group/run_240203_040506_2'])
    for (const name of names) {
      const saved = JSON.parse(readFileSync(join(work_dir, name, 'total_config.json'), 'utf8')) as Record<
        string,
        Record<string, unknown>
      >
      expect(saved['main_config']?.['exp_name']).toBe(name)
    }
    const again = await compile(main, create_config(), { ...options, renew_dir: false })
    expect(again.main_config.exp_name).toBe('group/run')
  })

  test('is not made when the config is wrong, or not to be saved', async () => {
    await rejection(
      compile({ ...main_config(), exp_name: 'wrong', env: { foo: 1 } }, create_config(), options),
    )
    await compile({ ...main_config(), exp_name: 'unsaved' }, create_config(), { ...options, save: false })
    expect(existsSync(join(work_dir, 'wrong')) || existsSync(join(work_dir, 'unsaved'))).toBe(false)
    writeFileSync(join(work_dir, 'a_file'), '')
    const error = await rejection(
      compile({ ...main_config(), exp_name: 'a_file/run' }, create_config(), options),
    )
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toMatch(/exp_name/)
  })
})

test('what was made for an experiment can be taken back, and nothing else', () => {
  const claim = (name: string) => claimExperiment(work_dir, name, { create: true, renew: false })
  const first = claim('outer/inner/run')
  expect(first).toEqual({ exp_name: 'outer/inner/run', made: join(work_dir, 'outer') })
  expect(claim('outer/inner/run')).toEqual({ exp_name: 'outer/inner/run' })
  const second = claim('outer/other')
  removeExperiment(join(work_dir, 'outer/inner/run'), String(first.made))
  expect(existsSync(join(work_dir, 'outer/inner'))).toBe(false)
  expect(existsSync(join(work_dir, 'outer/other'))).toBe(true)
  removeExperiment(join(work_dir, 'outer/other'), String(second.made))
  expect(existsSync(join(work_dir, 'outer'))).toBe(true)
})

test('the saved file compiles to the identical config', async () => {
  const first = await compile({ ...main_config(), exp_name: 'again' }, create_config(), {
    work_dir,
    save: true,
    seed: 5,
  })
  const file = await read_config(join(work_dir, 'again', 'total_config.json'))
  const second = await compile(file.main_config, file.create_config, { work_dir, base_dir: file.base_dir })
  expect(second.main_config).toStrictEqual(first.main_config)
  expect(second.create_config).toStrictEqual(first.create_config)
  expect(second.seed).toBe(5)
  expect(second.main_config.policy.model['kwargs']).toEqual({ note: 'inf', deep: { a: 1 } })
})
