import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ding, ownEnvs, writeSmallConfig } from '../fixtures/cli/ding.js'
import { temporaryFolder } from '../fixtures/configs.js'

interface TotalConfig {
  main_config: {
    exp_name: string
    seed: number
    policy: { learn: { batch_size: number }; model: { encoder_hidden_size_list: number[] }; nstep: number }
  }
}

function totalConfig(folder: string): TotalConfig['main_config'] {
  return (JSON.parse(readFileSync(join(folder, 'total_config.json'), 'utf8')) as TotalConfig).main_config
}

describe('serial, eval and collect', () => {
  test('train, evaluate what was trained, collect demonstrations with it', () => {
    const cwd = temporaryFolder()
    const config = writeSmallConfig(cwd)
    const trained = ding(cwd, ['-m', 'serial', '-c', config, '--exp-name', 'mine', '--train-iter', '200'])
    expect(trained).toMatchObject({ code: 0, stderr: '' })
    expect(trained.stdout).toContain('200 training iterations')
    expect(trained.stdout).toContain(join('mine', 'ckpt', 'ckpt_best.safetensors'))
    expect(trained.stdout).toContain('npx ding --resume mine')
    expect(readdirSync(cwd).sort()).toEqual(['config.json', 'mine'])

    const logs = readdirSync(join(cwd, 'mine', 'log'), { recursive: true }).sort()
    const evaluated = ding(cwd, ['-m', 'eval', '-c', 'mine/total_config.json'])
    expect(evaluated).toMatchObject({ code: 0, stderr: '' })
    expect(evaluated.stdout).toMatch(/^Mean return \d+\.\d\d over 3 episodes\.$/m)
    // Evaluating leaves the training run's logs alone.
    expect(readdirSync(join(cwd, 'mine', 'log'), { recursive: true }).sort()).toEqual(logs)

    const ckpt = join('mine', 'ckpt', 'iteration_200.safetensors')
    const replays = join(cwd, 'replays')
    const other = ding(cwd, ['-m', 'eval', '-c', config, '--load-path', ckpt, '--replay-path', replays])
    expect(other.code).toBe(0)
    expect(readdirSync(replays).length).toBeGreaterThan(0)

    const args = ['-m', 'collect', '-c', 'mine/total_config.json', '--collect-count', '50']
    expect(ding(cwd, [...args, '--output', 'demo.safetensors'])).toMatchObject({ code: 0, stderr: '' })
    expect(existsSync(join(cwd, 'demo.safetensors'))).toBe(true)
  })

  test('several seeds are several runs, each with its own folder', () => {
    const cwd = temporaryFolder()
    const config = writeSmallConfig(cwd)
    const { code } = ding(cwd, ['-c', config, '-s', '0', '1', '2', '--exp-name', 'x', '--train-iter', '8'])
    expect(code).toBe(0)
    expect(readdirSync(cwd).sort()).toEqual(['config.json', 'x_seed0', 'x_seed1', 'x_seed2'])
    expect([0, 1, 2].map((seed) => totalConfig(join(cwd, `x_seed${seed}`)).seed)).toEqual([0, 1, 2])
  })

  test('without -s the seed of the config counts; one seed changes a folder that is named after its seed', () => {
    const cwd = temporaryFolder()
    const brief = ['--train-iter', '4', '--quiet']
    expect(ding(cwd, ['-c', writeSmallConfig(cwd), ...brief], { DING__SEED: '7' }).code).toBe(0)
    expect(totalConfig(join(cwd, 'small_dqn')).seed).toBe(7)
    const evaluated = ding(cwd, ['-m', 'eval', '-c', 'small_dqn/total_config.json'])
    expect(evaluated.stdout).toMatch(/^Mean return/)
    expect(ding(cwd, ['-e', 'cartpole', '-p', 'dqn', '-s', '3', ...brief]).code).toBe(0)
    expect(totalConfig(join(cwd, 'cartpole_dqn_seed3')).seed).toBe(3)
  })

  test('-e and -p find the config that comes with ding, from anywhere', () => {
    const cwd = temporaryFolder()
    const run = ding(cwd, ['-e', 'cartpole', '-p', 'dqn', '--env-step', '80', '--set', 'env.stop_value=inf'])
    expect(run).toMatchObject({ code: 0, stderr: '' })
    expect(existsSync(join(cwd, 'cartpole_dqn_seed0', 'result.json'))).toBe(true)
  })

  test('an environment of a user, in TypeScript, is learned', () => {
    const cwd = temporaryFolder()
    const policy = {
      discount_factor: 0.9,
      model: { obs_shape: 5, action_shape: 2, encoder_hidden_size_list: [32] },
      eval: { evaluator: { eval_freq: 100 } },
      other: { eps: { decay: 500 } },
    }
    const env = { stop_value: 1 }
    const create = { env: { type: 'corridor', import_names: [ownEnvs] } }
    const { code, stdout } = ding(cwd, [
      '-c',
      writeSmallConfig(cwd, policy, env, create),
      '--train-iter',
      '4000',
    ])
    expect(code).toBe(0)
    expect(stdout).toContain('the stop value is reached')
  })
})

describe('keys from the command line and the environment', () => {
  test('--set wins over DING__..., which wins over the file; lists and numbers are read', () => {
    const cwd = temporaryFolder()
    const set = ['--set', 'policy.model.encoder_hidden_size_list=[16, 8]', '--set', 'policy.nstep=2']
    const env = { DING__POLICY__LEARN__BATCH_SIZE: '24', DING__POLICY__NSTEP: '3' }
    expect(ding(cwd, ['-c', writeSmallConfig(cwd), ...set, '--train-iter', '4', '--quiet'], env).code).toBe(0)
    const { policy } = totalConfig(join(cwd, 'small_dqn'))
    expect(policy.learn.batch_size).toBe(24)
    expect(policy.nstep).toBe(2)
    expect(policy.model.encoder_hidden_size_list).toEqual([16, 8])
  })

  test('a wrong environment variable is named', () => {
    const cwd = temporaryFolder()
    const run = ding(cwd, ['-c', writeSmallConfig(cwd)], { DING__POLICY__LEARN__BACTH_SIZE: '24' })
    expect(run.code).toBe(2)
    expect(run.stderr).toContain('DING__POLICY__LEARN__BACTH_SIZE')
    expect(run.stderr).toContain('batch_size')
  })
})

describe('what is printed', () => {
  test('in a pipe: plain lines, one for each evaluation, no escape sequences', () => {
    const cwd = temporaryFolder()
    const { stdout } = ding(cwd, ['-c', writeSmallConfig(cwd), '--train-iter', '200'])
    for (const control of ['\u001b', '\r']) expect(stdout).not.toContain(control)
    expect(stdout).toMatch(/^ +env step +train iter +mean return/m)
    expect(stdout.match(/^ +\d+ +(0|100|200) +\d+\.\d\d/gm)).toHaveLength(3)
    expect(stdout).not.toContain('+----')
    expect(stdout).toContain('train_iter 200/200 (100%)')
  })

  test('--verbose adds the tables, --quiet takes everything away', () => {
    const cwd = temporaryFolder()
    const config = writeSmallConfig(cwd)
    const verbose = ding(cwd, ['-c', config, '--train-iter', '100', '--verbose'])
    expect(verbose.stdout).toContain('=== Training Iteration 100 Result ===')
    expect(verbose.stdout).toContain('+----')
    const quiet = ding(cwd, ['-c', config, '--train-iter', '100', '--quiet'])
    expect(quiet).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})
