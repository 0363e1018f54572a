import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BaseEnv,
  Box,
  baseEnvConfig,
  type ConfigPair,
  compile_config,
  createDataset,
  ENV_REGISTRY,
  RandomStream,
  type StateTree,
  type StepOutcome,
} from 'ding'
import { describe, expect, test } from 'vitest'
import { type DataTask, FILES, makeOfflineData, trainingConfig } from '../../../scripts/offline_data.js'
import { chooseLevels, readCurve } from '../../../scripts/offline_levels.js'
import { TASKS } from '../../../scripts/offline_tasks.js'
import { temporaryFolder } from '../../fixtures/configs.js'

/** Ten steps with one best answer, 0.9; the observation counts them. */
class Ask extends BaseEnv<Float32Array, Float32Array> {
  static readonly config = baseEnvConfig
  private count = 0
  readonly observation_space = new Box(-1, 1, [1])
  readonly action_space = new Box(-1, 1, [1])
  readonly native_action_space = new Box(-2, 2, [1])

  constructor() {
    super('Ask-v0', 10)
  }

  protected override begin(): Float32Array {
    this.count = 0
    return Float32Array.of(0)
  }

  protected override advance(action: Float32Array): StepOutcome<Float32Array> {
    this.count++
    return { obs: Float32Array.of(this.count / 10), reward: -((action[0]! - 0.9) ** 2), terminated: false }
  }

  protected override saveState() {
    return { count: this.count }
  }

  protected override restoreState(state: StateTree): void {
    this.count = state['count'] as number
  }
}
ENV_REGISTRY.register('ask', Ask as never)

const sac: ConfigPair = [
  {
    exp_name: 'ask',
    env: { evaluator_env_num: 1 },
    policy: {
      random_collect_size: 40,
      model: { obs_shape: 1, action_shape: 1, actor_head_hidden_size: 8, critic_head_hidden_size: 8 },
      learn: {
        batch_size: 16,
        learning_rate_q: 0.01,
        learning_rate_policy: 0.01,
        alpha: 0.01,
        auto_alpha: false,
        discount_factor: 0,
      },
    },
  },
  { env: { type: 'ask' }, policy: { type: 'sac' } },
]

/** Its random steps do not fill a batch, as those of the shipped Pendulum config: updates begin later. */
const crossq: ConfigPair = [
  {
    exp_name: 'ask',
    env: { evaluator_env_num: 1 },
    policy: {
      random_collect_size: 6,
      model: { obs_shape: 1, action_shape: 1, net_arch: [8] },
      learn: {
        batch_size: 16,
        learning_rate_q: 0.01,
        learning_rate_policy: 0.01,
        actor_update_freq: 1,
        ent_coef: 0.01,
        discount_factor: 0,
      },
    },
  },
  { env: { type: 'ask' }, policy: { type: 'crossq' } },
]

const task: DataTask = {
  env_id: 'Ask-v0',
  configs: { sac, crossq },
  steps: 340,
  steps_per_update: 1,
  check_every: 10,
  rows: 60,
}

const optionsIn = (folder: string) => ({
  out: join(folder, 'out'),
  work: join(folder, 'work'),
  policy: 'sac',
  seed: 0,
  steps: task.steps,
  check_every: task.check_every,
  rows: task.rows,
  console: 'quiet' as const,
})

interface Manifest {
  readonly env_id: string
  readonly policy: string
  readonly seeds: Record<string, number>
  readonly versions: Record<string, string>
  readonly training: {
    readonly env_steps: number
    readonly random_steps: number
    readonly steps_per_update: number
    readonly check_every: number
    readonly evaluations: [train_iter: number, return_mean: number][]
  }
  readonly levels: {
    readonly threshold: number
    readonly random: { return_mean: number }
    readonly medium: { return_mean: number; train_iter: number }
    readonly expert: { return_mean: number; train_iter: number }
  }
  readonly files: Record<string, { transitions: number; return_mean: number; bytes: number; sha256: string }>
}

const manifestIn = (out: string) => JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as Manifest

