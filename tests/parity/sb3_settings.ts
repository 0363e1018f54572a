import { isRecord } from './golden.js'

/** An optimizer as SB3's files write torch's. */
export interface OptimizerSettings {
  readonly type?: string
  readonly lr: number
  readonly betas?: [number, number]
  readonly eps?: number
  readonly weight_decay?: number
  readonly amsgrad?: boolean
}

const CLASSES: Readonly<Record<string, 'adam' | 'adamw'>> = { Adam: 'adam', AdamW: 'adamw' }

/** The class and options of an optimizer as keys of our policies' `learn`. @throws Error for another class than Adam and AdamW */
export function adamSettings({
  type = 'Adam',
  betas = [0.9, 0.999],
  eps = 1e-8,
  weight_decay = type === 'AdamW' ? 0.01 : 0,
  amsgrad = false,
}: OptimizerSettings) {
  const optimizer_type = CLASSES[type]
  if (optimizer_type === undefined)
    throw new Error(`The policies have Adam and AdamW, the recording was made with ${type}.`)
  return {
    optimizer_type,
    optimizer_betas: [...betas],
    optimizer_eps: eps,
    weight_decay,
    amsgrad,
  }
}

const TEMPERATURE = adamSettings({ type: 'Adam', lr: 0, betas: [0.9, 0.999], eps: 1e-8 })

/** {@link adamSettings} of actor and critic, which have all but the learning rate in common; alpha's is torch's Adam as it comes. @throws Error where they are not so */
export function actorCriticAdam(optimizers: Readonly<Record<string, OptimizerSettings>>) {
  const { actor, critic, log_ent_coef, ...others } = optimizers
  if (actor === undefined || critic === undefined || Object.keys(others).length > 0)
    throw new Error(`Expected optimizers of actor and critic, got ${Object.keys(optimizers).join(', ')}.`)
  const apart = (settings: OptimizerSettings) => JSON.stringify(adamSettings(settings))
  if (apart(actor) !== apart(critic))
    throw new Error(
      'Actor and critic have different optimizers, for which the policies have one set of keys.',
    )
  if (log_ent_coef !== undefined && apart(log_ent_coef) !== JSON.stringify(TEMPERATURE))
    throw new Error(`Alpha's optimizer is not torch's default: ${JSON.stringify(log_ent_coef)}.`)
  return adamSettings(critic)
}

/** Options of SB3's constructors that an update from a given batch does not depend on, and those that the files hold elsewhere. */
const NO_PART = [
  'policy env seed device verbose tensorboard_log stats_window_size normalize_images buffer_size learning_starts train_freq',
  'action_noise replay_buffer_class replay_buffer_kwargs optimize_memory_usage handle_timeout_termination n_envs total_timesteps',
  'exploration_fraction exploration_initial_eps exploration_final_eps sde_sample_freq use_sde_at_warmup',
  // One flat observation has an extractor without parameters.
  'share_features_extractor',
  // `optimizers` has what came of these, the batches their size.
  'learning_rate optimizer_class optimizer_kwargs batch_size',
].flatMap((names) => names.split(' '))

/** Read by every handler. */
const COMMON = ['gamma', 'tau', 'n_steps', 'net_arch', 'activation_fn', 'gradient_steps', 'use_sde']

/** The bounds that SB3's actors keep log sigma in, and ours too. */
const LOG_STD = JSON.stringify([-20, 2])

/**
 * Options of a case that nobody here looks at, for results to name; undefined when there are none.
 * @param read the keys that the handler reads besides those that all do
 * @throws Error for a value that contradicts what the policies are
 */
export function unreadOptions(
  config: Readonly<Record<string, unknown>>,
  read: readonly string[],
): string | undefined {
  const bounds = config['log_std_min_max'] ?? null
  if (bounds !== null && JSON.stringify(bounds) !== LOG_STD)
    throw new Error(`log_std_min_max is ${JSON.stringify(bounds)}; the actors here have ${LOG_STD}.`)
  if (config['use_sde'] === true && !read.includes('log_std_init'))
    throw new Error('use_sde is for SAC and CrossQ: the policy here has a deterministic actor.')
  const known = new Set([...NO_PART, ...COMMON, ...read, 'log_std_min_max'])
  const unknown = Object.keys(config).filter((key) => !known.has(key))
  return unknown.length === 0 ? undefined : `not looked at: ${unknown.join(', ')}`
}

/** Gradient steps in one call of SB3's train(); SB3 counts some things from the start of a call. */
export function stepsPerCall(config: Readonly<Record<string, unknown>>): number {
  const { gradient_steps } = config
  return typeof gradient_steps === 'number' && gradient_steps > 1 ? gradient_steps : 1
}

/** A file without its parts that are null, and without a replay that is only a remark (float64 files name the file that has it). */
export function withoutBlanks(json: unknown): unknown {
  if (!isRecord(json)) return json
  const given = Object.entries(json).filter(
    ([key, value]) =>
      value !== null && (key !== 'replay' || (isRecord(value) && Array.isArray(value['observations']))),
  )
  return Object.fromEntries(given)
}

/** Which kind of run the file is, or undefined: each of `keys` must be a record or a list. */
export function hasParts(json: unknown, keys: readonly string[]): json is Record<string, unknown> {
  return isRecord(json) && keys.every((key) => isRecord(json[key]) || Array.isArray(json[key]))
}
