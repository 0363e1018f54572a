import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { TOTAL_CONFIG } from '../ding/config/index.js'
import { PARALLEL } from '../ding/parallel/index.js'
import { type RunResult, runStatePath } from '../ding/pipeline/index.js'
import { CheckpointError, loadState, UsageError } from '../ding/utils/index.js'
import { parallel_pipeline } from './parallel_pipeline.js'
import type { PipelineOptions } from './prepare.js'
import { SERIAL } from './serial_pipeline.js'
import { SERIAL_OFFLINE } from './serial_pipeline_offline.js'
import { SERIAL_OFFLINE_TO_ONLINE } from './serial_pipeline_offline_to_online.js'
import { train } from './train.js'

/**
 * Continues the run in an experiment folder from its run state, with the entry that it was started by: bit for bit, but for parallel runs, whose
 * collectors begin new episodes.
 * Limits count from the run's beginning. Those of the run stay, unless `options` has one or both: then these alone count.
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
  const kind = kindOf(folder)
  if (kind === PARALLEL) return parallel_pipeline(config, undefined, common)
  if (kind === 'offline') return train(SERIAL_OFFLINE, config, undefined, common)
  if (kind === 'offline_to_online') return train(SERIAL_OFFLINE_TO_ONLINE, config, undefined, common)
  return train(SERIAL, config, undefined, common)
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
