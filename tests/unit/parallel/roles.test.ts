import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  type ConfigPair,
  compile_config,
  decodeState,
  type EvaluationJob,
  type Exchange,
  encodeState,
  FINAL_POLICY,
  loadState,
  type RoleStatus,
  runCollector,
  runEvaluator,
  runLearner,
  type StateTree,
  ThreadExchangeHost,
  TOPICS,
} from '../../../ding/index.js'
import { resume_pipeline } from '../../../entry/index.js'
import { PARALLEL_SECTIONS, parallel_pipeline } from '../../../entry/parallel_pipeline.js'
import { serial_pipeline } from '../../../entry/serial_pipeline.js'
import { smallDqn, temporaryFolder } from '../../fixtures/configs.js'
import { parallelConfig, SILENT } from './fixtures.js'

const quiet = { console: 'quiet', inline: true } as const
/** Of {@link smallDqn}. */
const EVAL_FREQ = 100
const LAST_ITER = 500

/** SAC with running statistics, n-step returns and gSDE: everything that acting depends on. */
function pendulum(commander: Record<string, unknown>, policy: Record<string, unknown> = {}): ConfigPair {
  return [
    {
      exp_name: 'run',
      env: {
        collector_env_num: 2,
        evaluator_env_num: 2,
        n_evaluator_episode: 2,
        max_episode_steps: 25,
        stop_value: 1e9,
        act_scale: true,
      },
      policy: {
        random_collect_size: 40,
        nstep: 2,
        model: { obs_shape: 3, action_shape: 1, net_arch: [8] },
        learn: { update_per_collect: 2, batch_size: 8 },
        collect: { n_sample: 6 },
        eval: { evaluator: { eval_freq: 20 } },
        other: { replay_buffer: { replay_buffer_size: 300 } },
        ...policy,
      },
    },
    {
      env: { type: 'pendulum' },
      policy: { type: 'sac' },
      commander: { type: 'solo', heartbeat_seconds: 0.2, ...commander },
    },
  ]
}

