import { basename } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { type OverrideEntry, TOTAL_CONFIG } from '../ding/config/index.js'
import { UsageError } from '../ding/utils/index.js'
import type { DataLayout } from './collect_demo_data.js'
import type { PipelineOptions } from './compile_input.js'
import { type FoundConfig, findConfig } from './config_lookup.js'
import { DIST_ROLES, type DistRole } from './dist.js'
import { BARE, OFF } from './flags.js'
import { TRAINING_MODES, type TrainingMode } from './training_modes.js'

/** What -m takes. */
export const MODES = [...TRAINING_MODES, 'eval', 'collect', 'dist'] as const
type Mode = (typeof MODES)[number]

export function trains(mode: Mode): mode is TrainingMode {
  return (TRAINING_MODES as readonly Mode[]).includes(mode)
}

/** Modes that learn from a dataset, or play what has: to them the config of a dataset means something. */
const FOR_DATASETS: readonly Mode[] = ['serial_offline', 'serial_offline_to_online', 'eval', 'collect']

/** What the command line says. */
export interface CliOptions {
  mode: Mode
  config?: string
  env?: string
  policy?: string
  seed?: number[]
  expName?: string
  trainIter?: number
  envStep?: number
  set: OverrideEntry[]
  loadPath?: string
  replayPath?: string
  resume?: string
  collectCount?: number
  output?: string
  layout?: DataLayout
  random?: boolean
  role?: DistRole
  nats?: string
  id?: string
  quiet?: boolean
  verbose?: boolean
  help?: boolean
}

/** Reads one more of the values of -s. */
export function seedList(value: string, before: number[] | undefined): number[] {
  const seed = Number(value)
  if (value.trim() === '' || !Number.isSafeInteger(seed) || seed < 0)
    throw new InvalidArgumentError('A seed is a whole number >= 0.')
  return [...(before ?? []), seed]
}

/** Reads a limit. */
export function count(value: string): number {
  const n = Number(value)
  if (!Number.isFinite(n) || n <= 0 || !Number.isInteger(n))
    throw new InvalidArgumentError('Expected a whole number > 0.')
  return n
}

/** Reads one more of the values of --set. A flag without a value is true itself, and one with --no- false: no text, path or number. */
export function override(text: string, before: OverrideEntry[] | undefined): OverrideEntry[] {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('Expected KEY=VALUE, for example policy.learn.batch_size=128.')
  const value = text.slice(at + 1)
  const meant = value === BARE ? true : value === OFF ? false : value
  return [...(before ?? []), [text.slice(0, at), meant]]
}

/** The options of an entry that every mode takes. */
export function runOptions(options: CliOptions): PipelineOptions {
  return {
    overrides: options.set,
    ...(options.expName === undefined ? {} : { exp_name: options.expName }),
    ...(options.trainIter === undefined ? {} : { max_train_iter: options.trainIter }),
    ...(options.envStep === undefined ? {} : { max_env_step: options.envStep }),
    console: options.quiet === true ? 'quiet' : 'auto',
    verbose: options.verbose === true,
  }
}

/**
 * Name of the experiment of a seed from the command line: `..._seed0` becomes `..._seed<N>`; of several seeds, other names
 * get it appended. A name that was given (--exp-name, --set exp_name=NAME, total_config.json) stays as it is for a single seed.
 */
export function seededName(options: CliOptions, seed: number | undefined): PipelineOptions['rename'] {
  const { config, expName, set, seed: seeds = [] } = options
  if (seed === undefined) return undefined
  if (seeds.length > 1) return (name) => `${name.replace(/_seed\d+$/, '')}_seed${seed}`
  if (expName !== undefined || set.some(([path]) => path === 'exp_name') || isRunConfig(config))
    return undefined
  return (name) => name.replace(/_seed\d+$/, `_seed${seed}`)
}

/** Whether the config is that of a run, beside whose checkpoints it lies. */
function isRunConfig(config: string | undefined): boolean {
  return config !== undefined && basename(config) === TOTAL_CONFIG
}

/** Whether the files that `collect` writes for several seeds would be one, were they not named after their seeds. */
export function sharesOutput({ config, output, seed = [] }: CliOptions): boolean {
  return seed.length > 1 && (output !== undefined || isRunConfig(config))
}

/** Options that one mode alone has. */
const ONLY_IN: readonly [key: keyof CliOptions, flag: string, modes: readonly Mode[]][] = [
  ['trainIter', '--train-iter', ['serial', 'serial_offline', 'serial_offline_to_online', 'parallel', 'dist']],
  ['envStep', '--env-step', ['serial', 'serial_offline_to_online', 'parallel', 'dist']],
  ['loadPath', '--load-path', ['eval', 'collect']],
  ['replayPath', '--replay-path', ['eval']],
  ['collectCount', '--collect-count', ['collect']],
  ['output', '--output', ['collect']],
  ['layout', '--layout', ['collect']],
  ['random', '--random', ['collect']],
  ['role', '--role', ['dist']],
  ['nats', '--nats', ['dist']],
  ['id', '--id', ['dist']],
]

/** @throws UsageError for options that would have no effect */
export function checkOptions(options: CliOptions): void {
  for (const [key, flag, modes] of ONLY_IN) {
    if (options[key] !== undefined && !modes.includes(options.mode)) {
      throw new UsageError(
        `${flag} has no meaning with -m ${options.mode}: it is for ${modes.join(' and ')}.`,
      )
    }
  }
  if (options.mode === 'dist' && options.role === undefined) {
    throw new UsageError(
      `-m dist joins a run as one of its roles: add --role ${DIST_ROLES.join(', --role ')}.`,
    )
  }
  const { config, env, policy, resume, seed } = options
  if (config !== undefined && (env !== undefined || policy !== undefined)) {
    throw new UsageError(
      '-c names a config file, -e and -p name one that comes with ding: give one or the other.',
    )
  }
  if (resume === undefined) return
  if (!trains(options.mode)) {
    throw new UsageError('--resume continues a training run: leave -m out.')
  }
  if (options.expName !== undefined) {
    throw new UsageError(`--resume continues the run in ${resume}: leave --exp-name out.`)
  }
  if (config !== undefined || env !== undefined || policy !== undefined) {
    throw new UsageError('--resume takes the config from the experiment folder: leave -c, -e and -p out.')
  }
  if (seed !== undefined) {
    throw new UsageError('--resume continues with the seed of the run: leave -s out.')
  }
}

/** @throws UsageError for a dataset where none is learned from */
export async function chosenConfig({ config, env, policy, mode }: CliOptions): Promise<FoundConfig> {
  if (config !== undefined) return { config }
  const found = await findConfig(env, policy)
  if (found.offline !== undefined && !FOR_DATASETS.includes(mode))
    throw new UsageError(`${env} is a dataset, and -m ${mode} learns from none: add -m serial_offline.`)
  return found
}

/** A dataset's run has its published length, unless --train-iter says another. */
export function lengthOf({ offline }: FoundConfig, { mode }: CliOptions): PipelineOptions {
  if (mode !== 'serial_offline' || offline?.train_iter === undefined) return {}
  return { max_train_iter: offline.train_iter }
}
