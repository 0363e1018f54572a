import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { TOTAL_CONFIG } from '../ding/config/index.js'
import { type RunResult, refuseNoRunState, runStatePath } from '../ding/pipeline/index.js'
import { loadState, UsageError } from '../ding/utils/index.js'
import type { PipelineOptions } from './compile_input.js'
import { modeOf, TRAINING, type TrainingMode } from './training_modes.js'

export interface ResumeOptions extends PipelineOptions {
  /** The mode that the run is to be of; whichever it is of by default. */
  readonly mode?: TrainingMode | undefined
}

/**
 * Continues the run in an experiment folder from its run state, with the entry that it was started by: bit for bit, but for parallel runs, whose
 * collectors begin new episodes. Its name and its seed stay.
 * Limits count from the run's beginning. Those of the run stay, unless `options` has one or both: then these alone count.
 * @param exp_dir the folder, as seen from `work_dir`
 * @throws UsageError when the folder holds no run, or one of another mode, name or seed than asked for; CheckpointError when its run state cannot be used
 */
export async function resume_pipeline(
  exp_dir: string,
  { mode, ...options }: ResumeOptions = {},
): Promise<RunResult> {
  const folder = resolve(options.work_dir ?? '.', exp_dir)
  const config = join(folder, TOTAL_CONFIG)
  if (!existsSync(config)) {
    throw new UsageError(
      `There is no run to resume in ${exp_dir}: ${join(exp_dir, TOTAL_CONFIG)} does not exist. Name the experiment folder of the run.`,
    )
  }
  refuseNoRunState(folder)
  // A state of an unknown kind is refused where it is loaded.
  const own = modeOf(loadState(runStatePath(folder)).meta['kind']) ?? 'serial'
  if (mode !== undefined && mode !== own) {
    throw new UsageError(`The run in ${exp_dir} is of -m ${own}, and goes on as such: leave -m ${mode} out.`)
  }
  return TRAINING[own].start(config, undefined, { ...options, resume: true })
}
