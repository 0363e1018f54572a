// One run of a study of learning from data: trained here, or continued.
import { createHash } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import {
  type ConfigPair,
  createDataset,
  evaluate,
  type HostTensor,
  type OverrideEntry,
  RandomStream,
  type RunResult,
  read_config,
  resume_pipeline,
  serial_pipeline_offline,
  serial_pipeline_offline_to_online,
} from 'ding'
import { FINAL_SEED_OFFSET, NO_STOP, readCurve } from './control_runs.js'
import type { ControlRun } from './control_store.js'
import { mean } from './numbers.js'
import type { DataFile, OfflinePart, OfflineSetting, OnlinePart } from './offline_studies.js'

/** A finished run. Its curve is over training iterations. */
export interface OfflineRecord extends ControlRun {
  /** Mean return of the data's episodes, and the number of transitions that are used. */
  readonly data: { readonly return_mean: number; readonly transitions: number }
  /** With an online phase: the final evaluation of the weights at the switch, and the training iteration that it is at. */
  readonly switch?: { readonly train_iter: number; readonly returns: readonly number[] }
}

/** A setting with its config. */
export interface PreparedOffline {
  readonly study: string
  readonly part: OfflinePart | OnlinePart
  readonly setting: OfflineSetting
  /** What runs go by. */
  readonly name: string
  readonly config: ConfigPair
  readonly overrides: readonly OverrideEntry[]
  readonly fingerprint: string
}

const root = fileURLToPath(new URL('../../', import.meta.url))

function isOnline(part: OfflinePart | OnlinePart): part is OnlinePart {
  return 'online_iterations' in part
}

/** The file of a dataset: below DING_DATA, below data/ of the checkout, or beside the checkout; undefined where it is nowhere. */
export function findData({ paths }: DataFile): string | undefined {
  const { DING_DATA } = process.env
  const folders = [
    ...(DING_DATA === undefined ? [] : [resolve(DING_DATA)]),
    join(root, 'data'),
    join(root, '../shared/data'),
  ]
  return folders.flatMap((folder) => paths.map((path) => join(folder, path))).find((path) => existsSync(path))
}

async function configOf({ config }: OfflineSetting): Promise<ConfigPair> {
  if (typeof config === 'string') {
    const { main_config, create_config } = await read_config(join(root, 'dist/configs', `${config}.js`))
    return [main_config as object, create_config as object]
  }
  const { href } = pathToFileURL(join(root, 'dist/configs/d4rl/index.js'))
  const table = (await import(href)) as { d4rl_config(policy: string, task: string): ConfigPair }
  return table.d4rl_config(config.policy, config.task)
}

export async function prepareOffline(
  study: string,
  part: OfflinePart | OnlinePart,
  setting: OfflineSetting,
): Promise<PreparedOffline> {
  const config = await configOf(setting)
  const phases: OverrideEntry[] = isOnline(part)
    ? [
        ['policy.learn.offline_iterations', part.offline_iterations],
        ['policy.learn.online_iterations', part.online_iterations],
      ]
    : [['policy.learn.train_epoch', null]]
  const overrides: OverrideEntry[] = [
    ['env.stop_value', NO_STOP],
    ['policy.eval.evaluator.eval_freq', part.eval_freq],
    ['policy.collect.data_type', part.data.data_type],
    ['policy.collect.action_scale', part.data.action_scale],
    ...phases,
    ...Object.entries(setting.changes ?? {}),
  ]
  const { exp_name: _exp_name, ...main } = config[0] as Record<string, unknown>
  const updates = isOnline(part) ? null : part.updates
  const { edition } = part.data
  const parts = [main, config[1], overrides, updates, part.final_episodes]
  const text = JSON.stringify(edition === undefined ? parts : [...parts, edition])
  const fingerprint = createHash('sha256').update(text).digest('hex').slice(0, 12)
  return { study, part, setting, name: `${part.name}_${setting.algo}`, config, overrides, fingerprint }
}

