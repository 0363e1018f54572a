import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { merge } from 'lodash-es'
import { describe, expect, test } from 'vitest'
import {
  D4RL_POLICIES,
  D4RL_TASKS,
  d4rl_config,
  d4rl_configs,
  d4rl_train_iter,
} from '../../configs/d4rl/index.js'
import {
  type BasePolicyConfig,
  type ConfigPair,
  compile_config,
  createDatasetWriter,
  createPolicy,
  D4RL_REFERENCE_SCORES,
  envOfFileName,
  NO_ENV,
  RandomStream,
  RandomTree,
  type Transition,
} from '../../ding/index.js'
import { evaluate, resume_pipeline, serial_pipeline, serial_pipeline_offline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

const compiled = async ([main, create]: ConfigPair) =>
  (await compile_config(main, create, { save: false, env: {}, renew_dir: false })).main_config

const policyOf = async (policy: string, task: string) =>
  (await compiled(d4rl_config(policy, task))).policy as unknown as {
    model: Record<string, unknown>
    learn: Record<string, unknown>
    collect: Record<string, unknown>
    eval: { evaluator: Record<string, unknown> }
  }

describe('the table', () => {
  test('has as many rows as CORL and DI-engine published', () => {
    const counts: Record<string, number> = {}
    for (const { policy } of d4rl_configs()) counts[policy] = (counts[policy] ?? 0) + 1
    expect(counts).toEqual({
      cql: 42,
      cql_finetune: 10,
      bcq: 44,
      td3_bc: 42,
      iql: 42,
      edac: 30,
      bc: 42,
    })
  })

  test('names environments that D4RL has reference scores for, and files that are recognised', () => {
    for (const { name, family, file } of D4RL_TASKS.values()) {
      expect(D4RL_REFERENCE_SCORES.has(name)).toBe(true)
      if (family === 'locomotion' && name.endsWith('-v2')) expect(envOfFileName(file)).toBe(name)
    }
  })

  test.each(Object.keys(D4RL_POLICIES))(
    '%s: every row compiles, and a policy is made of it',
    async (policy) => {
      const built = new Set<string>()
      for (const { task } of d4rl_configs().filter((row) => row.policy === policy)) {
        const [main, create] = d4rl_config(policy, task)
        const { main_config, create_config } = await compile_config(main, create, {
          save: false,
          env: {},
          renew_dir: false,
        })
        expect(main_config.exp_name).toBe(`${task}_${policy}_seed0`)
        expect(main_config.policy.collect['env_id']).toBe(task)
        const data = D4RL_TASKS.get(task)
        expect(create_config.env.type).toBe(data?.env_id === undefined ? NO_ENV : 'mujoco')
        // One of each kind of model is made: building hundreds of the same takes long.
        const kind = JSON.stringify(main_config.policy.model)
        if (built.has(kind)) continue
        built.add(kind)
        // The networks' widths cost time, and nothing here depends on them.
        const config = merge(structuredClone(main_config.policy), { model: narrow(main_config.policy.model) })
        const made = createPolicy(create_config.policy.type, config as unknown as BasePolicyConfig, {
          compute: undefined as never,
          random: RandomTree.fromSeed(0).branch('policy'),
          enable_field: [],
        })
        expect(made.cfg.learn).toBeDefined()
      }
      expect(built.size).toBeGreaterThan(1)
    },
  )
})

/** The same model with hidden layers of 8. */
function narrow(model: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(model)
      .filter(([key, value]) => /hidden_(size|dims)/.test(key) && value !== null)
      .map(([key, value]) => [key, Array.isArray(value) ? value.map(() => 8) : 8]),
  )
}

