import type { Logger } from '../../logger/index.js'
import type { Resumable, StateTree } from '../../utils/index.js'

/** Counts and returns of what a collector has collected, in the console fields and tags of DI-engine. */
export class CollectStatistics implements Resumable {
  total_envstep = 0
  total_sample = 0
  total_episode = 0
  private returns: number[] = []
  private lengths: number[] = []
  private steps = 0
  private samples = 0
  /** What the rates are taken from: since the last log, or since a resume, which does not know how long the rest took. */
  private timed = { seconds: 0, steps: 0, samples: 0, episodes: 0 }
  private lastShown = 0

  addCollect(steps: number, samples: number, seconds: number): void {
    this.steps += steps
    this.samples += samples
    this.timed.seconds += seconds
    this.timed.steps += steps
    this.timed.samples += samples
    this.total_sample += samples
  }

  addEpisode(episodeReturn: number, length: number): void {
    this.returns.push(episodeReturn)
    this.lengths.push(length)
    this.timed.episodes++
    this.total_episode++
  }

  /** All counts from 0 again. */
  reset(): void {
    this.total_envstep = 0
    this.total_sample = 0
    this.total_episode = 0
    this.startAnew()
  }

  private startAnew(): void {
    this.returns = []
    this.lengths = []
    this.steps = 0
    this.samples = 0
    this.startTiming()
  }

  private startTiming(): void {
    this.timed = { seconds: 0, steps: 0, samples: 0, episodes: 0 }
  }

  /** Logs and starts anew once `every` train iterations have passed and an episode has ended. */
  show(logger: Logger, train_iter: number, every: number): void {
    if (train_iter - this.lastShown < every || this.returns.length === 0) return
    this.lastShown = train_iter
    const n = this.returns.length
    const mean = this.returns.reduce((a, b) => a + b, 0) / n
    const std = Math.sqrt(this.returns.reduce((a, b) => a + (b - mean) ** 2, 0) / n)
    const { seconds, steps, samples, episodes } = this.timed
    const perSecond = (count: number) => (seconds > 0 ? count / seconds : 0)
    const row: Record<string, number> = {
      episode_count: n,
      envstep_count: this.steps,
      train_sample_count: this.samples,
      avg_envstep_per_episode: this.lengths.reduce((a, b) => a + b, 0) / n,
      avg_sample_per_episode: this.samples / n,
      avg_envstep_per_sec: perSecond(steps),
      avg_train_sample_per_sec: perSecond(samples),
      avg_episode_per_sec: perSecond(episodes),
      reward_mean: mean,
      reward_std: std,
      reward_max: this.returns.reduce((a, b) => Math.max(a, b)),
      reward_min: this.returns.reduce((a, b) => Math.min(a, b)),
      total_envstep_count: this.total_envstep,
      total_train_sample_count: this.total_sample,
      total_episode_count: this.total_episode,
    }
    logger.table('collect end', row)
    for (const [name, value] of Object.entries(row)) {
      logger.scalar(`collector_iter/${name}`, value, train_iter)
      if (!name.startsWith('total_')) logger.scalar(`collector_step/${name}`, value, this.total_envstep)
    }
    this.startAnew()
  }

  /** Wall-clock seconds are left out: they say nothing about the state of the run. */
  state_dict(): StateTree {
    const { total_envstep, total_sample, total_episode, returns, lengths, steps, samples, lastShown } = this
    return {
      total_envstep,
      total_sample,
      total_episode,
      returns,
      lengths,
      steps,
      samples,
      last_shown: lastShown,
    }
  }

  load_state_dict(state: StateTree): void {
    this.total_envstep = state['total_envstep'] as number
    this.total_sample = state['total_sample'] as number
    this.total_episode = state['total_episode'] as number
    this.returns = [...(state['returns'] as number[])]
    this.lengths = [...(state['lengths'] as number[])]
    this.steps = state['steps'] as number
    this.samples = state['samples'] as number
    this.lastShown = state['last_shown'] as number
    this.startTiming()
  }
}