describe('makeOfflineData', () => {
  test('writes five files and a manifest; an interruption only costs time', async () => {
    const whole = temporaryFolder()
    expect(await makeOfflineData(task, optionsIn(whole))).toBe(true)
    const { out } = optionsIn(whole)
    const manifest = manifestIn(out)
    const { levels, files } = manifest
    expect(manifest).toMatchObject({
      env_id: 'Ask-v0',
      policy: 'sac',
      seeds: { training: 0, random: 1, medium: 2, expert: 3 },
      training: { env_steps: 340, random_steps: 40, steps_per_update: 1, check_every: 10 },
    })
    expect(manifest.versions).toMatchObject({ node: process.versions.node })
    const { version, dependencies } = JSON.parse(
      readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
    ) as {
      version: string
      dependencies: Record<string, string>
    }
    expect(manifest.versions['ding']).toBe(version)
    for (const name of ['@mujoco/mujoco', 'onnxruntime-node', 'h5wasm'])
      expect(manifest.versions[name]).toBe(dependencies[name])
    const { evaluations } = manifest.training
    expect(evaluations.map(([train_iter]) => train_iter)).toEqual(
      Array.from({ length: 30 }, (_, i) => 10 * (i + 1)),
    )
    for (const { train_iter, return_mean } of [levels.medium, levels.expert])
      expect(evaluations).toContainEqual([train_iter, return_mean])
    expect(levels.threshold).toBeCloseTo(
      levels.random.return_mean + (levels.expert.return_mean - levels.random.return_mean) / 3,
      2,
    )
    expect(levels.medium.return_mean).toBeGreaterThanOrEqual(levels.threshold - 1e-3)
    expect(levels.medium.train_iter).toBeLessThan(levels.expert.train_iter)
    expect(Object.keys(files)).toEqual(FILES.map((name) => `${name}.hdf5`))
    const of = (name: string) => files[`${name}.hdf5`]!
    expect([of('random'), of('medium'), of('expert')].map(({ transitions }) => transitions)).toEqual([
      60, 60, 60,
    ])
    expect(of('medium-expert').transitions).toBe(120)
    // All that had been collected by then: the random steps and one step an update.
    expect(of('medium-replay').transitions).toBe(40 + levels.medium.train_iter)
    expect(of('random').return_mean).toBeLessThan(of('medium').return_mean)
    expect(of('medium').return_mean).toBeLessThan(of('expert').return_mean)
    for (const [name, { bytes, sha256 }] of Object.entries(files)) {
      const path = join(out, name)
      expect(statSync(path).size).toBe(bytes)
      expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(sha256)
    }
    // Actions are the environment's: the policy's times 2. Episodes end at the time limit.
    const data = await createDataset(
      { data_path: join(out, 'random.hdf5') },
      { random: RandomStream.fromSeed(0) },
    )
    expect(data).toMatchObject({ env_id: 'Ask-v0', count: 60 })
    expect(data.statistics).toMatchObject({ episodes: 6, terminations: 0, timeouts: 6 })
    const highest = data.statistics.action_bounds.max[0]!
    expect(highest).toBeGreaterThan(1)
    expect(highest).toBeLessThanOrEqual(2)

    const parts = temporaryFolder()
    const signal = AbortSignal.abort()
    expect(await makeOfflineData(task, { ...optionsIn(parts), signal })).toBe(false)
    expect(existsSync(join(parts, 'out', 'manifest.json'))).toBe(false)
    expect(await makeOfflineData(task, optionsIn(parts))).toBe(true)
    const again = manifestIn(join(parts, 'out'))
    expect(again.levels).toEqual(levels)

    // What is there is kept; what is missing is made, and its rows come out the same. HDF5 writes the time into a file, so
    // that the digest of the one made anew differs.
    rmSync(join(parts, 'out', 'medium-expert.hdf5'))
    expect(await makeOfflineData(task, optionsIn(parts))).toBe(true)
    const last = manifestIn(join(parts, 'out'))
    const remade = 'medium-expert.hdf5'
    expect({ ...last.files[remade], sha256: '' }).toEqual({ ...again.files[remade], sha256: '' })
    expect({ ...last, files: { ...last.files, [remade]: again.files[remade] } }).toEqual(again)
    const elsewhere = { ...optionsIn(parts), out: join(parts, 'elsewhere') }
    await expect(makeOfflineData(task, { ...elsewhere, seed: 1 })).rejects.toThrow(/other settings.*--work/)
  })

  test('medium-replay has all that was collected, too, where the random steps did not fill a batch', async () => {
    const options = { ...optionsIn(temporaryFolder()), policy: 'crossq', seed: 1 }
    expect(await makeOfflineData(task, options)).toBe(true)
    const { policy, seeds, training, levels, files } = manifestIn(options.out)
    expect(policy).toBe('crossq')
    expect(seeds).toEqual({ training: 1, random: 2, medium: 3, expert: 4 })
    expect(training.random_steps).toBe(6)
    // The first update came with the 16th transition.
    expect(files['medium-replay.hdf5']!.transitions).toBe(15 + levels.medium.train_iter)
  })

  test.each(
    Object.entries(TASKS).flatMap(([name, own]) =>
      Object.keys(own.configs).map((policy) => [name, policy, own] as const),
    ),
  )('%s with %s: its own environment, one update every so many steps', async (_, policy, own) => {
    const [main, create] = trainingConfig(own, { ...own, policy })
    const { main_config, create_config } = await compile_config(main, create, {
      save: false,
      env: {},
      renew_dir: false,
    })
    expect(create_config.policy.type).toBe(policy)
    expect(create_config.replay_buffer.type).toBe('naive')
    expect(main_config).toMatchObject({
      env: { env_id: own.env_id, collector_env_num: 1, stop_value: Infinity },
      policy: {
        learn: { update_per_collect: 1, learner: { hook: { save_ckpt_after_iter: own.check_every } } },
        collect: { n_sample: own.steps_per_update },
        eval: { evaluator: { eval_freq: own.check_every } },
        other: { replay_buffer: { replay_buffer_size: own.steps } },
      },
    })
  })

  test('the files of another run are not replaced, and not mixed with', async () => {
    const options = optionsIn(temporaryFolder())
    const other = { env_id: 'Ask-v0', policy: 'sac', seeds: { training: 1 }, rows_wanted: 60 }
    const training = { env_steps: 340, check_every: 10 }
    mkdirSync(options.out, { recursive: true })
    writeFileSync(join(options.out, 'manifest.json'), JSON.stringify({ ...other, training }))
    await expect(makeOfflineData(task, options)).rejects.toThrow(
      /another run: seed 1 in place of 0, steps_per_update not said in place of 1\. Give another --out/,
    )
    expect(existsSync(options.work)).toBe(false)
  })

  test('an unknown policy is refused', async () => {
    const options = { ...optionsIn(temporaryFolder()), policy: 'ppo' }
    await expect(makeOfflineData(task, options)).rejects.toThrow(/no config of "ppo".*sac/)
  })
})

