import { checkEvaluatorSpaces, OFFLINE_STAGES, OfflineRun, type RunResult } from '../ding/pipeline/index.js'
import type { PipelineInput, PipelineOptions } from './compile_input.js'
import { type TrainingKind, train } from './train.js'

export const SERIAL_OFFLINE: TrainingKind<OfflineRun> = {
  async compose(container, setting) {
    const run = await OfflineRun.compose(container, setting)
    await checkEvaluatorSpaces(container)
    return run
  },
  stages: OFFLINE_STAGES,
  enable_field: ['learn', 'eval'],
  without_env_steps: true,
}

/**
 * Trains a policy from the dataset at `policy.collect.data_path`, collecting nothing. It ends at the stop value, after
 * `policy.learn.train_epoch` passes over the data, or at `max_train_iter`; the x axis of all curves is the training
 * iteration. With `policy.collect.use_norm` the policy normalises what it sees by the data's mean and deviation, which its checkpoints hold.
 *
 * @param input `[main_config, create_config]`, or the path of a config file (.ts, .js, .json, .yaml)
 * @param seed the root of every random stream of the run. Left out: the config's own, else 0
 * @throws ConfigError naming the path of each key at fault, DatasetError naming file, key and row; no folder is left then
 */
export function serial_pipeline_offline(
  input: PipelineInput,
  seed?: number,
  options: PipelineOptions = {},
): Promise<RunResult> {
  return train(SERIAL_OFFLINE, input, seed, options)
}
