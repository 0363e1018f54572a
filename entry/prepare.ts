import { join, relative, resolve } from 'node:path'
import type { Container } from 'inversify'
// For what it registers: a config may name any part, also one that no entry uses itself.
import '../ding/index.js'
import { type CompiledConfig, type ConfigPair, compile_config, type OverrideEntry, read_config } from '../ding/config/index.js'
import type { RunLogger } from '../ding/logger/index.js'
import { type ComposeOptions, composeContainer, ROLES, type RunLimits, writeGitInfo } from '../ding/pipeline/index.js'

/** `[main_config, create_config]`, or the path of a config file. */
export type PipelineInput = ConfigPair | string

/** Options that every entry takes. */
export interface PipelineOptions extends Pick<ComposeOptions, 'env_setting' | 'model' | 'console' | 'dynamic_seed' | 'rebind'> {
  /** Stop after this many training iterations (1e10). */
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
interface PrepareOptions {
  readonly save: boolean
  readonly enable_field?: ComposeOptions['enable_field']
}

/** Reads and compiles the config of an entry. @throws ConfigError before anything is written. */
export async function compileInput(input: PipelineInput, seed: number | undefined, options: PipelineOptions & PrepareOptions): Promise<{ config: CompiledConfig; exp_dir: string }> {
  const file = typeof input === 'string' ? await read_config(input) : { main_config: input[0], create_config: input[1], base_dir: undefined }
  const main = { ...file.main_config } as Record<string, unknown>
  if (options.exp_name !== undefined) main['exp_name'] = options.exp_name
  if (options.rename !== undefined && typeof main['exp_name'] === 'string') main['exp_name'] = options.rename(main['exp_name'])
  const work_dir = resolve(options.work_dir ?? '.')
  const config = await compile_config(main, file.create_config, {
    ...(seed === undefined || options.resume === true ? {} : { seed }),
    ...(options.overrides === undefined ? {} : { overrides: options.overrides }),
    ...(file.base_dir === undefined ? {} : { base_dir: file.base_dir }),
    work_dir,
    save: options.save,
    renew_dir: options.save && options.resume !== true && !resumesTraining(main),
  })
  return { config, exp_dir: relative('.', join(work_dir, config.main_config.exp_name)) || '.' }
}

function resumesTraining(main: Record<string, unknown>): boolean {
  const policy = main['policy'] as { learn?: { resume_training?: boolean } } | undefined
  return policy?.learn?.resume_training === true
}

/** A run ready to start. */
export interface PreparedRun {
  readonly config: CompiledConfig
  readonly exp_dir: string
  readonly container: Container
  readonly limits: RunLimits
  readonly logger: RunLogger
  /** Closes whatever was made. */
  close(): Promise<void>
}

/** Compiles the config, makes the experiment folder and binds the parts of the run. */
export async function prepareRun(input: PipelineInput, seed: number, options: PipelineOptions & PrepareOptions): Promise<PreparedRun> {
  const { config, exp_dir } = await compileInput(input, seed, options)
  const container = composeContainer(config, { ...options, exp_dir })
  const limits = { max_train_iter: options.max_train_iter ?? 1e10, max_env_step: options.max_env_step ?? 1e10 }
  const logger = await container.getAsync(ROLES.logger)
  if (options.save) writeGitInfo(exp_dir)
  for (const note of config.notes) logger.warn(note)
  const close = async () => {
    await container.unbindAllAsync()
    logger.close()
  }
  return { config, exp_dir, container, limits, logger, close }
}
