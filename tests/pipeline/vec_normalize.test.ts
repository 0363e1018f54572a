import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ConfigPair } from '../../ding/index.js'
import { loadState, type StateTree } from '../../ding/utils/index.js'
import { collect_demo_data, evaluate, resume_pipeline, serial_pipeline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const

function configOf(
  vec_normalize: object | undefined,
  more: { collect?: object; create?: object } = {},
): ConfigPair {
  return [
    {
      exp_name: 'run',
      env: {
        collector_env_num: 2,
        evaluator_env_num: 2,
        n_evaluator_episode: 3,
        max_episode_steps: 25,
        stop_value: 1e9,
      },
      policy: {
        random_collect_size: 40,
        ...(vec_normalize && { vec_normalize }),
        nstep: 2,
        model: { obs_shape: 3, action_shape: 1, net_arch: [8] },
        learn: { update_per_collect: 2, batch_size: 8, learning_rate_policy: 0.01 },
        collect: { n_sample: 6, ...more.collect },
        eval: { evaluator: { eval_freq: 20 } },
        other: { replay_buffer: { replay_buffer_size: 300 } },
      },
    },
    {
      env: { type: 'pendulum' },
      policy: { type: 'sac' },
      replay_buffer: { type: 'advanced' },
      ...more.create,
    },
  ] as unknown as ConfigPair
}

const BOTH = { norm_obs: true, norm_reward: true }

function statistics(path: string): StateTree {
  return loadState(path).tree['normalisation'] as StateTree
}

interface Moments {
  readonly count: number
  readonly mean: number[]
  readonly var: number[]
}

test('a checkpoint evaluates in a new pipeline to the same, raw, returns; its statistics are of all that was collected', async () => {
  const work_dir = temporaryFolder()
  const trained = await serial_pipeline(configOf(BOTH), 0, { ...quiet, work_dir, max_train_iter: 40 })
  const load_path = join(work_dir, 'run/ckpt/iteration_40.safetensors')
  const evaluated = await evaluate(configOf(BOTH), 0, { ...quiet, work_dir, load_path })
  expect(evaluated.eval_value_raw).toEqual(trained.eval_value_raw)
  // Also by a config that says nothing of normalisation: the checkpoint does.
  const plain = await evaluate(configOf(undefined), 0, { ...quiet, work_dir, load_path })
  expect(plain.eval_value_raw).toEqual(trained.eval_value_raw)
  // 25 steps of at least -16.3 each: not the normalised rewards.
  expect(Math.min(...trained.eval_value_raw)).toBeLessThan(-25)

  const { obs, returns } = statistics(load_path)
  const { count, mean, var: variance } = (obs as StateTree)[''] as unknown as Moments
  // Every observation acted on, warm-up included, of both environments.
  expect(count).toBeCloseTo(trained.env_step + 1e-4, 6)
  expect((returns as unknown as Moments).count).toBeCloseTo(trained.env_step + 1e-4, 6)
  // cos and sin: the squares of the means and the variances add up to 1 (but for the prior).
  expect(mean[0]! ** 2 + mean[1]! ** 2 + variance[0]! + variance[1]!).toBeCloseTo(1, 4)
  // Discounted sums of rewards, which are all negative.
  expect((returns as unknown as Moments).mean[0]).toBeLessThan(-5)
})

test('normalising makes a difference to what is learned', async () => {
  const weights = async (vec_normalize: object | undefined) => {
    const work_dir = temporaryFolder()
    await serial_pipeline(configOf(vec_normalize), 0, { ...quiet, work_dir, max_train_iter: 4 })
    return loadState(join(work_dir, 'run/ckpt/iteration_4.safetensors')).tree['model']
  }
  const [none, obs, reward] = [
    await weights(undefined),
    await weights({ norm_obs: true }),
    await weights({ norm_reward: true }),
  ]
  expect(obs).not.toEqual(none)
  expect(reward).not.toEqual(none)
})

test('the replay buffer holds raw values, and demonstrations are raw and leave the statistics alone', async () => {
  const work_dir = temporaryFolder()
  await serial_pipeline(configOf(BOTH), 0, { ...quiet, work_dir, max_train_iter: 40 })
  const { tree } = loadState(join(work_dir, 'run/ckpt/run_state.safetensors'))
  const text = JSON.stringify(tree['buffer'], (_key, value: unknown) =>
    ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value,
  )
  // Two rewards a row; normalised ones would stay within +- 10.
  const numbers = (text.match(/-\d+\.\d+/g) ?? []).map(Number)
  expect(Math.min(...numbers)).toBeLessThan(-10)
  const load_path = join(work_dir, 'run/ckpt/iteration_40.safetensors')
  const demo = { ...quiet, work_dir, state_dict_path: load_path, collect_count: 25 }
  const { count } = await collect_demo_data(configOf(BOTH), 0, {
    ...demo,
    expert_data_path: join(work_dir, 'demo.hdf5'),
  })
  expect(count).toBeGreaterThanOrEqual(25)
})

test.each([
  ['samples', {}, {}],
  ['episodes', { n_sample: null, n_episode: 1 }, { collector: { type: 'episode' } }],
])('a run that collects %s resumes bit for bit, statistics included', async (_unit, collect, create) => {
  const state = async ([first, ...others]: readonly [number, ...number[]]) => {
    const work_dir = temporaryFolder()
    const options = { ...quiet, work_dir }
    const config = configOf(BOTH, { collect, create })
    await serial_pipeline(config, 0, { ...options, max_train_iter: first })
    for (const max_train_iter of others)
      await resume_pipeline(join(work_dir, 'run'), { ...options, max_train_iter })
    const {
      evaluator: _evaluator,
      learner,
      ...rest
    } = loadState(join(work_dir, 'run/ckpt/run_state.safetensors')).tree
    return { ...rest, policy: (learner as StateTree)['policy'] }
  }
  const straight = await state([30])
  expect(Object.keys(straight['policy'] as StateTree)).toContain('normalisation')
  expect(await state([8, 22, 30])).toEqual(straight)
})