describe('published settings', () => {
  test('cql: by family, with the exceptions', async () => {
    const halfcheetah = await policyOf('cql', 'halfcheetah-medium-v2')
    expect(halfcheetah.learn).toMatchObject({
      min_q_weight: 10,
      with_lagrange: false,
      lagrange_thresh: -1,
      cql_clip_diff_min: Number.NEGATIVE_INFINITY,
      cql_max_target_backup: false,
      learning_rate_policy: 3e-5,
      learning_rate_q: 3e-4,
    })
    expect(halfcheetah.model).toMatchObject({ obs_shape: 17, action_shape: 6, q_n_hidden_layers: 3 })
    expect(halfcheetah.collect).toMatchObject({ use_norm: true, normalize_reward: false, sampling: 'free' })
    expect((await policyOf('cql', 'hopper-medium-v2')).collect['normalize_reward']).toBe(true)
    expect((await policyOf('cql', 'hopper-medium-replay-v2')).collect['normalize_reward']).toBe(false)
    const antmaze = await policyOf('cql', 'antmaze-large-play-v2')
    expect(antmaze.learn).toMatchObject({
      min_q_weight: 5,
      with_lagrange: true,
      lagrange_thresh: 0.8,
      cql_clip_diff_min: -200,
      cql_max_target_backup: true,
      learning_rate_policy: 1e-4,
    })
    expect(antmaze.model).toMatchObject({ q_n_hidden_layers: 5, q2_n_hidden_layers: 3 })
    expect(antmaze.collect).toMatchObject({ use_norm: false, reward_scale: 10, reward_bias: -5 })
    expect(antmaze.eval.evaluator).toMatchObject({ eval_freq: 50_000, n_episode: 100 })
    expect((await policyOf('cql', 'maze2d-umaze-dense-v1')).learn).toMatchObject({
      min_q_weight: 10,
      with_lagrange: true,
      lagrange_thresh: 5,
    })
    expect((await policyOf('cql', 'pen-human-v1')).learn).toMatchObject({
      min_q_weight: 1,
      with_lagrange: false,
      learning_rate_policy: 1e-4,
    })
  })

  test('cql_finetune', async () => {
    const antmaze = await policyOf('cql_finetune', 'antmaze-umaze-v2')
    expect(antmaze.learn).toMatchObject({ min_q_weight: 5, cql_alpha_online: 5, with_lagrange: true })
    expect(antmaze.model).toMatchObject({ q_n_hidden_layers: 5, init_variant: 'finetune' })
    // An iteration of CORL's online phase: one step of one environment, one update.
    const { env, policy } = await compiled(d4rl_config('cql_finetune', 'antmaze-umaze-v2'))
    expect([
      env['collector_env_num'],
      policy.collect['n_sample'],
      policy.learn['update_per_collect'],
    ]).toEqual([1, 1, 1])
    // Its buffer: 10,000,000 rows, from which each batch is drawn uniformly and with replacement.
    for (const { task } of d4rl_configs().filter((row) => row.policy === 'cql_finetune')) {
      const { other } = (await compiled(d4rl_config('cql_finetune', task))).policy
      expect(other['replay_buffer']).toMatchObject({
        type: 'naive',
        replace: true,
        replay_buffer_size: 10_000_000,
      })
    }
    const adroit = await policyOf('cql_finetune', 'door-cloned-v1')
    expect(adroit.learn).toMatchObject({
      cql_alpha_online: 1,
      with_lagrange: false,
      cql_max_target_backup: true,
      cql_clip_diff_min: -200,
    })
    expect(adroit.collect['use_norm']).toBe(false)
  })

  test('bcq, td3_bc, iql, edac, bc', async () => {
    const bcq = await compiled(d4rl_config('bcq', 'hopper-medium-expert-v0'))
    expect(bcq.env).toMatchObject({ stop_value: 3800, evaluator_env_num: 8, n_evaluator_episode: 8 })
    expect(bcq.policy.learn).toMatchObject({
      learning_rate_q: 3e-3,
      learning_rate_policy: 3e-3,
      learning_rate_vae: 3e-4,
      train_epoch: 30_000,
      batch_size: 100,
    })
    expect(bcq.policy.collect['data_path']).toBe('./data/d4rl/hopper_medium_expert.hdf5')
    expect((await policyOf('td3_bc', 'antmaze-umaze-v2')).collect['reward_norm']).toBe('iql_antmaze')
    expect((await policyOf('td3_bc', 'walker2d-random-v2')).learn).toMatchObject({
      alpha: 2.5,
      actor_update_freq: 2,
    })
    const pairs = async (task: string) => {
      const { learn } = await policyOf('iql', task)
      return [learn['beta'], learn['iql_tau']]
    }
    expect(await pairs('antmaze-medium-diverse-v2')).toEqual([10, 0.9])
    expect(await pairs('hopper-medium-expert-v2')).toEqual([6, 0.5])
    expect(await pairs('relocate-cloned-v1')).toEqual([3, 0.8])
    expect(await pairs('maze2d-large-v1')).toEqual([3, 0.7])
    expect((await policyOf('iql', 'hopper-medium-v2')).learn['target_theta']).toBe(0.001)
    const edacOf = async (task: string) => {
      const { model, learn } = await policyOf('edac', task)
      return [model['ensemble_num'], learn['eta']]
    }
    expect(await edacOf('halfcheetah-medium-expert-v2')).toEqual([10, 5])
    expect(await edacOf('hopper-medium-expert-v2')).toEqual([50, 1])
    expect(await edacOf('pen-human-v1')).toEqual([20, 1000])
    expect(await edacOf('hammer-expert-v1')).toEqual([50, 200])
    expect(await edacOf('maze2d-medium-v1')).toEqual([10, 0.1])
    expect(d4rl_train_iter('edac')).toBe(3_000_000)
    expect((await policyOf('bc', 'pen-expert-v1')).collect['use_norm']).toBe(true)
  })

  test('what is not there is refused with the nearest name', () => {
    expect(() => d4rl_config('cql', 'halfcheetah-medum-v2')).toThrow(/Did you mean "halfcheetah-medium-v2"/)
    expect(() => d4rl_config('edac', 'hopper-random-v2')).toThrow(/no settings of "edac".*td3_bc/)
  })
})

