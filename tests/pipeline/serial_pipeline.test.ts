import { randomUUID } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  BUFFER_REGISTRY,
  compile_config,
  createDataset,
  LOCK_FILE,
  lockFolder,
  RandomStream,
} from '../../ding/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import {
  collect_demo_data,
  evaluate,
  ROLES,
  read_config,
  resume_pipeline,
  serial_pipeline,
} from '../../entry/index.js'
import { filesWith, smallDqn, temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const

describe('serial_pipeline', () => {
  test('stops at max_train_iter with a final evaluation, and leaves the experiment folder of DI-engine', async () => {
    const work_dir = temporaryFolder()
    const result = await serial_pipeline(smallDqn(), 0, { ...quiet, work_dir, max_train_iter: 120 })
    expect(result).toMatchObject({ stop: false, stop_reason: 'max_train_iter', train_iter: 120 })
    expect(result.eval_value_raw).toHaveLength(3)
    expect(result.eval_value).toBeCloseTo(result.eval_value_raw.reduce((a, b) => a + b, 0) / 3, 10)
    const folder = join(work_dir, 'small_dqn')
    for (const file of [
      'total_config.json',
      'result.json',
      'ckpt/ckpt_best.safetensors',
      'ckpt/iteration_120.safetensors',
      'ckpt/run_state.safetensors',
      'log/learner/learner_logger.txt',
      'log/collector/collector_logger.txt',
      'log/evaluator/evaluator_logger.txt',
    ]) {
      expect(existsSync(join(folder, file)), file).toBe(true)
    }
    expect(readdirSync(join(folder, 'log', 'serial')).some((name) => name.includes('tfevents'))).toBe(true)
    const written = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as Record<string, unknown>
    expect(written).toMatchObject({
      stop_reason: 'max_train_iter',
      train_iter: 120,
      env_step: result.env_step,
    })
  })

  test('writes no secret of the config into its folder', async () => {
    const work_dir = temporaryFolder()
    const [main, create] = smallDqn()
    // Made up here: the folder holds git's diff, which may have this file in it.
    const token = randomUUID()
    const exchange = { type: 'nats', token }
    await serial_pipeline([main, { ...create, exchange }], 0, { ...quiet, work_dir, max_train_iter: 8 })
    expect(filesWith(token, join(work_dir, 'small_dqn'))).toEqual([])
  })

  test('stops at max_env_step', async () => {
    const result = await serial_pipeline(smallDqn(), 1, {
      ...quiet,
      work_dir: temporaryFolder(),
      max_env_step: 64,
    })
    expect(result).toMatchObject({ stop_reason: 'max_env_step' })
    // Limits are looked at between rounds: less than one round over.
    expect(result.env_step).toBeGreaterThanOrEqual(64)
    expect(result.env_step).toBeLessThan(64 + 16)
  })

  test('stops when the stop value is reached after some training', async () => {
    const config = smallDqn({}, { stop_value: 1 })
    const result = await serial_pipeline(config, 0, {
      ...quiet,
      work_dir: temporaryFolder(),
      max_train_iter: 1000,
    })
    expect(result).toMatchObject({ stop: true, stop_reason: 'stop_value', train_iter: 100 })
  })

  test('the same seed gives the same weights, another seed others', async () => {
    const weights = async (seed: number) => {
      const work_dir = temporaryFolder()
      await serial_pipeline(smallDqn(), seed, { ...quiet, work_dir, max_train_iter: 40 })
      return readFileSync(join(work_dir, 'small_dqn', 'ckpt', 'iteration_40.safetensors'))
    }
    const [first, second, other] = [await weights(3), await weights(3), await weights(4)]
    expect(first.equals(second)).toBe(true)
    expect(first.equals(other)).toBe(false)
  })

  test('random_collect_size fills the buffer before the first update and counts as env steps', async () => {
    const config = smallDqn({ random_collect_size: 100 })
    const result = await serial_pipeline(config, 0, {
      ...quiet,
      work_dir: temporaryFolder(),
      max_train_iter: 4,
    })
    expect(result.env_step).toBeGreaterThanOrEqual(108)
    expect(result.train_iter).toBe(4)
  })

  test('trains with prioritised replay, importance weights, n-step returns and noisy layers together', async () => {
    const [main, create] = smallDqn({
      priority: true,
      priority_IS_weight: true,
      nstep: 3,
      noisy_net: true,
      model: { obs_shape: 4, action_shape: 2, encoder_hidden_size_list: [32, 32], noise: true },
    })
    const config: [object, object] = [main, { ...create, replay_buffer: { type: 'advanced' } }]
    const result = await serial_pipeline(config, 0, {
      ...quiet,
      work_dir: temporaryFolder(),
      max_train_iter: 40,
    })
    expect(result.train_iter).toBe(40)
  })

  test('the episode collector collects whole episodes', async () => {
    const [main, create] = smallDqn({ collect: { n_sample: null, n_episode: 4 } })
    const config: [object, object] = [main, { ...create, collector: { type: 'episode' } }]
    const result = await serial_pipeline(config, 0, {
      ...quiet,
      work_dir: temporaryFolder(),
      max_train_iter: 8,
    })
    expect(result.train_iter).toBe(8)
    expect(result.env_step).toBeGreaterThan(8 * 4)
  })

  test('an abort ends the run in order, and it can be resumed to the same end as a run that went straight through', async () => {
    const straight = temporaryFolder()
    await serial_pipeline(smallDqn(), 5, { ...quiet, work_dir: straight, max_train_iter: 80 })
    const work_dir = temporaryFolder()
    const controller = new AbortController()
    controller.abort()
    const stopped = await serial_pipeline(smallDqn(), 5, {
      ...quiet,
      work_dir,
      max_train_iter: 80,
      signal: controller.signal,
    })
    expect(stopped.stop_reason).toBe('interrupted')
    const resumed = await resume_pipeline(join(work_dir, 'small_dqn'), { ...quiet, max_train_iter: 80 })
    expect(resumed.train_iter).toBe(80)
    const state = (folder: string) => readFileSync(join(folder, 'small_dqn', 'ckpt', 'run_state.safetensors'))
    expect(state(work_dir).equals(state(straight))).toBe(true)
  })

  test('a folder in which a run is at work is refused to another, which changes nothing in it', async () => {
    const work_dir = temporaryFolder()
    const folder = join(work_dir, 'small_dqn')
    await serial_pipeline(smallDqn(), 5, { ...quiet, work_dir, max_train_iter: 8 })
    const config = () => readFileSync(join(folder, 'total_config.json'), 'utf8')
    const before = config()
    const release = lockFolder(folder)
    const overrides: [string, unknown][] = [['policy.learn.learning_rate', 0.5]]
    await expect(resume_pipeline(folder, { ...quiet, overrides, max_train_iter: 16 })).rejects.toThrow(
      /at work in .*small_dqn/,
    )
    expect(config()).toBe(before)
    // A new run takes a folder of its own.
    const beside = await serial_pipeline(smallDqn(), 5, { ...quiet, work_dir, max_train_iter: 8 })
    expect(resolve(beside.exp_name)).not.toBe(resolve(folder))
    release()
    const { train_iter } = await resume_pipeline(folder, { ...quiet, max_train_iter: 16 })
    expect(train_iter).toBe(16)
    expect(existsSync(join(folder, LOCK_FILE))).toBe(false)
  })

  test('total_config.json compiles to the same config again', async () => {
    const work_dir = temporaryFolder()
    await serial_pipeline(smallDqn(), 7, { ...quiet, work_dir, max_train_iter: 4 })
    const file = await read_config(join(work_dir, 'small_dqn', 'total_config.json'))
    const again = await compile_config(file.main_config, file.create_config, {
      save: false,
      renew_dir: false,
      work_dir,
    })
    expect(again.main_config).toEqual(file.main_config)
    expect(again.seed).toBe(7)
  })

  test('any role can be rebound', async () => {
    let built = 0
    await serial_pipeline(smallDqn(), 0, {
      ...quiet,
      work_dir: temporaryFolder(),
      max_train_iter: 4,
      rebind: (container) => {
        container.rebind(ROLES.buffer).toDynamicValue(() => {
          built++
          return new (BUFFER_REGISTRY.get('naive'))({ replay_buffer_size: 64 } as never, {
            random: RandomStream.fromSeed(0),
          })
        })
      },
    })
    expect(built).toBe(1)
  })
})

describe('evaluate and collect_demo_data', () => {
  test('evaluate loads a checkpoint and repeats its evaluation; collect_demo_data records it without random actions', async () => {
    const work_dir = temporaryFolder()
    const trained = await serial_pipeline(smallDqn(), 0, { ...quiet, work_dir, max_train_iter: 40 })
    const load_path = join(work_dir, 'small_dqn', 'ckpt', 'iteration_40.safetensors')
    const evaluated = await evaluate(smallDqn(), 0, { ...quiet, work_dir, load_path })
    expect(evaluated.eval_value_raw).toEqual(trained.eval_value_raw)
    expect(evaluated.train_iter).toBe(40)
    const expert_data_path = join(work_dir, 'demo.safetensors')
    const { count } = await collect_demo_data(smallDqn(), 0, {
      ...quiet,
      work_dir,
      state_dict_path: load_path,
      collect_count: 50,
      expert_data_path,
    })
    expect(count).toBe(50)
    const recorded = await createDataset(
      { data_path: expert_data_path, sampling: 'free_no_replace' },
      { random: RandomStream.fromSeed(0) },
    )
    const { obs, action } = recorded.sample(50) as Record<string, HostTensor>
    const seen = Array.from({ length: 50 }, (_, i) => [i, obs?.data.slice(4 * i, 4 * i + 4) as Float32Array])
    const greedy = await trained.policy.eval_mode.forward(Object.fromEntries(seen))
    expect(Array.from(action?.data ?? [])).toEqual(Object.values(greedy).map((out) => out.action))
  })

  test("a run's total_config.json brings the checkpoints that lie beside it, wherever that is", async () => {
    const work_dir = temporaryFolder()
    await serial_pipeline(smallDqn(), 0, { ...quiet, work_dir, max_train_iter: 40 })
    const [moved, bare] = [join(temporaryFolder(), 'moved'), join(temporaryFolder(), 'bare')]
    renameSync(join(work_dir, 'small_dqn'), moved)
    const evaluated = await evaluate(join(moved, 'total_config.json'), undefined, quiet)
    expect(resolve(evaluated.exp_name)).toBe(resolve(moved))
    const expert_data_path = join(moved, 'demo.safetensors')
    const recording = { ...quiet, collect_count: 50, expert_data_path }
    expect(await collect_demo_data(join(moved, 'total_config.json'), 0, recording)).toMatchObject({
      count: 50,
    })
    // Without checkpoints beside it, and where a folder is named, it is a config like any other.
    cpSync(join(moved, 'total_config.json'), join(bare, 'total_config.json'))
    for (const [folder, options] of [
      [bare, quiet],
      [moved, { ...quiet, exp_name: 'elsewhere' }],
    ] as const) {
      await expect(evaluate(join(folder, 'total_config.json'), undefined, options)).rejects.toThrow(
        /no checkpoint (small_dqn|elsewhere).ckpt/,
      )
    }
  })

  test('a missing and a truncated checkpoint are told apart, with the file named', async () => {
    const work_dir = temporaryFolder()
    await expect(
      evaluate(smallDqn(), 0, { ...quiet, work_dir, load_path: join(work_dir, 'none.safetensors') }),
    ).rejects.toThrow(/no checkpoint .*none\.safetensors/)
  })
})
