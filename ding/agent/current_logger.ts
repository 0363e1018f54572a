import type { Cell, ComponentOptions, LineOptions, Logger, Progress, RunLogger } from '../logger/index.js'

/** Hands everything to the logger that is there at the moment: what holds this one keeps it when files change. */
class CurrentLogger<L extends Logger> implements Logger {
  constructor(protected readonly current: () => L) {}

  now(): number {
    return this.current().now()
  }

  scalar(tag: string, value: number, step: number): void {
    this.current().scalar(tag, value, step)
  }

  scalars(values: Readonly<Record<string, number>>, step: number): void {
    this.current().scalars(values, step)
  }

  histogram(tag: string, values: ArrayLike<number>, step: number): void {
    this.current().histogram(tag, values, step)
  }

  text(tag: string, markdown: string, step: number): void {
    this.current().text(tag, markdown, step)
  }

  hparams(
    hparams: Readonly<Record<string, unknown>>,
    metrics: Readonly<Record<string, number>> | readonly string[],
  ): void {
    this.current().hparams(hparams, metrics)
  }

  table(title: string, row: Readonly<Record<string, Cell>>, options?: LineOptions): void {
    this.current().table(title, row, options)
  }

  info(line: string, options?: LineOptions): void {
    this.current().info(line, options)
  }

  warn(line: string): void {
    this.current().warn(line)
  }

  flush(): void {
    this.current().flush()
  }

  close(): void {
    this.current().close()
  }
}

/** The same for the logger of a run, and for its components. */
export class CurrentRunLogger extends CurrentLogger<RunLogger> implements RunLogger {
  get progress(): Progress {
    return this.current().progress
  }

  component(name: string, options?: ComponentOptions): Logger {
    let part: { readonly of: RunLogger; readonly logger: Logger } | undefined
    return new CurrentLogger(() => {
      const of = this.current()
      if (part?.of !== of) part = { of, logger: of.component(name, options) }
      return part.logger
    })
  }
}
