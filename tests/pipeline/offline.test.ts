import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createDataset, RandomStream } from '../../ding/index.js'
import { collect_demo_data, evaluate, resume_pipeline, serial_pipeline_offline } from '../../entry/index.js'
import { smallDqn, temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const

/** A dataset of random play on CartPole, and a config that learns from it. */
async function prepared(policy: Record<string, unknown> = {}, collect: Record<string, unknown> = {}) {
  const work_dir = temporaryFolder()
  const data_path = join(work_dir, 'random.hdf5')
  await collect_demo_data(smallDqn(), 0, {
    ...quiet,
    work_dir,
    random_policy: true,
    collect_count: 300,
    expert_data_path: data_path,
  })
  const { learn = {}, ...rest } = policy as { learn?: Record<string, unknown> }
  const main = {
    exp_name: 'offline',
    env: { evaluator_env_num: 2, n_evaluator_episode: 3, stop_value: 1e9 },
    policy: {
      model: {
        obs_shape: 4,
        action_shape: 2,
        net_config: { latent_dim: 16, encoder_config: { hidden_size: [16] } },
      },
      learn: { batch_size: 16, ...learn },
      collect: { data_path, ...collect },
      eval: { evaluator: { eval_freq: 40 } },
      ...rest,
    },
  }
  const create = { env: { type: 'cartpole' }, policy: { type: 'cqn' } }
  return { work_dir, data_path, config: [main, create] as [object, object] }
}

describe('serial_pipeline_offline', () => {
  test('learns from a file that collect_demo_data wrote, over train iterations, and says why it ended', async () => {
    const { work_dir, config } = await prepared()
    const result = await serial_pipeline_offline(config, 0, { ...quiet, work_dir, max_train_iter: 60 })
    expect(result).toMatchObject({ stop_reason: 'max_train_iter', train_iter: 60, env_step: 0 })
    expect(result.eval_value_raw).toHaveLength(3)
    const lines = readFileSync(join(work_dir, 'offline', 'log', 'serial', 'metrics.jsonl'), 'utf8')
    expect(lines).toContain('evaluator_iter/')
    expect(lines).not.toContain('evaluator_step/')
    const evaluated = await evaluate(config, 0, {
      ...quiet,
      work_dir,
      load_path: join(work_dir, 'offline', 'ckpt', 'iteration_60.safetensors'),
    })
    expect(evaluated.eval_value_raw).toEqual(result.eval_value_raw)
  })

  test('data or an environment that do not fit the model are refused before anything is trained', async () => {
    const { work_dir, config } = await prepared({}, { use_norm: true })
    const run = (model: object, type = 'cartpole') => {
      const [main, create] = structuredClone(config) as [
        { policy: { model: object } },
        { env: { type: string } },
      ]
      main.policy.model = { ...main.policy.model, ...model }
      create.env.type = type
      return serial_pipeline_offline([main, create], 0, { ...quiet, work_dir, max_train_iter: 5 })
    }
    await expect(run({ obs_shape: 6, action_shape: 3 })).rejects.toThrow(
      "The dataset's observations have the shape 4, but policy.model.obs_shape is 6.",
    )
    await expect(run({}, 'Acrobot-v1')).rejects.toThrow("the environment's observation space is")
    expect(existsSync(join(work_dir, 'offline'))).toBe(false)
  })

  test('train_epoch ends it after that many passes over the data, and schedules know', async () => {
    const { work_dir, data_path, config } = await prepared({ learn: { train_epoch: 2 } })
    const { count } = await createDataset({ data_path }, { random: RandomStream.fromSeed(0) })
    const result = await serial_pipeline_offline(config, 0, { ...quiet, work_dir })
    expect(result).toMatchObject({ stop_reason: 'max_epoch', train_iter: 2 * Math.floor(count / 16) })
    expect(count % 16).not.toBe(0)
    expect(result.policy.getAttribute('max_train_iter')).toBe(result.train_iter)
  })

  test.each(['epoch', 'free', 'free_no_replace'])(
    'an interrupted run resumes to the same bytes as one that went straight through (sampling: %s)',
    async (sampling) => {
      const { work_dir, config } = await prepared({}, { sampling, use_norm: true })
      const state = () => readFileSync(join(work_dir, 'offline', 'ckpt', 'run_state.safetensors'))
      const named = (exp_name: string): [object, object] => [{ ...config[0], exp_name }, config[1]]
      await serial_pipeline_offline(named('offline'), 3, { ...quiet, work_dir, max_train_iter: 30 })
      await resume_pipeline(join(work_dir, 'offline'), { ...quiet, max_train_iter: 90 })
      await serial_pipeline_offline(named('straight'), 3, { ...quiet, work_dir, max_train_iter: 90 })
      const straight = readFileSync(join(work_dir, 'straight', 'ckpt', 'run_state.safetensors'))
      expect(state().equals(straight)).toBe(true)
    },
  )

  test('a missing file is named, and leaves no folder', async () => {
    const { work_dir, config } = await prepared({}, { data_path: 'nowhere.hdf5' })
    await expect(serial_pipeline_offline(config, 0, { ...quiet, work_dir })).rejects.toThrow(/nowhere\.hdf5/)
    expect(existsSync(join(work_dir, 'offline'))).toBe(false)
    expect(readdirSync(work_dir)).toEqual(['random.hdf5'])
  })
})
