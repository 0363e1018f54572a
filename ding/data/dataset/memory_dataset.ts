import { type Logger, NULL_LOGGER } from '../../logger/index.js'
import {
  allocate,
  DatasetError,
  type HostTensor,
  isHostTensor,
  type StateTree,
  type TypedArray,
} from '../../utils/index.js'
import { type Column, type Layout, layoutOfBatch, recordOf } from '../columns.js'
import { RowStore } from '../row_store.js'
import type { Batch } from '../types.js'
import type { DatasetConfig } from './config.js'
import { limitLinks, linkRows, type StoredLinks, storeLinks, successorsOf } from './links.js'
import { NstepWindows } from './nstep.js'
import { problem } from './problems.js'
import { transformRewards } from './reward.js'
import { RowOrder } from './row_order.js'
import { episodesOf, statisticsOf } from './statistics.js'
import {
  type DatasetOptions,
  type DatasetStatistics,
  type ObservationNorm,
  type OfflineDataset,
  type RawData,
  type RewardTransform,
  ROW,
} from './types.js'

/** How many batch sizes keep their arrays. */
const KEPT_SIZES = 4

interface ReusedBatch {
  readonly batch: Batch
  /** The batch's arrays by column: those of a row, and those of its successor. */
  readonly own: readonly (TypedArray | undefined)[]
  readonly next: readonly (TypedArray | undefined)[]
}

/** Normalises observations in place. */
function normaliseRows({ data }: HostTensor, { mean, std }: ObservationNorm): void {
  const width = mean.length
  for (let i = 0; i < data.length; i += width) {
    for (let k = 0; k < width; k++) data[i + k] = (data[i + k]! - mean[k]!) / std[k]!
  }
}

/** Multiplies actions in place. @throws DatasetError for discrete ones */
function scaleActions({ path, action }: RawData, factor: number): void {
  const data = isHostTensor(action) ? action.data : undefined
  if (!(data instanceof Float32Array)) {
    throw problem(path, 'its actions are not continuous', 'policy.collect.action_scale must then be 1.')
  }
  for (let i = 0; i < data.length; i++) data[i]! *= factor
}

/**
 * A dataset in memory. Rows lie as in the file, side by side (see RowStore), each observation once: a successor is found by
 * its row, which is nearly always the next one. Takes the arrays of `raw` over: they are changed.
 */
export class MemoryDataset implements OfflineDataset {
  readonly count: number
  readonly statistics: DatasetStatistics
  readonly warnings: readonly string[]
  readonly env_id?: string
  readonly obs_norm?: ObservationNorm
  readonly reward_transform: RewardTransform
  readonly normalise?: (obs: ArrayLike<number>) => Float32Array
  readonly #links: StoredLinks
  readonly #layout: Layout
  readonly #store: RowStore
  readonly #order: RowOrder
  /** Only where single steps are made into n-step returns. */
  readonly #windows: NstepWindows | undefined
  readonly #batches = new Map<number, ReusedBatch>()
  #whole: Batch | undefined
  #own = new Int32Array(0)
  #next = new Int32Array(0)

  /** @throws DatasetError when no transition is left, or the config asks for what the data do not allow. */
  constructor(raw: RawData, cfg: DatasetConfig, options: DatasetOptions) {
    const all = linkRows(raw)
    const links = limitLinks(all, cfg.max_transitions, cfg.agilerl_compat)
    this.count = links.rows.length
    if (this.count === 0) {
      throw problem(
        raw.path,
        `none of its ${raw.flags.length} rows has a successor, so it holds no transition`,
        'Record longer episodes, or store next_obs.',
      )
    }
    const episodes = episodesOf(raw, all.continues)
    this.statistics = statisticsOf(raw, links, episodes)
    if (raw.env_id !== undefined) this.env_id = raw.env_id
    if (cfg.use_norm) {
      this.obs_norm = this.normFor(raw)
      this.normalise = (obs) => this.normalised(obs)
      const { obs_norm } = this
      if (options.raw_obs !== true) normaliseRows(raw.obs as HostTensor, obs_norm)
      if (options.raw_obs !== true && raw.next_obs !== undefined)
        normaliseRows(raw.next_obs as HostTensor, obs_norm)
    }
    this.reward_transform = transformRewards(raw.path, raw.reward.data, cfg, this.statistics, this.env_id)
    if (cfg.action_scale !== 1) scaleActions(raw, cfg.action_scale)
    const { layout, tensors } = layoutOfBatch({
      obs: raw.obs,
      action: raw.action,
      reward: raw.reward,
      done: doneOf(raw),
      ...(raw.value_gamma === undefined ? {} : { value_gamma: raw.value_gamma }),
    })
    this.#layout = layout
    this.#links = storeLinks(links, raw.flags.length)
    this.#store = this.fill(raw, tensors, this.#links)
    this.#windows = this.windowsFor(raw, options)
    this.#order = new RowOrder(this.count, cfg.sampling, options.random, `Dataset "${raw.path}"`)
    this.warnings = raw.warnings
    this.report(raw, episodes.pieces, options.logger ?? NULL_LOGGER)
  }