/** Trains one seed, from where an earlier call left it in `work`, and evaluates the weights of the end. */
export async function runOffline(
  prepared: PreparedOffline,
  seed: number,
  data_path: string,
  work: string,
): Promise<OfflineRecord> {
  const { study, part, name, config, overrides, fingerprint } = prepared
  const exp_name = `${study}_${name}_s${seed}_${fingerprint}`
  const exp_dir = join(work, exp_name)
  const started = existsSync(join(exp_dir, 'ckpt', 'run_state.safetensors'))
  if (!started) rmSync(exp_dir, { recursive: true, force: true })
  const options = {
    console: 'quiet',
    work_dir: work,
    ...(isOnline(part) ? {} : { max_train_iter: part.updates }),
  } as const
  const all: OverrideEntry[] = [...overrides, ['policy.collect.data_path', data_path]]
  const entry = isOnline(part) ? serial_pipeline_offline_to_online : serial_pipeline_offline
  const start = performance.now()
  const result = started
    ? await resume_pipeline(exp_dir, options)
    : await entry(config, seed, { ...options, exp_name, overrides: all })
  if (result.stop_reason === 'interrupted')
    throw new Error(`The run in ${exp_dir} was interrupted; the next call continues it.`)
  const seconds = started ? null : Math.round((performance.now() - start) / 1000)
  const ends = async (checkpoint: string) => {
    const episodes = part.final_episodes
    const { eval_value_raw } = await evaluate(config, seed + FINAL_SEED_OFFSET, {
      console: 'quiet',
      work_dir: work,
      exp_name,
      load_path: join(exp_dir, 'ckpt', `${checkpoint}.safetensors`),
      overrides: [
        ...all,
        ['env.evaluator_env_num', Math.min(episodes, 100)],
        ['env.n_evaluator_episode', episodes],
      ],
    })
    return eval_value_raw.map((value) => Math.round(value * 1e3) / 1e3)
  }
  const record: OfflineRecord = {
    ...recordOf(prepared, seed, result, seconds),
    curve: readCurve(join(exp_dir, 'log', 'serial', 'metrics.jsonl'), 'iter'),
    final_returns: await ends(`iteration_${result.train_iter}`),
    data: await factsOf(config, all),
    ...(isOnline(part) && {
      switch: { train_iter: part.offline_iterations, returns: await ends('ckpt_offline') },
    }),
  }
  rmSync(exp_dir, { recursive: true, force: true })
  return record
}

function recordOf(
  { study, name, fingerprint }: PreparedOffline,
  seed: number,
  { env_step, train_iter, stop: reached }: RunResult,
  seconds: number | null,
) {
  return { study, algo: name, seed, fingerprint, env_step, train_iter, reached, seconds }
}

/** The data as they are learned from. */
async function factsOf(
  [main]: ConfigPair,
  overrides: readonly OverrideEntry[],
): Promise<OfflineRecord['data']> {
  const own = Object.fromEntries(
    overrides.flatMap(([path, value]) => {
      const [group, section, key] = path.split('.')
      return group === 'policy' && section === 'collect' ? [[key as string, value]] : []
    }),
  )
  const { max_transitions } = (main as { policy: { collect: { max_transitions?: number } } }).policy.collect
  const limits = max_transitions === undefined ? {} : { max_transitions }
  const { statistics, count, batch_columns } = await createDataset(
    { ...limits, ...own, action_scale: 1 },
    { random: RandomStream.fromSeed(0) },
  )
  // Statistics are those of the whole file: of a part of it, its mean reward over the length of an episode.
  const rewards = (batch_columns['reward'] as HostTensor).data
  const part = mean([...rewards]) * statistics.lengths.mean
  const return_mean = max_transitions === undefined ? statistics.returns.mean : part
  return { return_mean: Math.round(return_mean * 1e3) / 1e3, transitions: count }
}
