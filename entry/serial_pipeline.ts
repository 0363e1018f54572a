import { basename, dirname, join, resolve } from 'node:path'
import { type CompiledConfig, TOTAL_CONFIG } from '../ding/config/index.js'
import { listenForInterrupt, Run, type RunLimits, type RunResult, runLoop, SERIAL_STAGES } from '../ding/pipeline/index.js'
import { type PipelineInput, type PipelineOptions, prepareRun } from './prepare.js'

/**
 * Trains an off-policy policy: collect, push, learn and evaluate in turn, in one process.
 *
 * @param input `[main_config, create_config]`, or the path of a config file (.ts, .js, .json, .yaml)
 * @param seed the root of every random stream of the run; the same seed gives the same run, bit for bit
 * @returns what every entry returns: the policy, why the run ended, counters, the last evaluation
 * @throws ConfigError naming the path of each key at fault, before anything is written
 */
export async function serial_pipeline(input: PipelineInput, seed = 0, options: PipelineOptions = {}): Promise<RunResult> {
  const { config, container, logger, exp_dir, limits, close } = await prepareRun(input, seed, { ...options, save: true })
  const interrupt = listenForInterrupt((signal) => logger.info(`${signal}: stopping after this round, then saving.`), options.signal)
  try {
    const run = await Run.compose(container, exp_dir, limits, interrupt)
    logger.info(whenItStops(config, limits))
    const result = await runLoop(run, SERIAL_STAGES, { resume: options.resume === true })
    logger.progress.stop()
    logger.info(summary(result, config))
    return result
  } finally {
    interrupt.release()
    await close()
  }
}

/** Continues the run in an experiment folder from its run state, bit for bit. Limits count from the run's beginning. */
export function resume_pipeline(exp_dir: string, options: PipelineOptions = {}): Promise<RunResult> {
  const folder = resolve(exp_dir)
  return serial_pipeline(join(folder, TOTAL_CONFIG), 0, {
    ...options,
    resume: true,
    work_dir: dirname(folder),
    exp_name: basename(folder),
  })
}

function whenItStops(config: CompiledConfig, limits: RunLimits): string {
  const ends = [
    Number.isFinite(config.main_config.env.stop_value) ? `the mean evaluation return reaches ${config.main_config.env.stop_value}` : '',
    limits.max_env_step < 1e10 ? `${limits.max_env_step} env steps are done` : '',
    limits.max_train_iter < 1e10 ? `${limits.max_train_iter} training iterations are done` : '',
  ].filter((end) => end !== '')
  const { exp_name } = config.main_config
  return ends.length === 0
    ? `${exp_name}: no stop value and no limit are set, so this run goes on until it is interrupted (Ctrl-C saves it).`
    : `${exp_name}: this run stops when ${ends.join(', or ')}. Ctrl-C stops it earlier and saves it.`
}

const REASONS: Readonly<Record<RunResult['stop_reason'], string>> = {
  stop_value: 'the stop value is reached',
  max_train_iter: 'the limit of training iterations is reached',
  max_env_step: 'the limit of env steps is reached',
  interrupted: 'it was interrupted',
  done: 'it is done',
}

/** The last lines of a run: what came out, and where everything is. */
function summary(result: RunResult, config: CompiledConfig): string {
  const { exp_name: folder, eval_value, eval_value_raw } = result
  const best = Number.isNaN(eval_value) ? 'never evaluated' : `mean return ${eval_value.toFixed(2)} over ${eval_value_raw.length} episodes`
  const lines = [
    `Stopped because ${REASONS[result.stop_reason]}: ${result.env_step} env steps, ${result.train_iter} training iterations, ${best} (stop value ${config.main_config.env.stop_value}).`,
    `  best weights   ${join(folder, 'ckpt', 'ckpt_best.safetensors')}`,
    `  config         ${join(folder, TOTAL_CONFIG)}`,
    `  result         ${join(folder, 'result.json')}`,
    `  TensorBoard    tensorboard --logdir ${join(folder, 'log')}`,
    `  go on          npx ding --resume ${folder}`,
    `  watch it act   npx ding -m eval -c ${join(folder, TOTAL_CONFIG)}`,
  ]
  return lines.join('\n')
}
