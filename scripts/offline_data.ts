import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  BUFFER_REGISTRY,
  type ConfigPair,
  type ConsoleMode,
  collect_demo_data,
  createDataset,
  createDatasetWriter,
  DatasetError,
  type EnvSource,
  envSources,
  type HostTensor,
  loadState,
  nativeActionsOf,
  type OfflineDataset,
  RandomStream,
  resume_pipeline,
  runStatePath,
  type StateTree,
  serial_pipeline,
  TOTAL_CONFIG,
  transitionAt,
  UsageError,
  writeFileAtomic,
} from 'ding'
import { chooseLevels, type Evaluation, LEVEL_RULE, type Level, readCurve } from './offline_levels.js'
import { checkFiles, checkSettings, MANIFEST } from './offline_settings.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** What data are made of. */
export interface DataTask {
  readonly env_id: string
  /** Configs that train a policy for it, by the policy's name. */
  readonly configs: Readonly<Record<string, ConfigPair>>
  /** Env steps of the training. */
  readonly steps: number
  /** Env steps for each update: with more than one, a task that is learned in few updates has more of a replay. */
  readonly steps_per_update: number
  /** Updates between two evaluations, each with a checkpoint. */
  readonly check_every: number
  /** Transitions in a file, at least; files hold whole episodes. */
  readonly rows: number
}

export interface MakeOptions {
  /** Folder of the files. */
  readonly out: string
  /** Folder of the training run and of what is not finished. */
  readonly work: string
  readonly policy: string
  readonly seed: number
  readonly steps: number
  readonly check_every: number
  readonly rows: number
  readonly console?: ConsoleMode
  /** Aborting it ends the training as Ctrl-C does. */
  readonly signal?: AbortSignal
}

/** What manifest.json says of one file. */
interface FileEntry {
  readonly transitions: number
  readonly episodes: number
  readonly return_mean: number
  readonly return_std: number
  readonly return_min: number
  readonly return_max: number
  readonly bytes: number
  readonly sha256: string
}

export const FILES = ['random', 'medium', 'medium-replay', 'medium-expert', 'expert'] as const
type FileName = (typeof FILES)[number]

/**
 * Trains a policy, chooses a medium and an expert among its checkpoints, and writes D4RL's five files with a manifest. What is finished is kept:
 * the same call goes on where one before it was interrupted, in the middle of the training too.
 * @returns whether all of it is done; false when the training was interrupted
 * @throws UsageError when `work` holds something made with other settings
 */
export async function makeOfflineData(task: DataTask, options: MakeOptions): Promise<boolean> {
  const { out, work, seed, rows } = options
  const config = trainingConfig(task, options)
  checkFiles(out, task, options)
  checkSettings(work, task, options)
  if (!(await trained(config, options))) return false

  const random = await collected('random', config, options, { random_policy: true })
  const random_return = (await open(random)).statistics.returns.mean
  const training = join(work, TRAINING)
  const curve = readCurve(training)
  const levels = chooseLevels(curve, random_return)
  const checkpointOf = ({ checkpoint }: Level) => join(training, 'ckpt', checkpoint)
  const by = (level: Level) => ({ state_dict_path: checkpointOf(level) })
  const medium = await collected('medium', config, options, by(levels.medium))
  const expert = await collected('expert', config, options, by(levels.expert))
  const replay = replayFile(work)
  const native = await nativeActionsOf(envOf(config))

  // Files that no manifest tells of may be another run's.
  const known = existsSync(join(out, MANIFEST))
  const write = async (
    name: FileName,
    sources: readonly string[],
    policy: string,
    more: Pick<WriteOptions, 'first' | 'native'> = {},
  ) => {
    const path = join(out, `${name}.hdf5`)
    if (!known || !existsSync(path)) await written(path, sources, { task, seed, policy, ...more })
  }
  const said = ({ train_iter, return_mean }: Level) =>
    `${options.policy} after ${train_iter} updates, return ${return_mean.toFixed(1)}`
  await write('random', [random], 'uniformly random')
  await write('medium', [medium], said(levels.medium))
  await write(
    'medium-replay',
    [replay],
    `all that ${options.policy} had collected by ${levels.medium.train_iter} updates`,
    // The buffer holds actions as the policy gave them.
    { first: envStepsOf(checkpointOf(levels.medium)), ...(native === undefined ? {} : { native }) },
  )
  await write(
    'medium-expert',
    [medium, expert],
    `${said(levels.medium)}, then ${options.policy} after ${levels.expert.train_iter} updates`,
  )
  await write('expert', [expert], said(levels.expert))
  const files = Object.fromEntries(
    await Promise.all(
      FILES.map(async (name) => [`${name}.hdf5`, await entryOf(join(out, `${name}.hdf5`))] as const),
    ),
  )
  const manifest = {
    env_id: task.env_id,
    layout: 'd4rl',
    made_by: 'scripts/make_offline_data.ts',
    versions: versions(),
    policy: options.policy,
    seeds: seedsOf(seed),
    training: {
      env_steps: options.steps,
      random_steps: policyOf(work).random_collect_size,
      steps_per_update: task.steps_per_update,
      check_every: options.check_every,
      evaluations: curve.map(({ train_iter, return_mean }: Evaluation) => [train_iter, round(return_mean)]),
    },
    levels: {
      rule: LEVEL_RULE,
      random: { return_mean: round(random_return) },
      medium: levelEntry(levels.medium),
      expert: levelEntry(levels.expert),
      threshold: round(levels.threshold),
    },
    rows_wanted: rows,
    files,
  }
  // An evaluation is a line.
  const text = JSON.stringify(manifest, null, 2).replace(/\[\s+(-?[\d.]+),\s+(-?[\d.]+)\s+\]/g, '[$1, $2]')
  writeFileAtomic(join(out, MANIFEST), `${text}\n`)
  return true
}

