import type { EnvTimestep, Obs } from '../envs/index.js'
import type { Logger } from '../logger/index.js'

/** An episode that has ended, by the names of SB3's Monitor: return, length, and whether the task was done, where the environment says it. */
export interface EpisodeRecord {
  readonly r: number
  readonly l: number
  readonly is_success?: boolean
}

/** The last episodes of an agent's collector, and what is logged of them, under SB3's names. */
export class EpisodeMonitor {
  readonly ep_info_buffer: EpisodeRecord[] = []
  /** Episodes since counting began. */
  episodes = 0
  private readonly lengths = new Map<string, number>()
  private started = 0
  private startedAt = 0

  constructor(private readonly window: number) {}

  /** From here on speed is measured. */
  start(now: number, num_timesteps: number): void {
    this.started = now
    this.startedAt = num_timesteps
  }

  /** Forgets everything. */
  reset(): void {
    this.ep_info_buffer.length = 0
    this.restart()
    this.episodes = 0
  }

  /** New episodes have begun in all environments. */
  restart(): void {
    this.lengths.clear()
  }

  /** Takes in a step of all environments; returns the episodes that ended with it, by environment id. */
  record(timesteps: Readonly<Record<number, EnvTimestep<Obs>>>): Record<string, EpisodeRecord> {
    const ended: Record<string, EpisodeRecord> = {}
    for (const [id, { done, info }] of Object.entries(timesteps)) {
      const length = (this.lengths.get(id) ?? 0) + 1
      const broken = info['abnormal'] === true
      this.lengths.set(id, done || broken ? 0 : length)
      if (!done || broken) continue
      const success = info['is_success']
      const episode = {
        r: Number(info['eval_episode_return']),
        l: length,
        ...(success === undefined ? {} : { is_success: Boolean(success) }),
      }
      ended[id] = episode
      this.ep_info_buffer.push(episode)
      if (this.ep_info_buffer.length > this.window) this.ep_info_buffer.shift()
    }
    this.episodes += Object.keys(ended).length
    return ended
  }

  /** Writes rollout/ and time/ values if, with the last `ended` episodes, `log_interval` of them have come together. */
  dumpIfDue(log_interval: number, ended: number, logger: Logger, num_timesteps: number): void {
    const before = Math.floor((this.episodes - ended) / log_interval)
    if (Math.floor(this.episodes / log_interval) > before) this.dump(logger, num_timesteps)
  }

  /** Writes rollout/ and time/ values. */
  dump(logger: Logger, num_timesteps: number): void {
    const seconds = (logger.now() - this.started) / 1000
    const successes = this.ep_info_buffer.flatMap(({ is_success }) =>
      is_success === undefined ? [] : [Number(is_success)],
    )
    const values: Record<string, number> = {
      ...(this.ep_info_buffer.length > 0 && {
        'rollout/ep_rew_mean': mean(this.ep_info_buffer.map(({ r }) => r)),
        'rollout/ep_len_mean': mean(this.ep_info_buffer.map(({ l }) => l)),
      }),
      ...(successes.length > 0 && { 'rollout/success_rate': mean(successes) }),
      'time/episodes': this.episodes,
      'time/time_elapsed': seconds,
      ...(seconds > 0 && { 'time/fps': Math.round((num_timesteps - this.startedAt) / seconds) }),
      'time/total_timesteps': num_timesteps,
    }
    logger.scalars(values, num_timesteps)
    logger.table('rollout', values)
  }
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
