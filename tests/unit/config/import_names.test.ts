import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { compile, create_config, fakeRegistries, main_config, rejection, temporaryFolder } from './fakes.js'

const work_dir = temporaryFolder()

test('import_names load files next to the config, and are saved as absolute paths', async () => {
  const folder = join(work_dir, 'user')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'mine.mjs'), `globalThis.registerMine()`)
  const registries = fakeRegistries()
  Object.assign(globalThis, { registerMine: () => registries.env.register('mine', class Mine {}) })
  const create = { ...create_config(), env: { type: 'mine', import_names: ['./mine.mjs', 'dizoo.mine'] } }
  const { create_config: c } = await compile(main_config(), create, { registries, base_dir: folder })
  expect(c.env).toEqual({ type: 'mine', import_names: [join(folder, 'mine.mjs'), 'dizoo.mine'] })
})

test('import_names from outside are imported too, from the working directory, beside those of the config', async () => {
  const folder = join(work_dir, 'outside')
  mkdirSync(folder, { recursive: true })
  for (const name of ['of_config', 'of_flag', 'of_variable'])
    writeFileSync(join(folder, `${name}.mjs`), `globalThis.registerOutside('${name}')`)
  const registries = fakeRegistries()
  Object.assign(globalThis, {
    registerOutside: (name: string) => registries.env.register(name, class Outside {}),
  })
  const typed = (name: string) => relative('.', join(folder, `${name}.mjs`))
  const create = { ...create_config(), env: { type: 'cartpole', import_names: ['./of_config.mjs'] } }
  const { create_config: byFlag } = await compile(main_config(), create, {
    registries,
    base_dir: folder,
    overrides: [
      ['create.env.type', 'of_flag'],
      ['create.env.import_names', typed('of_flag')],
    ],
  })
  const files = (...names: string[]) => names.map((name) => join(folder, `${name}.mjs`))
  expect(byFlag.env).toEqual({ type: 'of_flag', import_names: files('of_flag', 'of_config') })
  const { create_config: byVariable } = await compile(main_config(), create, {
    base_dir: folder,
    registries,
    env: { DING__ENV__TYPE: 'of_variable', DING__ENV__IMPORT_NAMES: JSON.stringify([typed('of_variable')]) },
  })
  expect(byVariable.env).toEqual({ type: 'of_variable', import_names: files('of_variable', 'of_config') })
  const wrong = { overrides: [['env.import_names', '["a"']] } as const
  expect((await rejection(compile(main_config(), create_config(), wrong))).message).toMatch(
    /env\.import_names: is the string/,
  )
})
