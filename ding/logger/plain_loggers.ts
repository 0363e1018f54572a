import type { Cell, Logger } from './types.js'

/** Takes everything and keeps nothing; its clock stands still. */
export const NULL_LOGGER: Logger = Object.freeze({
  now: () => 0,
  scalar: () => {},
  scalars: () => {},
  histogram: () => {},
  text: () => {},
  hparams: () => {},
  table: () => {},
  info: () => {},
  warn: () => {},
  flush: () => {},
  close: () => {},
})

/** Keeps everything in memory, for tests and notebooks. Its clock is `time`, set by hand. */
export class MemoryLogger implements Logger {
  time = 0
  readonly values: { tag: string; value: number; step: number }[] = []
  readonly histograms: { tag: string; values: number[]; step: number }[] = []
  readonly texts: { tag: string; markdown: string; step: number }[] = []
  readonly tables: { title: string; row: Readonly<Record<string, Cell>> }[] = []
  readonly lines: string[] = []
  readonly warnings: string[] = []
  hyperparameters: Readonly<Record<string, unknown>> | undefined

  now(): number {
    return this.time
  }
  scalar(tag: string, value: number, step: number): void {
    this.values.push({ tag, value, step })
  }
  scalars(values: Readonly<Record<string, number>>, step: number): void {
    for (const [tag, value] of Object.entries(values)) this.scalar(tag, value, step)
  }
  histogram(tag: string, values: ArrayLike<number>, step: number): void {
    this.histograms.push({ tag, values: Array.from(values), step })
  }
  text(tag: string, markdown: string, step: number): void {
    this.texts.push({ tag, markdown, step })
  }
  hparams(hparams: Readonly<Record<string, unknown>>): void {
    this.hyperparameters = hparams
  }
  table(title: string, row: Readonly<Record<string, Cell>>): void {
    this.tables.push({ title, row })
  }
  info(line: string): void {
    this.lines.push(line)
  }
  warn(line: string): void {
    this.warnings.push(line)
  }
  flush(): void {}
  close(): void {}

  /** The values of one series, in order. */
  series(tag: string): number[] {
    return this.values.filter((row) => row.tag === tag).map((row) => row.value)
  }
}