describe('levels', () => {
  const curve = [
    { train_iter: 10, return_mean: -100 },
    { train_iter: 20, return_mean: -60 },
    { train_iter: 30, return_mean: -75 },
    { train_iter: 40, return_mean: -10 },
    { train_iter: 50, return_mean: -20 },
  ]

  test('expert is the best, medium the first a third of the way from random to it', () => {
    const { medium, expert, threshold } = chooseLevels(curve, -100)
    expect(expert).toEqual({ train_iter: 40, return_mean: -10, checkpoint: 'iteration_40.safetensors' })
    expect(threshold).toBe(-70)
    expect(medium.train_iter).toBe(20)
  })

  test('a run that learned nothing, or everything at once, gives none', () => {
    expect(() => chooseLevels([], -100)).toThrow(/train longer/)
    expect(() => chooseLevels(curve, 5)).toThrow(/No checkpoint is better than the random policy/)
    expect(() => chooseLevels(curve.slice(3), -100)).toThrow(/look more often/)
  })

  test('evaluations count where a checkpoint is there, the later of two at one iteration', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'log', 'serial'), { recursive: true })
    mkdirSync(join(folder, 'ckpt'))
    for (const n of [10, 20]) writeFileSync(join(folder, 'ckpt', `iteration_${n}.safetensors`), '')
    const tag = 'evaluator_iter/eval_episode_return_mean'
    const rows = [
      [0, 1],
      [10, 2],
      [20, 3],
      [20, 4],
      [30, 5],
    ].map(([step, value]) => JSON.stringify({ kind: 'scalar', tag, value, step }))
    const other = JSON.stringify({ kind: 'scalar', tag: `${tag}_x`, value: 9, step: 20 })
    writeFileSync(join(folder, 'log', 'serial', 'metrics.jsonl'), `${[...rows, other].join('\n')}\n`)
    expect(readCurve(folder)).toEqual([
      { train_iter: 10, return_mean: 2 },
      { train_iter: 20, return_mean: 4 },
    ])
  })
})
