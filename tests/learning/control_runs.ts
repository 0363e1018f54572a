// One run of a study of continuous control: trained here, continued, or taken over from an experiment folder.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type ConfigPair,
  evaluate,
  type OverrideEntry,
  type RunResult,
  read_config,
  resume_pipeline,
  serial_pipeline,
} from 'ding'
import set from 'lodash-es/set.js'
import { type ControlRun, fingerprintOf } from './control_store.js'
import type { ControlSetting, ControlStudy } from './control_studies.js'

/** The seed of the final evaluation is this much above the run's, so its episodes are new ones. */
export const FINAL_SEED_OFFSET = 500
export const NO_STOP = 1e9

type Config = Awaited<ReturnType<typeof read_config>>

/** A setting with its config, as the user of that config has it. */
export interface Prepared {
  readonly study: ControlStudy
  readonly setting: ControlSetting
  readonly config: Config
  readonly fingerprint: string
}

export async function prepare(study: ControlStudy, setting: ControlSetting): Promise<Prepared> {
  const path = fileURLToPath(new URL(`../../dist/configs/${setting.config}.js`, import.meta.url))
  const config = structuredClone(await read_config(path))
  for (const [key, value] of Object.entries(setting.changes ?? {})) set(config.main_config, key, value)
  const { exp_name: _exp_name, ...main } = config.main_config as Record<string, unknown>
  return { study, setting, config, fingerprint: fingerprintOf(study, setting, [main, config.create_config]) }
}

/** What trains: as `serial_pipeline`, with these of its options. */
export type Train = (
  config: ConfigPair,
  seed: number,
  options: {
    readonly console: 'quiet'
    readonly work_dir: string
    readonly max_env_step: number
    readonly exp_name: string
    readonly overrides: readonly OverrideEntry[]
  },
) => Promise<RunResult>

/**
 * Trains one seed and evaluates its last weights. The serial pipeline goes on from where an earlier call left it in `work`; anything else
 * that trains begins anew.
 */
export async function runControl(
  prepared: Prepared,
  seed: number,
  work: string,
  train: Train = serial_pipeline,
): Promise<ControlRun> {
  const { study, setting, config, fingerprint } = prepared
  const exp_name = `${study.name}_${setting.algo}_s${seed}_${fingerprint}`
  const exp_dir = join(work, exp_name)
  const started = train === serial_pipeline && existsSync(join(exp_dir, 'ckpt', 'run_state.safetensors'))
  if (!started) rmSync(exp_dir, { recursive: true, force: true })
  const overrides: OverrideEntry[] = setting.criterion.kind === 'reached' ? [] : [['env.stop_value', NO_STOP]]
  const options = { console: 'quiet', work_dir: work, max_env_step: setting.env_step } as const
  const start = performance.now()
  const result = started
    ? await resume_pipeline(exp_dir, options)
    : await train([config.main_config, config.create_config], seed, { ...options, exp_name, overrides })
  if (result.stop_reason === 'interrupted')
    throw new Error(`The run in ${exp_dir} was interrupted; the next call continues it.`)
  const seconds = started ? null : (performance.now() - start) / 1000
  const run = await judged(prepared, seed, exp_dir, { ...result, seconds })
  rmSync(exp_dir, { recursive: true, force: true })
  return run
}

/**
 * The finished run in an experiment folder as a run of a setting.
 * @throws Error when it has not ended, stopped short, or its config is another one
 */
