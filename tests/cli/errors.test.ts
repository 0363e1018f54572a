import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ding, type Outcome, ownEnvs, root, writeSmallConfig } from '../fixtures/cli/ding.js'
import { temporaryFolder } from '../fixtures/configs.js'

/** A message for a user: a few lines, no stack. */
function expectMessage({ stderr }: Outcome, ...parts: (string | RegExp)[]): void {
  for (const part of parts) {
    if (typeof part === 'string') expect(stderr).toContain(part)
    else expect(stderr).toMatch(part)
  }
  expect(stderr).not.toMatch(/^ {4}at /m)
  expect(stderr.split('\n').length).toBeLessThan(16)
}

describe('exit code 2: the command line or the config is wrong, and nothing is started', () => {
  test.each([
    ['no config', [], 'ding --help'],
    ['a config that is not there', ['-c', 'nowhere.ts'], 'nowhere.ts'],
    ['an unknown mode', ['-m', 'seriall'], 'serial'],
    ['an unknown option', ['--bogus'], '--bogus'],
    ['a seed that is none', ['-s', '1.5'], 'A seed is a whole number'],
    ['a limit that is none', ['--env-step', '-3'], 'whole number'],
    ['--set without a value', ['--set', 'policy.nstep'], 'KEY=VALUE'],
    ['an environment without config', ['-e', 'cartpol', '-p', 'dqn'], 'Did you mean "cartpole_dqn"'],
    ['an unknown registry', ['registry', 'polcy'], 'Did you mean "policy"'],
    ['nothing to explain', ['config', 'explain', 'dqnn'], 'dqnn'],
    ['no file for dataset info', ['dataset', 'info'], "missing required argument 'file'"],
    ['no target for config explain', ['config', 'explain'], "missing required argument 'target'"],
    ['an unknown kind of data file', ['-m', 'collect', '-c', 'y.ts', '--output', 'x.jsonl'], 'x.jsonl'],
    [
      'a layout under the name of another',
      ['-m', 'collect', '-c', 'y.ts', '--layout', 'buffer', '--output', 'x.hdf5'],
      'buffer (.safetensors)',
    ],
    ['nothing to resume', ['--resume', 'nowhere'], 'no run to resume in nowhere'],
    ['--resume with -c', ['--resume', 'x', '-c', 'y.ts'], 'leave -c, -e and -p out'],
    ['--resume with -s', ['--resume', 'x', '-s', '1'], 'leave -s out'],
    ['-c with -e', ['-c', 'y.ts', '-e', 'cartpole'], 'one or the other'],
    ['an option of another mode', ['-c', 'y.ts', '--load-path', 'x'], 'it is for eval and collect'],
  ])('%s', (_name, args, part) => {
    const cwd = temporaryFolder()
    const run = ding(cwd, args)
    expect(run.code).toBe(2)
    expectMessage(run, part)
    expect(readdirSync(cwd)).toEqual([])
  })

  test.each([
    ['an unknown key', 'policy.learn.bacth_size=8', ['policy.learn.bacth_size', 'Did you mean "batch_size"']],
    [
      'a wrong value',
      'policy.learn.batch_size=many',
      ['policy.learn.batch_size', '"many"', 'whole number > 0'],
    ],
    ['an unknown policy', 'create_config.policy.type=dqnn', ['policy', 'dqnn', 'Did you mean "dqn"']],
    ['an unknown environment', 'create_config.env.type=cartpoel', ['env', 'Did you mean "cartpole"']],
    ['a folder outside', 'exp_name=../x', ['exp_name', '../x']],
  ])('%s', (_name, set, parts) => {
    const cwd = temporaryFolder()
    const run = ding(cwd, ['-c', writeSmallConfig(cwd), '--set', set])
    expect(run.code).toBe(2)
    expectMessage(run, ...parts)
    expect(readdirSync(cwd)).toEqual(['config.json'])
  })

  const wrong = 'export const main_config = {\n  policy: {},\n  env: {,},\n}\n'
  test.each([
    ['a syntax error, TypeScript', 'a.ts', wrong, /a\.ts.*\n?.*(:3:|line 3)/],
    ['a syntax error, JavaScript', 'a.mjs', wrong, /a\.mjs.*line 3/],
    ['a syntax error, JSON', 'a.json', '{\n "main_config": {,}\n}', /a\.json.*line 2/],
    [
      'an error thrown',
      'a.mjs',
      'const x = 1\nthrow new Error("not today" + x)\n',
      /a\.mjs.*not today1.*line 2/,
    ],
    [
      'an error thrown, TypeScript',
      'a.ts',
      'const x: number = 1\nthrow new Error("not today" + x)\n',
      /a\.ts.*not today1.*line 2/,
    ],
    ['a missing import', 'a.ts', "import x from './nowhere.js'\nexport default x\n", /a\.ts.*nowhere\.js/],
    ['nothing exported', 'a.ts', 'export const x = 1\n', /a\.ts exports x.*main_config and create_config/],
    ['a Python file', 'a.py', 'x = 1\n', /a\.py.*\.ts/],
  ])('a config with %s', (_name, file, text, message) => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, file), text)
    const run = ding(cwd, ['-c', file])
    expect(run.code).toBe(2)
    expectMessage(run, message)
  })
})

