import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import type { LrFunction } from '../../ding/index.js'
import { loadState, type StateTree } from '../../ding/utils/index.js'
import { evaluate, resume_pipeline, serial_pipeline } from '../../entry/index.js'
import { smallDqn, temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const
const square: LrFunction = (remaining, { lr }) => lr * remaining ** 2

const configOf = (lr_schedule: unknown) =>
  smallDqn({ learn: { update_per_collect: 4, batch_size: 8, lr_schedule } }, { stop_value: 1e9 })

/** The learning rate of the run's last update. */
function lastRate(work_dir: string): number {
  const { tree } = loadState(join(work_dir, 'small_dqn/ckpt/run_state.safetensors'))
  const { optimizer } = (tree['learner'] as StateTree)['policy'] as { optimizer: { lr: number } }
  return optimizer.lr
}

test('a run limited by env steps goes down to nearly 0 with them', async () => {
  const work_dir = temporaryFolder()
  const result = await serial_pipeline(configOf({ type: 'linear' }), 0, {
    ...quiet,
    work_dir,
    max_env_step: 80,
  })
  const last = 0.001 * Math.max(0, 1 - result.env_step / 80)
  expect(lastRate(work_dir)).toBeCloseTo(last, 12)
})

test.each([
  ['the option of the entry', null, square],
  ['the config', square, undefined],
])(
  'a function from %s is asked for again on resume, and goes on bit for bit',
  async (_where, inside, option) => {
    const state = (folder: string) => readFileSync(join(folder, 'small_dqn/ckpt/run_state.safetensors'))
    const limit = { max_env_step: 160 }
    const given = option === undefined ? {} : { lr_schedule: option }
    const straight = temporaryFolder()
    await serial_pipeline(configOf(inside), 0, { ...quiet, work_dir: straight, ...limit, ...given })

    const work_dir = temporaryFolder()
    const abort = new AbortController()
    abort.abort()
    await serial_pipeline(configOf(inside), 0, {
      ...quiet,
      work_dir,
      ...limit,
      ...given,
      signal: abort.signal,
    })
    const folder = join(work_dir, 'small_dqn')
    const written = JSON.parse(readFileSync(join(folder, 'total_config.json'), 'utf8')) as {
      main_config: { policy: { learn: { lr_schedule: unknown } } }
    }
    expect(written.main_config.policy.learn.lr_schedule).toEqual({ type: 'function' })
    await expect(resume_pipeline(folder, { ...quiet, ...limit })).rejects.toMatchObject({
      name: 'ConfigError',
      path: 'policy.learn.lr_schedule',
      message: expect.stringContaining('Give the same function again') as string,
    })
    await resume_pipeline(folder, { ...quiet, ...limit, lr_schedule: square })
    expect(state(work_dir).equals(state(straight))).toBe(true)
    // To evaluate there is no need of it.
    const config = join(folder, 'total_config.json')
    const { eval_value_raw } = await evaluate(config, undefined, { ...quiet, work_dir })
    expect(eval_value_raw.length).toBeGreaterThan(0)
  },
)

test('a function for a run with another schedule is refused', async () => {
  const work_dir = temporaryFolder()
  await serial_pipeline(configOf({ type: 'linear' }), 0, { ...quiet, work_dir, max_train_iter: 4 })
  await expect(
    resume_pipeline(join(work_dir, 'small_dqn'), { ...quiet, max_train_iter: 8, lr_schedule: square }),
  ).rejects.toThrow(/Leave one of them out/)
})

test('a registered function is found again on resume, by the modules that the config imports', async () => {
  const work_dir = temporaryFolder()
  const name = 'lr_schedule_of_a_module'
  writeFileSync(
    join(work_dir, 'schedules.mjs'),
    `import { LR_SCHEDULE_REGISTRY } from '${pathToFileURL(join(import.meta.dirname, '../../ding/index.ts')).href}'
LR_SCHEDULE_REGISTRY.register('${name}', (remaining, { lr, args }) => lr * remaining ** args.power)\n`,
  )
  const [main, create] = configOf({ type: name, power: 2 })
  const policy = { ...(create['policy'] as object), import_names: ['./schedules.mjs'] }
  const config: [object, object] = [main, { ...create, policy }]
  await serial_pipeline(config, 0, { ...quiet, work_dir, max_train_iter: 4 })
  await resume_pipeline(join(work_dir, 'small_dqn'), { ...quiet, max_train_iter: 8 })
  expect(lastRate(work_dir)).toBeCloseTo(0.001 * (1 / 8) ** 2, 12)
})
