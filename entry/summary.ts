import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CompiledConfig, TOTAL_CONFIG } from '../ding/config/index.js'
import { NO_LIMIT, type RunLimits, type RunResult } from '../ding/pipeline/index.js'

/** The first lines of a run: what runs, where it writes, and when it stops. */
export function opening(config: CompiledConfig, folder: string, limits: RunLimits, engine: string): string {
  const { env, policy } = config.create_config
  const ends = [
    config.main_config.env.stop_value < NO_LIMIT
      ? `the mean evaluation return reaches ${config.main_config.env.stop_value}`
      : '',
    limits.max_env_step < NO_LIMIT ? `${limits.max_env_step} env steps are done` : '',
    limits.max_train_iter < NO_LIMIT ? `${limits.max_train_iter} training iterations are done` : '',
  ].filter((end) => end !== '')
  const until =
    ends.length === 0
      ? 'No stop value and no limit are set: it goes on until Ctrl-C, which saves it.'
      : `It stops when ${ends.join(', or when ')}. Ctrl-C stops it earlier and saves it.`
  return `${policy.type} on ${env.type}, seed ${config.seed}, ${engine}. Everything goes to ${folder}\n${until}`
}

const REASONS: Readonly<Record<RunResult['stop_reason'], string>> = {
  stop_value: 'the stop value is reached',
  max_train_iter: 'the limit of training iterations is reached',
  max_env_step: 'the limit of env steps is reached',
  max_epoch: 'the passes over the data are done',
  interrupted: 'it was interrupted',
  callback: 'a callback asked for it',
  done: 'it is done',
}

/** The last lines of a run: what came out, and where everything is. */
export function summary(
  result: RunResult,
  config: CompiledConfig,
  limits: RunLimits,
  seconds: number,
): string {
  const { exp_name: folder, eval_value, eval_value_raw, stop_reason } = result
  const { stop_value } = config.main_config.env
  const value = Number.isNaN(eval_value)
    ? 'never evaluated'
    : `mean return ${eval_value.toFixed(2)} over ${eval_value_raw.length} episodes${scoreText(result.normalised_score)}`
  const wanted = stop_value < NO_LIMIT ? ` (stop value ${stop_value})` : ''
  const resume = `npx ding --resume ${quoted(folder)}`
  const last = join(folder, 'ckpt', `iteration_${result.train_iter}.safetensors`)
  const places = [
    ...(Number.isNaN(eval_value) ? [] : [['best weights', join(folder, 'ckpt', 'ckpt_best.safetensors')]]),
    ...(Number.isNaN(eval_value) && existsSync(last) ? [['last weights', last]] : []),
    ['config', join(folder, TOTAL_CONFIG)],
    ['result', join(folder, 'result.json')],
    ['logs', join(folder, 'log')],
    ['curves', `tensorboard --logdir ${quoted(join(folder, 'log'))}`],
    ['go on', `${resume}${furtherLimit(stop_reason, limits)}`],
    ...(Number.isNaN(eval_value)
      ? []
      : [['evaluate', `npx ding -m eval -c ${quoted(join(folder, TOTAL_CONFIG))}`]]),
  ]
  // A run from data alone takes none.
  const steps = result.env_step > 0 ? `${result.env_step} env steps, ` : ''
  return [
    `Stopped after ${seconds.toFixed(1)} s because ${REASONS[stop_reason]}: ${steps}${result.train_iter} training iterations, ${value}${wanted}.`,
    ...(stop_reason === 'interrupted'
      ? [`Everything is saved. To resume exactly where it stopped: ${resume}`]
      : []),
    ...places.map(([name, where]) => `  ${String(name).padEnd(14)} ${where}`),
  ].join('\n')
}

/** The flag that a run needs to go on beyond the limit that it has come to, which it would otherwise keep: for as long again. */
function furtherLimit(stop_reason: RunResult['stop_reason'], limits: RunLimits): string {
  const flags = { max_train_iter: '--train-iter', max_env_step: '--env-step' } as const
  if (stop_reason !== 'max_train_iter' && stop_reason !== 'max_env_step') return ''
  const limit = limits[stop_reason]
  return limit < NO_LIMIT ? ` ${flags[stop_reason]} ${2 * limit}` : ''
}

/** D4RL's score beside a return, where there is one. */
export function scoreText(score: number | undefined): string {
  return score === undefined ? '' : ` (normalised score ${score.toFixed(1)})`
}

/** For pasting into a shell. */
function quoted(path: string): string {
  return /^[\w./+@%=:,\\-]+$/.test(path) ? path : `"${path}"`
}
