import cliProgress from 'cli-progress'
import type { Console } from './console.js'
import type { Clock } from './types.js'

export interface ProgressOptions {
  /** What `done` counts to; Infinity when there is no end to count to. */
  readonly total: number
  /** What is counted: 'env_step' or 'train_iter'. */
  readonly unit: string
  /** Where a resumed run begins. */
  readonly initial?: number
  /** The eval return that ends the run. */
  readonly stop_value?: number
}

/** What the bar shows besides the count; what is left out stays as it was. */
export interface ProgressInfo {
  readonly eval_return?: number
  readonly best_return?: number
}

const BAR = {
  barsize: 24,
  barCompleteString: '='.repeat(24),
  barIncompleteString: '-'.repeat(24),
  barGlue: '',
}
/** The rate is that of the last so many milliseconds. */
const RATE_WINDOW = 30_000
const REDRAW_EVERY = 100

function round(value: number): string {
  return String(Number(value.toPrecision(4)))
}

/** 40s, 2m05s, 3h20m. */
function duration(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, '0')
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`
  return `${Math.floor(seconds / 3600)}h${two(Math.floor((seconds % 3600) / 60))}m`
}

/** How far a run is: one bar on a terminal, a line every `lineSeconds` elsewhere. */
export class Progress {
  #options: ProgressOptions | undefined
  #done = 0
  #info: ProgressInfo = {}
  #points: { time: number; done: number }[] = []
  #shown = 0
  /** The first eval return: what the way to the stop value is measured from. */
  #first: number | undefined

  constructor(
    private readonly console: Console,
    private readonly clock: Clock,
    private readonly lineSeconds: number,
  ) {}

  start(options: ProgressOptions): void {
    this.#options = options
    this.#done = options.initial ?? 0
    this.#info = {}
    this.#first = undefined
    this.#shown = this.clock.now()
    this.#points = [{ time: this.#shown, done: this.#done }]
    if (this.console.mode === 'bar') this.console.status(this.#bar())
  }

  /** `done` so far. Cheap enough for every iteration: it shows itself only when it is time. */
  update(done: number, info: ProgressInfo = {}): void {
    if (this.#options === undefined) return
    this.#done = done
    this.#info = { ...this.#info, ...info }
    this.#first ??= info.eval_return
    const now = this.clock.now()
    const every = this.console.mode === 'bar' ? REDRAW_EVERY : this.lineSeconds * 1000
    if (now - this.#shown < every) return
    this.#note(now)
    this.#show(now)
  }

  /** Shows where it ended and takes the bar away. */
  stop(): void {
    if (this.#options === undefined) return
    const now = this.clock.now()
    this.#note(now)
    if (this.console.mode === 'bar') this.console.status('')
    this.console.line(this.#line())
    this.#options = undefined
  }

  /** Units a second over the last half minute; 0 when nothing is known yet. */
  get rate(): number {
    const first = this.#points[0]
    const last = this.#points.at(-1)
    if (first === undefined || last === undefined || last.time <= first.time) return 0
    return ((last.done - first.done) * 1000) / (last.time - first.time)
  }

  #note(now: number): void {
    this.#points.push({ time: now, done: this.#done })
    while (this.#points.length > 2 && now - this.#points[1]!.time > RATE_WINDOW) this.#points.shift()
  }

  #show(now: number): void {
    this.#shown = now
    if (this.console.mode === 'bar') this.console.status(this.#bar())
    else this.console.line(this.#line())
  }

  /** The part of the way that is done: of the total, or, where there is none, of the returns up to the stop value. */
  #share(): number | undefined {
    const { total, stop_value } = this.#options!
    if (Number.isFinite(total)) return total > 0 ? Math.min(1, this.#done / total) : 0
    if (stop_value === undefined || !Number.isFinite(stop_value)) return undefined
    const best = this.#info.best_return ?? this.#info.eval_return
    if (best === undefined || this.#first === undefined) return 0
    if (best >= stop_value) return 1
    return Math.max(0, (best - this.#first) / (stop_value - this.#first))
  }

  #bar(): string {
    const share = this.#share()
    return (share === undefined ? '' : `[${cliProgress.Format.BarFormat(share, BAR)}] `) + this.#line()
  }

  #line(): string {
    const { total, unit, stop_value } = this.#options!
    const known = Number.isFinite(total)
    const parts = [
      known
        ? `${unit} ${this.#done}/${total} (${Math.min(100, Math.floor((100 * this.#done) / Math.max(1, total)))}%)`
        : `${unit} ${this.#done}`,
    ]
    const rate = this.rate
    parts.push(`${round(rate)} ${unit}/s`)
    if (known && rate > 0) {
      const left = Math.max(0, Math.round((total - this.#done) / rate))
      parts.push(`${duration(left)} left`)
    }
    const { eval_return, best_return } = this.#info
    if (eval_return !== undefined) {
      const more = [
        ...(best_return === undefined ? [] : [`best ${round(best_return)}`]),
        ...(stop_value === undefined || !Number.isFinite(stop_value) ? [] : [`stop at ${round(stop_value)}`]),
      ]
      parts.push(`eval return ${round(eval_return)}${more.length === 0 ? '' : ` (${more.join(', ')})`}`)
    }
    return parts.join(' | ')
  }
}
