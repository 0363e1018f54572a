// The runs of the cqn study: AgileRL's three configurations, each in several settings, five seeds each.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { evaluate, type OverrideEntry, read_config, serial_pipeline_offline } from 'ding'

export const DATA_FILE = 'cartpole_random_v1.1.0.h5'
export const EVAL_FREQ = 1000
export const EVAL_EPISODES = 20
export const FINAL_EPISODES = 100
/** So far apart that no two runs share a start of an evaluation episode: evaluation seeds count on from the run's. */
export const SEEDS: readonly number[] = [0, 1000, 2000, 3000, 4000]
/** Further seeds of 'mean' and the control in the two short configurations, where five left their differences open. */
export const MORE_SEEDS: readonly number[] = Array.from({ length: 10 }, (_, i) => 5000 + 1000 * i)
/** The seed of the final evaluation is this much above the run's, so its episodes are new ones. */
const FINAL_SEED_OFFSET = 500
const NO_STOP = 1e9

export interface Configuration {
  readonly name: string
  readonly title: string
  /** Shipped config, below configs/. */
  readonly config: string
  /** Updates, as many as AgileRL's runs had. */
  readonly updates: number
  /** Size of AgileRL's replay buffer; it keeps the last transitions of the file. */
  readonly memory_size: number
}

export const CONFIGURATIONS: readonly Configuration[] = [
  {
    name: 'class_defaults',
    title: 'class defaults',
    config: 'cartpole/cartpole_cqn_class_defaults_config.js',
    updates: 20_000,
    memory_size: 10_000,
  },
  {
    name: 'demo_offline',
    title: 'offline demo',
    config: 'cartpole/cartpole_cqn_config.js',
    updates: 50_000,
    memory_size: 10_000,
  },
  {
    name: 'cqn_yaml',
    title: 'cqn.yaml',
    config: 'cartpole/cartpole_cqn_yaml_config.js',
    updates: 10_000,
    memory_size: 100_000,
  },
]

/** Compared with AgileRL as planned before any result was seen. */
export const PLANNED = ['dataset', 'mean', 'agilerl_compat'] as const
/** Added after the first results, to find out where the differences come from. */
export const ADDED = ['dataset_alpha', 'dataset_theta'] as const
export const SETTINGS = [...PLANNED, ...ADDED] as const
export type Setting = (typeof SETTINGS)[number]

/** Buffers of AgileRL up to this size are sampled without replacement, larger ones with. */
const DISTINCT_BELOW = 16_384
/** What AgileRL's loop adds to its buffer of the file: every row but the last. */
const ADDED_ROWS = 99_998

/** What a setting changes in the shipped config. `agilerl_compat` is AgileRL to the letter: term, flags, buffer, sampling. */
function overridesOf(setting: Setting, { memory_size }: Configuration): OverrideEntry[] {
  switch (setting) {
    case 'dataset':
    case 'mean':
      return [['policy.learn.conservative_term', setting]]
    case 'dataset_alpha':
      return [
        ['policy.learn.conservative_term', 'dataset'],
        ['policy.learn.cql_alpha', 0.1],
      ]
    case 'dataset_theta':
      return [
        ['policy.learn.conservative_term', 'dataset'],
        ['policy.learn.target_theta', 0.01],
      ]
    case 'agilerl_compat':
      return [
        ['policy.learn.conservative_term', 'mean'],
        ['policy.collect.agilerl_compat', true],
        ['policy.collect.max_transitions', memory_size < ADDED_ROWS ? memory_size : null],
        ['policy.collect.sampling', memory_size < DISTINCT_BELOW ? 'free_no_replace' : 'free'],
      ]
  }
}

export interface CqnRun {
  readonly configuration: string
  readonly setting: Setting
  readonly seed: number
  /** Mean return of 20 episodes after 0, 1000, 2000, ... updates. */
  readonly curve: number[]
  /** Returns of 100 other episodes with the final weights. */
  readonly final_returns: number[]
  /** Mean action value over the last batches. */
  readonly q_at_end: number
}

export interface TimedRun {
  readonly run: CqnRun
  readonly seconds: number
}

/** Trains once, to the last update whatever the returns. @param data path of the data file */
export async function runCqn(
  configuration: Configuration,
  setting: Setting,
  seed: number,
  data: string,
): Promise<TimedRun> {
  const file = await read_config(
    fileURLToPath(new URL(`../../dist/configs/${configuration.config}`, import.meta.url)),
  )
  const work_dir = mkdtempSync(join(tmpdir(), 'ding-learning-'))
  try {
    const options = (episodes: number) => ({
      work_dir,
      console: 'quiet' as const,
      exp_name: 'cqn',
      overrides: [
        ...overridesOf(setting, configuration),
        ['policy.collect.data_path', data],
        ['policy.eval.evaluator.eval_freq', EVAL_FREQ],
        ['env.evaluator_env_num', episodes],
        ['env.n_evaluator_episode', episodes],
        ['env.stop_value', NO_STOP],
      ] satisfies OverrideEntry[],
    })
    const input = [file.main_config, file.create_config] as const
    const start = performance.now()
    await serial_pipeline_offline([...input], seed, {
      ...options(EVAL_EPISODES),
      max_train_iter: configuration.updates,
    })
    const seconds = (performance.now() - start) / 1000
    const final = await evaluate([...input], seed + FINAL_SEED_OFFSET, {
      ...options(FINAL_EPISODES),
      load_path: join(work_dir, 'cqn', 'ckpt', `iteration_${configuration.updates}.safetensors`),
    })
    const scalars = readScalars(join(work_dir, 'cqn', 'log', 'serial', 'metrics.jsonl'))
    const run = {
      configuration: configuration.name,
      setting,
      seed,
      curve: curveOf(scalars, configuration.updates),
      final_returns: [...final.eval_value_raw],
      q_at_end: Number(scalars.findLast(({ tag }) => tag === 'learner_iter/q_value_avg')?.value),
    }
    return { run, seconds }
  } finally {
    rmSync(work_dir, { recursive: true, force: true })
  }
}

interface Scalar {
  readonly tag: string
  readonly step: number
  readonly value: number
}

function readScalars(path: string): Scalar[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  return lines
    .map((line) => JSON.parse(line) as Scalar & { kind: string })
    .filter((row) => row.kind === 'scalar')
}

/** The evaluations of a run. @throws Error when one is missing */
function curveOf(scalars: readonly Scalar[], updates: number): number[] {
  const found = new Map(
    scalars
      .filter(({ tag }) => tag === 'evaluator_iter/eval_episode_return_mean')
      .map(({ step, value }) => [step, value]),
  )
  return Array.from({ length: updates / EVAL_FREQ + 1 }, (_, i) => {
    const value = found.get(i * EVAL_FREQ)
    if (value === undefined) throw new Error(`The run did not evaluate after ${i * EVAL_FREQ} updates.`)
    return value
  })
}

/** All runs of the study, one after the other. */
export async function* allRuns(data: string): AsyncGenerator<TimedRun> {
  for (const setting of SETTINGS)
    for (const configuration of CONFIGURATIONS)
      for (const seed of SEEDS) yield runCqn(configuration, setting, seed, data)
  for (const setting of ['mean', 'agilerl_compat'] as const)
    for (const configuration of CONFIGURATIONS.filter(({ updates }) => updates <= 20_000))
      for (const seed of MORE_SEEDS) yield runCqn(configuration, setting, seed, data)
}
