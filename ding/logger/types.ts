/** Milliseconds since 1970. Injectable, so that tests and repeatable runs do not depend on the wall clock. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** A value in a table. */
export type Cell = number | string | boolean | null | readonly (number | string)[]

export interface LineOptions {
  /** False keeps the line out of the console; it still goes to the component's text file. True by default. */
  readonly console?: boolean
}

/** Where a part of a run says what happens. Nothing else in the library prints. */
export interface Logger {
  /** The clock's milliseconds, for rates and durations. */
  now(): number
  /** One number of a series. `step` is the x axis: a train iteration or an environment step. */
  scalar(tag: string, value: number, step: number): void
  /** Several series at one step. */
  scalars(values: Readonly<Record<string, number>>, step: number): void
  /** The distribution of values at one step; values that are not finite are left out. */
  histogram(tag: string, values: ArrayLike<number>, step: number): void
  /** Markdown. */
  text(tag: string, markdown: string, step: number): void
  /**
   * The run's hyperparameters (nested records become dotted names) and the metrics to compare runs by: final values, or
   * the names of series that are logged anyway.
   */
  hparams(
    hparams: Readonly<Record<string, unknown>>,
    metrics: Readonly<Record<string, number>> | readonly string[],
  ): void
  /** A titled grid of names and values. */
  table(title: string, row: Readonly<Record<string, Cell>>, options?: LineOptions): void
  info(line: string, options?: LineOptions): void
  warn(line: string): void
  /** Hands everything to the operating system. */
  flush(): void
  close(): void
}

/** Scalars, histograms and texts go to every sink of a run. */
export interface LogSink {
  scalars(values: Readonly<Record<string, number>>, step: number, time: number): void
  histogram(tag: string, values: ArrayLike<number>, step: number, time: number): void
  text(tag: string, markdown: string, step: number, time: number): void
  hparams(
    hparams: Readonly<Record<string, unknown>>,
    metrics: Readonly<Record<string, number>> | readonly string[],
    time: number,
  ): void
  flush(): void
  /** `time` is when the run ended. */
  close(time: number): void
}
