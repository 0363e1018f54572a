import type { CompiledConfig } from '../config/index.js'
import type { Policy } from '../policy/index.js'
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
 * @throws ConfigError naming the paths of the keys that contradict each other
 */
export function checkConfig(config: CompiledConfig): void {
  const { env, policy } = config.main_config
  const batch = count(policy, 'learn', 'batch_size')
  count(policy, 'learn', 'update_per_collect')
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
  if (policy.collect['use_norm'] === true) {
    refuse(
      'policy.collect.use_norm',
      'is true, but this run collects its data and has no dataset to normalise by. Set it to false, use the env wrapper ' +
        '"static_obs_norm", or learn from a dataset (serial_offline).',
    )
  }
  const { type } = config.create_config.replay_buffer
  if (policy['priority'] === true && BUFFER_REGISTRY.get(type).keeps_priority === false) {
    refuse(
      'policy.priority',
      `is true, but the replay buffer "${type}" keeps no priorities. Set create_config.replay_buffer.type to 'advanced' or ` +
        "'deque', or policy.priority to false.",
    )
  }
  if (env.manager['auto_reset'] === false) {
    refuse(
      'env.manager.auto_reset',
      'is false, but collectors need environments that start anew. Set it to true or leave it out.',
    )
  }
  hooksOf(policy.learn.learner['hook'] as never)
  collectCount(config)
}

/** How many samples or episodes, as the collector counts, one collect brings. @throws ConfigError when the config does not say it */
export function collectCount({ main_config, create_config }: CompiledConfig): number {
  const { collect } = main_config.policy
  const { type } = create_config.collector
  const unit = SERIAL_COLLECTOR_REGISTRY.get(type).unit ?? 'sample'
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
  if (limits.max_train_iter < NO_LIMIT) policy.setAttribute('max_train_iter', limits.max_train_iter)
}
