import { existsSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { Container, ServiceIdentifier } from 'inversify'
// For what it registers: a config may name any part, also one that no entry uses itself.
import '../ding/index.js'
import {
  type CompiledConfig,
  type CompileOptions,
  type ConfigPair,
  compile_config,
  type GivenLimits,
  type OverrideEntry,
  read_config,
  saveConfig,
  TOTAL_CONFIG,
} from '../ding/config/index.js'
import type { RunLogger } from '../ding/logger/index.js'
import {
  type ComposeOptions,
  composeContainer,
  NO_LIMIT,
  ROLES,
  type RunLimits,
  writeGitInfo,
} from '../ding/pipeline/index.js'
import type { LrFunction } from '../ding/policy/index.js'
import { lockFolder } from '../ding/utils/index.js'

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
  /** Experiment folder instead of the config's exp_name. */
  readonly exp_name?: string
  /** Makes the experiment folder's name from the config's. */
  readonly rename?: ((exp_name: string) => string) | undefined
  /** Folder below which the experiment folder is made; the working directory by default. */
  readonly work_dir?: string
  /** Continue the run in the experiment folder (its total_config.json is then the input) from its run state. */
  readonly resume?: boolean
  /** Aborting it ends the run as Ctrl-C does: at a safe point, with the run state saved. */
  readonly signal?: AbortSignal
}

/** How the entries compile: whether to take a new folder, and whether to write into it. */
interface PrepareOptions extends Pick<CompileOptions, 'claim'> {
  readonly save: boolean
  /** Whether a run whose folder exists gets a new one; by default those that are not resumed do. */
  readonly renew_dir?: boolean
  readonly enable_field?: ComposeOptions['enable_field']
  /** Sections of create_config that this entry needs, as they are where the config has none. */
  readonly create_defaults?: Readonly<Record<string, object>>
}

/** Reads and compiles the config of an entry. @throws ConfigError before anything is written. */
export async function compileInput(
  input: PipelineInput,
  seed: number | undefined,
  options: PipelineOptions & PrepareOptions,
): Promise<{
  config: CompiledConfig
  exp_dir: string
  is_new: boolean
  given_limits?: GivenLimits
  lr_schedule?: LrFunction
}> {
  const file =
    typeof input === 'string'
      ? await read_config(input)
      : { main_config: input[0], create_config: input[1], base_dir: undefined, limits: undefined }
  const given_limits = limitsOf(options) ?? (options.resume === true ? file.limits : undefined)
  const { main, ...given } = withoutFunction(renamed(file.main_config, options), options)
  const work_dir = resolve(options.work_dir ?? '.')
  const is_new = options.save && options.resume !== true && !resumesTraining(main)
  const config = await compile_config(
    main,
    { ...options.create_defaults, ...file.create_config },
    {
      ...(seed === undefined || options.resume === true ? {} : { seed }),
      ...(options.overrides === undefined ? {} : { overrides: options.overrides }),
      ...(file.base_dir === undefined ? {} : { base_dir: file.base_dir }),
      ...(given_limits === undefined ? {} : { limits: given_limits }),
      work_dir,
      // A resumed run writes its config when its state has been loaded.
      save: options.save && options.resume !== true,
      renew_dir: options.renew_dir ?? is_new,
      ...(options.claim === undefined ? {} : { claim: options.claim }),
    },
  )
  const folder = options.save ? undefined : ownFolder(input, options)
  const exp_dir = relative('.', folder ?? join(work_dir, config.main_config.exp_name)) || '.'
  return { config, exp_dir, is_new, ...(given_limits === undefined ? {} : { given_limits }), ...given }
}

