import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import pendulum from '../../configs/pendulum/pendulum_cql_finetune_config.js'
import {
  BaseEnv,
  Box,
  type ConfigPair,
  createDataset,
  ENV_REGISTRY,
  RandomStream,
  type RunResult,
  type StepOutcome,
} from '../../ding/index.js'
import { type HostTensor, loadState, type StateTree } from '../../ding/utils/index.js'
import { main } from '../../entry/cli.js'
import {
  collect_demo_data,
  evaluate,
  resume_pipeline,
  serial_pipeline_offline_to_online,
} from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

const STEPS = 6

/** Six steps, rewards 1 ... 6 and a tenth of the action; in every other episode the goal is reached by the third step, and lost again. */
class Strip extends BaseEnv<Float32Array, Float32Array> {
  readonly observation_space = new Box(-10, 10, [3])
  readonly action_space = new Box(-1, 1, [1])
  private t = 0
  private episode = 0

  constructor() {
    super('Strip-v0', STEPS)
  }

  private seen(action: number): Float32Array {
    return Float32Array.of(this.t, action, this.episode % 2)
  }

  protected begin(): Float32Array {
    this.t = 0
    this.episode++
    return this.seen(0)
  }

  protected advance(action: Float32Array): StepOutcome<Float32Array> {
    this.t++
    const a = action[0] as number
    const goal_achieved = this.t === 3 && this.episode % 2 === 1
    return { obs: this.seen(a), reward: this.t + a / 10, terminated: false, info: { goal_achieved } }
  }

  protected override saveState() {
    return { t: this.t, episode: this.episode }
  }

  protected override restoreState(state: { t: number; episode: number }): void {
    this.t = state.t
    this.episode = state.episode
  }
}
ENV_REGISTRY.register('strip', Strip as never)

const OFFLINE = 9
const ONLINE = 14
const quiet = { console: 'quiet' } as const
const NETS = { actor_head_hidden_size: 8, critic_head_hidden_size: 8 }

interface Part {
  readonly model?: object
  readonly learn?: object
  readonly collect?: object
  readonly policy?: object
  readonly env?: object
  readonly buffer?: string
  readonly size?: number
}

function configOf(type: string, part: Part = {}): ConfigPair {
  return [
    {
      exp_name: 'run',
      env: {
        collector_env_num: 1,
        evaluator_env_num: 1,
        n_evaluator_episode: 2,
        stop_value: 1e9,
        ...part.env,
      },
      policy: {
        model: { obs_shape: 3, action_shape: 1, ...part.model },
        learn: { batch_size: 8, offline_iterations: OFFLINE, online_iterations: ONLINE, ...part.learn },
        collect: { data_path, use_norm: true, ...part.collect },
        eval: { evaluator: { eval_freq: 5 } },
        other: { replay_buffer: { replay_buffer_size: part.size ?? 200 } },
        ...part.policy,
      },
    },
    { env: { type: 'strip' }, policy: { type }, replay_buffer: { type: part.buffer ?? 'naive' } },
  ] as unknown as ConfigPair
}

const cql = (part: Part = {}) =>
  configOf('cql', {
    ...part,
    model: NETS,
    learn: { num_actions: 2, cql_alpha_online: 0.25, ...part.learn },
  })

let data_path = ''
beforeAll(async () => {
  data_path = join(mkdtempSync(join(tmpdir(), 'ding-')), 'random.hdf5')
  await collect_demo_data(cql(), 0, {
    ...quiet,
    work_dir: join(data_path, '..'),
    random_policy: true,
    collect_count: 60,
    expert_data_path: data_path,
  })
  return () => rmSync(join(data_path, '..'), { recursive: true, force: true })
})

const stateFile = (work_dir: string) => join(work_dir, 'run', 'ckpt', 'run_state.safetensors')

/** A run with stops at these training iterations, to its end. */
async function run(config: ConfigPair, stops: readonly number[] = [], work_dir = temporaryFolder()) {
  const limits = stops.map((max_train_iter) => ({ max_train_iter }))
  let result: RunResult | undefined
  // A run that is resumed without limits keeps those that it had.
  for (const limit of [...limits, { max_train_iter: 1e10 }]) {
    result =
      result === undefined
        ? await serial_pipeline_offline_to_online(config, 4, { ...quiet, work_dir, ...limit })
        : await resume_pipeline(join(work_dir, 'run'), { ...quiet, ...limit })
  }
  return { work_dir, result: result as RunResult, state: readFileSync(stateFile(work_dir)) }
}

