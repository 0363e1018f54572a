import { existsSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
// For what it registers: a config may name any part, also one that no entry uses itself.
import '../ding/index.js'
import {
  type CompiledConfig,
  type ConfigFile,
  type ConfigPair,
  compile_config,
  type GivenLimits,
  type OverrideEntry,
  read_config,
  TOTAL_CONFIG,
} from '../ding/config/index.js'
import { type ComposeOptions, refuseNoRunState, runStatePath } from '../ding/pipeline/index.js'
import type { LrFunction } from '../ding/policy/index.js'
import { ConfigError, kindOf, UsageError } from '../ding/utils/index.js'

/** `[main_config, create_config]`, or the path of a config file. */
export type PipelineInput = ConfigPair | string

/** Options that every entry takes. */
export interface PipelineOptions
  extends Pick<
    ComposeOptions,
    'env_setting' | 'model' | 'lr_schedule' | 'console' | 'verbose' | 'dynamic_seed' | 'rebind'
  > {
  /** Stop after this many training iterations (1e10). A resumed run keeps its limits until it is given one or both anew. */
  readonly max_train_iter?: number
  /** Stop after this many env steps (1e10). */
  readonly max_env_step?: number
  /** Keys that win over the config: [dotted path, text or JSON value]. */
  readonly overrides?: readonly OverrideEntry[]
  /** Experiment folder instead of the config's exp_name. A resumed run has its own. */
  readonly exp_name?: string
  /** Makes the experiment folder's name from the config's. */
  readonly rename?: ((exp_name: string) => string) | undefined
  /** Folder below which the experiment folder is made; the working directory by default. */
  readonly work_dir?: string
  /** Continue the run in the experiment folder, whose total_config.json is then the input, from its run state. */
  readonly resume?: boolean
  /** Aborting it ends the run as Ctrl-C does: at a safe point, with the run state saved. */
  readonly signal?: AbortSignal
}

/** How the entries compile. */
export interface InputOptions {
  /** Whether the entry writes into the experiment folder. */
  readonly save: boolean
  /** Goes on with the run that it finds in the folder, if there is one, as `policy.learn.resume_training` has it. */
  readonly goes_on?: boolean
  /** Sections of create_config that this entry needs, as they are where the config has none. */
  readonly create_defaults?: Readonly<Record<string, object>>
  /** Parts of the run are made in other threads and processes, from the config alone. */
  readonly only_data?: boolean
}

/** What an entry's input comes to. */
export interface CompiledInput {
  readonly config: CompiledConfig
  /** Folder below which exp_name is. */
  readonly work_dir: string
  /** The experiment folder, as seen from the working directory. */
  readonly exp_dir: string
  /** Whether the run starts from the run state in its folder. */
  readonly resumes: boolean
  /** Whether the run may not take a new folder when its own exists. */
  readonly keeps_dir: boolean
  readonly given_limits?: GivenLimits
  readonly lr_schedule?: LrFunction
}

/**
 * Reads and compiles the config of an entry. Nothing is written.
 * @throws ConfigError for a wrong config, UsageError for options that a resumed run cannot take, CheckpointError when there is nothing to resume
 */
export async function compileInput(
  input: PipelineInput,
  seed: number | undefined,
  options: PipelineOptions & InputOptions,
): Promise<CompiledInput> {
  const limits = limitsOf(options)
  const file = await readInput(input)
  const { main, ...given } = withoutFunction(file.main_config, options)
  const own = options.resume === true ? ownPlace(input, file.main_config, options) : undefined
  const work_dir = own?.work_dir ?? resolve(options.work_dir ?? '.')
  const exp_name = own?.exp_name ?? options.exp_name
  const config = await compile_config(
    main,
    { ...options.create_defaults, ...file.create_config },
    {
      ...(seed === undefined ? {} : { seed }),
      ...(exp_name === undefined ? {} : { exp_name }),
      ...(options.rename === undefined ? {} : { rename: options.rename }),
      ...(options.overrides === undefined ? {} : { overrides: options.overrides }),
      ...(file.base_dir === undefined ? {} : { base_dir: file.base_dir }),
      work_dir,
      save: false,
      renew_dir: false,
    },
  )
  if (own !== undefined) refuseOtherName(config, own.exp_name)
  const folder = join(work_dir, config.main_config.exp_name)
  const exp_dir = relative('.', options.save ? folder : (ownFolder(input, options) ?? folder)) || '.'
  const keeps_dir = options.resume === true || options.goes_on === true || resumesTraining(config)
  const resumes = options.save && (options.resume === true || (keeps_dir && existsSync(runStatePath(folder))))
  const before = resumes ? await runBefore(folder) : undefined
  if (before !== undefined) refuseOtherSeed(config, before.main_config['seed'], exp_dir)
  const given_limits = limits ?? before?.limits
  return {
    config,
    work_dir,
    exp_dir,
    resumes,
    keeps_dir,
    ...(given_limits === undefined ? {} : { given_limits }),
    ...given,
  }
}

type Input = Pick<ConfigFile, 'main_config' | 'create_config'> & Partial<ConfigFile>

/** @throws ConfigError for what is no config */
async function readInput(input: PipelineInput): Promise<Input> {
  if (typeof input === 'string') return read_config(input)
  if (Array.isArray(input) && input.length === 2) {
    const [main_config, create_config] = input as readonly [Input['main_config'], Input['create_config']]
    return { main_config, create_config }
  }
  throw new ConfigError(
    `The config is ${inWords(input)}, expected the pair [main_config, create_config] or the path of a config file.`,
  )
}

function inWords(input: unknown): string {
  if (Array.isArray(input)) return `a list of ${input.length}`
  const keys = typeof input === 'object' && input !== null ? Object.keys(input) : []
  return `${kindOf(input)}${keys.length === 0 ? '' : ` with the keys ${keys.join(', ')}`}`
}

/** The limits that the caller gave, if any. @throws UsageError for what no run can come to */
function limitsOf({ max_train_iter, max_env_step }: PipelineOptions): GivenLimits | undefined {
  const given = Object.entries({ max_train_iter, max_env_step }).filter(([, limit]) => limit !== undefined)
  for (const [name, limit] of given) {
    if (typeof limit === 'number' && limit > 0) continue
    throw new UsageError(`${name} is ${String(limit)}, expected a number > 0 or Infinity.`)
  }
  return given.length === 0 ? undefined : Object.fromEntries(given)
}

/**
 * Where the run to be resumed lies: its folder is that of its total_config.json, whatever the environment says and wherever it has been moved to. Its name
 * stays, where the folder still has it.
 * @throws UsageError for another exp_name, CheckpointError where there is no run state
 */
function ownPlace(
  input: PipelineInput,
  main: Input['main_config'],
  { exp_name, work_dir }: PipelineOptions,
): { work_dir: string; exp_name: string } {
  const saved = typeof main['exp_name'] === 'string' ? main['exp_name'] : undefined
  const isOwn = typeof input === 'string' && basename(input) === TOTAL_CONFIG
  const folder = isOwn ? dirname(resolve(input)) : resolve(work_dir ?? '.', saved ?? 'default_experiment')
  if (exp_name !== undefined) {
    throw new UsageError(
      `A resumed run goes on in its own folder, ${relative('.', folder)}: leave --exp-name (exp_name) out.`,
    )
  }
  refuseNoRunState(folder)
  const stays = saved !== undefined && folder.endsWith(join(sep, saved))
  const name = stays ? saved : basename(folder)
  return { work_dir: folder.slice(0, -name.length - 1) || sep, exp_name: name }
}

/** @throws UsageError for an exp_name among the overrides of a run that is resumed */
function refuseOtherName({ main_config, provenance }: CompiledConfig, own: string): void {
  if (main_config.exp_name === own) return
  throw new UsageError(
    `exp_name is "${main_config.exp_name}" (${provenance.get('exp_name')}), but a resumed run goes on in its own folder, "${own}": leave it out.`,
  )
}

/** What the folder of a run says of it; undefined where it says nothing. */
async function runBefore(folder: string): Promise<ConfigFile | undefined> {
  const path = join(folder, TOTAL_CONFIG)
  return existsSync(path) ? read_config(path) : undefined
}

/** @throws UsageError for a seed that is not the one whose random streams the run state holds */
function refuseOtherSeed({ seed, provenance }: CompiledConfig, saved: unknown, exp_dir: string): void {
  if (saved === undefined || saved === seed) return
  throw new UsageError(
    `seed is ${seed} (${provenance.get('seed')}), but the run in ${exp_dir} was started with ${String(saved)} and goes on with its random ` +
      `streams. Set it to ${String(saved)} or leave it out, or start a new run.`,
  )
}

/** The folder of a run whose total_config.json is the input, wherever it lies, for entries that only read; an exp_name or work_dir goes first. */
function ownFolder(input: PipelineInput, { exp_name, work_dir }: PipelineOptions): string | undefined {
  if (typeof input !== 'string' || basename(input) !== TOTAL_CONFIG) return undefined
  if (exp_name !== undefined || work_dir !== undefined) return undefined
  const folder = dirname(resolve(input))
  return existsSync(join(folder, 'ckpt')) ? folder : undefined
}

/**
 * Takes a learning rate function out of a config, which holds only data. What stays, `{ type: 'function' }`, is in total_config.json too, so that
 * the function is missed, not forgotten, when the run is resumed. The entry's own option goes first.
 * @throws ConfigError for a function in a config that is to be data
 */
function withoutFunction(
  main: object,
  { lr_schedule, resume, only_data }: PipelineOptions & InputOptions,
): { main: object; lr_schedule?: LrFunction } {
  const { policy } = (main ?? {}) as { policy?: { learn?: { lr_schedule?: unknown } } }
  const inside = policy?.learn?.lr_schedule
  if (typeof inside === 'function' && only_data === true) {
    const path = 'policy.learn.lr_schedule'
    throw new ConfigError(
      `${path} is a function, but the roles of this run make their parts in other threads, from data. Register it under a name in ` +
        'LR_SCHEDULE_REGISTRY, in a module that the config imports (import_names), and give the name; or use serial_pipeline.',
      { path },
    )
  }
  const found = lr_schedule ?? (typeof inside === 'function' ? (inside as LrFunction) : undefined)
  if (found === undefined) return { main }
  if (resume === true) return { main, lr_schedule: found }
  const learn = { ...policy?.learn, lr_schedule: { type: 'function' } }
  return { main: { ...main, policy: { ...policy, learn } }, lr_schedule: found }
}

function resumesTraining({ main_config }: CompiledConfig): boolean {
  return main_config.policy.learn['resume_training'] === true
}
