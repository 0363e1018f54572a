import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  dist,
  loadState,
  type PipelineOptions,
  resume_pipeline,
  serial_pipeline,
  serial_pipeline_offline,
} from '../../entry/index.js'
import { smallDqn, temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const

/** Sets an environment variable for one test. */
function variable(name: string, value: string): void {
  process.env[name] = value
  onTestFinished(() => {
    delete process.env[name]
  })
}

/** A small run of eight updates. @returns its folder */
async function run(exp_name: string, work_dir = temporaryFolder(), options: PipelineOptions = {}) {
  const [main, create] = smallDqn()
  await serial_pipeline([{ ...main, exp_name }, create], 0, {
    ...quiet,
    max_train_iter: 8,
    ...options,
    work_dir,
  })
  return join(work_dir, exp_name)
}

const textOf = (folder: string) => readFileSync(join(folder, 'total_config.json'), 'utf8')
const mainOf = (folder: string) =>
  (JSON.parse(textOf(folder)) as { main_config: { exp_name: string; seed: number } }).main_config
const trained = (folder: string) =>
  (loadState(join(folder, 'ckpt', 'run_state.safetensors')).tree['learner'] as { last_iter: number })
    .last_iter

describe('a resumed run', () => {
  test('is the one in the folder that is named, whatever the environment says', async () => {
    const work_dir = temporaryFolder()
    const [victim, other] = [await run('victim', work_dir), await run('fromenv', work_dir)]
    const before = textOf(other)
    variable('DING__EXP_NAME', 'fromenv')
    const { exp_name } = await resume_pipeline(victim, { ...quiet, max_train_iter: 16 })
    expect(exp_name).toMatch(/victim$/)
    expect([trained(victim), trained(other)]).toEqual([16, 8])
    expect(textOf(other)).toBe(before)
    expect(mainOf(victim).exp_name).toBe('victim')
  })

  test('takes no other name', async () => {
    const folder = await run('a')
    const again = { ...quiet, max_train_iter: 16 }
    for (const options of [
      { exp_name: 'b' },
      { overrides: [['exp_name', 'b']] },
      { overrides: [['main.exp_name', 'b']] },
    ])
      await expect(
        resume_pipeline(folder, { ...again, ...options } as PipelineOptions),
      ).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(/exp_name.*own folder|own folder.*exp_name/),
      })
    expect(trained(folder)).toBe(8)
  })

  test('keeps its name, groups and all; a folder that was moved gives it its own', async () => {
    const work_dir = temporaryFolder()
    const folder = await run('my group/run 1', work_dir)
    await resume_pipeline('my group/run 1', { ...quiet, work_dir, max_train_iter: 12 })
    expect(mainOf(folder).exp_name).toBe('my group/run 1')
    expect(readdirSync(work_dir)).toEqual(['my group'])
    const moved = join(temporaryFolder(), 'elsewhere')
    renameSync(folder, moved)
    await resume_pipeline(moved, { ...quiet, max_train_iter: 16 })
    expect(mainOf(moved).exp_name).toBe('elsewhere')
    expect(trained(moved)).toBe(16)
  })

  test('keeps its seed', async () => {
    const folder = await run('seeded')
    const before = textOf(folder)
    const again = { ...quiet, max_train_iter: 16 }
    const refusal = { name: 'UsageError', message: expect.stringMatching(/seed is 99 .*was started with 0/) }
    await expect(resume_pipeline(folder, { ...again, overrides: [['seed', 99]] })).rejects.toMatchObject(
      refusal,
    )
    const config = join(folder, 'total_config.json')
    await expect(serial_pipeline(config, 99, { ...again, resume: true })).rejects.toMatchObject(refusal)
    variable('DING__SEED', '99')
    await expect(resume_pipeline(folder, again)).rejects.toMatchObject(refusal)
    expect(textOf(folder)).toBe(before)
    process.env['DING__SEED'] = '0'
    expect(await resume_pipeline(folder, again)).toMatchObject({ train_iter: 16 })
  })

  test('is of the mode that it was started in', async () => {
    const folder = await run('serial')
    await expect(resume_pipeline(folder, { ...quiet, mode: 'serial_offline' })).rejects.toThrow(
      /is of -m serial, and goes on as such: leave -m serial_offline out/,
    )
    expect(await resume_pipeline(folder, { ...quiet, mode: 'serial', max_train_iter: 12 })).toMatchObject({
      train_iter: 12,
    })
  })
})

