import { join } from 'node:path'
import { UsageError } from '../utils/index.js'
import { AppendFile } from './append_file.js'
import { Console, type ConsoleMode, type OutputStream } from './console.js'
import { JsonlSink } from './jsonl.js'
import { Progress } from './progress.js'
import { formatTable } from './table.js'
import { TensorBoardSink } from './tensorboard.js'
import { type Cell, type Clock, type LineOptions, type Logger, type LogSink, systemClock } from './types.js'

export interface RunLoggerOptions {
  /** The run's folder; logs go to `<exp_name>/log`. */
  readonly exp_name: string
  /** `auto` (default): a progress bar on a terminal, plain lines elsewhere. `quiet`: warnings only. */
  readonly console?: ConsoleMode
  /** Write TensorBoard event files to `log/serial`. True by default. */
  readonly tensorboard?: boolean
  /** Write `log/serial/metrics.jsonl`. True by default. */
  readonly jsonl?: boolean
  /** Write the text file of each component. True by default. */
  readonly text?: boolean
  readonly clock?: Clock
  readonly stdout?: OutputStream
  readonly stderr?: OutputStream
  /** Seconds that scalars may wait before they are written to disk; 5 by default. */
  readonly flush_seconds?: number
  /** Seconds between progress lines where there is no terminal; 10 by default. */
  readonly line_seconds?: number
}

export interface ComponentOptions {
  /** False keeps the component's lines and tables out of the console, whatever a single call says. */
  readonly console?: boolean
}

/** The logger of a whole run. Its own lines go to `log/serial/serial_logger.txt`. */
export interface RunLogger extends Logger {
  /** A logger whose lines go to `log/<name>/<name>_logger.txt` and whose numbers go where all numbers go. */
  component(name: string, options?: ComponentOptions): Logger
  readonly progress: Progress
}

/** What the components of a run share. */
class Run {
  readonly console: Console
  readonly clock: Clock
  readonly sinks: LogSink[] = []
  readonly files = new Map<string, AppendFile>()
  readonly #folder: string
  readonly #text: boolean
  readonly #flushEvery: number
  #flushed: number
  #warned = false
  #closed = false

  constructor(options: RunLoggerOptions) {
    this.clock = options.clock ?? systemClock
    this.console = new Console(
      options.console ?? 'auto',
      options.stdout ?? process.stdout,
      options.stderr ?? process.stderr,
    )
    this.#folder = join(options.exp_name, 'log')
    this.#text = options.text !== false
    this.#flushEvery = (options.flush_seconds ?? 5) * 1000
    this.#flushed = this.clock.now()
    const serial = join(this.#folder, 'serial')
    if (options.tensorboard !== false)
      this.sinks.push(new TensorBoardSink(serial, this.#flushed, this.trouble))
    if (options.jsonl !== false) this.sinks.push(new JsonlSink(join(serial, 'metrics.jsonl'), this.trouble))
  }

  /** The text file of a component, if there is to be one; two loggers of one name share it. */
  textFile(name: string): AppendFile | undefined {
    if (!/^\w[\w.-]*$/.test(name)) {
      throw new UsageError(
        `A log component cannot be called ${JSON.stringify(name)}. Use letters, digits, _ . and -.`,
      )
    }
    const known = this.files.get(name)
    if (known !== undefined || !this.#text) return known
    const path = join(this.#folder, name, `${name}_logger.txt`)
    const file = new AppendFile(path, { buffer: 0, lines: true, onError: this.trouble })
    this.files.set(name, file)
    return file
  }

  /** Gives every sink the numbers, and now and then hands all to the disk. */
  record(give: (sink: LogSink, time: number) => void): void {
    if (this.#closed) return
    const now = this.clock.now()
    for (const sink of this.sinks) give(sink, now)
    if (now - this.#flushed >= this.#flushEvery) this.flush()
  }

  flush(): void {
    this.#flushed = this.clock.now()
    for (const sink of this.sinks) sink.flush()
    for (const file of this.files.values()) file.flush()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const sink of this.sinks) sink.close(this.clock.now())
    for (const file of this.files.values()) file.close()
    this.console.close()
  }

  /** A file cannot be written: said once, then the run goes on. */
  readonly trouble = (error: Error, path: string): void => {
    if (this.#warned) return
    this.#warned = true
    this.console.warn(
      `cannot write the log "${path}": ${error.message}. The run goes on, its logs are incomplete. Free space on the ` +
        "disk or check the folder's permissions.",
    )
  }
}

function stamp(time: number): string {
  return new Date(time).toISOString().replace('T', ' ').slice(0, 19)
}

class ComponentLogger implements Logger {
  readonly #run: Run
  readonly #file: AppendFile | undefined
  readonly #console: boolean

  constructor(run: Run, name: string, options: ComponentOptions) {
    this.#run = run
    this.#file = run.textFile(name)
    this.#console = options.console !== false
  }

  now(): number {
    return this.#run.clock.now()
  }

  scalar(tag: string, value: number, step: number): void {
    this.#run.record((sink, time) => sink.scalars({ [tag]: value }, step, time))
  }

  scalars(values: Readonly<Record<string, number>>, step: number): void {
    this.#run.record((sink, time) => sink.scalars(values, step, time))
  }

  histogram(tag: string, values: ArrayLike<number>, step: number): void {
    this.#run.record((sink, time) => sink.histogram(tag, values, step, time))
  }

  text(tag: string, markdown: string, step: number): void {
    this.#run.record((sink, time) => sink.text(tag, markdown, step, time))
  }

  hparams(
    hparams: Readonly<Record<string, unknown>>,
    metrics: Readonly<Record<string, number>> | readonly string[],
  ): void {
    this.#run.record((sink, time) => sink.hparams(hparams, metrics, time))
  }

  table(title: string, row: Readonly<Record<string, Cell>>, options: LineOptions = {}): void {
    this.#say('INFO', `${title}\n${formatTable(row)}`, options)
  }

  info(line: string, options: LineOptions = {}): void {
    this.#say('INFO', line, options)
  }

  warn(line: string): void {
    this.#write('WARNING', line)
    this.#run.console.warn(line)
  }

  flush(): void {
    this.#run.flush()
  }

  /** Components end with their run; closing one only flushes. */
  close(): void {
    this.#run.flush()
  }

  #say(level: string, text: string, options: LineOptions): void {
    this.#write(level, text)
    if (this.#console && options.console !== false) this.#run.console.line(text)
  }

  #write(level: string, text: string): void {
    this.#file?.write(`[${stamp(this.now())}] ${level} ${text}\n`)
  }
}

class RootLogger extends ComponentLogger implements RunLogger {
  readonly progress: Progress
  readonly #run: Run
  readonly #components = new Map<string, Logger>()

  constructor(run: Run, lineSeconds: number) {
    super(run, 'serial', {})
    this.#run = run
    this.progress = new Progress(run.console, run.clock, lineSeconds)
  }

  component(name: string, options: ComponentOptions = {}): Logger {
    const known = this.#components.get(name)
    if (known !== undefined) return known
    const made = new ComponentLogger(this.#run, name, options)
    this.#components.set(name, made)
    return made
  }

  override close(): void {
    this.progress.stop()
    this.#run.close()
  }
}

/**
 * The logger of a run: TensorBoard event files and a JSONL of the same in `<exp_name>/log/serial`, a text file for each
 * component, and the console. Trouble with the disk is told once and never ends a run. Folders are made when first
 * written to.
 */
export function createRunLogger(options: RunLoggerOptions): RunLogger {
  return new RootLogger(new Run(options), options.line_seconds ?? 10)
}
