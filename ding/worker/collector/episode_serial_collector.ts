import { type ConfigOf, extendSchema } from '../../config/index.js'
import type { Transition } from '../../data/index.js'
import { SERIAL_COLLECTOR_REGISTRY } from '../../registry/index.js'
import type { StateTree } from '../../utils/index.js'
import {
  BaseCollector,
  baseCollectorConfig,
  type CollectOptions,
  type Cut,
  type Piece,
} from './base_collector.js'
import { decodeTransitions, encodeTransitions } from './trajectory.js'

export const episodeCollectorConfig = extendSchema(baseCollectorConfig, {
  get_train_sample: {
    doc: 'Turn episodes into training samples (n-step returns and the like); false hands out plain transitions.',
    format: 'boolean',
    default: true,
  },
})

const WHOLE: Cut = { length: Number.POSITIVE_INFINITY, lookahead: 0 }

/** Collects whole episodes. Episodes that end beyond the number asked for wait for the next collect. */
@SERIAL_COLLECTOR_REGISTRY.register('episode')
export class EpisodeSerialCollector extends BaseCollector<ConfigOf<typeof episodeCollectorConfig>> {
  static readonly config = episodeCollectorConfig
  static readonly unit = 'episode'
  private waiting: Transition[][] = []

  /** The transitions of `n_episode` episodes, one episode after the other. */
  override async collect(n_episode: number, options: CollectOptions = {}): Promise<Transition[]> {
    const episodes = await this.collect_episodes(n_episode, options)
    return episodes.flat()
  }

  /** The same, one list an episode. */
  async collect_episodes(n_episode: number, options: CollectOptions = {}): Promise<Transition[][]> {
    const fill = async () => {
      const episodes = this.waiting
      this.stopped = false
      while (episodes.length < n_episode && !this.stopped) {
        for (const piece of await this.stepAll(options, WHOLE)) episodes.push(this.finish(piece))
      }
      this.waiting = episodes.splice(n_episode)
      return episodes
    }
    return this.timed(options, fill, (episodes) => episodes.reduce((sum, episode) => sum + episode.length, 0))
  }

  private finish(piece: Piece): Transition[] {
    return this.cfg.get_train_sample ? this.policy.get_train_sample(piece.transitions) : piece.transitions
  }

  override reset(): void {
    super.reset()
    this.waiting = []
  }

  override state_dict(): StateTree {
    return {
      ...super.state_dict(),
      waiting: Object.fromEntries(this.waiting.map((episode, i) => [String(i), encodeTransitions(episode)])),
    }
  }

  override load_state_dict(state: StateTree): void {
    super.load_state_dict(state)
    const waiting = (state['waiting'] ?? {}) as StateTree
    this.waiting = Object.keys(waiting)
      .sort((a, b) => Number(a) - Number(b))
      .map((key) => decodeTransitions(waiting[key] as StateTree))
  }
}