describe('policy.learn.resume_training', () => {
  const resume_training = [['policy.learn.resume_training', 'true']] as const

  test('goes on with the run in the folder, as a flag too, and begins one where there is none', async () => {
    const work_dir = temporaryFolder()
    const options = { overrides: resume_training }
    const folder = await run('again', work_dir, options)
    expect(trained(folder)).toBe(8)
    await run('again', work_dir, { ...options, max_train_iter: 16 })
    expect(readdirSync(work_dir)).toEqual(['again'])
    expect(trained(folder)).toBe(16)
    const straight = await run('straight', temporaryFolder(), { max_train_iter: 16 })
    const state = (of: string) => readFileSync(join(of, 'ckpt', 'iteration_16.safetensors'))
    expect(state(folder).equals(state(straight))).toBe(true)
  })

  test('keeps the limits of the run, and its seed', async () => {
    const work_dir = temporaryFolder()
    const folder = await run('kept', work_dir, { overrides: resume_training })
    const [main, create] = smallDqn()
    const config = [{ ...main, exp_name: 'kept' }, create] as const
    const again = { ...quiet, work_dir, overrides: resume_training }
    expect(await serial_pipeline(config, undefined, again)).toMatchObject({ train_iter: 8 })
    await expect(serial_pipeline(config, 5, again)).rejects.toThrow(/seed is 5 \(seed argument\)/)
    expect(trained(folder)).toBe(8)
  })
})

test('a learner that joins a run changes nothing in a folder of another before it has loaded its state', async () => {
  const folder = await run('finished')
  const before = textOf(folder)
  const [main, create] = smallDqn()
  const join_ = (exp_name: string) =>
    dist([{ ...main, exp_name }, create], 0, {
      ...quiet,
      role: 'learner',
      work_dir: join(folder, '..'),
      nats: 'nats://127.0.0.1:1',
      overrides: [
        ['policy.other.exchange.connect_timeout_s', 0.2],
        ['policy.learn.batch_size', 8],
      ],
    })
  await expect(join_('finished')).rejects.toThrow(/no NATS server there/)
  expect(textOf(folder)).toBe(before)
  // A new one goes, with the folders around it that were made for it.
  await expect(join_('grp/new')).rejects.toThrow(/no NATS server there/)
  expect(readdirSync(join(folder, '..'))).toEqual(['finished'])
})

test('a start that fails leaves no folder around its own', async () => {
  const work_dir = temporaryFolder()
  mkdirSync(join(work_dir, 'kept'))
  const broken = {
    overrides: [
      ['policy.eager_backend', 'tensorflow'],
      ['policy.runtime', 'eager'],
    ],
  } as const
  for (const exp_name of ['grp/inner/bad', 'kept/bad'])
    await expect(run(exp_name, work_dir, broken)).rejects.toThrow(/tfjs-node/)
  expect(readdirSync(work_dir)).toEqual(['kept'])
  expect(readdirSync(join(work_dir, 'kept'))).toEqual([])
})

describe('runs without env steps', () => {
  test('take no limit of them, also when they are resumed', async () => {
    const folder = await run('online')
    const offline = join(temporaryFolder(), 'offline')
    cpSync(folder, offline, { recursive: true })
    const config = join(folder, 'total_config.json')
    const refusal = /takes no env steps.*max_train_iter/
    await expect(serial_pipeline_offline(config, 0, { ...quiet, max_env_step: 5 })).rejects.toThrow(refusal)
    await expect(
      serial_pipeline_offline(join(offline, 'total_config.json'), 0, {
        ...quiet,
        resume: true,
        max_env_step: 5,
      }),
    ).rejects.toThrow(refusal)
  })
})