/** Some episodes of noise in D4RL's layout. */
async function syntheticFile(task: string): Promise<string> {
  const { obs_shape, action_shape } = D4RL_TASKS.get(task)!
  const random = RandomStream.fromSeed(3)
  const path = join(temporaryFolder(), `${task}.hdf5`)
  const writer = await createDatasetWriter(path, { layout: 'd4rl', env_id: 'unknown' })
  const vector = (size: number) => random.uniform(new Float32Array(size)).map((u) => 2 * u - 1)
  for (let episode = 0; episode < 3; episode++) {
    let obs = vector(obs_shape)
    const steps: Transition[] = []
    for (let step = 0; step < 12; step++) {
      const next_obs = vector(obs_shape)
      steps.push({ obs, action: vector(action_shape), reward: random.nextFloat(), next_obs, done: false })
      obs = next_obs
    }
    writer.append(steps, { truncated: true })
  }
  writer.close()
  return path
}

/** Networks and batches that are quick, and 2 updates. */
const SMALL = {
  env: { evaluator_env_num: 1, n_evaluator_episode: 1, max_episode_steps: 15 },
  policy: { learn: { batch_size: 8 } },
}

async function train(policy: string, task: string, more: object = {}) {
  const [main, create] = d4rl_config(policy, task)
  const work_dir = temporaryFolder()
  const widths = narrow((await compiled([main, create])).policy.model)
  const small = merge(structuredClone(main), SMALL, { policy: { model: widths } }, more)
  const data_path = await syntheticFile(task)
  const config: ConfigPair = [merge(small, { policy: { collect: { data_path } } }), create]
  const result = await serial_pipeline_offline(config, 0, { console: 'quiet', work_dir, max_train_iter: 2 })
  return { result, config, work_dir, folder: join(work_dir, `${task}_${policy}_seed0`) }
}

describe("a config file of DI-engine's, as it is there", () => {
  /** dizoo/d4rl/config/hopper_medium_bcq_config.py, with the keys that have another place here changed one after the other. */
  const given = (env: object, learn: object, create: object, collect: object = {}) =>
    [
      {
        exp_name: 'hopper_medium_bcq_seed0_43_v0',
        env: {
          env_id: 'hopper-medium-v0',
          collector_env_num: 1,
          evaluator_env_num: 8,
          n_evaluator_episode: 8,
          stop_value: 3500,
          ...env,
        },
        policy: {
          cuda: true,
          model: {
            obs_shape: 11,
            action_shape: 3,
            actor_head_hidden_size: [400, 300],
            critic_head_hidden_size: [400, 300],
            phi: 0.05,
          },
          learn: {
            train_epoch: 30000,
            batch_size: 100,
            learning_rate_q: 3e-3,
            learning_rate_policy: 3e-3,
            learning_rate_alpha: 3e-3,
            lmbda: 0.75,
            learner: { hook: { save_ckpt_after_iter: 1000000000 } },
            ...learn,
          },
          collect: { data_type: 'd4rl', ...collect },
          eval: { evaluator: { eval_freq: 500 } },
          other: { replay_buffer: { replay_buffer_size: 2000000 } },
        },
        seed: 123,
      },
      {
        env: { type: 'd4rl', import_names: ['dizoo.d4rl.envs.d4rl_env'], ...create },
        env_manager: { type: 'base' },
        policy: { type: 'bcq', import_names: ['ding.policy.bcq'] },
        replay_buffer: { type: 'naive' },
      },
    ] as unknown as ConfigPair

  test('is told what to change, and then is the config that comes with ding', async () => {
    const theirs = { use_act_scale: true }
    await expect(compiled(given(theirs, { data_path: null }, {}))).rejects.toThrow(
      /env\.type.*"d4rl".*env\.type is 'mujoco'.*'Hopper-v4'.*'none'.*policy\.collect\.data_path/,
    )
    const mujoco = compiled(given(theirs, { data_path: null }, { type: 'mujoco' }))
    await expect(mujoco).rejects.toThrow(/env\.use_act_scale: unknown key.*Did you mean "act_scale"/)
    await expect(mujoco).rejects.toThrow(
      /policy\.learn\.data_path: unknown key.*belongs at "policy\.collect\.data_path"/,
    )
    const data_path = './data/d4rl/hopper_medium.hdf5'
    const mended = await compiled(
      given({ env_id: 'Hopper-v4', act_scale: true }, {}, { type: 'mujoco' }, { data_path }),
    )
    const { policy, env } = await compiled(d4rl_config('bcq', 'hopper-medium-v0'))
    const learned = ({ learner: _hooks, learning_rate_alpha: _unused, ...learn }: Record<string, unknown>) =>
      learn
    expect(learned(mended.policy.learn)).toEqual(learned(policy.learn))
    expect(mended.policy.model).toEqual(policy.model)
    expect({ ...mended.env, import_names: [] }).toEqual({ ...env, act_scale: true, import_names: [] })
  })
})

