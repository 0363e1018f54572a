import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { read_config } from '../../../ding/config/index.js'
import { ConfigError } from '../../../ding/utils/index.js'
import { rejection, temporaryFolder } from './fakes.js'

const folder = temporaryFolder()
function file(name: string, text: string): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const both = { main_config: { seed: 1 }, create_config: { policy: { type: 'dqn' } } }

test.each([
  [
    'named.ts',
    'const a: number = 1\nexport const main_config = { seed: a }\nexport const create_config = { policy: { type: "dqn" } }',
  ],
  [
    'named.mjs',
    'export const main_config = { seed: 1 }\nexport const create_config = { policy: { type: "dqn" } }',
  ],
  ['list.mjs', 'export default [{ seed: 1 }, { policy: { type: "dqn" } }]'],
  ['object.mjs', 'export default { main_config: { seed: 1 }, create_config: { policy: { type: "dqn" } } }'],
  ['file.json', JSON.stringify({ ...both, seed: 1 })],
  ['list.json', JSON.stringify([both.main_config, both.create_config])],
])('reads %s', async (name, text) => {
  const path = file(name, text)
  const read = await read_config(path)
  expect(read).toEqual({ ...both, path, base_dir: folder })
})

test('infinities in JSON', async () => {
  const text = '{"main_config": {"env": {"stop_value": "inf"}, "l": ["-inf", "~inf"]}, "create_config": {}}'
  const { main_config } = await read_config(file('inf.json', text))
  expect(main_config).toEqual({
    env: { stop_value: Number.POSITIVE_INFINITY },
    l: [Number.NEGATIVE_INFINITY, 'inf'],
  })
})

test.each([
  ['half.mjs', 'export const main_config = {}', /has no create_config.*Export main_config and create_config/],
  ['other.mjs', 'export const config = {}', /exports config\. Export main_config/],
  ['empty.mjs', '', /exports nothing/],
  ['scalar.json', '3', /holds a number/],
  ['wrong.json', '{"main_config": [], "create_config": {}}', /main_config is .*expected an object/],
  ['broken.json', '{"main_config": ', /broken\.json cannot be loaded: .*JSON/],
  ['broken.mjs', 'throw new TypeError("inside")', /broken\.mjs cannot be loaded: inside/],
  ['dqn.py', 'main_config = dict()', /".py" are not read.*Write its two dicts/],
])('refuses %s, saying what is missing', async (name, text, message) => {
  const error = await rejection(read_config(file(name, text)))
  expect(error).toBeInstanceOf(ConfigError)
  expect(error.message).toMatch(message)
})

test('a missing file', async () => {
  const error = await rejection(read_config(join(folder, 'none.ts')))
  expect(error).toBeInstanceOf(ConfigError)
  expect(error.message).toContain('there is no such file')
})

test('YAML: infinities, and records that are merged', async () => {
  const path = file(
    'file.yaml',
    'base: &base {lr: 0.1, size: 3}\nmain_config:\n  seed: 1\n  stop: .inf\n  learn:\n    <<: *base\n    size: 4\n' +
      'create_config:\n  policy: {type: dqn}\n',
  )
  expect(await read_config(path)).toMatchObject({
    main_config: { seed: 1, stop: Number.POSITIVE_INFINITY, learn: { lr: 0.1, size: 4 } },
    create_config: both.create_config,
  })
  const { main_config } = await read_config(path)
  expect(Object.keys(main_config['learn'] as object).sort()).toEqual(['lr', 'size'])
})
