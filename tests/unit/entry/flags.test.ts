import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { main } from '../../../entry/cli.js'
import { BARE, flagsAsOverrides, OFF } from '../../../entry/flags.js'
import { smallDqn, temporaryFolder } from '../../fixtures/configs.js'

describe('flags that are config keys', () => {
  test.each([
    ['a value', ['--policy.nstep', '2'], ['--set', 'policy.nstep=2']],
    ['an equals sign', ['--policy.nstep=2'], ['--set', 'policy.nstep=2']],
    ['an equals sign in the value', ['--env.env_id=a=b'], ['--set', 'env.env_id=a=b']],
    ['an empty value', ['--policy.collect.data_path='], ['--set', 'policy.collect.data_path=']],
    [
      'a negative number',
      ['--policy.learn.lagrange_thresh', '-1.5'],
      ['--set', 'policy.learn.lagrange_thresh=-1.5'],
    ],
    [
      'minus infinity',
      ['--policy.learn.cql_clip_diff_min', '-inf'],
      ['--set', 'policy.learn.cql_clip_diff_min=-inf'],
    ],
    ['no value: true', ['--policy.cuda', '--quiet'], ['--set', `policy.cuda=${BARE}`, '--quiet']],
    ['at the end', ['--policy.cuda'], ['--set', `policy.cuda=${BARE}`]],
    ['before a short option', ['--policy.cuda', '-s', '1'], ['--set', `policy.cuda=${BARE}`, '-s', '1']],
    ['true and false spelled out', ['--policy.cuda', 'false'], ['--set', 'policy.cuda=false']],
    ['--no-', ['--no-policy.cuda', '-s', '1'], ['--set', `policy.cuda=${OFF}`, '-s', '1']],
    ['a key without a dot', ['--min_q_weight', '5'], ['--set', 'min_q_weight=5']],
    ['the name of the experiment', ['--exp_name', 'x'], ['--exp-name=x']],
    [
      'options as they are',
      ['-m', 'eval', '--load-path', 'a.b', '--bogus'],
      ['-m', 'eval', '--load-path', 'a.b', '--bogus'],
    ],
    ['the value of --set', ['--set', '--policy.x=1'], ['--set', '--policy.x=1']],
    ['behind --', ['--', '--policy.x', '1'], ['--', '--policy.x', '1']],
    [
      'in their order',
      ['--policy.nstep', '1', '--set', 'policy.nstep=2', '--policy.nstep', '3'],
      ['--set', 'policy.nstep=1', '--set', 'policy.nstep=2', '--set', 'policy.nstep=3'],
    ],
  ])('%s', (_name, given, expected) => {
    expect(flagsAsOverrides(given)).toEqual(expected)
  })

  test('--exp_name without a value is refused', () => {
    expect(() => flagsAsOverrides(['--exp_name'])).toThrow(/--exp_name has no value/)
    expect(() => flagsAsOverrides(['--exp_name', '--quiet'])).toThrow(/--exp_name has no value/)
  })

  test('--no-key=value is refused', () => {
    expect(() => flagsAsOverrides(['--no-policy.cuda=true'])).toThrow(/takes no value/)
  })

  test('an option with underscores is no key', () => {
    const options = ['--train-iter', '--load-path']
    expect(() => flagsAsOverrides(['-c', 'x.ts', '--train_iter', '5'], options)).toThrow(
      /^--train_iter: did you mean the option --train-iter\?/,
    )
    expect(flagsAsOverrides(['--policy.load_path', 'x'], options)).toEqual(['--set', 'policy.load_path=x'])
  })

  test('commands that take no keys are left alone', () => {
    for (const command of ['nats', 'dataset', 'registry'])
      expect(flagsAsOverrides([command, 'x', '--policy.nstep', '3'])).toEqual([
        command,
        'x',
        '--policy.nstep',
        '3',
      ])
  })
})