describe('training from a file in D4RL’s layout', () => {
  test.each(Object.keys(D4RL_POLICIES).filter((name) => name !== 'cql_finetune'))(
    '%s on hopper-medium-expert: raw return and normalised score',
    async (policy) => {
      const { result, config, work_dir, folder } = await train(policy, 'hopper-medium-expert-v2')
      expect(result).toMatchObject({ stop_reason: 'max_train_iter', train_iter: 2 })
      const [min, max] = [-20.272305, 3234.3]
      const score = (100 * (result.eval_value - min)) / (max - min)
      expect(result.normalised_score).toBeCloseTo(score, 8)
      const written = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as Record<string, number>
      expect(written).toMatchObject({
        eval_value: result.eval_value,
        normalised_score: result.normalised_score,
      })
      const metrics = readFileSync(join(folder, 'log', 'serial', 'metrics.jsonl'), 'utf8')
      expect(metrics).toContain('evaluator_iter/normalised_score')
      expect(metrics).toContain('evaluator_iter/eval_episode_return_mean')
      const load_path = join(folder, 'ckpt', 'iteration_2.safetensors')
      const again = await evaluate(config, 0, { console: 'quiet', work_dir, load_path })
      // BCQ acts by samples.
      const close = policy === 'bcq' ? -3 : 8
      expect(again.normalised_score).toBeCloseTo(result.normalised_score!, close)
    },
  )

  test.each([
    ['cql', 'antmaze-umaze-v2'],
    ['cql_finetune', 'antmaze-umaze-v2'],
    ['iql', 'pen-human-v1'],
  ])(
    '%s on %s, for which there is no environment: it trains, and says why nothing is evaluated',
    async (policy, task) => {
      const { result, config, work_dir, folder } = await train(policy, task)
      expect(result).toMatchObject({ stop: false, stop_reason: 'max_train_iter', train_iter: 2 })
      expect(result.eval_value).toBeNaN()
      expect(result.normalised_score).toBeUndefined()
      expect(existsSync(join(folder, 'ckpt', 'ckpt_best.safetensors'))).toBe(false)
      expect(existsSync(join(folder, 'ckpt', 'iteration_2.safetensors'))).toBe(true)
      const on = await resume_pipeline(folder, { console: 'quiet', max_train_iter: 3 })
      expect(on.train_iter).toBe(3)
      const load_path = join(folder, 'ckpt', 'iteration_2.safetensors')
      await expect(evaluate(config, 0, { console: 'quiet', work_dir, load_path })).rejects.toThrow(
        /Nothing can be evaluated: env.type/,
      )
    },
  )

  test('env.type none is for data alone', async () => {
    const [main, create] = d4rl_config('td3_bc', 'pen-human-v1')
    const online: ConfigPair = [
      merge(structuredClone(main), { policy: { collect: { use_norm: false, data_path: '' } } }),
      create,
    ]
    await expect(
      serial_pipeline(online, 0, { console: 'quiet', work_dir: temporaryFolder() }),
    ).rejects.toThrow(/env.type is 'none': there is no environment/)
  })
})