/** The limits that the caller gave, if any. */
function limitsOf({ max_train_iter, max_env_step }: PipelineOptions): GivenLimits | undefined {
  if (max_train_iter === undefined && max_env_step === undefined) return undefined
  return {
    ...(max_train_iter === undefined ? {} : { max_train_iter }),
    ...(max_env_step === undefined ? {} : { max_env_step }),
  }
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
 */
function withoutFunction(
  main: object,
  { lr_schedule, resume }: PipelineOptions,
): { main: object; lr_schedule?: LrFunction } {
  const { policy } = (main ?? {}) as { policy?: { learn?: { lr_schedule?: unknown } } }
  const inside = policy?.learn?.lr_schedule
  const found = lr_schedule ?? (typeof inside === 'function' ? (inside as LrFunction) : undefined)
  if (found === undefined) return { main }
  if (resume === true) return { main, lr_schedule: found }
  const learn = { ...policy?.learn, lr_schedule: { type: 'function' } }
  return { main: { ...main, policy: { ...policy, learn } }, lr_schedule: found }
}

/** The main_config under the name that the caller wants. What is no record is left for compile_config to refuse. */
function renamed(main_config: object, { exp_name, rename }: PipelineOptions): object {
  if (typeof main_config !== 'object' || main_config === null || Array.isArray(main_config))
    return main_config
  const main = { ...main_config } as Record<string, unknown>
  if (exp_name !== undefined) main['exp_name'] = exp_name
  if (rename !== undefined && typeof main['exp_name'] === 'string')
    main['exp_name'] = rename(main['exp_name'])
  return main
}

function resumesTraining(main: object): boolean {
  const { policy } = (main ?? {}) as { policy?: { learn?: { resume_training?: boolean } } }
  return policy?.learn?.resume_training === true
}

/** A run ready to start. */
export interface PreparedRun {
  readonly config: CompiledConfig
  readonly exp_dir: string
  /** The experiment folder was made for this run. */
  readonly is_new: boolean
  readonly container: Container
  readonly limits: RunLimits
  readonly logger: RunLogger
  /** Writes what a resumed run is now. For when its state has been loaded: one that does not fit must leave the folder as it was. */
  resumed(): void
  /** Closes whatever was made, all of it. @returns what went wrong; a part that could not be made is among it */
  close(): Promise<unknown[]>
}

/**
 * Compiles the config, makes the experiment folder and binds the parts of the run. A run that writes holds its folder until it is closed.
 * @throws UsageError when another run holds the folder; nothing in it has been touched
 */
export async function prepareRun(
  input: PipelineInput,
  seed: number | undefined,
  options: PipelineOptions & PrepareOptions,
): Promise<PreparedRun> {
  let release: (() => void) | undefined
  const claim = (folder: string) => {
    if (options.save) release = lockFolder(folder)
  }
  try {
    const { close, ...prepared } = await prepare(input, seed, { ...options, claim })
    return { ...prepared, close: () => close().finally(() => release?.()) }
  } catch (error) {
    release?.()
    throw error
  }
}

async function prepare(
  input: PipelineInput,
  seed: number | undefined,
  options: PipelineOptions & PrepareOptions,
): Promise<PreparedRun> {
  const { config, exp_dir, is_new, given_limits, ...given } = await compileInput(input, seed, options)
  const container = composeContainer(config, { ...options, ...given, exp_dir, log_files: options.save })
  const limits = { max_train_iter: NO_LIMIT, max_env_step: NO_LIMIT, ...given_limits }
  const logger = await container.getAsync(ROLES.logger)
  if (options.save && options.resume !== true) writeGitInfo(exp_dir)
  const resumed = () => {
    saveConfig(join(exp_dir, TOTAL_CONFIG), config, given_limits)
    writeGitInfo(exp_dir)
  }
  for (const note of config.notes) logger.warn(note)
  const close = async () => {
    const results: PromiseSettledResult<void>[] = []
    for (const role of Object.values<ServiceIdentifier>(ROLES)) {
      if (container.isBound(role)) results.push(...(await Promise.allSettled([container.unbindAsync(role)])))
    }
    logger.close()
    return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  }
  return { config, exp_dir, is_new, container, limits, logger, resumed, close }
}