const TRAINING = 'training'

const round = (value: number): number => Number(value.toFixed(3))

function levelEntry({ train_iter, return_mean, checkpoint }: Level) {
  return { train_iter, return_mean: round(return_mean), checkpoint }
}

/** Each thing has a seed of its own. */
function seedsOf(seed: number) {
  return { training: seed, random: seed + 1, medium: seed + 2, expert: seed + 3 }
}

/**
 * The shipped config with one environment and one update every so many steps, so that checkpoint and replay data belong together.
 * @throws UsageError when the task has no config of the policy
 */
export function trainingConfig(
  task: DataTask,
  { policy, steps, check_every }: Pick<MakeOptions, 'policy' | 'steps' | 'check_every'>,
): ConfigPair {
  const found = task.configs[policy]
  if (found === undefined) {
    throw new UsageError(
      `There is no config of "${policy}" for ${task.env_id}. There are: ${Object.keys(task.configs).join(', ')}.`,
    )
  }
  const [main, create] = structuredClone(found) as [Record<string, Record<string, unknown>>, object]
  const own = main['policy'] as Record<string, Record<string, unknown>>
  const env = { ...main['env'], collector_env_num: 1, n_evaluator_episode: 10, stop_value: Infinity }
  const learner = { hook: { save_ckpt_after_iter: check_every } }
  const changed = {
    ...own,
    learn: { ...own['learn'], update_per_collect: 1, learner },
    collect: { ...own['collect'], n_sample: task.steps_per_update },
    eval: { ...own['eval'], evaluator: { eval_freq: check_every } },
    other: { ...own['other'], replay_buffer: { replay_buffer_size: steps } },
  }
  return [
    { ...main, exp_name: TRAINING, env, policy: changed },
    { ...create, replay_buffer: { type: 'naive' } },
  ] as unknown as ConfigPair
}

function envOf([main, create]: ConfigPair): EnvSource {
  const { env } = main as { env: object }
  const { type } = (create as { env: { type: string } }).env
  const [source] = envSources('collector', { ...env, type })
  return source!
}

/** Trains to the end, from wherever an earlier call got. @returns false when it was interrupted */
async function trained(config: ConfigPair, options: MakeOptions): Promise<boolean> {
  const { work, seed, steps, console = 'auto', signal } = options
  const folder = join(work, TRAINING)
  const result = join(folder, 'result.json')
  if (existsSync(result)) {
    const { stop_reason } = JSON.parse(readFileSync(result, 'utf8')) as { stop_reason: string }
    if (stop_reason === 'max_env_step') return true
  }
  const settings = { console, max_env_step: steps, ...(signal === undefined ? {} : { signal }) }
  const goesOn = existsSync(runStatePath(folder))
  // What has no state cannot be gone on with.
  if (!goesOn) rmSync(folder, { recursive: true, force: true })
  const { stop_reason } = goesOn
    ? await resume_pipeline(folder, settings)
    : await serial_pipeline(config, seed, { ...settings, work_dir: work })
  return stop_reason !== 'interrupted'
}

