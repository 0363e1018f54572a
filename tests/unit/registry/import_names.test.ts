import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { globalRegistry, importNames, Registry } from '../../../ding/registry/index.js'
import { RegistryError } from '../../../ding/utils/index.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const face = pathToFileURL(join(root, 'ding/registry/index.ts')).href
const marks = globalThis as typeof globalThis & { marks?: string[] }
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ding-import-'))
  const write = (name: string, text: string) => {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  write('typed.ts', `(globalThis as { marks?: string[] }).marks?.push('typed' satisfies string)`)
  write('plain.mjs', `globalThis.marks?.push('plain')`)
  write('broken.mjs', `throw new TypeError('broken inside')`)
  write('node_modules/some-pack/package.json', '{"name":"some-pack","main":"main.js"}')
  write('node_modules/some-pack/main.js', `globalThis.marks?.push('pack')`)
  const decorated = (type: string) => `
    import { POLICY_REGISTRY } from '${face}'
    enum Kind { A }
    @POLICY_REGISTRY.register('mine')
    export class Mine { static kind${type} = Kind.A }`
  for (const [name, json] of [
    ['commonjs_project', '{}'],
    ['esm_project', '{"type":"module"}'],
  ] as const) {
    write(`${name}/package.json`, json)
    write(`${name}/mine.ts`, decorated(': number'))
    write(
      `${name}/script.js`,
      `import { POLICY_REGISTRY } from '${face}'\nPOLICY_REGISTRY.register('js', class Js {})`,
    )
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(() => {
  marks.marks = []
})

test('imports files, with or without extension, and packages, relative to the folder', async () => {
  await importNames(['./typed', 'plain.mjs', 'some-pack'], folder)
  expect(marks.marks).toEqual(['typed', 'plain', 'pack'])
})

test('skips module paths of DI-engine, and other dotted paths once the wanted name is there', async () => {
  const wanted = { registry: new Registry('env'), name: 'mine' }
  await importNames(
    ['ding.policy.dqn', 'dizoo.classic_control.cartpole.envs.cartpole_env', 'ding/model/dqn'],
    folder,
    wanted,
  )
  await expect(importNames(['my_pack.my_env'], folder, wanted)).rejects.toThrow(/Python module/)
  wanted.registry.register('mine', class Mine {})
  await importNames(['my_pack.my_env'], folder, wanted)
  expect(marks.marks).toEqual([])
})

test('a missing file is named, with the cause', async () => {
  const error = await importNames(['./nowhere.js'], folder).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(RegistryError)
  expect((error as Error).message).toContain('"./nowhere.js"')
  expect((error as Error).message).toContain(join(folder, 'nowhere.ts'))
  expect((error as { cause: NodeJS.ErrnoException }).cause.code).toBe('ENOENT')
})

test('a file that fails keeps its error as the cause', async () => {
  const error = await importNames(['./broken.mjs'], folder).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(RegistryError)
  expect((error as Error).message).toContain('broken inside')
  expect((error as Error).cause).toBeInstanceOf(TypeError)
  await expect(importNames(['no-such-package'], folder)).rejects.toThrow(/no-such-package/)
  await expect(importNames([3 as never], folder)).rejects.toThrow(RegistryError)
})

test.each(['commonjs_project', 'esm_project'])(
  'outside a test runner, files of a %s share the library',
  (project) => {
    const script = `
    import { importNames, POLICY_REGISTRY } from '${face}'
    await importNames(['./mine.ts', './script.js'], ${JSON.stringify(join(folder, project))})
    console.log(POLICY_REGISTRY.query().join(), POLICY_REGISTRY.get('mine').kind)`
    const entry = join(folder, `${project}.mts`)
    writeFileSync(entry, script)
    const { VITEST: _, NODE_OPTIONS: __, ...env } = process.env
    const output = execFileSync(process.execPath, ['--import', 'tsx', entry], {
      env,
      cwd: root,
      encoding: 'utf8',
    })
    expect(output.trim()).toBe('js,mine 0')
    expect(globalRegistry('policy').has('mine')).toBe(false)
  },
)
