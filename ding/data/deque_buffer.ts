import { type ConfigOf, schema } from '../config/index.js'
import { BUFFER_REGISTRY } from '../registry/index.js'
import type { StateTree } from '../utils/index.js'
import { DistinctDraw } from './distinct.js'
import { PriorityIndex } from './priority_index.js'
import { memoryKeys } from './ring_buffer.js'
import { readCount, readRecord } from './state_fields.js'
import { type Bookkeeping, TrackedRing } from './tracked_ring.js'
import type { Batch, BufferOptions } from './types.js'

const config = schema({
  replay_buffer_size: { doc: 'Most transitions that are kept.', format: 'positive_int', default: 10000 },
  ...memoryKeys,
  max_use: {
    doc: 'A transition is removed once it was sampled this often.',
    format: 'positive_int',
    infinity: true,
    default: Number.POSITIVE_INFINITY,
  },
  max_staleness: {
    doc: 'A transition is removed once it is this many learner iterations old.',
    format: 'positive_int',
    infinity: true,
    default: Number.POSITIVE_INFINITY,
  },
  train_iter_per_log: { doc: 'Learner iterations between reports.', format: 'positive_int', default: 100 },
  priority: { doc: 'Sample by priority instead of uniformly.', format: 'boolean', default: false },
  priority_IS_weight: {
    doc: 'Give importance weights in the column IS (all 1 otherwise); needs priority.',
    format: 'boolean',
    default: false,
  },
  priority_power_factor: {
    doc: 'How much priorities count: 0 is uniform.',
    format: 'unit_interval',
    default: 0.6,
  },
  IS_weight_power_factor: {
    doc: 'How much importance weights correct at first: 1 is fully.',
    format: 'unit_interval',
    default: 0.4,
  },
  IS_weight_anneal_train_iter: {
    doc: 'Sample calls over which the weights become fully correcting.',
    format: 'positive_int',
    default: 100000,
  },
  priority_max_limit: {
    doc: 'Reported priorities above this count as this.',
    format: 'positive_number',
    default: 1000,
  },
})

/**
 * Uniform or prioritised sampling without rate limits, as DI-engine's `deque` buffer with its middleware
 * PriorityExperienceReplay, use_time_check and staleness_check. Unlike there, every reported priority takes effect.
 */
export class DequeBuffer extends TrackedRing {
  static readonly config = config
  static readonly keeps_priority: boolean = true
  /** Present when sampling by priority. */
  readonly priorities: PriorityIndex | undefined
  readonly #distinct: DistinctDraw
  readonly #weighted: boolean
  readonly #limit: number
  readonly #itersPerLog: number
  #lastLog = Number.NEGATIVE_INFINITY

  constructor(cfg: ConfigOf<typeof config>, options: BufferOptions) {
    super(
      {
        capacity: cfg.replay_buffer_size,
        reportSeconds: Number.POSITIVE_INFINITY,
        maxUse: cfg.max_use,
        maxStaleness: cfg.max_staleness,
        optimizeMemory: cfg.optimize_memory_usage,
      },
      options,
    )
    this.#distinct = new DistinctDraw(cfg.replay_buffer_size)
    this.#weighted = cfg.priority_IS_weight
    this.#limit = cfg.priority_max_limit
    this.#itersPerLog = cfg.train_iter_per_log
    if (cfg.priority) {
      this.priorities = new PriorityIndex(cfg.replay_buffer_size, {
        alpha: cfg.priority_power_factor,
        beta: cfg.IS_weight_power_factor,
        betaStep: (1 - cfg.IS_weight_power_factor) / cfg.IS_weight_anneal_train_iter,
        maxIncludesEps: true,
      })
    }
  }

  sample(size: number, cur_learner_iter: number): Batch | null {
    this.checkSize(size)
    this.dropStale(cur_learner_iter)
    const have = this.count()
    if (have < size) return this.refuse(`${have} transitions for a batch of ${size}`)
    const extras = this.extras(size)
    const rows = extras.replay_buffer_idx.data
    if (this.priorities === undefined) {
      this.#distinct.fill(rows, have, this.random)
      for (let i = 0; i < size; i++) rows[i] = this.live.at(rows[i]!)
    } else this.priorities.draw(rows, this.random)
    if (this.priorities !== undefined && this.#weighted) {
      this.priorities.weights(rows, have, extras.IS.data)
      this.priorities.anneal()
    } else extras.IS.data.fill(1)
    const batch = this.deliver(extras, cur_learner_iter)
    this.#report(extras, cur_learner_iter)
    this.dropUsed(rows)
    return batch
  }

  override clear(): void {
    super.clear()
    this.priorities?.clear()
  }

  override state_dict(): StateTree {
    const state = super.state_dict()
    return {
      ...state,
      prioritised: this.priorities === undefined ? 0 : 1,
      priorities: this.priorities?.state_dict(this.filled) ?? {},
    }
  }

  override load_state_dict(state: StateTree): void {
    const priorities = readRecord(state, 'priorities')
    const prioritised = readCount(state, 'prioritised', 1) === 1
    super.load_state_dict(state)
    if (this.priorities === undefined) return
    if (prioritised) this.priorities.load_state_dict(priorities)
    else for (const row of this.live.rows) this.priorities.insert(row, undefined)
  }

  protected admitted(row: number, priority: number | undefined): void {
    this.priorities?.insert(row, priority)
  }

  protected removed(row: number): void {
    this.priorities?.remove(row)
  }

  protected reprioritise(row: number, priority: number): void {
    this.priorities?.update(row, Math.min(priority, this.#limit))
  }

  #report(extras: Bookkeeping, iteration: number): void {
    if (iteration - this.#lastLog < this.#itersPerLog) return
    this.#lastLog = iteration
    const rows = extras.replay_buffer_idx.data
    const values: Record<string, number> = {
      buffer_data_count: this.count(),
      use_count_avg: extras.use.data.reduce((sum, use) => sum + use, 0) / rows.length,
    }
    if (this.priorities !== undefined) {
      const { priorities } = this.priorities
      let sum = 0
      let max = 0
      for (const row of rows) {
        sum += priorities[row]!
        max = Math.max(max, priorities[row]!)
      }
      values.priority_avg = sum / rows.length
      values.priority_max = max
    }
    for (const [key, value] of Object.entries(values))
      this.logger.scalar(`${this.name}_iter/${key}`, value, iteration)
  }
}

BUFFER_REGISTRY.register('deque', DequeBuffer)
