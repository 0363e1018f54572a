import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CQN } from '../../../ding/agent/index.js'
import { RandomStream } from '../../../ding/compute/index.js'
import { createDataset } from '../../../ding/data/index.js'
import {
  collect_demo_data,
  evaluate,
  loadState,
  type PipelineOptions,
  resume_pipeline,
  serial_pipeline,
  serial_pipeline_offline,
} from '../../../entry/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { EXAMPLES } from './pages.js'

/** Trains an example's config in a folder of its own. */
function train(config: string, options: PipelineOptions) {
  return serial_pipeline(join(EXAMPLES, config), 0, {
    console: 'quiet',
    work_dir: temporaryFolder(),
    ...options,
  })
}

describe('getting started', () => {
  test('the config trains', async () => {
    const { train_iter } = await train('getting_started/my_config.ts', { max_train_iter: 50 })
    expect(train_iter).toBeGreaterThanOrEqual(50)
  })
})

describe('programs', () => {
  test('the line is fitted', async () => {
    const { result } = await import('../../fixtures/docs/concepts/line_fit.js')
    expect(result.loss).toBeLessThan(1e-6)
    expect(result.w[0]).toBeCloseTo(2, 3)
    expect(result.w[1]).toBeCloseTo(-1, 3)
  })
})

describe('own policy', () => {
  test('Munchausen DQN learns from its own module', async () => {
    const { eval_value, policy } = await train('own_policy/munchausen_config.ts', { max_train_iter: 1200 })
    expect(policy.constructor.name).toBe('MunchausenDQN')
    expect(eval_value).toBeGreaterThan(100)
  })

  test('it resumes to the state of a run that went straight through', async () => {
    const straight = temporaryFolder()
    await train('own_policy/munchausen_config.ts', { work_dir: straight, max_train_iter: 120 })
    const broken = temporaryFolder()
    const { exp_name } = await train('own_policy/munchausen_config.ts', {
      work_dir: broken,
      max_train_iter: 60,
    })
    await resume_pipeline(exp_name, { console: 'quiet', max_train_iter: 120 })
    const weights = (folder: string) =>
      readFileSync(join(folder, 'cartpole_munchausen_seed0', 'ckpt', 'iteration_120.safetensors'))
    expect(weights(broken).equals(weights(straight))).toBe(true)
  })

  test('the JavaScript policy explores by temperature and learns', async () => {
    const { eval_value, policy } = await train('own_policy/boltzmann_config.mjs', { max_train_iter: 600 })
    expect(policy.constructor.name).toBe('BoltzmannDQN')
    expect(policy.command_mode.get_setting_collect({ env_step: 0, train_iter: 0 })).toEqual({
      temperature: 2,
    })
    expect(eval_value).toBeGreaterThan(100)
  })

  test('the variation of SAC is an agent too, that learns and comes back from its file', async () => {
    const { PessimisticSACAgent } = await import('../../fixtures/docs/own_policy/pessimistic_agent.js')
    const agent = new PessimisticSACAgent({
      env: 'Pendulum-v1',
      pessimism: 0.5,
      learning_starts: 10,
      seed: 0,
      policy_kwargs: { net_arch: [8] },
    })
    await agent.learn({ total_timesteps: 20 })
    const { policy } = (await agent.config()).main_config
    expect(policy).toMatchObject({
      type: 'pessimistic_sac',
      random_collect_size: 10,
      learn: { pessimism: 0.5, learning_rate_q: 1e-3, learning_rate_alpha: 1e-3, init_w: null },
      model: { n_critics: 5, net_arch: [8] },
    })
    const path = join(temporaryFolder(), 'agent.safetensors')
    await agent.save(path)
    const twin = await PessimisticSACAgent.load(path)
    const obs = Float32Array.of(1, 0, 0)
    expect(await twin.predict(obs)).toEqual(await agent.predict(obs))
    await agent.close()
    await twin.close()
    expect(() => new PessimisticSACAgent({ pesimism: 1 } as never)).toThrow(/Did you mean "pessimism"/)
  })

  test('the variation of SAC learns Pendulum, with its own key', async () => {
    const short = { max_env_step: 5000 }
    const { eval_value, policy } = await train('own_policy/pessimistic_config.ts', short)
    expect(policy.constructor.name).toBe('PessimisticSAC')
    expect(policy.cfg.learn).toMatchObject({ pessimism: 0.5, target_theta: 0.005 })
    // A policy that has learned nothing is at -1200 or so.
    expect(eval_value).toBeGreaterThan(-400)
  }, 60_000)
})

describe('own model', () => {
  test('the residual network is built from policy.model and trained', async () => {
    const { train_iter, policy } = await train('own_model/residual_q_config.ts', { max_train_iter: 200 })
    expect(train_iter).toBe(200)
    const state = policy.eval_mode.state_dict()['model'] as Record<string, { shape: number[] }>
    expect(state['body.1.up.weight']?.shape).toEqual([64, 32])
  })
})

