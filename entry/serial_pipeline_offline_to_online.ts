import {
  loadDataset,
  OFFLINE_TO_ONLINE_STAGES,
  OfflineToOnlineRun,
  offlineToOnlineLimits,
  type RunResult,
} from '../ding/pipeline/index.js'
import type { PipelineInput, PipelineOptions } from './compile_input.js'
import { type TrainingKind, train } from './train.js'

export const SERIAL_OFFLINE_TO_ONLINE: TrainingKind<OfflineToOnlineRun> = {
  compose: OfflineToOnlineRun.compose,
  stages: OFFLINE_TO_ONLINE_STAGES,
  opening: [loadDataset],
  limits: offlineToOnlineLimits,
}

/**
 * Trains a policy from the dataset at `policy.collect.data_path` and then goes on in the environment, as CORL's finetune: the rows of the
 * dataset are the first in the replay buffer, from which `policy.learn.offline_iterations` updates are made; then
 * `policy.learn.online_iterations` env steps are collected into the same buffer, with updates in between as `serial_pipeline` makes them. Rewards and
 * observations are transformed online as in the data. The x axis of all curves is the training iteration. It ends after both
 * phases, at a limit of `options`, or at an evaluation after the switch that reaches the stop value.
 *
 * @param input `[main_config, create_config]`, or the path of a config file (.ts, .js, .json, .yaml)
 * @param seed the root of every random stream of the run. Left out: the config's own, else 0
 * @returns what every entry returns, with the mean return at the switch and, where episodes can succeed, the regret
 * @throws ConfigError naming the path of each key at fault, DatasetError naming file, key and row; no folder is left then
 */
export function serial_pipeline_offline_to_online(
  input: PipelineInput,
  seed?: number,
  options: PipelineOptions = {},
): Promise<RunResult> {
  return train(SERIAL_OFFLINE_TO_ONLINE, input, seed, options)
}
