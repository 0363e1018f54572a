import { expect, test } from 'vitest'
import {
  type CompiledConfig,
  compile_config,
  decodeChunk,
  ENV_REGISTRY,
  type EvaluationJob,
  PendulumEnv,
  type RunLimits,
  runCollector,
  runLearner,
  ThreadExchangeHost,
  TOPICS,
} from '../../../ding/index.js'
import { PARALLEL_SECTIONS } from '../../../entry/parallel_pipeline.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { parallelConfig, SILENT } from './fixtures.js'

/** What the one collector of a run sends, and what it says of itself. */
async function sentBy(config: CompiledConfig, limits: Partial<RunLimits>) {
  const host = new ThreadExchangeHost({ queue_chunks: 8, queue_bytes: 1e8 })
  const common = { exp_dir: temporaryFolder(), logger: SILENT }
  const exchange = await host.connect()
  const sent: Uint8Array[] = []
  const trajectories = {
    ...exchange.trajectories,
    publish: (chunk: Uint8Array, id: string) => {
      // The chunk itself is given away.
      sent.push(chunk.slice())
      return exchange.trajectories.publish(chunk, id)
    },
  }
  const member = { ...exchange, kind: 'thread', trajectories, close: () => exchange.close() }
  // Evaluations are answered without playing: the environments are the collector's alone.
  const { control } = await host.connect()
  control.serve(TOPICS.evaluate, async (job) => {
    const result = { ...(job as EvaluationJob), returns: [0], mean: 0, stop: false }
    void control.request(TOPICS.evaluation_result, result, 5000)
    return 'evaluator'
  })
  const [report] = await Promise.all([
    runCollector(member, config, 'collector0', common),
    runLearner(await host.connect(), config, { ...common, limits }),
  ])
  await host.close()
  return { report, sent, chunks: sent.map(decodeChunk) }
}

test('what is too much for one message goes in several, whose env steps, collects and episodes count once', async () => {
  const random_collect_size = 40_000
  const config = await parallelConfig({ collector_num: 1, lock_step: false }, { random_collect_size })
  const { report, sent, chunks } = await sentBy(config, { max_env_step: random_collect_size + 50 })
  const warmup = chunks.filter(({ header }) => header.warmup)
  expect(warmup.length).toBeGreaterThan(1)
  for (const { byteLength } of sent) expect(byteLength).toBeLessThanOrEqual(960 * 1024)
  expect(warmup.reduce((sum, { rows }) => sum + rows, 0)).toBe(random_collect_size)
  expect(chunks.reduce((sum, { header }) => sum + header.env_steps, 0)).toBe(report.env_steps)
  const collects = chunks.flatMap(({ header }) => header.collects)
  expect(collects.reduce((sum, steps) => sum + steps, 0)).toBe(report.env_steps)
})

test('the reward of a step that broke is marked as such, and its step is not counted', async () => {
  let taken = 0
  class BreakingPendulum extends PendulumEnv {
    protected override advance(action: Float32Array | number) {
      if (++taken === 21) throw new Error('a bolt came loose')
      return super.advance(action)
    }
  }
  ENV_REGISTRY.register('breaking_pendulum', BreakingPendulum, { force_overwrite: true })
  const config = await compile_config(
    {
      exp_name: 'run',
      env: {
        collector_env_num: 2,
        evaluator_env_num: 1,
        n_evaluator_episode: 1,
        max_episode_steps: 8,
        stop_value: 1e9,
        act_scale: true,
      },
      policy: {
        vec_normalize: { norm_obs: false, norm_reward: true },
        random_collect_size: 40,
        model: { obs_shape: 3, action_shape: 1, net_arch: [8] },
        learn: { update_per_collect: 1, batch_size: 8 },
        collect: { n_sample: 4 },
        eval: { evaluator: { eval_freq: 1000 } },
        other: { replay_buffer: { replay_buffer_size: 300 } },
      },
    },
    {
      ...PARALLEL_SECTIONS,
      env: { type: 'breaking_pendulum' },
      policy: { type: 'sac' },
      commander: { type: 'solo', heartbeat_seconds: 0.1, collector_num: 1 },
    },
    { save: false, seed: 0, env: {} },
  )
  const { report, chunks } = await sentBy(config, { max_env_step: 60 })
  const steps = chunks.flatMap(({ header }) => header.rewards.flat())
  const broken = steps.filter(([, , end]) => end === 2)
  expect(broken.map(([, reward]) => reward)).toEqual([0])
  expect(steps.length - broken.length).toBe(report.env_steps)
})
