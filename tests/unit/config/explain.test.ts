import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { explain, renderMarkdown, renderText, schema } from '../../../ding/config/index.js'
import { UsageError } from '../../../ding/utils/index.js'
import { create_config, fakeRegistries, main_config, rejection, temporaryFolder } from './fakes.js'

const folder = temporaryFolder()
const options = { registries: fakeRegistries(), env: {} }
const path = join(folder, 'config.json')
writeFileSync(path, JSON.stringify({ main_config: main_config(), create_config: create_config() }))

test('a config file: every key with value and source', async () => {
  const rows = await explain(path, { ...options, overrides: [['policy.learn.batch_size', '7']] })
  const row = (name: string) => rows.find((each) => each.path === name)
  expect(row('policy.learn.batch_size')).toEqual({
    path: 'policy.learn.batch_size',
    type: 'positive_int',
    default: 64,
    required: false,
    doc: 'Batch.',
    value: 7,
    source: 'command line',
  })
  expect(row('policy.model.obs_shape')).toMatchObject({ required: true, value: 4, source: 'main_config' })
  expect(row('env.manager.step_timeout')).toMatchObject({
    type: 'positive_number | null',
    value: null,
    source: 'class default',
  })
  expect(row('policy.eval.evaluator.stop_value')).toMatchObject({
    value: 195,
    source: 'filled from env.stop_value',
  })
})

test('a policy: all keys it can have', async () => {
  const rows = await explain('dqn_command', options)
  const paths = rows.map((row) => row.path)
  expect(paths).toContain('policy.learn.learner.hook.save_ckpt_after_iter')
  expect(paths).toContain('policy.model.encoder_hidden_size_list')
  expect(paths.every((each) => each.startsWith('policy.'))).toBe(true)
  expect(rows.find((row) => row.path === 'policy.other.replay_buffer.replay_buffer_size')?.default).toBe(
    10000,
  )
})

test('a policy or environment with keys that are set, checked without those that a config must give', async () => {
  const set = (...overrides: [string, unknown][]) => explain('dqn', { ...options, overrides })
  const rows = await set(['policy.learn.batch_size', '7'], ['policy.priority_IS_weight', true], ['seed', '3'])
  const row = (name: string) => rows.find(({ path: at }) => at === name)
  expect(row('policy.learn.batch_size')).toMatchObject({ value: 7, default: 64, source: 'command line' })
  expect(row('policy.priority_IS_weight')).toMatchObject({ value: true, source: 'command line' })
  expect(row('policy.model.obs_shape')).toMatchObject({ required: true, value: undefined })
  expect((await rejection(set(['policy.learn.batch_size', 'many']))).message).toMatch(
    /What is set of policy "dqn" has a problem:\s+policy\.learn\.batch_size: is the string "many" \(command line\)/,
  )
  expect((await rejection(set(['policy.learn.batch_sise', '1']))).message).toMatch(
    /Did you mean "batch_size"/,
  )
  const key = explain('policy.learn.batch_size', { ...options, overrides: [['policy.nstep', 1]] })
  expect((await rejection(key)).message).toMatch(
    /is a key, looked up in every policy.*to set policy\.nstep, name/,
  )
})

test('the sections that a mode of running adds have their keys, too, in a config and in a policy', async () => {
  const registries = fakeRegistries()
  registries.commander.register(
    'solo',
    class Solo {
      static config = schema({ collector_num: { doc: 'Collectors.', format: 'positive_int', default: 2 } })
    },
  )
  const create_defaults = { commander: { type: 'solo' } }
  const overrides = [['policy.other.commander.collector_num', '4']] as const
  for (const target of [path, 'dqn']) {
    const rows = await explain(target, { ...options, registries, create_defaults, overrides })
    expect(rows.find((row) => row.path === 'policy.other.commander.collector_num')).toMatchObject({
      value: 4,
      default: 2,
    })
    expect((await rejection(explain(target, { ...options, registries, overrides }))).message).toMatch(
      /policy\.other\.commander\.collector_num: unknown key/,
    )
  }
})

test('an environment: all keys it can have, its manager among them', async () => {
  const rows = await explain('cartpole', options)
  const paths = rows.map((row) => row.path)
  expect(paths).toContain('env.env_id')
  expect(paths).toContain('env.manager.step_timeout')
  expect(paths.every((each) => each.startsWith('env.'))).toBe(true)
})

test('a key: in a config file, or in all policies and environments', async () => {
  const inFile = await explain('learn.batch_size', { ...options, config: path })
  expect(inFile).toMatchObject([{ path: 'policy.learn.batch_size', value: 32, source: 'main_config' }])
  const anywhere = await explain('policy.learn.batch_size', options)
  expect(anywhere).toMatchObject([{ default: 64, owner: 'policy dqn' }])
  expect((await explain('env_id', options))[0]).toMatchObject({ path: 'env.env_id', owner: 'env cartpole' })
  expect((await explain('policy.other.eps', options)).map((row) => row.path)).toEqual([
    'policy.other.eps.start',
  ])
})

test('something unknown', async () => {
  const error = await rejection(explain('batch_sise', options))
  expect(error).toBeInstanceOf(UsageError)
  expect(error.message).toMatch(/no config file.*Did you mean "batch_size"/)
})

test('keys that no schema describes are told too', async () => {
  const loose = join(folder, 'loose.json')
  const create = { env: { type: 'bare' }, policy: { type: 'plain' } }
  writeFileSync(loose, JSON.stringify([{ policy: { gamma: 0.5 } }, create]))
  const rows = await explain(loose, options)
  expect(rows.find((row) => row.path === 'policy.gamma')).toMatchObject({
    value: 0.5,
    type: 'any',
    source: 'main_config',
  })
})

test('renderers', async () => {
  const rows = (await explain(path, options)).filter(({ path: p }) =>
    /batch_size|criterion|obs_shape|max_use/.test(p),
  )
  expect(renderText(rows).split('\n')).toEqual([
    'key                                 value  type                 from           what it is',
    'policy.model.obs_shape              4      shape                main_config    Size of an observation.',
    'policy.learn.batch_size             32     positive_int         main_config    Batch. (default 64)',
    'policy.learn.criterion              "mse"  "mse" | "smooth_l1"  class default  Loss.',
    'policy.other.replay_buffer.max_use  inf    positive_int | inf   class default  Uses of a sample.',
    '',
  ])
  expect(renderMarkdown(rows)).toContain(
    '| `policy.learn.criterion` | `"mse" \\| "smooth_l1"` | `"mse"` | Loss. |',
  )
  expect(renderMarkdown(rows)).toContain(
    '| `policy.model.obs_shape` | `shape` | required | Size of an observation. |',
  )
})
