import type { Cell, LineOptions, Logger, RunLogger } from '../logger/index.js'
import { decodeExact, encodeExact, type JsonValue } from '../utils/index.js'
import type { ControlBus, Exchange } from './exchange/index.js'
import { TOPICS } from './topics.js'

/** One call of a logger: component ('' is the run's own), method, arguments. */
type Entry = readonly [component: string, method: keyof typeof REPLAY, args: readonly unknown[]]

type Args = readonly never[]

/** How each call is made again where the log is. */
const REPLAY = {
  scalar: (logger: Logger, [tag, value, step]: Args) =>
    logger.scalar(tag as never, value as never, step as never),
  scalars: (logger: Logger, [values, step]: Args) => logger.scalars(values as never, step as never),
  histogram: (logger: Logger, [tag, values, step]: Args) =>
    logger.histogram(tag as never, values as never, step as never),
  text: (logger: Logger, [tag, markdown, step]: Args) =>
    logger.text(tag as never, markdown as never, step as never),
  hparams: (logger: Logger, [values, metrics]: Args) => logger.hparams(values as never, metrics as never),
  table: (logger: Logger, [title, row, options]: Args) =>
    logger.table(title as never, row as never, (options ?? {}) as LineOptions),
  info: (logger: Logger, [line, options]: Args) => logger.info(line as never, (options ?? {}) as LineOptions),
  warn: (logger: Logger, [line]: Args) => logger.warn(line as never),
} as const

/** Entries that go together in one message. */
const BATCH = 64
const DELAY = 50

class Sender {
  private entries: Entry[] = []
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly control: ControlBus) {}

  add(component: string, method: keyof typeof REPLAY, args: readonly unknown[]): void {
    this.entries.push([component, method, args])
    if (this.entries.length >= BATCH) this.send()
    else this.timer ??= setTimeout(() => this.send(), DELAY)
  }

  /** Everything that waits, as a message. */
  take(): JsonValue {
    clearTimeout(this.timer)
    this.timer = undefined
    return encodeExact(this.entries.splice(0))
  }

  private send(): void {
    const message = this.take()
    try {
      this.control.announce(TOPICS.log, message)
    } catch {
      // Without an exchange there is no log to write to.
    }
  }
}

class RemoteLogger implements Logger {
  constructor(
    private readonly sender: Sender,
    private readonly name: string,
  ) {}

  now(): number {
    return Date.now()
  }
  scalar(tag: string, value: number, step: number): void {
    this.sender.add(this.name, 'scalar', [tag, value, step])
  }
  scalars(values: Readonly<Record<string, number>>, step: number): void {
    this.sender.add(this.name, 'scalars', [{ ...values }, step])
  }
  histogram(tag: string, values: ArrayLike<number>, step: number): void {
    this.sender.add(this.name, 'histogram', [tag, Array.from(values), step])
  }
  text(tag: string, markdown: string, step: number): void {
    this.sender.add(this.name, 'text', [tag, markdown, step])
  }
  hparams(
    hparams: Readonly<Record<string, unknown>>,
    metrics: Readonly<Record<string, number>> | readonly string[],
  ): void {
    this.sender.add(this.name, 'hparams', [structuredClone(hparams), structuredClone(metrics)])
  }
  table(title: string, row: Readonly<Record<string, Cell>>, options: LineOptions = {}): void {
    this.sender.add(this.name, 'table', [title, { ...row }, { ...options }])
  }
  info(line: string, options: LineOptions = {}): void {
    this.sender.add(this.name, 'info', [line, { ...options }])
  }
  warn(line: string): void {
    this.sender.add(this.name, 'warn', [line])
  }
  flush(): void {}
  close(): void {}
}

/** The loggers of a role whose log is kept elsewhere. */
export interface RoleLogger {
  component(name: string): Logger
  readonly root: Logger
  /** Resolves when everything logged so far has been written, or nobody is there to write it. */
  flush(): Promise<void>
}

/** How long the answer is waited for that all has been written: the server that carries it may be away. */
const FLUSH_MS = 2_000

/** Sends what a role logs to wherever {@link serveLogs} is. */
export function remoteLogger(exchange: Exchange): RoleLogger {
  const sender = new Sender(exchange.control)
  return {
    root: new RemoteLogger(sender, ''),
    component: (name) => new RemoteLogger(sender, name),
    flush: async () => {
      await exchange.control.request(TOPICS.log_flush, sender.take(), FLUSH_MS).catch(() => undefined)
    },
  }
}

/** The loggers of a role in the process that keeps the log. */
export function localLogger(logger: RunLogger, components: { console: boolean }): RoleLogger {
  return {
    root: logger,
    component: (name) => logger.component(name, components),
    flush: async () => logger.flush(),
  }
}

/** Writes what the roles of a run log into one log. @returns a function that ends it */
export function serveLogs(exchange: Exchange, to: RoleLogger): () => void {
  const write = (message: unknown) => {
    for (const [component, method, args] of decodeExact(message as JsonValue) as unknown as Entry[])
      REPLAY[method](component === '' ? to.root : to.component(component), args as Args)
  }
  const ends = [
    exchange.control.subscribe(TOPICS.log, write),
    exchange.control.serve(TOPICS.log_flush, async (message) => {
      write(message)
      return true
    }),
  ]
  return () => {
    for (const end of ends) end()
  }
}