describe('a run with all roles in one thread', () => {
  test('in lock step two runs of one seed are the same, another seed gives another', async () => {
    const weights = async (seed: number) => {
      const work_dir = temporaryFolder()
      const config = pendulum({ collector_num: 1 }, { vec_normalize: { norm_obs: true, norm_reward: true } })
      await parallel_pipeline(config, seed, { ...quiet, work_dir, max_train_iter: 40 })
      return readFileSync(join(work_dir, 'run', 'ckpt', 'iteration_40.safetensors'))
    }
    const [first, second, other] = [await weights(3), await weights(3), await weights(4)]
    expect(first.equals(second)).toBe(true)
    expect(first.equals(other)).toBe(false)
  })

  test('lock step is the serial run for SAC too, with gSDE and a priority buffer', async () => {
    const policy = {
      priority: true,
      priority_IS_weight: true,
      model: { obs_shape: 3, action_shape: 1, net_arch: [8], use_sde: true },
    }
    const [serial, parallel] = [temporaryFolder(), temporaryFolder()]
    const limits = { max_env_step: 200 }
    const config = pendulum({ collector_num: 1 }, policy)
    const a = await serial_pipeline(config, 1, { console: 'quiet', work_dir: serial, ...limits })
    const b = await parallel_pipeline(config, 1, { ...quiet, work_dir: parallel, ...limits })
    expect([b.env_step, b.train_iter, b.eval_value_raw]).toEqual([a.env_step, a.train_iter, a.eval_value_raw])
    const model = (folder: string) =>
      loadState(join(folder, 'run', 'ckpt', `iteration_${a.train_iter}.safetensors`)).tree['model']
    expect(model(parallel)).toEqual(model(serial))
  })

  test('the learner keeps the running statistics of what all collectors saw', async () => {
    const work_dir = temporaryFolder()
    const config = pendulum({ collector_num: 2 }, { vec_normalize: { norm_obs: true, norm_reward: true } })
    const { env_step } = await parallel_pipeline(config, 0, { ...quiet, work_dir, max_env_step: 150 })
    const { tree } = loadState(join(work_dir, 'run', 'ckpt', 'ckpt_best.safetensors'))
    expect(tree['normalisation']).toBeDefined()
    const final = loadState(join(work_dir, 'run', 'ckpt', 'run_state.safetensors')).tree
    const { normalisation } = (final['learner'] as StateTree)['policy'] as StateTree
    const { returns, running_returns } = normalisation as {
      returns: { count: number }
      running_returns: [number, number][]
    }
    // Rewards are seen step by step. SB3's moments begin with a count of 1e-4.
    expect(Math.round(returns.count)).toBe(env_step)
    // Two environments of each of two collectors, with numbers of their own.
    expect(new Set(running_returns.map(([id]) => id)).size).toBe(4)
  })

  test('hindsight relabelling keeps the episodes of several collectors apart', async () => {
    const config: ConfigPair = [
      {
        exp_name: 'run',
        env: { collector_env_num: 2, evaluator_env_num: 2, n_evaluator_episode: 2, n_bits: 4 },
        policy: {
          model: {
            obs_shape: { observation: 4, desired_goal: 4 },
            action_shape: 4,
            encoder_hidden_size_list: [16],
          },
          learn: { update_per_collect: 2, batch_size: 8 },
          collect: { n_sample: 6 },
          eval: { evaluator: { eval_freq: 50 } },
          other: { replay_buffer: { replay_buffer_size: 400 } },
        },
      },
      {
        env: { type: 'bit_flip' },
        policy: { type: 'dqn' },
        replay_buffer: { type: 'her' },
        commander: { type: 'solo', collector_num: 2, heartbeat_seconds: 0.2 },
      },
    ]
    const result = await parallel_pipeline(config, 0, {
      ...quiet,
      work_dir: temporaryFolder(),
      max_env_step: 200,
    })
    expect(result.train_iter).toBeGreaterThan(20)
  })

  test('an interrupted run saves what it has, and goes on from there when it is resumed', async () => {
    const work_dir = temporaryFolder()
    const [main, create] = smallDqn()
    const config: ConfigPair = [
      main,
      { ...create, commander: { type: 'solo', collector_num: 2, heartbeat_seconds: 0.1 } },
    ]
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 600)
    const endless = { overrides: [['env.stop_value', '1e9']] as const, signal: stop.signal }
    const first = await parallel_pipeline(config, 0, { ...quiet, work_dir, ...endless })
    expect(first.stop_reason).toBe('interrupted')
    const folder = join(work_dir, 'small_dqn')
    const saved = loadState(join(folder, 'ckpt', 'run_state.safetensors')).tree
    const intake = saved['intake'] as { env_step: number; counts: { transitions: number } }
    expect(intake.env_step).toBe(first.env_step)
    // Pieces of trajectories that two collectors of 8 samples had begun are not finished.
    expect(intake.counts.transitions).toBeGreaterThan(first.env_step - 2 * 8)
    expect(intake.counts.transitions).toBeLessThanOrEqual(first.env_step)
    const max_env_step = first.env_step + 100
    const again = { ...quiet, max_env_step }
    const second = await resume_pipeline(folder, again)
    expect(second.stop_reason).toBe('max_env_step')
    expect(second.env_step).toBeGreaterThanOrEqual(max_env_step)
    expect(second.train_iter).toBeGreaterThan(first.train_iter)
    const then = loadState(join(folder, 'ckpt', 'run_state.safetensors')).tree
    expect(then['session']).toBe(1)
    expect(then['version'] as number).toBeGreaterThan(saved['version'] as number)
    // The collectors of the second session have names of their own, so that their chunks are not taken for old ones.
    expect((then['intake'] as { counts: { duplicates: number } }).counts.duplicates).toBe(0)
  })

  test('a mistake in the config is told as by the serial pipeline, and leaves no folder', async () => {
    const work_dir = temporaryFolder()
    const [main, create] = smallDqn({ other: { commander: { colector_num: 3 } } })
    await expect(parallel_pipeline([main, create], 0, { ...quiet, work_dir })).rejects.toThrow(
      /policy.other.commander.colector_num.*collector_num/s,
    )
    const handed = { ...quiet, work_dir, model: {} }
    await expect(parallel_pipeline(smallDqn(), 0, handed)).rejects.toThrow(/takes no option "model"/)
  })
})

