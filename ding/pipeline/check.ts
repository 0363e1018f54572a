import type { CompiledConfig } from '../config/index.js'
import { AS_COLLECTED, type Policy } from '../policy/index.js'
import { BUFFER_REGISTRY, SERIAL_COLLECTOR_REGISTRY } from '../registry/index.js'
import { ConfigError } from '../utils/index.js'
import { hooksOf } from '../worker/index.js'
import { NO_LIMIT } from './report.js'
import type { RunLimits } from './run.js'

type Section = Readonly<Record<string, unknown>>

function refuse(path: string, text: string): never {
  throw new ConfigError(`${path} ${text}`, { path })
}

function section(of: Section, key: string): Section {
  const value = of[key]
  return typeof value === 'object' && value !== null ? (value as Section) : {}
}

/** A count that the loop needs from the policy's config. @throws ConfigError where it has none */
function count(of: Section, group: string, key: string): number {
  const value = section(of, group)[key]
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value
  return refuse(`policy.${group}.${key}`, `is ${String(value)}, but training needs a whole number above 0.`)
}

/**
 * Checks what concerns several parts at once, and which no schema of one part can.
 * @param dataset whether the run has a dataset too, and what it may say of it
 * @throws ConfigError naming the paths of the keys that contradict each other
 */
export function checkConfig(config: CompiledConfig, { dataset = false } = {}): void {
  const { env, policy } = config.main_config
  const batch = count(policy, 'learn', 'batch_size')
  if (policy.learn['update_per_collect'] !== AS_COLLECTED) count(policy, 'learn', 'update_per_collect')
  const { replay_buffer } = policy.other
  const size = replay_buffer['replay_buffer_size']
  const ratio = Number(section(replay_buffer, 'thruput_controller')['sample_min_limit_ratio'] ?? 1)
  if (typeof size === 'number' && replay_buffer['replace'] !== true && batch * ratio > size) {
    refuse(
      'policy.learn.batch_size',
      `is ${batch}, more than policy.other.replay_buffer.replay_buffer_size (${size}) can ever hold` +
        `${ratio === 1 ? '' : ` with sample_min_limit_ratio ${ratio}`}: the run would never learn. Make the buffer larger or the batch smaller.`,
    )
  }
  if (!dataset && policy.collect['use_norm'] === true) {
    refuse(
      'policy.collect.use_norm',
      'is true, but this run collects its data and has no dataset to normalise by. Set it to false, normalise by running ' +
        'statistics (policy.vec_normalize.norm_obs), or learn from a dataset (serial_offline).',
    )
  }
  const { data_path } = policy.collect
  if (!dataset && typeof data_path === 'string' && data_path !== '') {
    refuse(
      'policy.collect.data_path',
      `is ${JSON.stringify(data_path)}, but this run collects its data itself and reads no dataset. Learn from it with -m serial_offline ` +
        "(serial_pipeline_offline) or -m serial_offline_to_online; to learn online set it to '' (--no-policy.collect.data_path).",
    )
  }
  const { type } = config.create_config.replay_buffer
  if (BUFFER_REGISTRY.get(type).stores_episodes === true) {
    refuse(
      'create_config.replay_buffer.type',
      `is "${type}", which stores whole episodes, but a run learns from single transitions and pushes these. Use 'advanced', 'naive' or 'deque' ` +
        "('her' to learn from episodes' goals).",
    )
  }
  if (policy['priority'] === true && BUFFER_REGISTRY.get(type).keeps_priority === false) {
    refuse(
      'policy.priority',
      `is true, but the replay buffer "${type}" keeps no priorities. Set create_config.replay_buffer.type to 'advanced' or ` +
        "'deque', or policy.priority to false.",
    )
  }
  checkGoals(policy, type)
  if (env.manager['auto_reset'] === false) {
    refuse(
      'env.manager.auto_reset',
      'is false, but collectors need environments that start anew. Set it to true or leave it out.',
    )
  }
  hooksOf(policy.learn.learner['hook'] as never)
  collectCount(config)
}