export async function importControl(prepared: Prepared, seed: number, folder: string): Promise<ControlRun> {
  const exp_dir = resolve(folder)
  const read = (name: string) =>
    JSON.parse(readFileSync(join(exp_dir, name), 'utf8')) as Record<string, unknown>
  if (!existsSync(join(exp_dir, 'result.json')))
    throw new Error(`${folder} has no result.json: the run has not ended.`)
  const [result, total] = [read('result.json'), read('total_config.json')]
  const differences = [
    ...(total['seed'] === seed ? [] : [`seed: ${String(total['seed'])} there, ${seed} asked for`]),
    ...differencesOf(wanted(prepared.config.main_config), total['main_config'], 'main_config'),
    ...differencesOf(prepared.config.create_config, total['create_config'], 'create_config'),
  ]
  if (differences.length > 0)
    throw new Error(`The run in ${folder} is not of this setting:\n${differences.join('\n')}`)
  const [env_step, train_iter] = [Number(result['env_step']), Number(result['train_iter'])]
  const reached = result['stop'] === true
  if (env_step < prepared.setting.env_step && !(reached && prepared.setting.criterion.kind === 'reached'))
    throw new Error(`The run in ${folder} ended after ${env_step} of ${prepared.setting.env_step} env steps.`)
  const run = await judged(prepared, seed, exp_dir, { env_step, train_iter, stop: reached, seconds: null })
  return { ...run, imported: true }
}

/** What of a config decides how a run learns: not its name, nor how it is evaluated. */
function wanted(main: unknown): unknown {
  const {
    exp_name: _exp_name,
    env,
    policy,
    ...rest
  } = structuredClone(main) as Record<string, Record<string, unknown>>
  for (const key of ['stop_value', 'evaluator_env_num', 'n_evaluator_episode']) delete env?.[key]
  delete policy?.['eval']
  return { ...rest, env, policy }
}

/** The keys of `own` whose value is another one in `other`, which may have more. */
export function differencesOf(own: unknown, other: unknown, path: string): string[] {
  if (typeof own === 'object' && own !== null && !Array.isArray(own)) {
    const there = (typeof other === 'object' && other !== null ? other : {}) as Record<string, unknown>
    return Object.entries(own).flatMap(([key, value]) => differencesOf(value, there[key], `${path}.${key}`))
  }
  const [a, b] = [JSON.stringify(own), JSON.stringify(other)]
  return a === b ? [] : [`${path}: ${b ?? 'nothing'} there, ${a} here`]
}

interface Ended {
  readonly env_step: number
  readonly train_iter: number
  readonly stop: boolean
  readonly seconds: number | null
}

async function judged(
  { study, setting, config, fingerprint }: Prepared,
  seed: number,
  exp_dir: string,
  ended: Ended,
) {
  const { env_step, train_iter, stop, seconds } = ended
  const final = await evaluate([config.main_config, config.create_config], seed + FINAL_SEED_OFFSET, {
    console: 'quiet',
    work_dir: dirname(exp_dir),
    exp_name: basename(exp_dir),
    load_path: join(exp_dir, 'ckpt', `iteration_${train_iter}.safetensors`),
    overrides: [
      ['env.evaluator_env_num', study.final_episodes],
      ['env.n_evaluator_episode', study.final_episodes],
      ['env.stop_value', NO_STOP],
    ],
  })
  return {
    study: study.name,
    algo: setting.algo,
    seed,
    fingerprint,
    env_step,
    train_iter,
    reached: stop,
    curve: readCurve(join(exp_dir, 'log', 'serial', 'metrics.jsonl')),
    final_returns: final.eval_value_raw.map((value) => Math.round(value * 1e3) / 1e3),
    seconds: seconds === null ? null : Math.round(seconds),
  } satisfies ControlRun
}

/** The evaluations that a run has logged, by env step or training iteration; of several at one place, the last. */
export function readCurve(path: string, axis: 'step' | 'iter' = 'step'): [number, number][] {
  const curve = new Map<number, number>()
  for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) {
    const row = JSON.parse(line) as { kind: string; tag: string; step: number; value: number }
    if (row.kind === 'scalar' && row.tag === `evaluator_${axis}/eval_episode_return_mean`)
      curve.set(row.step, Math.round(row.value * 1e3) / 1e3)
  }
  return [...curve].sort(([a], [b]) => a - b)
}