test('exit code 3: an environment that does not start', () => {
  const cwd = temporaryFolder()
  const policy = { model: { obs_shape: 5, action_shape: 2, encoder_hidden_size_list: [8] } }
  const config = writeSmallConfig(cwd, policy, {}, { env: { type: 'broken', import_names: [ownEnvs] } })
  const run = ding(cwd, ['-c', config, '--train-iter', '8'])
  expect(run.code).toBe(3)
  expectMessage(run, 'EnvError', 'the simulator did not start')
  const verbose = ding(cwd, ['-c', config, '--train-iter', '8', '--verbose'])
  expect(verbose.stderr).toMatch(/at .*own_envs\.ts:/)
})

describe('exit code 4: a checkpoint that cannot be used', () => {
  test('missing, foreign, truncated, of another model', () => {
    const cwd = temporaryFolder()
    const config = writeSmallConfig(cwd)
    const missing = ding(cwd, ['-m', 'eval', '-c', config])
    expect(missing.code).toBe(4)
    expectMessage(missing, 'ckpt_best.safetensors', '--load-path')
    expect(existsSync(join(cwd, 'small_dqn'))).toBe(false)

    writeFileSync(join(cwd, 'foreign.safetensors'), 'not a checkpoint')
    const foreign = ding(cwd, ['-m', 'eval', '-c', config, '--load-path', 'foreign.safetensors'])
    expect(foreign.code).toBe(4)
    expectMessage(foreign, 'foreign.safetensors')

    expect(ding(cwd, ['-c', config, '--train-iter', '8', '--quiet']).code).toBe(0)
    const ckpt = join('small_dqn', 'ckpt', 'iteration_8.safetensors')
    const set = ['--set', 'policy.model.encoder_hidden_size_list=[16]']
    const other = ding(cwd, ['-m', 'eval', '-c', config, '--load-path', ckpt, ...set])
    expect(other.code).toBe(4)
    expectMessage(other, 'iteration_8.safetensors', 'encoder')

    const kind = ding(cwd, [
      '-m',
      'eval',
      '-c',
      config,
      '--load-path',
      join('small_dqn', 'ckpt', 'run_state.safetensors'),
    ])
    expect(kind.code).toBe(4)
    expectMessage(kind, 'run_state.safetensors')
  })
})

test('exit code 5: rewards that are not numbers, and a learning rate that is far too high', () => {
  const cwd = temporaryFolder()
  const policy = { model: { obs_shape: 5, action_shape: 2, encoder_hidden_size_list: [8] } }
  const config = writeSmallConfig(cwd, policy, {}, { env: { type: 'nan_reward', import_names: [ownEnvs] } })
  const nan = ding(cwd, ['-c', config, '--train-iter', '100'])
  expect(nan.code).toBe(5)
  expectMessage(nan, 'NumericError', 'not finite')

  mkdirSync(join(cwd, 'b'))
  const rate = ding(join(cwd, 'b'), [
    '-c',
    writeSmallConfig(join(cwd, 'b')),
    '--set',
    'policy.learn.learning_rate=1e30',
  ])
  expect(rate.code).toBe(5)
  expectMessage(rate, 'learning rate', join('small_dqn', 'ckpt', 'ckpt_best.safetensors'))
})

test('exit code 6: a backend that is not installed', () => {
  const cwd = temporaryFolder()
  const set = ['--set', 'policy.runtime=eager', '--set', 'policy.eager_backend=tensorflow']
  const run = ding(cwd, ['-c', writeSmallConfig(cwd), ...set])
  expect(run.code).toBe(6)
  expectMessage(run, '@tensorflow/tfjs-node')
})

test('exit code 1: a defect in a file of the user comes with its place', () => {
  const cwd = temporaryFolder()
  const hook = join(root, 'tests', 'fixtures', 'cli', 'failing_hook.mjs')
  const policy = { learn: { batch_size: 16, learner: { hook: { custom: { mine: { type: 'failing' } } } } } }
  const run = ding(cwd, [
    '-c',
    writeSmallConfig(cwd, policy, {}, { policy: { type: 'dqn', import_names: [hook] } }),
  ])
  expect(run.code).toBe(1)
  expect(run.stderr).toMatch(/TypeError: .*of null[\s\S]*at .*failing_hook\.mjs:7/)
})

test('a file of import_names that cannot be loaded is part of a wrong config', () => {
  const cwd = temporaryFolder()
  writeFileSync(join(cwd, 'mine.mjs'), 'export default null.field\n')
  const create = { env: { type: 'cartpole', import_names: ['./mine.mjs'] } }
  const run = ding(cwd, ['-c', writeSmallConfig(cwd, {}, {}, create)])
  expect(run.code).toBe(2)
  expectMessage(run, 'mine.mjs', 'of null')
})
