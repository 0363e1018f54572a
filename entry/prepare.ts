import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Container, ServiceIdentifier } from 'inversify'
import {
  type CompiledConfig,
  claimExperiment,
  removeExperiment,
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
import { lockFolder } from '../ding/utils/index.js'
import {
  type CompiledInput,
  compileInput,
  type InputOptions,
  type PipelineInput,
  type PipelineOptions,
} from './compile_input.js'

interface PrepareOptions extends InputOptions {
  readonly enable_field?: ComposeOptions['enable_field']
}

/** A run ready to start. */
export interface PreparedRun {
  readonly config: CompiledConfig
  readonly exp_dir: string
  /** Whether the run starts from the run state in its folder. */
  readonly resumes: boolean
  readonly container: Container
  readonly limits: RunLimits
  readonly logger: RunLogger
  /** Writes what a resumed run is now. For when it has shown that it goes on: a config that does not fit its state must leave the folder as it was. */
  resumed(): void
  /**
   * Closes whatever was made, all of it. A new folder goes, too, if nothing was saved in it: it would only be in the way of the next run.
   * @returns what went wrong; a part that could not be made is among it
   */
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
  const compiled = await compileInput(input, seed, options)
  const held = options.save ? holdFolder(compiled) : undefined
  try {
    const { close, ...prepared } = await prepare(compiled, held?.exp_dir ?? compiled.exp_dir, options)
    return { ...prepared, close: () => close().finally(() => held?.release()) }
  } catch (error) {
    held?.release()
    throw error
  }
}

/** Takes the folder of a run for itself: the one that it goes on in, or a new one. */
function holdFolder({ config, work_dir, keeps_dir }: CompiledInput): {
  readonly exp_dir: string
  release(): void
} {
  const { main_config } = config
  const { exp_name, made } = claimExperiment(work_dir, main_config.exp_name, {
    create: true,
    renew: !keeps_dir,
  })
  main_config.exp_name = exp_name
  const folder = join(work_dir, exp_name)
  const unlock = lockFolder(folder)
  const release = () => {
    if (made !== undefined && !existsSync(join(folder, 'ckpt'))) removeExperiment(folder, made)
    unlock()
  }
  return { exp_dir: relative('.', folder) || '.', release }
}

async function prepare(
  { config, resumes, given_limits, lr_schedule }: CompiledInput,
  exp_dir: string,
  options: PipelineOptions & PrepareOptions,
): Promise<PreparedRun> {
  const describe = () => {
    saveConfig(join(exp_dir, TOTAL_CONFIG), config, given_limits)
    writeGitInfo(exp_dir)
  }
  if (options.save && !resumes) describe()
  const container = composeContainer(config, {
    ...options,
    ...(lr_schedule === undefined ? {} : { lr_schedule }),
    exp_dir,
    log_files: options.save,
  })
  const limits = { max_train_iter: NO_LIMIT, max_env_step: NO_LIMIT, ...given_limits }
  const logger = await container.getAsync(ROLES.logger)
  for (const note of config.notes) logger.warn(note)
  const close = async () => {
    const results: PromiseSettledResult<void>[] = []
    for (const role of Object.values<ServiceIdentifier>(ROLES)) {
      if (container.isBound(role)) results.push(...(await Promise.allSettled([container.unbindAsync(role)])))
    }
    logger.close()
    return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  }
  return { config, exp_dir, resumes, container, limits, logger, resumed: describe, close }
}