function scalars(work_dir: string): Map<string, [number, number][]> {
  const found = new Map<string, [number, number][]>()
  for (const line of readFileSync(join(work_dir, 'run/log/serial/metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')) {
    const { kind, tag, step, value } = JSON.parse(line) as {
      kind: string
      tag: string
      step: number
      value: number
    }
    if (kind === 'scalar') found.set(tag, [...(found.get(tag) ?? []), [step, value]])
  }
  return found
}

const buffered = (work_dir: string) =>
  ((loadState(stateFile(work_dir)).tree['buffer'] as StateTree)['data'] ?? {}) as Record<string, HostTensor>

describe('serial_pipeline_offline_to_online', () => {
  test('collects into the buffer that begins with the data, with rewards, observations and columns as the data have them', async () => {
    const collect = { env_id: 'hopper-medium-v2', normalize_reward: true, reward_scale: 2, reward_bias: -1 }
    const { work_dir, result } = await run(cql({ collect }))
    expect(result).toMatchObject({
      stop_reason: 'max_env_step',
      train_iter: OFFLINE + ONLINE,
      env_step: ONLINE,
    })
    const dataset = await createDataset(
      { data_path, use_norm: true, ...collect },
      { random: RandomStream.fromSeed(0), raw_obs: true },
    )
    const rows = buffered(work_dir)
    for (const [key, column] of Object.entries(dataset.batch_columns as Record<string, HostTensor>)) {
      const { data } = rows[key] as HostTensor
      expect(data.length, key).toBe((column.data.length / dataset.count) * (dataset.count + ONLINE))
      expect(data.slice(0, column.data.length), key).toEqual(column.data)
    }
    const { scale, bias } = dataset.reward_transform
    expect(scale).toBeGreaterThan(10)
    expect(bias).toBe(-1)
    for (let i = dataset.count; i < dataset.count + ONLINE; i++) {
      const raw = (rows['next_obs']?.data[3 * i] as number) + (rows['action']?.data[i] as number) / 10
      expect(rows['reward']?.data[i]).toBeCloseTo(scale * raw + bias, 2)
      expect(rows['done']?.data[i]).toBe(0)
    }
    const policy = loadState(join(work_dir, 'run/ckpt', `iteration_${OFFLINE + ONLINE}.safetensors`)).tree
    const { mean } = (policy['normalisation'] as StateTree)['fixed'] as { mean: number[] }
    expect(mean).toEqual(dataset.obs_norm?.mean)
  })

  test('evaluates both phases over training iterations, at the switch too, and logs success, regret and scores as CORL', async () => {
    const collect = { env_id: 'hopper-medium-v2' }
    const { work_dir, result } = await run(cql({ collect }))
    const logged = scalars(work_dir)
    const evaluated = logged.get('evaluator_iter/eval_episode_return_mean') as [number, number][]
    expect(evaluated.map(([iter]) => iter)).toEqual([0, 5, 9, 14, 19, 23])
    expect(result.offline_eval_value).toBeCloseTo(evaluated[2]?.[1] as number)
    expect(logged.get('evaluator_step/eval_episode_return_mean')?.map(([step]) => step)).toEqual([5, 10, 14])
    // Two whole episodes, of which the first succeeds.
    expect(logged.get('train/is_success')).toEqual([
      [14, 1],
      [20, 0],
    ])
    expect(logged.get('train/regret')).toEqual([
      [14, 0],
      [20, 0.5],
    ])
    expect(result.regret).toBe(0.5)
    expect(logged.get('train/episode_length')?.map(([, value]) => value)).toEqual([STEPS, STEPS])
    const [[, collected] = [0, 0]] = logged.get('train/episode_return') ?? []
    expect(Math.abs(collected - 21)).toBeLessThan(0.6)
    const score = (value: number) => (100 * (value + 20.272305)) / (3234.3 + 20.272305)
    expect(logged.get('train/d4rl_normalized_episode_return')?.[0]?.[1]).toBeCloseTo(score(collected))
    expect(logged.get('eval/d4rl_normalized_score')?.map(([iter]) => iter)).toEqual([0, 5, 9, 14, 19, 23])
    expect(logged.get('eval/success_rate')?.length).toBe(6)
    expect(logged.get('eval/success_rate')?.every(([, value]) => value === 0.5)).toBe(true)
    expect(logged.get('eval/regret')).toEqual([
      [19, 0],
      [23, 0.5],
    ])
    expect(logged.get('offline_iter')?.map(([, value]) => value)).toEqual([0, 5, 9])
    expect(logged.get('online_iter')?.map(([, value]) => value)).toEqual([5, 10, 14])
  })

  test('cql weighs its conservative term by cql_alpha_online from the switch on', async () => {
    const { work_dir } = await run(
      cql({ learn: { min_q_weight: 3, learner: { hook: { log_show_after_iter: 1 } } } }),
    )
    // Means of the last ten updates.
    const weights = scalars(work_dir).get('learner_iter/min_q_weight_avg') as [number, number][]
    expect(weights.filter(([iter]) => iter <= OFFLINE).every(([, value]) => value === 3)).toBe(true)
    expect(weights.at(OFFLINE)?.[1]).toBeLessThan(3)
    expect(weights.at(-1)).toEqual([OFFLINE + ONLINE, 0.25])
    const { tree } = loadState(stateFile(work_dir))
    expect(((tree['learner'] as StateTree)['policy'] as StateTree)['online']).toBe(true)
    const before = loadState(join(work_dir, 'run/ckpt/ckpt_offline.safetensors')).tree
    expect(before['online']).toBe(false)
    expect(before['last_iter']).toBe(OFFLINE)
  })

  test.each([
    ['within both phases', [4, 17]],
    ['at the switch and around it', [8, 9, 10]],
  ])('resumes to the same bytes: stops %s', async (_where, stops) => {
    const config = cql({
      env: { collector_env_num: 2 },
      collect: { n_sample: 2, reward_norm: 'normalize' },
      policy: { nstep: 2 },
      learn: { update_per_collect: 2 },
    })
    const straight = await run(config)
    expect((await run(config, stops)).state.equals(straight.state)).toBe(true)
  })

  test('a checkpoint from behind the switch begins a new run, which learns offline until its own', async () => {
    const every = { log_show_after_iter: 1 }
    const learn = { min_q_weight: 3, learner: { hook: every } }
    const { work_dir } = await run(cql({ learn }))
    const load_ckpt_before_run = join(work_dir, 'run', 'ckpt', `iteration_${OFFLINE + ONLINE}.safetensors`)
    expect(loadState(load_ckpt_before_run).tree['online']).toBe(true)
    const offline_iterations = OFFLINE + ONLINE + 2
    const next = await run(
      cql({ learn: { ...learn, offline_iterations, learner: { hook: { ...every, load_ckpt_before_run } } } }),
    )
    const weights = scalars(next.work_dir).get('learner_iter/min_q_weight_avg') as [number, number][]
    expect(weights[1]).toEqual([offline_iterations, 3])
    expect(weights.at(-1)).toEqual([offline_iterations + ONLINE, 0.25])
  })

  test('resumes at any round to the same bytes', async () => {
    const random = RandomStream.fromSeed(11)
    const config = configOf('td3_bc', {
      model: NETS,
      policy: { priority: true },
      buffer: 'advanced',
      collect: { noise_sigma: 0.3 },
    })
    const straight = await run(config)
    const stops = [random.nextInt(1, OFFLINE), random.nextInt(OFFLINE, OFFLINE + ONLINE)]
    const { state, result } = await run(config, stops)
    expect(state.equals(straight.state), `stops ${stops}`).toBe(true)
    expect(result.eval_value_raw).toEqual(straight.result.eval_value_raw)
  })

  test.each([
    ['iql', { actor_hidden_size: [8], critic_hidden_size: [8], value_hidden_size: [8] }, {}],
    ['edac', { ...NETS, ensemble_num: 2 }, {}],
    ['bcq', { actor_head_hidden_size: [8], critic_head_hidden_size: [8], vae_hidden_dims: [8, 8] }, {}],
    [
      'bc',
      { actor_head_hidden_size: 8 },
      { policy: { continuous: true, loss_type: 'mse_loss' }, collect: { n_sample: 1 } },
    ],
  ])('%s learns from data and goes on, across a stop at the switch', async (type, model, part) => {
    const config = configOf(type, { model, ...part })
    const straight = await run(config)
    expect(straight.result).toMatchObject({ train_iter: OFFLINE + ONLINE, env_step: ONLINE })
    expect((await run(config, [OFFLINE])).state.equals(straight.state)).toBe(true)
  })

  test('the dataset is not needed any more when a run is resumed', async () => {
    const work_dir = temporaryFolder()
    const moved = join(work_dir, 'data.hdf5')
    copyFileSync(data_path, moved)
    const config = cql({ collect: { data_path: moved } })
    await serial_pipeline_offline_to_online(config, 4, { ...quiet, work_dir, max_train_iter: 4 })
    rmSync(moved)
    const result = await resume_pipeline(join(work_dir, 'run'), { ...quiet, max_env_step: 3 })
    expect(result).toMatchObject({ stop_reason: 'max_env_step', env_step: 3, train_iter: OFFLINE + 3 })
  })

  test('the stop value ends the second phase only; either phase may be empty', async () => {
    const soon = await run(cql({ env: { stop_value: 0 } }))
    expect(soon.result).toMatchObject({ stop_reason: 'stop_value', train_iter: 14, env_step: 5 })
    const offline = await run(cql({ learn: { online_iterations: 0 } }))
    expect(offline.result).toMatchObject({ stop_reason: 'max_env_step', train_iter: OFFLINE, env_step: 0 })
    const online = await run(cql({ learn: { offline_iterations: 0 } }))
    expect(online.result).toMatchObject({ train_iter: ONLINE, env_step: ONLINE })
    const load_path = join(online.work_dir, 'run/ckpt', `iteration_${ONLINE}.safetensors`)
    const again = await evaluate(cql(), 4, { ...quiet, work_dir: online.work_dir, load_path })
    expect(again.eval_value_raw).toEqual(online.result.eval_value_raw)
  })

  test.each<[string, () => ConfigPair, RegExp]>([
    [
      'a buffer smaller than the data',
      () => cql({ size: 20 }),
      /more than policy\.other\.replay_buffer\.replay_buffer_size \(20\)/,
    ],
    [
      'running statistics',
      () => cql({ collect: { use_norm: false }, policy: { vec_normalize: { norm_obs: true } } }),
      /policy\.vec_normalize\.norm_obs/,
    ],
    [
      'train_epoch',
      () => cql({ learn: { train_epoch: 2 } }),
      /policy\.learn\.train_epoch.*offline_iterations/,
    ],
    [
      'a buffer that relabels goals',
      () => cql({ buffer: 'her' }),
      /create_config\.replay_buffer\.type is "her"/,
    ],
    ['a missing file', () => cql({ collect: { data_path: 'nowhere.hdf5' } }), /nowhere\.hdf5/],
  ])('%s is refused, and leaves no folder', async (_name, config, message) => {
    const work_dir = temporaryFolder()
    const options = { ...quiet, work_dir }
    await expect(serial_pipeline_offline_to_online(config(), 0, options)).rejects.toThrow(message)
    expect(existsSync(join(work_dir, 'run'))).toBe(false)
  })

  test('a batch that the data do not fill ends it', async () => {
    const options = { ...quiet, work_dir: temporaryFolder() }
    await expect(
      serial_pipeline_offline_to_online(cql({ learn: { batch_size: 150 } }), 0, options),
    ).rejects.toThrow(/gives no batch of them/)
  })

  test('the command line runs it, with its limits, and resumes it', async () => {
    const work_dir = temporaryFolder()
    const [main_config, create_config] = cql()
    writeFileSync(join(work_dir, 'config.json'), JSON.stringify({ main_config, create_config }))
    const before = process.cwd()
    onTestFinished(() => process.chdir(before))
    process.chdir(work_dir)
    const mode = ['-m', 'serial_offline_to_online', '-c', 'config.json']
    expect(await main([...mode, '--train-iter', '5', '--quiet'])).toBe(0)
    expect(await main(['--resume', 'run', '--env-step', '2', '--quiet'])).toBe(0)
    const result = JSON.parse(readFileSync(join(work_dir, 'run', 'result.json'), 'utf8')) as RunResult
    expect(result).toMatchObject({ env_step: 2, train_iter: OFFLINE + 2, stop_reason: 'max_env_step' })
  })

  test('the shipped config goes through both phases', async () => {
    const work_dir = temporaryFolder()
    const data = join(work_dir, 'data.hdf5')
    const random = { random_policy: true, collect_count: 300, expert_data_path: data }
    await collect_demo_data(pendulum, 0, { ...quiet, work_dir, ...random })
    const result = await serial_pipeline_offline_to_online(pendulum, 0, {
      ...quiet,
      work_dir,
      overrides: [
        ['policy.collect.data_type', 'auto'],
        ['policy.collect.data_path', data],
        ['policy.learn.offline_iterations', 2],
        ['policy.learn.online_iterations', 2],
        ['env.n_evaluator_episode', 1],
      ],
    })
    expect(result).toMatchObject({ train_iter: 4, env_step: 2, stop_reason: 'max_env_step' })
    expect(Number.isFinite(result.offline_eval_value)).toBe(true)
  })
})
