import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { PipelineOptions } from '../../entry/index.js'
import { parallel_pipeline, resume_pipeline, serial_pipeline } from '../../entry/index.js'
import { smallDqn, temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const
const cosine = { learn: { update_per_collect: 4, batch_size: 16, lr_schedule: { type: 'cosine' } } }

/** Every file of a run but its logs. */
function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(join(folder, 'log')))
  return Object.fromEntries(names.map((path) => [path, readFileSync(path, 'base64')]))
}

/** A small run with limits. @returns its folder */
async function run(policy: Record<string, unknown>, limits: PipelineOptions): Promise<string> {
  const work_dir = temporaryFolder()
  await serial_pipeline(smallDqn(policy), 0, { ...quiet, ...limits, work_dir })
  return join(work_dir, 'small_dqn')
}

const configOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'total_config.json'), 'utf8')) as {
    limits?: unknown
    main_config: { policy: { learn: { batch_size: number } } }
  }

describe('a resume that fails', () => {
  const wider = [['policy.model.encoder_hidden_size_list', '16,16']] as const

  test('leaves the folder as it was, so that the next one works', async () => {
    const folder = await run({}, { max_train_iter: 8 })
    const before = filesOf(folder)
    await expect(
      resume_pipeline(folder, { ...quiet, max_train_iter: 16, overrides: wider }),
    ).rejects.toMatchObject({ name: 'CheckpointError' })
    expect(filesOf(folder)).toEqual(before)
    expect(await resume_pipeline(folder, { ...quiet, max_train_iter: 16 })).toMatchObject({ train_iter: 16 })
  })

  test('in its first round leaves it, too, and says what to do', async () => {
    const folder = await run({}, { max_train_iter: 8 })
    const before = filesOf(folder)
    const longer = [['policy.nstep', 3]] as const
    await expect(
      resume_pipeline(folder, { ...quiet, max_train_iter: 16, overrides: longer }),
    ).rejects.toMatchObject({
      name: 'CheckpointError',
      message: expect.stringMatching(/reward.*policy\.nstep.*Resume with those of the run/),
    })
    expect(filesOf(folder)).toEqual(before)
    expect(await resume_pipeline(folder, { ...quiet, max_train_iter: 16 })).toMatchObject({ train_iter: 16 })
  })

  test('and one that makes no round changes nothing of the config', async () => {
    const folder = await run({}, { max_train_iter: 8 })
    const before = readFileSync(join(folder, 'total_config.json'), 'utf8')
    await resume_pipeline(folder, { ...quiet, overrides: [['policy.nstep', 3]] })
    expect(readFileSync(join(folder, 'total_config.json'), 'utf8')).toBe(before)
  })

  test('in parallel too', async () => {
    const work_dir = temporaryFolder()
    const options = { ...quiet, work_dir, inline: true }
    await parallel_pipeline(smallDqn({}, { collector_env_num: 2 }), 0, { ...options, max_train_iter: 8 })
    const path = join(work_dir, 'small_dqn', 'total_config.json')
    const before = readFileSync(path, 'utf8')
    const again = { ...options, resume: true, max_train_iter: 16 }
    await expect(parallel_pipeline(path, 0, { ...again, overrides: wider })).rejects.toThrow(
      /Nothing was changed/,
    )
    expect(readFileSync(path, 'utf8')).toBe(before)
    const narrower = [['policy.learn.batch_size', 8]] as const
    await parallel_pipeline(path, 0, { ...again, overrides: narrower })
    expect(configOf(join(work_dir, 'small_dqn'))).toMatchObject({
      limits: { max_train_iter: 16 },
      main_config: { policy: { learn: { batch_size: 8 } } },
    })
  }, 120_000)
})

test('a resumed run needs the checkpoint no more that it was started from', async () => {
  const first = await run({}, { max_train_iter: 8 })
  const checkpoint = join(first, 'ckpt', 'iteration_8.safetensors')
  const hook = { load_ckpt_before_run: checkpoint }
  const learn = { update_per_collect: 4, batch_size: 16, learner: { hook } }
  const folder = await run({ learn }, { max_train_iter: 16 })
  rmSync(checkpoint)
  expect(await resume_pipeline(folder, { ...quiet, max_train_iter: 24 })).toMatchObject({ train_iter: 24 })
  const work_dir = temporaryFolder()
  await expect(serial_pipeline(smallDqn({ learn }), 0, { ...quiet, work_dir })).rejects.toThrow(/iteration_8/)
})

describe('the limits of a run', () => {
  test('are kept when it is resumed without any, and schedules go over them', async () => {
    const stop = new AbortController()
    stop.abort()
    const folder = await run(cosine, { max_train_iter: 12, signal: stop.signal })
    expect(configOf(folder).limits).toEqual({ max_train_iter: 12 })
    expect(await resume_pipeline(folder, quiet)).toMatchObject({
      stop_reason: 'max_train_iter',
      train_iter: 12,
    })
  })

  test('give way, all of them, to those that it is resumed with, which are kept in turn', async () => {
    const folder = await run({}, { max_train_iter: 8, max_env_step: 1000 })
    const further = await resume_pipeline(folder, { ...quiet, max_env_step: 40 })
    expect(further).toMatchObject({ stop_reason: 'max_env_step', env_step: 40 })
    expect(configOf(folder).limits).toEqual({ max_env_step: 40 })
    expect(await resume_pipeline(folder, quiet)).toMatchObject({ stop_reason: 'max_env_step', env_step: 40 })
  })
})
