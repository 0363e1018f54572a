import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { environment, type Outcome, root } from '../fixtures/cli/ding.js'

/** The package as npm would publish it, installed in an empty project beside its own onnxruntime-node. */
let project: string
let files: string[]
let packedSize: number

const fixtures = join(root, 'tests', 'fixtures', 'cli', 'project')
const shell = process.platform === 'win32'

function npm(cwd: string, args: readonly string[]): string {
  return execFileSync('npm', ['--loglevel=error', ...args], {
    cwd,
    encoding: 'utf8',
    shell,
    env: environment(),
  })
}

/** Runs a program of the project, such as `ding`, in the project or a folder of it. */
function inProject(command: readonly string[], folder = '.'): Outcome {
  const [program = '', ...args] = command
  const path = program === 'node' ? process.execPath : join(project, 'node_modules', '.bin', program)
  const options = { cwd: join(project, folder), encoding: 'utf8', shell, env: environment() } as const
  const { status, stdout, stderr } = spawnSync(path, args, options)
  return { code: status, stdout, stderr }
}

/** Type-checks or compiles a file of the project as a user's tsc would. */
function tsc(...args: string[]): Outcome {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const flags = [
    '--strict',
    '--noUncheckedIndexedAccess',
    '--skipLibCheck',
    '--target',
    'es2022',
    '--module',
    'nodenext',
  ]
  return inProject(['node', compiler, '--ignoreConfig', '--types', '', ...flags, ...args])
}

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'ding-project-'))
  const [packed] = JSON.parse(
    npm(root, ['pack', '--ignore-scripts', '--json', '--pack-destination', project]),
  ) as [{ filename: string; size: number; files: { path: string }[] }]
  files = packed.files.map(({ path }) => path)
  packedSize = packed.size
  cpSync(fixtures, project, { recursive: true })
  const manifest = {
    name: 'mine',
    private: true,
    type: 'module',
    allowScripts: { 'onnxruntime-node': false },
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest))
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const engine = `onnxruntime-node@${dependencies['onnxruntime-node']}`
  npm(project, ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${packed.filename}`, engine])
}, 120_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

describe('the tarball', () => {
  test('holds the build, the docs and the papers, and nothing else', () => {
    const outside = files.filter((path) => !path.startsWith('dist/') && !path.startsWith('docs/'))
    expect(outside.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
    // The raw numbers of results are for the repository.
    expect(files.filter((path) => /\.jsonl?$/.test(path))).toEqual(['package.json'])
    const inside = files.filter((path) => path.startsWith('dist/'))
    expect(inside.filter((path) => !/\.(js|d\.ts)$/.test(path))).toEqual([])
    expect(inside).toContain('dist/entry/bin.js')
    expect(inside).toContain('dist/configs/cartpole/cartpole_dqn_config.js')
    expect(packedSize).toBeLessThan(1_500_000)
  })
})

describe('a JavaScript project', () => {
  test('registers a policy and an environment, and trains CartPole and its own environment', () => {
    const { code, stdout } = inProject(['node', 'train.mjs'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      registered: [true, true],
      cartpole: { train_iter: 300, evaluated: true },
      corridor: { stop: true, eval_value: 1, discount_factor: 0.9 },
    })
  })
})

describe('a TypeScript project', () => {
  test('configs and extensions type-check, with standard and with legacy decorators', () => {
    const checked = ['own.ts', 'config.ts', 'augmented.ts']
    expect(tsc('--noEmit', ...checked)).toMatchObject({ code: 0, stdout: '' })
    expect(tsc('--noEmit', '--experimentalDecorators', ...checked)).toMatchObject({ code: 0, stdout: '' })
  })

  test('declarations can be made of what extends ding, also under exactOptionalPropertyTypes', () => {
    const flags = [
      '--declaration',
      '--emitDeclarationOnly',
      '--outDir',
      'types',
      '--exactOptionalPropertyTypes',
    ]
    expect(tsc(...flags, 'strict_env.ts')).toMatchObject({ code: 0, stdout: '' })
  })

  test.each([
    ['a wrong key', 'config.ts', 'batch_size', 'bacth_size', "'bacth_size' does not exist"],
    [
      'a wrong value',
      'config.ts',
      'batch_size: 16',
      "batch_size: '16'",
      "Type 'string' is not assignable to type 'number'",
    ],
    [
      'a wrong key of a policy of its own',
      'augmented.ts',
      'temperature: 1 ',
      'temprature: 1 ',
      "'temprature' does not exist",
    ],
  ])('%s is a compile error', (_name, file, right, wrong, message) => {
    writeFileSync(join(project, 'wrong.ts'), readFileSync(join(project, file), 'utf8').replace(right, wrong))
    const { code, stdout } = tsc('--noEmit', 'wrong.ts')
    expect(code).not.toBe(0)
    expect(stdout).toContain(message)
  })

  test.each([
    ['standard', []],
    ['legacy', ['--experimentalDecorators']],
  ])('%s decorators register', (kind, flags) => {
    expect(tsc('--outDir', kind, ...flags, 'own.ts').code).toBe(0)
    const program = `
      import './${kind}/own.js'
      import { ENV_REGISTRY, POLICY_REGISTRY } from 'ding'
      console.log(ENV_REGISTRY.has('my_corridor'), POLICY_REGISTRY.get('my_dqn').name)`
    writeFileSync(join(project, `${kind}.mjs`), program)
    expect(inProject(['node', `${kind}.mjs`])).toMatchObject({ code: 0, stdout: 'true MyDQN\n' })
  })
})

/** A few updates; what counts is that the config and what it imports share one library with the command. */
const briefly = ['--train-iter', '8', '--quiet']

describe('the command in a project', () => {
  test('npx ding --help', () => {
    expect(npm(project, ['exec', '--offline', '--', 'ding', '--help'])).toContain('Examples:')
  })

  test.each([
    ['own_config.ts', 'from_ts'],
    ['own_config.mjs', 'from_mjs'],
    ['own_config.json', 'from_json'],
  ])('%s with import_names of its own', (config, exp_name) => {
    expect(inProject(['ding', '-c', config, ...briefly]).code).toBe(0)
    expect(readFileSync(join(project, exp_name, 'result.json'), 'utf8')).toContain('max_train_iter')
  })

  test('environments of its own run in worker threads', () => {
    const set = ['--set', 'create_config.env_manager.type=subprocess', '--exp-name', 'in_workers']
    expect(inProject(['ding', '-c', 'own_config.ts', ...set, ...briefly])).toMatchObject({ code: 0 })
  })

  test('... under tsx as well, which leaves worker threads alone', () => {
    const script = `
      import { serial_pipeline } from 'ding'
      const options = { max_train_iter: 2, console: 'quiet', exp_name: 'in_workers_of_tsx' }
      const overrides = [['create_config.env_manager.type', 'subprocess'], ['env.collector_env_num', 1], ['env.evaluator_env_num', 1]]
      console.log((await serial_pipeline('own_config.ts', 0, { ...options, overrides })).stop_reason)`
    writeFileSync(join(project, 'train.mjs'), script)
    const { code, stdout, stderr } = inProject(['node', '--import', 'tsx', 'train.mjs'])
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: 'max_train_iter\n' })
  })

  test('registry --import lists what a file of its own registers', () => {
    for (const file of ['./own.ts', './own.mjs']) {
      expect(inProject(['ding', 'registry', 'policy', '--import', file]).stdout).toMatch(/^my_dqn +MyDQN$/m)
    }
  })
})

describe('a project without "type": "module"', () => {
  const folder = 'commonjs'

  beforeAll(() => {
    const path = join(project, folder)
    mkdirSync(path)
    writeFileSync(join(path, 'package.json'), '{ "name": "old", "private": true }')
    for (const file of ['own.ts', 'own.cjs', 'own_config.ts', 'own_config.json'])
      cpSync(join(fixtures, file), join(path, file))
    cpSync(join(fixtures, 'own.mjs'), join(path, 'own.js'))
    const config = readFileSync(join(fixtures, 'own_config.mjs'), 'utf8')
    writeFileSync(
      join(path, 'own_config.js'),
      config.replaceAll('own.mjs', 'own.js').replace('from_mjs', 'from_js'),
    )
  })

  test.each([
    ['TypeScript', 'own_config.ts', 'from_ts'],
    ['JSON and TypeScript', 'own_config.json', 'from_json'],
    ['import/export in .js', 'own_config.js', 'from_js'],
  ])('%s', (_name, config, exp_name) => {
    expect(inProject(['ding', '-c', config, ...briefly], folder).code).toBe(0)
    expect(readFileSync(join(project, folder, exp_name, 'result.json'), 'utf8')).toContain('max_train_iter')
  })

  test('require() in a .cjs file', () => {
    const { code, stdout } = inProject(['ding', 'registry', 'policy', '--import', './own.cjs'], folder)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^my_cjs_dqn +MyDQN$/m)
  })
})

test('without the engine: exit code 6, and what to install', () => {
  const engine = join(project, 'node_modules', 'onnxruntime-node')
  renameSync(engine, `${engine}-away`)
  const { code, stderr } = inProject(['ding', '-e', 'cartpole', '-p', 'dqn', '--quiet'])
  renameSync(`${engine}-away`, engine)
  expect(code).toBe(6)
  expect(stderr).toMatch(/onnxruntime-node 1\.\d+\.\d+[\s\S]*allowScripts[\s\S]*policy\.runtime/)
  expect(stderr).not.toMatch(/^ {4}at /m)
})
