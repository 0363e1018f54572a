import { type ConfigOf, schema } from '../config/index.js'
import { BUFFER_REGISTRY } from '../registry/index.js'
import type { StateTree } from '../utils/index.js'
import { SampleMonitor } from './monitor.js'
import { PriorityIndex } from './priority_index.js'
import { RateLimiter } from './rate_limit.js'
import { memoryKeys } from './ring_buffer.js'
import { readRecord } from './state_fields.js'
import { TrackedRing } from './tracked_ring.js'
import type { Batch, BufferOptions } from './types.js'

const config = schema({
  replay_buffer_size: { doc: 'Most transitions that are kept.', format: 'positive_int', default: 4096 },
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
  alpha: { doc: 'How much priorities count: 0 is uniform sampling.', format: 'unit_interval', default: 0.6 },
  beta: {
    doc: 'How much importance weights correct at first: 1 is fully.',
    format: 'unit_interval',
    default: 0.4,
  },
  anneal_step: {
    doc: 'Sample calls over which beta rises to 1; 0 keeps it as it is.',
    format: 'nonnegative_int',
    default: 100000,
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
  thruput_controller: {
    push_sample_rate_limit: {
      max: {
        doc: 'New data is thrown away while pushed / sampled transitions would exceed this.',
        format: 'positive_number',
        infinity: true,
        default: Number.POSITIVE_INFINITY,
      },
      min: {
        doc: 'Sampling is refused while pushed / sampled transitions would be less than this.',
        format: 'nonnegative_number',
        default: 0,
      },
    },
    window_seconds: {
      doc: 'Has no effect: rates are taken over counts (window_count), so that a run repeats exactly.',
      format: 'positive_number',
      default: 30,
    },
    window_count: {
      doc: 'Transitions, pushed and sampled together, beyond which old counts fade from the rate.',
      format: 'positive_int',
      default: 100000,
    },
    sample_min_limit_ratio: {
      doc: 'Sampling is refused while there are fewer transitions than this times the batch size.',
      format: (value: unknown): value is number => typeof value === 'number' && value >= 1,
      default: 1,
    },
  },
  monitor: {
    sampled_data_attr: {
      average_range: { doc: 'Samples over which a report averages.', format: 'positive_int', default: 5 },
      print_freq: {
        doc: 'Samples between reports on use, priority and staleness.',
        format: 'positive_int',
        default: 200,
      },
    },
    periodic_thruput: {
      seconds: {
        doc: 'Seconds between reports on pushed, sampled and removed transitions.',
        format: 'positive_number',
        default: 60,
      },
    },
  },
})

/**
 * Prioritised experience replay with limits on use, age and rate, as DI-engine's `advanced` buffer
 * (ding/worker/replay_buffer/advanced_buffer.py). With no priorities reported it samples uniformly, stratified by age.
 * Batches carry `IS`, `replay_buffer_idx`, `replay_unique_id`, `use` and `staleness`. A pushed `priority` is used, not stored.
 */
export class AdvancedReplayBuffer extends TrackedRing {
  static readonly config = config
  static readonly keeps_priority: boolean = true
  readonly priorities: PriorityIndex
  readonly #rate: RateLimiter
  readonly #minRatio: number
  readonly #monitor: SampleMonitor

  constructor(cfg: ConfigOf<typeof config>, options: BufferOptions) {
    super(
      {
        capacity: cfg.replay_buffer_size,
        reportSeconds: cfg.monitor.periodic_thruput.seconds,
        maxUse: cfg.max_use,
        maxStaleness: cfg.max_staleness,
        optimizeMemory: cfg.optimize_memory_usage,
      },
      options,
    )
    this.priorities = new PriorityIndex(cfg.replay_buffer_size, {
      alpha: cfg.alpha,
      beta: cfg.beta,
      betaStep: cfg.anneal_step === 0 ? 0 : (1 - cfg.beta) / cfg.anneal_step,
      maxIncludesEps: false,
    })
    const { push_sample_rate_limit, window_count, sample_min_limit_ratio } = cfg.thruput_controller
    this.#rate = new RateLimiter({ ...push_sample_rate_limit, window: window_count })
    this.#minRatio = sample_min_limit_ratio
    const { average_range, print_freq } = cfg.monitor.sampled_data_attr
    this.#monitor = new SampleMonitor(this.logger, this.name, print_freq, average_range)
  }

  /** `range` limits the draw to the rows from its first to before its second number. */
  sample(size: number, cur_learner_iter: number, range?: readonly [number, number]): Batch | null {
    this.checkSize(size)
    this.dropStale(cur_learner_iter)
    const have = this.count()
    if (have / size < this.#minRatio) {
      return this.refuse(
        `${have} transitions for a batch of ${size}, with sample_min_limit_ratio ${this.#minRatio}`,
      )
    }
    const slow = this.#rate.refusesSample(size)
    if (slow !== undefined) return this.refuse(slow)
    const extras = this.extras(size)
    const rows = extras.replay_buffer_idx.data
    this.priorities.draw(rows, this.random, range)
    this.priorities.weights(rows, have, extras.IS.data)
    const batch = this.deliver(extras, cur_learner_iter)
    this.#monitor.note(extras, this.priorities.priorities, this.priorities.beta, cur_learner_iter)
    this.dropUsed(rows)
    this.priorities.anneal()
    this.#rate.count(0, size)
    this.thruput.report(this.count())
    return batch
  }

  override clear(): void {
    super.clear()
    this.priorities.clear()
  }

  override state_dict(): StateTree {
    return {
      ...super.state_dict(),
      priorities: this.priorities.state_dict(this.filled),
      rate: this.#rate.state_dict(),
    }
  }

  override load_state_dict(state: StateTree): void {
    const priorities = readRecord(state, 'priorities')
    const rate = readRecord(state, 'rate')
    super.load_state_dict(state)
    this.priorities.load_state_dict(priorities)
    this.#rate.load_state_dict(rate)
  }

  protected override admits(size: number): boolean {
    const reason = this.#rate.refusesPush(size)
    if (reason !== undefined)
      this.logger.info(`${this.name}: ${size} transitions were thrown away: ${reason}`)
    else this.#rate.count(size, 0)
    return reason === undefined
  }

  protected admitted(row: number, priority: number | undefined): void {
    this.priorities.insert(row, priority)
  }

  protected removed(row: number): void {
    this.priorities.remove(row)
  }

  protected reprioritise(row: number, priority: number): void {
    this.priorities.update(row, priority)
  }
}

BUFFER_REGISTRY.register('advanced', AdvancedReplayBuffer, { aliases: ['priority'] })
