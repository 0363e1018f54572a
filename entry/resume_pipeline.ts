import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { TOTAL_CONFIG } from '../ding/config/index.js'
import { type RunResult, runStatePath } from '../ding/pipeline/index.js'
import { CheckpointError, loadState, UsageError } from '../ding/utils/index.js'
import type { PipelineOptions } from './prepare.js'
import { SERIAL } from './serial_pipeline.js'
import { SERIAL_OFFLINE } from './serial_pipeline_offline.js'
import { train } from './train.js'

/**
 * Continues the run in an experiment folder from its run state, bit for bit, with the entry that it was started by.
 * Limits count from the run's beginning.
 * @throws UsageError when the folder holds no run, CheckpointError when its run state cannot be used
 */
export async function resume_pipeline(exp_dir: string, options: PipelineOptions = {}): Promise<RunResult> {
  const folder = resolve(exp_dir)
  const config = join(folder, TOTAL_CONFIG)
  if (!existsSync(config)) {
    throw new UsageError(
      `There is no run to resume in ${exp_dir}: ${join(exp_dir, TOTAL_CONFIG)} does not exist. Name the experiment folder of the run.`,
    )
  }
  const common = { ...options, resume: true, work_dir: dirname(folder), exp_name: basename(folder) }
  return kindOf(folder) === 'offline'
    ? train(SERIAL_OFFLINE, config, undefined, common)
    : train(SERIAL, config, undefined, common)
}

function kindOf(folder: string): unknown {
  const path = runStatePath(folder)
  if (!existsSync(path)) {
    throw new CheckpointError(
      `There is nothing to resume in ${folder}: ${path} does not exist. A run writes it when it is interrupted, when it ends, ` +
        'and every policy.learn.learner.hook.save_ckpt_after_iter iterations.',
    )
  }
  return loadState(path).meta['kind']
}
