import { OnlineRun, type RunResult, SERIAL_STAGES, warmup } from '../ding/pipeline/index.js'
import type { PipelineInput, PipelineOptions } from './compile_input.js'
import { type TrainingKind, train } from './train.js'

export const SERIAL: TrainingKind<OnlineRun> = {
  compose: OnlineRun.compose,
  stages: SERIAL_STAGES,
  opening: [warmup],
}

/**
 * Trains an off-policy policy: collect, push, learn and evaluate in turn, in one process.
 *
 * @param input `[main_config, create_config]`, or the path of a config file (.ts, .js, .json, .yaml)
 * @param seed the root of every random stream of the run; the same seed gives the same run, bit for bit. Left out: the
 *   config's own, else 0
 * @returns what every entry returns: the policy, why the run ended, counters, the last evaluation
 * @throws ConfigError naming the path of each key at fault; no folder is left then
 */
export function serial_pipeline(
  input: PipelineInput,
  seed?: number,
  options: PipelineOptions = {},
): Promise<RunResult> {
  return train(SERIAL, input, seed, options)
}
