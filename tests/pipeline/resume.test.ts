import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { smallDqn, temporaryFolder } from '../fixtures/configs.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const bin = join(root, 'dist', 'entry', 'bin.js')
const hook = join(root, 'tests', 'fixtures', 'kill_hook.mjs')

function ding(cwd: string, args: readonly string[]) {
  return spawnSync(process.execPath, [bin, ...args, '--quiet'], { cwd, encoding: 'utf8' })
}

/** A config whose run kills its own process at `killAt`; every part that has state to lose is in use. */
function writeConfig(folder: string, killAt: number | undefined): string {
  const custom = killAt === undefined ? {} : { killer: { type: 'kill_at', ext_args: { iteration: killAt } } }
  const policy = {
    priority: true,
    priority_IS_weight: true,
    nstep: 3,
    random_collect_size: 60,
    learn: {
      update_per_collect: 4,
      batch_size: 16,
      learner: { hook: { save_ckpt_after_iter: 1000, custom } },
    },
    eval: { evaluator: { eval_freq: 700 } },
  }
  const [main, create] = smallDqn(policy, { stop_value: 1e9 })
  const path = join(folder, 'config.json')
  const create_config = {
    ...create,
    policy: { type: 'dqn', import_names: [hook] },
    replay_buffer: { type: 'advanced' },
  }
  writeFileSync(path, JSON.stringify({ main_config: main, create_config }))
  return path
}

test('2000 updates straight, and 1000 + SIGKILL + resume + 1000, leave the same state, byte for byte', () => {
  const straight = temporaryFolder()
  expect(ding(straight, ['-c', writeConfig(straight, undefined), '--train-iter', '2000'])).toMatchObject({
    status: 0,
  })

  const broken = temporaryFolder()
  const killed = ding(broken, ['-c', writeConfig(broken, 1500), '--train-iter', '2000'])
  expect(killed).toMatchObject({ signal: 'SIGKILL', stderr: '' })
  const config = join(broken, 'small_dqn', 'total_config.json')
  writeFileSync(config, readFileSync(config, 'utf8').replace('"iteration": 1500', '"iteration": -1'))
  const resumed = ding(broken, ['--resume', join(broken, 'small_dqn'), '--train-iter', '2000'])
  expect(resumed.stderr).toBe('')
  expect(resumed.status).toBe(0)

  const state = (folder: string) => readFileSync(join(folder, 'small_dqn', 'ckpt', 'run_state.safetensors'))
  expect(state(broken).equals(state(straight))).toBe(true)
  const final = (folder: string) =>
    readFileSync(join(folder, 'small_dqn', 'ckpt', 'iteration_2000.safetensors'))
  expect(final(broken).equals(final(straight))).toBe(true)
})

test('a truncated run state is refused by name and left as it is', () => {
  const folder = temporaryFolder()
  expect(ding(folder, ['-c', writeConfig(folder, undefined), '--train-iter', '8']).status).toBe(0)
  const path = join(folder, 'small_dqn', 'ckpt', 'run_state.safetensors')
  const half = readFileSync(path).subarray(0, 5000)
  writeFileSync(path, half)
  const resumed = ding(folder, ['--resume', join(folder, 'small_dqn'), '--train-iter', '16'])
  expect(resumed.status).toBe(4)
  expect(resumed.stderr).toContain('run_state.safetensors')
  expect(readFileSync(path).equals(half)).toBe(true)
})
