import { type ConfigOf, schema } from '../config/index.js'
import { type Logger, NULL_LOGGER } from '../logger/index.js'
import { BUFFER_REGISTRY } from '../registry/index.js'
import { CheckpointError, DingError, loadState, type StateTree, saveState } from '../utils/index.js'
import { batchSize, collate, concatBatches } from './batch.js'
import { ColumnStore } from './column_store.js'
import { layoutOfBatch } from './columns.js'
import { checkColumns } from './load_check.js'
import { ThruputMonitor } from './monitor.js'
import { readCount, readRecord } from './state_fields.js'
import type { Batch, BufferOptions, BufferRandom, PushInfo, ReplayBuffer, Transition } from './types.js'

const config = schema({
  replay_buffer_size: { doc: 'Most episodes that are kept.', format: 'positive_int', default: 10000 },
  replace: {
    doc: 'Draw with replacement, so that a batch may hold an episode twice.',
    format: 'boolean',
    default: false,
  },
  deepcopy: {
    doc: 'Has no effect: stored columns never share memory with what is pushed or sampled.',
    format: 'boolean',
    default: false,
  },
  enable_track_used_data: {
    doc: 'Has no effect: there are no data files to remove after use.',
    format: 'boolean',
    default: false,
  },
  periodic_thruput_seconds: {
    doc: 'Seconds between reports on pushed, sampled and removed episodes.',
    format: 'positive_number',
    default: 60,
  },
})

type Episode = readonly Transition[]

/**
 * Whole episodes, sampled uniformly. A batch holds the transitions of the drawn episodes one episode after another, with
 * the columns `episode_idx` (0, 1, ... within the batch) and `episode_step` (0, 1, ... within the episode).
 * For code that pushes episodes itself; a pipeline, which pushes samples, refuses it.
 */
export class EpisodeReplayBuffer implements ReplayBuffer {
  static readonly config = config
  static readonly keeps_priority: boolean = false
  static readonly stores_episodes: boolean = true
  readonly #capacity: number
  readonly #replace: boolean
  readonly #name: string
  readonly #logger: Logger
  readonly #random: BufferRandom
  readonly #thruput: ThruputMonitor
  /** Knows the columns; holds no data. */
  readonly #template: ColumnStore
  #episodes: Batch[] = []
  /** Where the next episode goes once the ring is full. */
  #tail = 0

  constructor(cfg: ConfigOf<typeof config>, options: BufferOptions) {
    this.#capacity = cfg.replay_buffer_size
    this.#replace = cfg.replace
    this.#name = options.name ?? 'buffer'
    this.#logger = options.logger ?? NULL_LOGGER
    this.#random = options.random
    this.#thruput = new ThruputMonitor(this.#logger, this.#name, cfg.periodic_thruput_seconds)
    this.#template = new ColumnStore(1, `Buffer "${this.#name}"`)
  }

  /** Lengths of the stored episodes. */
  get episode_len(): number[] {
    return this.#episodes.map(batchSize)
  }

  /** Stores one episode (a list of transitions) or a list of episodes. */
  push(episodes: Transition | Episode | readonly Episode[], _info: PushInfo = {}): void {
    if (!Array.isArray(episodes)) {
      throw new DingError(
        `Buffer "${this.#name}" keeps whole episodes but was given a single transition. Push a list of transitions.`,
      )
    }
    const list = (episodes as unknown[]).every(Array.isArray)
      ? (episodes as Episode[])
      : [episodes as Episode]
    const empty = list.findIndex((episode) => episode.length === 0)
    if (empty >= 0)
      throw new DingError(`Buffer "${this.#name}": episode ${empty} of this push has no transitions.`)
    this.#template.check(list.flat())
    for (const episode of list) this.#append(collate(episode, this.#template.layout))
    this.#thruput.pushed += list.length
    this.#thruput.report(this.count())
  }

