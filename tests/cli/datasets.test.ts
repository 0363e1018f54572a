import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ding, writeSmallConfig } from '../fixtures/cli/ding.js'
import { temporaryFolder } from '../fixtures/configs.js'

/** A config of offline CQN with a small network. */
function writeOfflineConfig(folder: string, data_path: string): string {
  const main_config = {
    exp_name: 'offline',
    env: { evaluator_env_num: 2, n_evaluator_episode: 2, stop_value: 1e9 },
    policy: {
      model: {
        obs_shape: 4,
        action_shape: 2,
        net_config: { latent_dim: 8, encoder_config: { hidden_size: [8] } },
      },
      learn: { batch_size: 16 },
      collect: { data_path },
      eval: { evaluator: { eval_freq: 20 } },
    },
  }
  const create_config = { env: { type: 'cartpole' }, policy: { type: 'cqn' } }
  writeFileSync(join(folder, 'offline.json'), JSON.stringify({ main_config, create_config }))
  return 'offline.json'
}

test.each([
  ['d4rl', []],
  ['minari', ['--layout', 'minari']],
])('collect at random, look, learn from it: %s', (layout, args) => {
  const cwd = temporaryFolder()
  const collect = ['-m', 'collect', '-c', writeSmallConfig(cwd), '--random', '--collect-count', '60']
  const collected = ding(cwd, [...collect, '--output', 'x.hdf5', ...args])
  expect(collected).toMatchObject({ code: 0, stderr: '' })
  expect(collected.stdout).toMatch(/^Wrote \d+ transitions to x\.hdf5\.$/m)
  expect(readdirSync(cwd).sort()).toEqual(['config.json', 'x.hdf5'])

  const info = ding(cwd, ['dataset', 'info', 'x.hdf5'])
  expect(info).toMatchObject({ code: 0, stderr: '' })
  expect(info.stdout).toMatch(new RegExp(`^layout +${layout}$`, 'm'))
  expect(info.stdout).toMatch(/^transitions +(6\d|[7-9]\d|\d{3}), all rows$/m)
  expect(info.stdout).toMatch(/^policy +dqn random$/m)
  expect(info.stdout).toMatch(/^action +discrete, from 0 to 1$/m)
  expect(info.stdout).toMatch(/look at\n +rewards: all are 1\.\n/)

  const learn = ['-m', 'serial_offline', '-c', writeOfflineConfig(cwd, './x.hdf5'), '--train-iter', '30']
  const learned = ding(cwd, learn)
  expect(learned).toMatchObject({ code: 0, stderr: '' })
  expect(learned.stdout).toContain('is reached: 30 training iterations')
  expect(existsSync(join(cwd, 'offline', 'ckpt', 'ckpt_best.safetensors'))).toBe(true)
})

test('images stay images from collecting to learning', () => {
  const cwd = temporaryFolder()
  const game = ['-e', 'breakout', '-p', 'cqn']
  const output = 'data/minatar_breakout_random.hdf5'
  // The command that the config's comment gives.
  const collect = ['-m', 'collect', ...game, '--random', '--collect-count', '80', '--output', output]
  expect(ding(cwd, collect)).toMatchObject({ code: 0, stderr: '' })
  const info = ding(cwd, ['dataset', 'info', output])
  expect(info.stdout).toMatch(/^environment +MinAtar\/Breakout-v0$/m)
  expect(info.stdout).toMatch(/^observation +uint8 \[4, 10, 10\]$/m)
  const small = ['--set', 'env.n_evaluator_episode=1', '--set', 'env.evaluator_env_num=1']
  const learned = ding(cwd, ['-m', 'serial_offline', ...game, '--train-iter', '4', ...small, '--quiet'])
  expect(learned).toMatchObject({ code: 0, stderr: '' })
  const result = JSON.parse(readFileSync(join(cwd, 'breakout_cqn_seed0', 'result.json'), 'utf8'))
  expect(result).toMatchObject({ train_iter: 4 })
})

test('a file that is not there is named, with the exit code of data', () => {
  const cwd = temporaryFolder()
  const run = ding(cwd, ['-m', 'serial_offline', '-c', writeOfflineConfig(cwd, './none.hdf5')])
  expect(run.code).toBe(4)
  expect(run.stderr).toContain('none.hdf5')
  expect(readdirSync(cwd)).toEqual(['offline.json'])
})
