import type { Logger } from '../logger/index.js'
import type { Bookkeeping } from './tracked_ring.js'

/** Counts what goes in and out of a buffer and reports it every so many seconds of the logger's clock. */
export class ThruputMonitor {
  pushed = 0
  sampled = 0
  removed = 0
  readonly #start: number
  #last: number

  constructor(
    private readonly logger: Logger,
    private readonly name: string,
    private readonly seconds: number,
  ) {
    this.#start = logger.now()
    this.#last = this.#start
  }

  /** Logs and restarts the counts if it is time; `count` is the number of entries now. */
  report(count: number): void {
    const now = this.logger.now()
    if ((now - this.#last) / 1000 < this.seconds) return
    const row = {
      pushed_in: this.pushed,
      sampled_out: this.sampled,
      removed: this.removed,
      current_have: count,
    }
    this.logger.table(`${this.name} in the last ${Math.round((now - this.#last) / 1000)} s`, row, {
      console: false,
    })
    const step = Math.round((now - this.#start) / 1000)
    for (const [key, value] of Object.entries(row)) this.logger.scalar(`${this.name}_sec/${key}`, value, step)
    this.#last = now
    this.pushed = 0
    this.sampled = 0
    this.removed = 0
  }
}

/** Every `printFreq` samples, reports use, priority and staleness averaged over the last `averageRange` samples. */
export class SampleMonitor {
  #samples = 0
  #rows: Record<string, number>[] = []

  constructor(
    private readonly logger: Logger,
    private readonly name: string,
    private readonly printFreq: number,
    private readonly averageRange: number,
  ) {}

  /** Notes one delivered batch. Costs nothing except shortly before a report. */
  note(extras: Bookkeeping, priorities: Float64Array, beta: number, iteration: number): void {
    this.#samples++
    if (this.#samples <= this.printFreq - this.averageRange) return
    const rows = extras.replay_buffer_idx.data
    const use = summary(extras.use.data, (i) => i)
    const staleness = summary(extras.staleness.data, (i) => i)
    const priority = summary(rows, (row) => priorities[row]!)
    this.#rows.push({
      use_avg: use.mean,
      use_max: use.max,
      priority_avg: priority.mean,
      priority_max: priority.max,
      priority_min: priority.min,
      staleness_avg: staleness.mean,
      staleness_max: staleness.max,
    })
    if (this.#samples < this.printFreq) return
    const mean: Record<string, number> = { ...this.#rows[0], beta }
    for (const key of Object.keys(this.#rows[0]!)) {
      mean[key] = this.#rows.reduce((sum, row) => sum + row[key]!, 0) / this.#rows.length
    }
    this.logger.table(`${this.name} at iteration ${iteration}`, mean, { console: false })
    for (const [key, value] of Object.entries(mean))
      this.logger.scalar(`${this.name}_iter/${key}`, value, iteration)
    this.#samples = 0
    this.#rows = []
  }
}

function summary(
  values: Int32Array,
  of: (value: number) => number,
): { mean: number; max: number; min: number } {
  let sum = 0
  let max = Number.NEGATIVE_INFINITY
  let min = Number.POSITIVE_INFINITY
  for (const value of values) {
    const x = of(value)
    sum += x
    max = Math.max(max, x)
    min = Math.min(min, x)
  }
  return { mean: sum / values.length, max, min }
}