describe('on the command line', () => {
  let cwd: string
  let text: { stdout: string; stderr: string }
  const before = process.cwd()

  beforeEach(() => {
    cwd = temporaryFolder()
    process.chdir(cwd)
    text = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
        text[name] += String(chunk)
        return true
      })
    }
    const [main_config, create_config] = smallDqn()
    writeFileSync(join(cwd, 'config.json'), JSON.stringify({ main_config, create_config }))
  })
  afterEach(() => {
    vi.restoreAllMocks()
    process.chdir(before)
  })

  const learnt = (folder = 'small_dqn') =>
    (
      JSON.parse(readFileSync(join(cwd, folder, 'total_config.json'), 'utf8')) as {
        main_config: { policy: { nstep: number; learn: Record<string, unknown>; traj_len_inf: boolean } }
      }
    ).main_config.policy

  test('flags and --set set the same keys, the later one wins', async () => {
    const args = [
      '-c',
      'config.json',
      '--policy.nstep',
      '3',
      '--set',
      'policy.nstep=2',
      '--policy.traj_len_inf',
    ]
    const more = ['--policy.learn.batch_size=24', '--train-iter', '2', '--quiet']
    expect(await main([...args, ...more])).toBe(0)
    expect(text.stderr).toBe('')
    expect(learnt()).toMatchObject({ nstep: 2, traj_len_inf: true, learn: { batch_size: 24 } })
  })

  test('a YAML file with overrides, a name, and the type of a part', async () => {
    const yaml =
      'main_config:\n  exp_name: from_yaml\n  env: {collector_env_num: 1, evaluator_env_num: 1}\n  policy:\n' +
      '    model: {obs_shape: 4, action_shape: 2, encoder_hidden_size_list: [8]}\n    learn: {batch_size: 16}\n' +
      'create_config:\n  env: {type: cartpole}\n  policy: {type: dqn}\n'
    writeFileSync(join(cwd, 'run.yaml'), yaml)
    const args = ['-c', 'run.yaml', '--policy.learn.batch_size', '32', '--exp_name', 'mine']
    expect(await main([...args, '--create.policy.type', 'qrdqn', '--train-iter', '2', '--quiet'])).toBe(0)
    expect(text.stderr).toBe('')
    expect(learnt('mine').learn['batch_size']).toBe(32)
    expect(readFileSync(join(cwd, 'mine', 'total_config.json'), 'utf8')).toContain('"type": "qrdqn"')
  })

  test.each([
    [['--policy.learn.bacth_size', '8'], 'Did you mean "batch_size"'],
    [['--polcy.nstep', '2'], 'Did you mean "policy"'],
    [['--batch_size', '8'], 'policy.learn.batch_size'],
    [['--policy.learn.batch_size', 'many'], 'whole number > 0'],
    [['--policy.learn.batch_size'], 'whole number > 0'],
    [['--no-policy.learn.batch_size'], 'whole number > 0'],
    [
      ['--policy.learn.learner.hook.load_ckpt_before_run', '--quiet'],
      'load_ckpt_before_run: is true (command line), expected',
    ],
    [
      ['--no-policy.learn.learner.hook.load_ckpt_before_run'],
      'load_ckpt_before_run: is false (command line), expected',
    ],
    [['--train_iter', '5'], 'did you mean the option --train-iter'],
    [['-s', ''], 'A seed is a whole number'],
    [['--set', '=1'], 'Expected KEY=VALUE'],
    [['--set', 'policy.cuda'], 'Expected KEY=VALUE'],
    [['--bogus'], '--bogus'],
  ])('%j is refused', async (flags, part) => {
    expect(await main(['-c', 'config.json', ...flags])).toBe(2)
    expect(text.stderr).toContain(part)
    expect(existsSync(join(cwd, 'small_dqn'))).toBe(false)
  })

  test('--help alone, with a policy, with a file and its overrides, with a shipped config', async () => {
    expect(await main(['--help'])).toBe(0)
    expect(text.stdout).toContain('Exit codes:')
    expect(text.stdout).not.toContain('Keys of')

    expect(await main(['-p', 'cql', '--help'])).toBe(0)
    expect(text.stdout).toContain('Keys of cql')
    expect(text.stdout).toMatch(
      /policy\.learn\.min_q_weight +10 +nonnegative_number .*Weight of the conservative term/,
    )

    expect(await main(['-p', 'cql', '--policy.learn.min_q_weight', '3', '--env.stop_value', '1', '-h'])).toBe(
      0,
    )
    expect(text.stdout).toMatch(/policy\.learn\.min_q_weight +3 .*command line/)

    expect(await main(['-p', 'cql', '--policy.learn.min_q_wieght', '3', '-h'])).toBe(2)
    expect(text.stderr).toMatch(/min_q_wieght: unknown key \(command line\). Did you mean "min_q_weight"/)

    expect(await main(['-p', 'cql', '--policy.learn.cql_alpha', '5', '-h'])).toBe(2)
    expect(text.stderr).toContain(
      'policy.learn.cql_alpha: unknown key (command line). Here it is called "policy.learn.min_q_weight".',
    )

    expect(await main(['-c', 'config.json', '--policy.learn.batch_size', '77', '-h'])).toBe(0)
    expect(text.stdout).toMatch(/policy\.learn\.batch_size +77 .*command line/)

    expect(await main(['-e', 'hopper-medium-v2', '-p', 'cql', '--help'])).toBe(0)
    expect(text.stdout).toMatch(/policy\.collect\.normalize_reward +true +boolean +main_config/)

    expect(await main(['-p', 'cqll', '--help'])).toBe(2)
    expect(text.stderr).toContain('Did you mean "cql"')
  })

  test('--help of a mode shows the keys that it adds', async () => {
    const key = ['--policy.other.commander.collector_num', '4']
    expect(await main(['-m', 'parallel', '-c', 'config.json', ...key, '--help'])).toBe(0)
    expect(text.stdout).toMatch(/policy\.other\.commander\.collector_num +4 .*command line/)
    expect(text.stdout).toMatch(/policy\.other\.exchange\.type +"thread"/)
    expect(await main(['-m', 'dist', '-p', 'dqn', ...key, '--help'])).toBe(0)
    expect(text.stdout).toMatch(/policy\.other\.exchange\.type +"nats"/)
    expect(await main(['-c', 'config.json', ...key, '--help'])).toBe(2)
    expect(text.stderr).toContain('policy.other.commander.collector_num: unknown key')
  })

  test('--no- switches a path off that the config sets', async () => {
    const [main_config, create_config] = smallDqn({}, { replay_path: 'shots' })
    writeFileSync(join(cwd, 'config.json'), JSON.stringify({ main_config, create_config }))
    expect(await main(['-c', 'config.json', '--no-env.replay_path', '--train-iter', '2', '--quiet'])).toBe(0)
    expect(readdirSync(cwd).sort()).toEqual(['config.json', 'small_dqn'])
  })

  test('names of runs: --exp-name goes over the environment; several seeds end any name', async () => {
    process.env['DING__EXP_NAME'] = 'of_env'
    onTestFinished(() => {
      delete process.env['DING__EXP_NAME']
    })
    const brief = ['-c', 'config.json', '--train-iter', '2', '--quiet']
    expect(await main([...brief, '--exp-name', 'mine'])).toBe(0)
    expect(await main(brief)).toBe(0)
    expect(await main([...brief, '-s', '1', '2'])).toBe(0)
    expect(await main([...brief, '-s', '1', '2', '--set', 'exp_name=x'])).toBe(0)
    expect(await main([...brief, '-s', '3', '--set', 'exp_name=y_seed0'])).toBe(0)
    expect(text.stderr).toBe('')
    expect(readdirSync(cwd).sort()).toEqual(
      [
        'config.json',
        'mine',
        'of_env',
        'of_env_seed1',
        'of_env_seed2',
        'x_seed1',
        'x_seed2',
        'y_seed0',
      ].sort(),
    )
  })

  test('--resume takes no other name and no other mode', async () => {
    expect(await main(['-c', 'config.json', '--train-iter', '2', '--quiet'])).toBe(0)
    const resume = ['--resume', 'small_dqn', '--train-iter', '6', '--quiet']
    for (const [more, said] of [
      [['--exp-name', 'b'], 'leave --exp-name out'],
      [['--exp_name', 'b'], 'leave --exp-name out'],
      [['-m', 'serial_offline'], 'is of -m serial, and goes on as such'],
    ] as const) {
      text.stderr = ''
      expect(await main([...resume, ...more])).toBe(2)
      expect(text.stderr).toContain(said)
    }
    expect(await main([...resume, '-m', 'serial'])).toBe(0)
    expect(readdirSync(cwd).sort()).toEqual(['config.json', 'small_dqn'])
  })

  test('collect names the files of several seeds after them, where they would be one', async () => {
    const collect = ['-m', 'collect', '--collect-count', '20', '--quiet', '-s', '1', '2']
    const random = [...collect, '-c', 'config.json', '--random']
    expect(await main([...random, '--output', 'data.v1.hdf5'])).toBe(0)
    const files = ['data.v1_seed1.hdf5', 'data.v1_seed2.hdf5']
    expect(readdirSync(cwd).sort()).toEqual(['config.json', ...files])
    expect(await main(['-c', 'config.json', '--train-iter', '2', '--quiet'])).toBe(0)
    expect(await main([...collect, '-c', 'small_dqn/total_config.json', '--random'])).toBe(0)
    const inFolder = readdirSync(join(cwd, 'small_dqn')).filter((name) => name.includes('expert'))
    expect(inFolder.sort()).toEqual(['expert_data_seed1.hdf5', 'expert_data_seed2.hdf5'])
    expect(text.stderr).toBe('')
    expect(await main([...random, '--load-path', 'x.safetensors'])).toBe(2)
    expect(text.stderr).toContain('x.safetensors is named to act with')
  })

  test('config list names what -e and -p take, and config explain a shipped config', async () => {
    expect(await main(['config', 'list'])).toBe(0)
    expect(text.stdout).toMatch(/^ {2}cartpole_dqn$/m)
    expect(text.stdout).toMatch(/^ {2}antmaze-umaze-v2 +cql, cql_finetune, bcq, td3_bc, iql, edac, bc$/m)
    expect(await main(['config', 'explain', 'cartpole_dqn', 'policy.nstep', '--policy.nstep', '4'])).toBe(0)
    expect(text.stdout).toMatch(/policy\.nstep +4 .*command line/)
  })

  test('a dataset of D4RL: its mode, its nearest name, its missing file', async () => {
    for (const mode of [[], ['-m', 'parallel'], ['-m', 'dist', '--role', 'learner']]) {
      text.stderr = ''
      expect(await main([...mode, '-e', 'hopper-medium-v2', '-p', 'cql', '--quiet'])).toBe(2)
      expect(text.stderr).toContain('add -m serial_offline')
    }
    text.stderr = ''
    expect(await main(['-m', 'eval', '-e', 'hopper-medium-v2', '-p', 'cql', '--quiet'])).toBe(4)
    expect(text.stderr).toContain('There is no checkpoint')
    expect(await main(['-m', 'serial_offline', '-e', 'hopper-medum-v2', '-p', 'cql'])).toBe(2)
    expect(text.stderr).toContain('hopper-medium-v2_cql')
    expect(await main(['-m', 'serial_offline', '-e', 'hopper-medium-v2', '-p', 'cql', '--quiet'])).toBe(4)
    expect(text.stderr).toContain('./data/d4rl/hopper_medium-v2.hdf5')
    expect(existsSync(join(cwd, 'hopper-medium-v2_cql_seed0'))).toBe(false)
  })
})
