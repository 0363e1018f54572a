import { AppendFile } from './append_file.js'
import { histogramBuckets } from './histogram.js'
import { flattenHParams } from './tensorboard.js'
import type { LogSink } from './types.js'

const BUFFER_BYTES = 1 << 16

/** JSON has no form for NaN and the infinities: they become text. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}

/**
 * The same as the event file, one JSON record a line: `{kind, tag, value | buckets | text, step, time}`, `time` in seconds
 * since 1970. A resumed run appends.
 */
export class JsonlSink implements LogSink {
  readonly #file: AppendFile

  constructor(path: string, onError: (error: Error, path: string) => void) {
    this.#file = new AppendFile(path, { buffer: BUFFER_BYTES, lines: true, onError })
  }

  scalars(values: Readonly<Record<string, number>>, step: number, time: number): void {
    for (const [tag, value] of Object.entries(values)) this.#write({ kind: 'scalar', tag, value, step }, time)
  }

  histogram(tag: string, values: ArrayLike<number>, step: number, time: number): void {
    this.#write({ kind: 'histogram', tag, buckets: histogramBuckets(values), step }, time)
  }

  text(tag: string, markdown: string, step: number, time: number): void {
    this.#write({ kind: 'text', tag, text: markdown, step }, time)
  }

  hparams(
    hparams: Readonly<Record<string, unknown>>,
    metrics: Readonly<Record<string, number>> | readonly string[],
    time: number,
  ): void {
    const flat = Object.entries(flattenHParams(hparams)).map(([name, value]) => [
      name,
      Object.values(value)[0],
    ])
    this.#write({ kind: 'hparams', hparams: Object.fromEntries(flat), metrics }, time)
  }

  flush(): void {
    this.#file.flush()
  }

  close(): void {
    this.#file.close()
  }

  #write(record: Record<string, unknown>, time: number): void {
    this.#file.write(`${JSON.stringify({ ...record, time: time / 1000 }, plain)}\n`)
  }
}