  get epoch(): number {
    return this.#order.epoch
  }

  get batch_columns(): Batch {
    if (this.#whole === undefined) {
      const { rows, next = rows.map((row) => row + 1) } = this.#links
      this.#whole = this.gather(rows, next, this.newBatch(this.count))
    }
    return this.#whole
  }

  batchesIn(passes: number, size: number): number {
    return this.#order.drawsFor(passes, size)
  }

  sample(size: number): Batch {
    return this.take(this.#order.draw(size))
  }

  take(picks: Int32Array): Batch {
    const size = picks.length
    if (this.#own.length !== size) {
      this.#own = new Int32Array(size)
      this.#next = new Int32Array(size)
    }
    this.place(picks, this.#own, this.#next)
    const batch = this.gather(this.#own, this.#next, this.reused(size))
    return this.#windows === undefined ? batch : this.withReturns(batch, picks, this.#windows)
  }

  /** Stored rows of transitions and of their successors. */
  private place(picks: Int32Array, own: Int32Array, next: Int32Array): void {
    const { rows, next: links } = this.#links
    for (let i = 0; i < picks.length; i++) {
      const row = rows[picks[i]!]!
      own[i] = row
      next[i] = links === undefined ? row + 1 : links[picks[i]!]!
    }
  }

  /** The batch with n rewards a row ([B, n], zeros beyond a window's end), and the end of each window as its successor. */
  private withReturns(batch: Batch, picks: Int32Array, windows: NstepWindows): Batch {
    const { nstep } = windows
    const { steps, last, value_gamma } = windows.at(picks)
    const end = this.newBatch(picks.length)
    const own = new Int32Array(picks.length)
    const next = new Int32Array(picks.length)
    const rewards = new Float32Array(picks.length * nstep)
    for (const [step, transitions] of steps.entries()) {
      this.place(
        transitions.map((k) => Math.max(k, 0)),
        own,
        next,
      )
      const { reward } = this.gather(own, next, end)
      const data = (reward as HostTensor).data
      for (let i = 0; i < picks.length; i++) {
        if (transitions[i]! >= 0) rewards[i * nstep + step] = data[i]!
      }
    }
    this.place(last, own, next)
    const { next_obs, done } = this.gather(own, next, end)
    return {
      ...batch,
      next_obs: next_obs!,
      done: done!,
      reward: { dtype: 'float32', shape: [picks.length, nstep], data: rewards },
      value_gamma: { dtype: 'float32', shape: [picks.length], data: value_gamma },
    }
  }

  /** @throws DatasetError when the data hold n-step rewards of another n. */
  private windowsFor(raw: RawData, { nstep = 1, gamma = 0.99 }: DatasetOptions): NstepWindows | undefined {
    const stored = raw.reward.shape.length === 1 ? 1 : raw.reward.shape[1]!
    if (stored === nstep) return undefined
    if (stored !== 1) {
      throw problem(
        raw.path,
        `its rewards are those of ${stored} steps a row, but policy.nstep is ${nstep}`,
        'Set policy.nstep to what the data were collected with, or use data of single steps.',
      )
    }
    const { first } = this.#links
    return new NstepWindows(
      this.#links,
      (row) => (raw.flags[row + first]! & ROW.terminated) !== 0,
      nstep,
      gamma,
    )
  }

  state_dict(): StateTree {
    return this.#order.state()
  }

  load_state_dict(state: StateTree): void {
    this.#order.restore(state)
  }

  private gather(own: Int32Array, next: Int32Array, to: ReusedBatch): Batch {
    for (const column of this.#layout.columns) {
      this.#store.gather(column, own, to.own[column.index]!)
      const successor = to.next[column.index]
      if (successor !== undefined) this.#store.gather(column, next, successor)
    }
    return to.batch
  }

  private reused(size: number): ReusedBatch {
    let known = this.#batches.get(size)
    if (known === undefined) {
      known = this.newBatch(size)
      if (this.#batches.size >= KEPT_SIZES) this.#batches.delete(this.#batches.keys().next().value!)
      this.#batches.set(size, known)
    }
    return known
  }

  private newBatch(size: number): ReusedBatch {
    const own: TypedArray[] = []
    const next: TypedArray[] = []
    const make = (column: Column, into: TypedArray[]): HostTensor => {
      const data = allocate(column.dtype, size * column.width)
      into[column.index] = data
      return { dtype: column.dtype, shape: [size, ...column.shape], data }
    }
    const { root } = this.#layout
    const record = recordOf<HostTensor>(root, (column) => make(column, own)) as Batch
    const successors = recordOf<HostTensor>(
      { ...root, children: new Map([['obs', root.children.get('obs')!]]) },
      (column) => make(column, next),
    )
    const { obs, action, reward, done, value_gamma } = record
    return {
      batch: {
        obs: obs!,
        action: action!,
        reward: reward!,
        next_obs: (successors as Batch)['obs']!,
        done: done!,
        ...(value_gamma === undefined ? {} : { value_gamma }),
      },
      own,
      next,
    }
  }

  /** @throws DatasetError when there is not enough memory. */
  private fill(raw: RawData, tensors: readonly HostTensor[], links: StoredLinks): RowStore {
    const { first, last, extra } = links
    const rows = last - first
    const { columns } = this.#layout
    let store: RowStore
    try {
      store = new RowStore(columns, rows + extra.length)
    } catch (cause) {
      throw problem(
        raw.path,
        `there is no memory for its ${rows + extra.length} rows`,
        'Set policy.collect.max_transitions, or use a machine with more memory.',
        cause,
      )
    }
    for (const column of columns) {
      const { data } = tensors[column.index]!
      store.load(column, data.subarray(first * column.width, last * column.width))
    }
    if (raw.next_obs === undefined) return store
    // Observations are the first columns, in this order.
    for (const [index, { data }] of successorsOf(raw.path, raw.obs, raw.next_obs).entries()) {
      const column = columns[index]!
      for (let i = 0; i < extra.length; i++) {
        const from = extra[i]! * column.width
        store.write(column, rows + i, data.subarray(from, from + column.width))
      }
    }
    return store
  }

  private normFor(raw: RawData): ObservationNorm {
    const { mean, std } = this.statistics
    if (mean === undefined || std === undefined || !isHostTensor(raw.obs)) {
      throw problem(
        raw.path,
        'its observations are images or records, which have no mean to normalise by',
        'Set policy.collect.use_norm to false.',
      )
    }
    return { mean: Array.from(mean), std: Array.from(std) }
  }

  private normalised(obs: ArrayLike<number>): Float32Array {
    const { mean, std } = this.obs_norm!
    if (obs.length % mean.length !== 0) {
      throw new DatasetError(
        `An observation of ${obs.length} entries cannot be normalised by the data's ${mean.length}. Use the environment ` +
          'that the data come from.',
      )
    }
    return Float32Array.from(obs, (value, i) => (value - mean[i % mean.length]!) / std[i % mean.length]!)
  }

  private report(raw: RawData, pieces: number, logger: Logger): void {
    const { episodes, returns } = this.statistics
    const skipped = raw.flags.filter((bits) => (bits & ROW.frame) === 0).length - this.count
    logger.info(
      `dataset: ${raw.path} (${raw.layout}): ${this.count} transitions, ${skipped} rows left out, ${episodes} episodes` +
        `${episodes > 0 ? ` of mean return ${returns.mean.toFixed(2)}` : ''}${pieces > 0 ? `, ${pieces} pieces of episodes` : ''}`,
    )
    for (const warning of raw.warnings) logger.warn(`dataset: ${warning}`)
  }
}

/** The column `done`: terminated. */
function doneOf({ flags }: RawData): HostTensor<Uint8Array> {
  return { dtype: 'bool', shape: [flags.length], data: flags.map((bits) => bits & ROW.terminated) }
}
