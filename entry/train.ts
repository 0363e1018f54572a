import type { Container } from 'inversify'
import type { CompiledConfig } from '../ding/config/index.js'
import {
  listenForInterrupt,
  ROLES,
  type Run,
  type RunLimits,
  type RunResult,
  type RunSetting,
  runLoop,
  type Stage,
} from '../ding/pipeline/index.js'
import { UsageError } from '../ding/utils/index.js'
import type { PipelineInput, PipelineOptions } from './compile_input.js'
import { prepareRun } from './prepare.js'
import { opening, summary } from './summary.js'

/** What tells one training entry from another. */
export interface TrainingKind<R extends Run> {
  readonly compose: (container: Container, setting: RunSetting) => Promise<R>
  readonly stages: readonly Stage<R>[]
  /** Stages that come once, before the first round. */
  readonly opening?: readonly Stage<R>[]
  readonly enable_field?: readonly ('learn' | 'collect' | 'eval')[]
  /** It takes no env steps, so that they cannot limit it. */
  readonly without_env_steps?: true
  /** The limits that the config sets, within those of the options. Left out: none. */
  readonly limits?: (config: CompiledConfig, given: RunLimits) => RunLimits
}

/** What every training entry does: compile, put together, run the loop, say what came out, close. */
export async function train<R extends Run>(
  kind: TrainingKind<R>,
  input: PipelineInput,
  seed: number | undefined,
  options: PipelineOptions,
): Promise<RunResult> {
  const { stages, opening: first = [], enable_field } = kind
  if (kind.without_env_steps === true && options.max_env_step !== undefined) {
    throw new UsageError(
      'This run learns from a dataset and takes no env steps, so that --env-step (max_env_step) cannot end it: give --train-iter (max_train_iter).',
    )
  }
  const fields = enable_field === undefined ? {} : { enable_field }
  const prepared = await prepareRun(input, seed, { ...options, ...fields, save: true })
  const { config, container, logger, exp_dir } = prepared
  const limits = kind.limits?.(config, prepared.limits) ?? prepared.limits
  const interrupt = listenForInterrupt(
    (signal) => logger.info(`${signal}: stopping after this round, then saving.`),
    options.signal,
  )
  try {
    const run = await kind.compose(container, { exp_dir, limits, interrupt })
    logger.info(opening(config, exp_dir, limits, (await container.getAsync(ROLES.compute)).description))
    const start = logger.now()
    const result = await runLoop(run, stages, {
      opening: first,
      resume: prepared.resumes,
      on_resumed: prepared.resumed,
    })
    logger.progress.stop()
    logger.info(summary(result, config, prepared.limits, (logger.now() - start) / 1000))
    return result
  } finally {
    interrupt.release()
    await prepared.close()
  }
}