describe('own actor and critics', () => {
  test('SAC trains them, and their config is saved and loaded', async () => {
    const { policy, exp_name } = await train('own_model/layer_norm_sac_config.ts', { max_train_iter: 20 })
    const weights = policy.eval_mode.state_dict()['model'] as Record<string, { shape: number[] }>
    expect(weights['critic.q.0.weight']?.shape).toEqual([2, 4, 64])
    const again = { console: 'quiet', load_path: join(exp_name, 'ckpt', 'iteration_20.safetensors') } as const
    expect((await evaluate(join(exp_name, 'total_config.json'), 0, again)).train_iter).toBe(20)
  })

  test('a key that they lack is an error still where it is given', async () => {
    const overrides = [['policy.model.twin_critic', false]] as const
    await expect(train('own_model/layer_norm_sac_config.ts', { overrides })).rejects.toThrow(
      /policy\.model.*twin_critic: unknown key/s,
    )
  })
})

describe('own environment', () => {
  test('the corridor is solved', async () => {
    expect(await train('own_environment/corridor_config.ts', { max_train_iter: 1000 })).toMatchObject({
      stop: true,
    })
  })

  test('the thermostat of plain JavaScript, through wrapEnv, is solved', async () => {
    expect(await train('own_environment/thermostat_config.json', { max_train_iter: 1000 })).toMatchObject({
      stop: true,
    })
  })
})

describe('offline data', () => {
  /** The file that the guide has collected, smaller. */
  async function collected() {
    const folder = temporaryFolder()
    const data_path = join(folder, 'cartpole_random.hdf5')
    await collect_demo_data(join(EXAMPLES, 'offline_data/my_offline.ts'), 0, {
      console: 'quiet',
      work_dir: folder,
      random_policy: true,
      collect_count: 4000,
      expert_data_path: data_path,
    })
    return { folder, data_path }
  }

  test('the config learns more than the random play in its file', async () => {
    const { folder, data_path } = await collected()
    const { eval_value } = await serial_pipeline_offline(join(EXAMPLES, 'offline_data/my_offline.ts'), 0, {
      console: 'quiet',
      work_dir: folder,
      max_train_iter: 2000,
      overrides: [['policy.collect.data_path', data_path]],
    })
    const data = await createDataset({ data_path }, { random: RandomStream.fromSeed(0) })
    expect(eval_value).toBeGreaterThan(1.5 * data.statistics.returns.mean)
  })

  test('a layout of its own is read from a text file', async () => {
    await import('../../fixtures/docs/offline_data/csv_dataset.js')
    const data_path = join(temporaryFolder(), 'steps.csv')
    // Two episodes: one terminates, one is cut at a time limit, so that its last step has no successor.
    writeFileSync(data_path, '0,1,0,1,0,0\n2,3,1,5,1,0\n4,5,0,7,0,0\n6,7,1,9,0,1\n')
    const made = createDataset({ data_path, data_type: 'csv' }, { random: RandomStream.fromSeed(0) })
    const { statistics, batch_columns: columns } = await made
    expect(statistics).toMatchObject({ size: 3, episodes: 2, terminations: 1, timeouts: 1 })
    expect(columns).toMatchObject({
      obs: { shape: [3, 2], data: Float32Array.of(0, 1, 2, 3, 4, 5) },
      action: { dtype: 'int32', data: Int32Array.of(0, 1, 0) },
      reward: { data: Float32Array.of(1, 5, 7) },
    })
    writeFileSync(data_path, '0,1,0,1\n')
    await expect(
      createDataset({ data_path, data_type: 'csv' }, { random: RandomStream.fromSeed(0) }),
    ).rejects.toThrow(/steps\.csv.*5 or more/)
  })

  test('a population of agents learns, and the best is loaded from its file', async () => {
    const { folder, data_path } = await collected()
    const { trainPopulation, play } = await import('../../fixtures/docs/cqn_agent/population.js')
    const checkpoint = join(folder, 'best.safetensors')
    expect(await trainPopulation(data_path, 3000, checkpoint)).toBeGreaterThan(40)
    expect(await play(checkpoint)).toBeGreaterThan(20)
  })

  test('a population evolves, goes on, and its best agent is loaded from its file', async () => {
    const { folder, data_path } = await collected()
    const { evolve } = await import('../../fixtures/docs/evolution/evolve.js')
    await evolve(data_path, folder, 500)
    expect(await evolve(data_path, folder, 1000)).toBeGreaterThan(15)
    const elite = await CQN.load(join(folder, 'evolution_elite.safetensors'))
    expect(elite.steps.at(-1)).toBe(1000)
    await elite.clean_up()
  })
})

describe('own parts', () => {
  test('buffer, wrappers and hook of one config all do their work', async () => {
    const { exp_name, env_step, policy } = await train('own_parts/config.ts', { max_train_iter: 40 })
    expect(policy.constructor.name).toBe('SecondBestDQN')
    const { buffer } = loadState(join(exp_name, 'ckpt', 'run_state.safetensors')).tree
    expect(buffer).toMatchObject({ filled: 2 * env_step })
    const ckpt = (name: string) => existsSync(join(exp_name, 'ckpt', `${name}.safetensors`))
    expect([1, 2, 4, 8, 16, 32].filter((n) => !ckpt(`iteration_${n}`))).toEqual([])
    expect(ckpt('iteration_3')).toBe(false)
  })
})