  /** The transitions of `size` episodes, or null (with the reason in the log) when there are fewer. New arrays each time. */
  sample(size: number, _cur_learner_iter: number): Batch | null {
    const have = this.count()
    if (!Number.isInteger(size) || size < 1) {
      throw new DingError(
        `Buffer "${this.#name}" was asked for ${size} episodes, expected a whole number > 0.`,
      )
    }
    if (have === 0 || (have < size && !this.#replace)) {
      this.#logger.info(`${this.#name}: no batch: ${have} episodes for a batch of ${size}`)
      return null
    }
    const drawn = this.#replace ? this.#random.integers(size, 0, have) : this.#random.subset(have, size)
    const episodes = Array.from(drawn, (i) => this.#episodes[i]!)
    const batch = concatBatches(episodes)
    const rows = batchSize(batch)
    const index = new Int32Array(rows)
    const step = new Int32Array(rows)
    let row = 0
    for (const [i, episode] of episodes.entries()) {
      for (let t = 0; t < batchSize(episode); t++, row++) {
        index[row] = i
        step[row] = t
      }
    }
    batch.episode_idx = { dtype: 'int32', shape: [rows], data: index }
    batch.episode_step = { dtype: 'int32', shape: [rows], data: step }
    this.#thruput.sampled += size
    this.#thruput.report(have)
    return batch
  }

  update(): void {}

  count(): number {
    return this.#episodes.length
  }

  clear(): void {
    this.#episodes = []
    this.#tail = 0
    this.#template.reset()
  }

  close(): void {
    this.clear()
  }

  save_data(path: string): void {
    const { episodes } = this.#stateOf([
      ...this.#episodes.slice(this.#tail),
      ...this.#episodes.slice(0, this.#tail),
    ])
    saveState(path, { episodes: episodes! }, { kind: 'replay episodes', count: this.count() })
  }

  load_data(path: string, like?: Transition): void {
    const { tree, meta } = loadState(path)
    const owner = `Cannot load "${path}" into buffer "${this.#name}"`
    if (meta.kind !== 'replay episodes')
      throw new CheckpointError(`${owner}: it holds no episodes. Give a file that save_data wrote.`)
    const episodes = this.#episodesOf(tree)
    for (const episode of episodes)
      checkColumns(owner, layoutOfBatch(episode).layout, this.#template.layout, like)
    this.clear()
    if (episodes.length > 0) this.#template.adopt(layoutOfBatch(episodes[0]!).layout)
    for (const episode of episodes) this.#append(episode)
  }

  state_dict(): StateTree {
    return { capacity: this.#capacity, tail: this.#tail, ...this.#stateOf(this.#episodes) }
  }

  load_state_dict(state: StateTree): void {
    const capacity = readCount(state, 'capacity')
    if (capacity !== this.#capacity) {
      throw new CheckpointError(
        `Buffer "${this.#name}" has replay_buffer_size ${this.#capacity}, the saved one ${capacity}. Resume with the ` +
          'saved size.',
      )
    }
    const tail = readCount(state, 'tail', capacity - 1)
    const episodes = this.#episodesOf(state)
    this.clear()
    if (episodes.length > 0) this.#template.adopt(layoutOfBatch(episodes[0]!).layout)
    this.#episodes = episodes
    this.#tail = tail
  }

  #append(episode: Batch): void {
    if (this.#episodes.length < this.#capacity) {
      this.#episodes.push(episode)
      return
    }
    this.#episodes[this.#tail] = episode
    this.#tail = (this.#tail + 1) % this.#capacity
    this.#thruput.removed++
  }

  #stateOf(episodes: readonly Batch[]): StateTree {
    return { episodes: Object.fromEntries(episodes.map((episode, i) => [String(i), episode])) }
  }

  #episodesOf(state: StateTree): Batch[] {
    const record = readRecord(state, 'episodes')
    return Object.keys(record).map((_, i) => readRecord(record, String(i)) as Batch)
  }
}

BUFFER_REGISTRY.register('episode', EpisodeReplayBuffer)
