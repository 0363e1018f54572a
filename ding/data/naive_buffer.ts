import { type ConfigOf, schema } from '../config/index.js'
import { BUFFER_REGISTRY } from '../registry/index.js'
import { DistinctDraw } from './distinct.js'
import { memoryKeys, RingBuffer } from './ring_buffer.js'
import type { Batch, BufferOptions } from './types.js'

const config = schema({
  replay_buffer_size: { doc: 'Most transitions that are kept.', format: 'positive_int', default: 10000 },
  replace: {
    doc: 'Draw with replacement, so that a batch may hold a transition twice.',
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
    doc: 'Seconds between reports on pushed, sampled and removed transitions.',
    format: 'positive_number',
    default: 60,
  },
  ...memoryKeys,
})

/** Uniform sampling from the latest transitions, without replacement unless `replace` is set. */
export class NaiveReplayBuffer extends RingBuffer {
  static readonly config = config
  static readonly keeps_priority: boolean = false
  readonly #replace: boolean
  readonly #distinct: DistinctDraw
  #rows = new Int32Array(0)

  constructor(cfg: ConfigOf<typeof config>, options: BufferOptions) {
    super(
      {
        capacity: cfg.replay_buffer_size,
        reportSeconds: cfg.periodic_thruput_seconds,
        optimizeMemory: cfg.optimize_memory_usage,
      },
      options,
    )
    this.#replace = cfg.replace
    this.#distinct = new DistinctDraw(cfg.replay_buffer_size)
  }

  sample(size: number, _cur_learner_iter: number): Batch | null {
    this.checkSize(size)
    const have = this.count()
    if (have === 0 || (have < size && !this.#replace))
      return this.refuse(`${have} transitions for a batch of ${size}`)
    const rows = this.#rowsFor(size)
    if (this.#replace) this.random.integers(rows, 0, have)
    else this.#distinct.fill(rows, have, this.random)
    const batch = this.store.gather(rows)
    this.thruput.sampled += size
    this.thruput.report(have)
    return batch
  }

  count(): number {
    return this.filled
  }

  protected rowsByAge(): Int32Array {
    const oldest = this.filled === this.capacity ? this.tail : 0
    return Int32Array.from({ length: this.filled }, (_, i) => (oldest + i) % this.capacity)
  }

  protected vacate(row: number): void {
    if (row < this.filled) this.thruput.removed++
  }

  protected occupy(): void {}

  #rowsFor(size: number): Int32Array {
    if (this.#rows.length !== size) this.#rows = new Int32Array(size)
    return this.#rows
  }
}

BUFFER_REGISTRY.register('naive', NaiveReplayBuffer)
