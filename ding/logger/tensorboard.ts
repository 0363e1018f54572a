import { hostname } from 'node:os'
import { join } from 'node:path'
import { AppendFile } from './append_file.js'
import {
  encodeEvent,
  encodeHParams,
  type HParamsMessage,
  type JsonScalar,
  type PluginMetadata,
  type SummaryValue,
} from './event_messages.js'
import { histogramBuckets } from './histogram.js'
import { tfrecord } from './tfrecord.js'
import type { LogSink } from './types.js'

const DT_DOUBLE = 2
const DT_STRING = 7
const CLASS_TENSOR = 2
const STATUS_SUCCESS = 1
const BUFFER_BYTES = 1 << 16

/** A nested record as dotted names and plain values; lists and other values become JSON text. */
export function flattenHParams(hparams: Readonly<Record<string, unknown>>): Record<string, JsonScalar> {
  const flat: Record<string, JsonScalar> = {}
  const visit = (name: string, value: unknown): void => {
    if (typeof value === 'number') flat[name] = { number_value: value }
    else if (typeof value === 'boolean') flat[name] = { bool_value: value }
    else if (typeof value === 'string') flat[name] = { string_value: value }
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, item] of Object.entries(value)) visit(name === '' ? key : `${name}.${key}`, item)
    } else if (value !== undefined) flat[name] = { string_value: JSON.stringify(value) ?? String(value) }
  }
  visit('', hparams)
  return flat
}

function hparamType(value: JsonScalar): number {
  if ('string_value' in value) return 1
  return 'bool_value' in value ? 2 : 3
}

/**
 * TensorBoard event files. Each writer makes a new file in `folder`, so a resumed run continues its series beside the old
 * one; TensorBoard joins the files of a folder. Scalars are written in the `simple_value` form, which every reader of
 * event files understands; histograms, texts and hparams in their plugins' form.
 */
export class TensorBoardSink implements LogSink {
  readonly #file: AppendFile
  readonly #described = new Set<string>()
  #hasSession = false

  constructor(folder: string, startTime: number, onError: (error: Error, path: string) => void) {
    const seconds = String(Math.floor(startTime / 1000)).padStart(10, '0')
    const stem = `events.out.tfevents.${seconds}.${hostname()}.${process.pid}`
    this.#file = new AppendFile((attempt) => join(folder, `${stem}.${attempt}`), {
      buffer: BUFFER_BYTES,
      lines: false,
      onError,
    })
    this.#file.write(tfrecord(encodeEvent({ wall_time: startTime / 1000, file_version: 'brain.Event:2' })))
  }

  scalars(values: Readonly<Record<string, number>>, step: number, time: number): void {
    this.#write(
      Object.entries(values).map(([tag, value]) => ({ tag, simple_value: value })),
      step,
      time,
    )
  }

  histogram(tag: string, values: ArrayLike<number>, step: number, time: number): void {
    const buckets = histogramBuckets(values)
    const tensor = {
      dtype: DT_DOUBLE,
      tensor_shape: { dim: [{ size: buckets.length }, { size: 3 }] },
      double_val: buckets.flat(),
    }
    this.#write([{ tag, tensor, ...this.#describe(tag, 'histograms') }], step, time)
  }

  text(tag: string, markdown: string, step: number, time: number): void {
    const tensor = {
      dtype: DT_STRING,
      tensor_shape: { dim: [{ size: 1 }] },
      string_val: [Buffer.from(markdown, 'utf8')],
    }
    this.#write([{ tag, tensor, ...this.#describe(tag, 'text') }], step, time)
  }

  hparams(
    hparams: Readonly<Record<string, unknown>>,
    metrics: Readonly<Record<string, number>> | readonly string[],
    time: number,
  ): void {
    const flat = flattenHParams(hparams)
    const isList = Array.isArray(metrics)
    const tags: readonly string[] = isList ? (metrics as readonly string[]) : Object.keys(metrics)
    this.#writeSession('_hparams_/experiment', time, {
      experiment: {
        time_created_secs: time / 1000,
        hparam_infos: Object.entries(flat).map(([name, value]) => ({ name, type: hparamType(value) })),
        metric_infos: tags.map((tag) => ({ name: { tag } })),
      },
    })
    this.#writeSession('_hparams_/session_start_info', time, {
      session_start_info: { hparams: flat, start_time_secs: time / 1000 },
    })
    if (!isList) this.scalars(metrics as Readonly<Record<string, number>>, 0, time)
    this.#hasSession = true
  }

  flush(): void {
    this.#file.flush()
  }

  close(time: number): void {
    if (this.#hasSession) {
      this.#writeSession('_hparams_/session_end_info', time, {
        session_end_info: { status: STATUS_SUCCESS, end_time_secs: time / 1000 },
      })
    }
    this.#file.close()
  }

  /** A tag's metadata, which belongs to its first value in a file. */
  #describe(tag: string, plugin: string): { metadata?: PluginMetadata } {
    if (this.#described.has(tag)) return {}
    this.#described.add(tag)
    return { metadata: { plugin_data: { plugin_name: plugin }, data_class: CLASS_TENSOR } }
  }

  #writeSession(tag: string, time: number, message: HParamsMessage): void {
    const plugin_data = { plugin_name: 'hparams', content: encodeHParams(message) }
    const tensor = { dtype: DT_DOUBLE, tensor_shape: { dim: [{ size: 0 }] } }
    this.#write([{ tag, tensor, metadata: { plugin_data, data_class: CLASS_TENSOR } }], 0, time)
  }

  #write(value: readonly SummaryValue[], step: number, time: number): void {
    this.#file.write(
      tfrecord(encodeEvent({ wall_time: time / 1000, step: Math.trunc(step), summary: { value } })),
    )
  }
}