/** Episodes of one actor, collected once. */
async function collected(
  name: 'random' | 'medium' | 'expert',
  config: ConfigPair,
  { work, seed, rows, console = 'auto' }: MakeOptions,
  actor: { readonly random_policy?: boolean; readonly state_dict_path?: string },
): Promise<string> {
  const path = join(work, `${name}.hdf5`)
  if (!existsSync(path)) {
    await collect_demo_data(config, seedsOf(seed)[name], {
      ...actor,
      console,
      work_dir: work,
      layout: 'd4rl',
      collect_count: rows,
      expert_data_path: path,
    })
  }
  return path
}

interface TrainedPolicy {
  readonly random_collect_size: number
  readonly other: { readonly replay_buffer: object }
}

/** The policy's config of the training, as it was compiled. */
function policyOf(work: string): TrainedPolicy {
  const { main_config } = JSON.parse(readFileSync(join(work, TRAINING, TOTAL_CONFIG), 'utf8')) as {
    main_config: { policy: TrainedPolicy }
  }
  return main_config.policy
}

/** Env steps, random ones among them, that a run had taken when it saved a checkpoint. */
function envStepsOf(checkpoint: string): number {
  return (loadState(checkpoint).tree as { last_step: number }).last_step
}

/** The replay buffer of the training, in the order in which it was filled, as a file. */
function replayFile(work: string): string {
  const path = join(work, 'replay.safetensors')
  if (existsSync(path)) return path
  const { buffer } = loadState(runStatePath(join(work, TRAINING))).tree as { buffer: StateTree }
  const made = new (BUFFER_REGISTRY.get('naive'))(policyOf(work).other.replay_buffer as never, {
    random: RandomStream.fromSeed(0),
  })
  made.load_state_dict(buffer)
  made.save_data(path)
  made.close()
  return path
}

function open(path: string, max_transitions: number | null = null): Promise<OfflineDataset> {
  return createDataset({ data_path: path, max_transitions }, { random: RandomStream.fromSeed(0) })
}

type NativeActions = NonNullable<Awaited<ReturnType<typeof nativeActionsOf>>>

interface WriteOptions {
  readonly task: DataTask
  readonly seed: number
  readonly policy: string
  /** Brings the actions of the sources to the environment's units. */
  readonly native?: NativeActions
  /** Only so many transitions of each source. */
  readonly first?: number
}

/** Writes the episodes of some files one after the other. */
async function written(
  path: string,
  sources: readonly string[],
  { task, seed, policy, native, first }: WriteOptions,
): Promise<void> {
  const writer = await createDatasetWriter(path, {
    layout: 'd4rl',
    env_id: task.env_id,
    policy,
    seed,
    compression: 9,
  })
  try {
    for (const source of sources) {
      const { batch_columns, count } = await open(source, first ?? null)
      for (let row = 0; row < count; row++) {
        const last = row + 1 === count
        const transition = transitionAt(batch_columns, row)
        const action = (transition['action'] as HostTensor<Float32Array>).data
        writer.append(
          [{ ...transition, action: native?.(action) ?? action }],
          last ? { truncated: true } : {},
        )
      }
    }
    writer.close()
  } catch (error) {
    writer.abandon()
    throw error
  }
}

async function entryOf(path: string): Promise<FileEntry> {
  const { count, statistics } = await open(path)
  const { mean, std, min, max } = statistics.returns
  if (Number.isNaN(mean)) throw new DatasetError(`${path} holds no whole episode. Ask for more --rows.`)
  return {
    transitions: count,
    episodes: statistics.episodes,
    return_mean: round(mean),
    return_std: round(std),
    return_min: round(min),
    return_max: round(max),
    bytes: statSync(path).size,
    sha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
  }
}

function versions(): Record<string, string> {
  const { version, dependencies } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
    version: string
    dependencies: Record<string, string>
  }
  const used = ['@mujoco/mujoco', 'onnxruntime-node', 'h5wasm'].map(
    (name) => [name, dependencies[name] ?? 'none'] as const,
  )
  return { ding: version, node: process.versions.node, ...Object.fromEntries(used) }
}