describe('roles run by themselves', () => {
  test('join and leave at any time', async () => {
    const config = await parallelConfig({ collector_num: 1, lock_step: false })
    const host = new ThreadExchangeHost({ queue_chunks: 4, queue_bytes: 1e7 })
    const join_ = () => host.connect() as Promise<Exchange>
    const common = { exp_dir: temporaryFolder(), logger: SILENT }
    const learner = runLearner(await join_(), config, { ...common, limits: { max_env_step: 600 } })
    const evaluator = runEvaluator(await join_(), config, common)
    const leave = new AbortController()
    const first = runCollector(await join_(), config, 'collector0', { ...common, signal: leave.signal })
    const watcher = await join_()
    watcher.control.subscribe(TOPICS.status, (status) => {
      const { role, progress } = status as RoleStatus
      if (role === 'collector' && progress > 0) leave.abort()
    })
    const left = await first
    expect(left.env_steps).toBeGreaterThan(0)
    const second = runCollector(await join_(), config, 'collector0', common)
    const report = await learner
    expect(report.stop_reason).toBe('max_env_step')
    await evaluator
    const joined = await second
    expect(joined.member).not.toBe(left.member)
    // A collector that comes when all is over leaves again.
    const late = await runCollector(await join_(), config, 'collector1', common)
    expect(late.env_steps).toBe(0)
    const blob = await (await join_()).store.get(FINAL_POLICY)
    expect(Object.keys(decodeState(blob as Uint8Array).tree)).toContain('model')
    await host.close()
  })

  /** A learner with a collector of its own, and what it asks to be evaluated; `answer` decides when each comes back. */
  async function evaluated(evaluator_comes: boolean, answer: (train_iter: number) => Promise<void>) {
    const config = await parallelConfig({ collector_num: 1, lock_step: false, publish_freq: 4 })
    const host = new ThreadExchangeHost({ queue_chunks: 4, queue_bytes: 1e7 })
    const join_ = () => host.connect() as Promise<Exchange>
    const common = { exp_dir: temporaryFolder(), logger: SILENT }
    const { control } = await join_()
    const jobs: EvaluationJob[] = []
    const serve = () =>
      control.serve(TOPICS.evaluate, async (message) => {
        const job = message as EvaluationJob
        if (jobs.at(-1)?.job !== job.job) {
          jobs.push(job)
          const result = { ...job, returns: [1], mean: 1, stop: false }
          void answer(job.train_iter).then(() => control.request(TOPICS.evaluation_result, result, 5000))
        }
        return 'evaluator'
      })
    const limits = { max_train_iter: LAST_ITER }
    const started = Promise.all([
      runLearner(await join_(), config, { ...common, evaluator_comes, limits }),
      runCollector(await join_(), config, 'collector0', common),
    ])
    const watch = (saw: (train_iter: number) => void) =>
      control.subscribe(TOPICS.status, (status) => {
        const { role, details } = status as RoleStatus
        if (role === 'learner') saw(Number(details['train_iter']))
      })
    return { jobs, serve, started, watch, end: () => host.close() }
  }

  test('a collector does not take what an earlier start of the run left for the parameters of this one', async () => {
    const host = new ThreadExchangeHost({ queue_chunks: 4, queue_bytes: 1e6 })
    const exchange = await host.connect()
    await exchange.parameters.publish({ version: 5, blob: encodeState({}, { finished: true }) })
    const stop = new AbortController()
    const asked: number[] = []
    const parameters = {
      ...exchange.parameters,
      waitFor: (version: number, signal: AbortSignal) => {
        asked.push(version)
        return exchange.parameters.waitFor(version, signal)
      },
    }
    const options = { incarnation: 1, after_version: 5, signal: stop.signal, logger: SILENT }
    const member = { ...exchange, kind: 'thread', parameters, close: () => exchange.close() }
    const collecting = runCollector(member, await parallelConfig(), 'collector0', options)
    expect(await Promise.race([collecting, delay(100, 'waits')])).toBe('waits')
    stop.abort()
    expect(await collecting).toMatchObject({ env_steps: 0, chunks: 0 })
    expect(asked).toEqual([6])
    await host.close()
  })

  test('no evaluation is left out where an evaluator is slow, or comes late', async () => {
    const heard = [0]
    // When the learner has come to the next evaluation, and has got no further for some heartbeats or far beyond it.
    const stands = async (train_iter: number) => {
      const next = Math.min(train_iter + EVAL_FREQ, LAST_ITER)
      const held = () => {
        const last = heard.at(-1) as number
        return last >= next && (last === heard.at(-4) || last >= next + EVAL_FREQ || last >= LAST_ITER)
      }
      while (!held()) await delay(20)
    }
    const { end, jobs, serve, started, watch } = await evaluated(true, stands)
    watch((train_iter) => heard.push(train_iter))
    await stands(0)
    serve()
    const [{ train_iter, stop_reason }] = await started
    expect(stop_reason).toBe('max_train_iter')
    const iterations = jobs.map((job) => job.train_iter)
    expect(iterations[0]).toBe(0)
    expect(iterations.at(-1)).toBe(train_iter)
    // The learner goes on to the next version of the parameters, at most, before it asks.
    for (let i = 1; i < iterations.length; i++)
      expect((iterations[i] as number) - (iterations[i - 1] as number)).toBeLessThan(EVAL_FREQ + 4)
    await end()
  })

  test('a learner without any evaluator learns on', async () => {
    const { end, jobs, serve, started, watch } = await evaluated(false, async () => undefined)
    await new Promise<void>((resolve) => {
      watch((train_iter) => {
        if (train_iter > 3 * EVAL_FREQ) resolve()
      })
    })
    expect(jobs).toEqual([])
    serve()
    const [{ stop_reason }] = await started
    expect(stop_reason).toBe('max_train_iter')
    await end()
  })

  test('every config of the serial pipeline is one of a parallel run', async () => {
    const [main, create] = smallDqn()
    const config = await compile_config(main, { ...PARALLEL_SECTIONS, ...create }, { save: false, env: {} })
    expect(config.main_config.policy.other.commander).toMatchObject({ type: 'solo', collector_num: 2 })
    expect(config.main_config.policy.other['exchange']).toMatchObject({ type: 'thread', queue_chunks: 8 })
  })
})