/** What a run that learns from data first and collects then asks of a config. @throws ConfigError naming the path */
export function checkOfflineToOnline(config: CompiledConfig): void {
  checkConfig(config, { dataset: true })
  const { policy } = config.main_config
  checkNoRunning(policy)
  const { train_epoch } = policy.learn
  if (typeof train_epoch === 'number') {
    refuse(
      'policy.learn.train_epoch',
      `is ${train_epoch}, but this run draws freely from the replay buffer and counts no passes over the data. Use policy.learn.offline_iterations.`,
    )
  }
  const { type } = config.create_config.replay_buffer
  if (BUFFER_REGISTRY.get(type).relabels_goals === true) {
    refuse(
      'create_config.replay_buffer.type',
      `is "${type}", which relabels goals in whole episodes; the rows of a dataset tell of none. Use 'naive', 'deque' or 'advanced'.`,
    )
  }
}

/** Running statistics are those of collected data alone. @throws ConfigError where they are asked for beside a dataset */
export function checkNoRunning(policy: object): void {
  for (const key of ['norm_obs', 'norm_reward'] as const) {
    if (section(policy as Section, 'vec_normalize')[key] !== true) continue
    refuse(
      `policy.vec_normalize.${key}`,
      'is true, but this run learns from a dataset, which moves no running statistics. Use ' +
        `${key === 'norm_obs' ? 'policy.collect.use_norm' : 'policy.collect.reward_norm'}.`,
    )
  }
}

/** What the collector counts. */
export function collectUnit({ create_config }: Pick<CompiledConfig, 'create_config'>): 'sample' | 'episode' {
  return SERIAL_COLLECTOR_REGISTRY.get(create_config.collector.type).unit ?? 'sample'
}

/** What hindsight experience replay asks of a config, and what only it may ask for. */
function checkGoals(policy: Section, buffer: string): void {
  if (BUFFER_REGISTRY.get(buffer).relabels_goals === true) {
    if (Number(policy['nstep'] ?? 1) > 1) {
      refuse(
        'policy.nstep',
        `is ${String(policy['nstep'])}, but the replay buffer "${buffer}" relabels single steps: the rewards between would be those of the old goal. Set it to 1.`,
      )
    }
    return
  }
  for (const [key, value] of Object.entries(section(section(policy, 'other'), 'her'))) {
    if (value === null) continue
    refuse(
      `policy.other.her.${key}`,
      `is ${String(value)}, but the replay buffer "${buffer}" does no hindsight relabelling. Set create_config.replay_buffer.type to 'her', or leave it out.`,
    )
  }
}

/** How many samples or episodes, as the collector counts, one collect brings. @throws ConfigError when the config does not say it */
export function collectCount({ main_config, create_config }: CompiledConfig): number {
  const { collect } = main_config.policy
  const { type } = create_config.collector
  const unit = collectUnit({ create_config })
  const key = `n_${unit}`
  const other = unit === 'sample' ? 'n_episode' : 'n_sample'
  const found = collect[key]
  if (typeof found !== 'number') {
    return refuse(
      `policy.collect.${key}`,
      `is ${String(found)}, but the collector "${type}" needs it: how many ${unit}s a collect brings.`,
    )
  }
  // n_sample has a default, so that it says nothing beside n_episode; n_episode is only ever set on purpose.
  if (unit === 'sample' && typeof collect[other] === 'number') {
    return refuse(
      `policy.collect.${other}`,
      `is ${collect[other]}, but the collector "${type}" counts samples. Set create_config.collector.type to 'episode', or use policy.collect.n_sample.`,
    )
  }
  return found
}

/** Lets the policy's schedules know how long the run is. Before its modes are first asked for. */
export function tellLimits(policy: Policy, limits: RunLimits): void {
  for (const name of ['max_train_iter', 'max_env_step'] as const)
    if (limits[name] < NO_LIMIT) policy.setAttribute(name, limits[name])
}
