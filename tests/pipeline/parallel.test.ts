import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadState, type RunStatus } from '../../ding/index.js'
import { parallel_pipeline } from '../../entry/parallel_pipeline.js'
import { temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const

/** CartPole's DQN config, with a lower stop value so that the test is short. */
function cartpole(commander: Record<string, unknown>): [object, object] {
  return [
    {
      exp_name: 'cartpole_parallel',
      env: { collector_env_num: 8, evaluator_env_num: 5, n_evaluator_episode: 5, stop_value: 120 },
      policy: {
        model: { obs_shape: 4, action_shape: 2, encoder_hidden_size_list: [128, 128, 64], dueling: true },
        nstep: 1,
        discount_factor: 0.97,
        learn: { update_per_collect: 5, batch_size: 64, learning_rate: 0.001 },
        collect: { n_sample: 8 },
        eval: { evaluator: { eval_freq: 40 } },
        other: {
          eps: { type: 'exp', start: 0.95, end: 0.1, decay: 10000 },
          replay_buffer: { replay_buffer_size: 20000 },
        },
      },
    },
    {
      env: { type: 'cartpole' },
      policy: { type: 'dqn' },
      replay_buffer: { type: 'deque' },
      commander: { type: 'solo', heartbeat_seconds: 0.5, status_seconds: 1, ...commander },
    },
  ]
}

/** Whether a run has replaced the learner, collector1 and one role more, and the learner and every collector of now have got somewhere. */
function allReplaced(status: string): boolean {
  if (!existsSync(status)) return false
  const { roles, restarts } = JSON.parse(readFileSync(status, 'utf8')) as RunStatus
  const { learner = 0, collector1 = 0 } = restarts
  const total = Object.values(restarts).reduce((a, b) => a + b, 0)
  const workers = roles.filter(({ role }) => role !== 'evaluator')
  const work = workers.length === 3 && workers.every(({ progress }) => progress > 0)
  return learner >= 1 && collector1 >= 1 && total >= 3 && work
}

describe('parallel_pipeline', () => {
  test('CartPole reaches its stop value with two collectors in threads of their own', async () => {
    const work_dir = temporaryFolder()
    const result = await parallel_pipeline(cartpole({ collector_num: 2 }), 0, {
      ...quiet,
      work_dir,
      max_env_step: 40000,
    })
    expect(result).toMatchObject({ stop: true, stop_reason: 'stop_value' })
    expect(result.eval_value).toBeGreaterThanOrEqual(120)
    const folder = join(work_dir, 'cartpole_parallel')
    for (const file of ['total_config.json', 'result.json', 'status.json', 'ckpt/ckpt_best.safetensors'])
      expect(existsSync(join(folder, file)), file).toBe(true)
    // One TensorBoard log for the whole run, with the serial pipeline's tags.
    const logs = join(folder, 'log', 'serial')
    expect(readdirSync(logs).filter((name) => name.includes('tfevents'))).toHaveLength(1)
    const tags = readFileSync(join(logs, 'metrics.jsonl'), 'utf8')
    for (const tag of [
      'evaluator_iter/reward_mean',
      'learner_iter/total_loss_avg',
      'collector_iter/reward_mean',
    ])
      expect(tags, tag).toContain(tag)
  })

  test('a learner and a collector that are killed, and an environment that hangs, are replaced; no chunk is lost', async () => {
    const work_dir = temporaryFolder()
    const folder = join(work_dir, 'cartpole_parallel')
    const [arm, mark] = [join(work_dir, 'hang'), join(work_dir, 'hung')]
    Object.assign(process.env, { DING_HANG_ARM: arm, DING_HANG_MARK: mark })
    const [main, create] = cartpole({
      collector_num: 2,
      heartbeat_seconds: 0.1,
      missed_heartbeats: 20,
      status_seconds: 0.1,
    }) as [{ env: Record<string, unknown> }, object]
    const env = fileURLToPath(new URL('../fixtures/hanging_env.ts', import.meta.url))
    const killed: string[] = []
    const timers: NodeJS.Timeout[] = []
    const stop = new AbortController()
    const every5ms = (look: () => boolean, then: () => void) => {
      const timer = setInterval(() => {
        if (!look()) return
        clearInterval(timer)
        then()
      }, 5)
      timers.push(timer)
    }
    // Nothing but this ends the run: all that was lost has been replaced, and every replacement has worked.
    every5ms(
      () => existsSync(mark) && allReplaced(join(folder, 'status.json')),
      () => stop.abort(),
    )
    const result = await parallel_pipeline(
      [
        { ...main, env: { ...main.env, stop_value: 1e9 } },
        { ...create, env: { type: 'hanging_cartpole', import_names: [env] } },
      ],
      0,
      {
        ...quiet,
        work_dir,
        signal: stop.signal,
        on_role: ({ role, id, incarnation }, handle) => {
          if (incarnation > 0 || (role !== 'learner' && id !== 'collector1')) return
          // Once something has been acknowledged that is in the journal alone.
          const journal = join(folder, 'ckpt', 'journal_1.bin')
          every5ms(
            () => existsSync(journal) && statSync(journal).size >= 8000,
            () => {
              if (killed.push(id) === 2) writeFileSync(arm, '')
              void handle.kill()
            },
          )
        },
      },
    )
    for (const timer of timers) clearInterval(timer)
    delete process.env['DING_HANG_ARM']
    delete process.env['DING_HANG_MARK']
    expect(result.stop_reason).toBe('interrupted')
    expect(killed.sort()).toEqual(['collector1', 'learner'])
    const { tree } = loadState(join(folder, 'ckpt', 'run_state.safetensors'))
    expect(tree['session']).toBeGreaterThanOrEqual(1)
    const { seen, counts, env_step } = tree['intake'] as unknown as {
      seen: Record<string, number[]>
      counts: Record<string, number>
      env_step: number
    }
    // Of every collector, each chunk up to its last one.
    for (const [collector, numbers] of Object.entries(seen)) expect(numbers, collector).toHaveLength(1)
    expect(Object.keys(seen).some((name) => /^collector1\.[1-9]/.test(name))).toBe(true)
    expect(
      Object.values(seen)
        .flat()
        .reduce((a, b) => a + b, 0),
    ).toBe(counts['chunks'])
    expect(counts['transitions']).toBe(8 * (counts['chunks'] as number))
    expect(env_step).toBe(result.env_step)
  }, 180_000)
})
