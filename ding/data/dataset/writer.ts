import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { File as H5File } from 'h5wasm/node'
import { allocate, DatasetError, type HostTensor, isHostTensor, type JsonValue } from '../../utils/index.js'
import { concatBatches } from '../batch.js'
import type { Batch, Transition } from '../types.js'
import { type AppendedPiece, type Episode, EpisodePieces, type RowShape, withLast } from './episode_pieces.js'
import { leavesOf } from './flat_rows.js'
import { appendRows, setAttribute, writeRows, writing } from './hdf5_columns.js'
import { hdf5Library } from './hdf5_file.js'

export type { AppendedPiece, RowShape } from './episode_pieces.js'

/** What is written about a dataset, and how. */
export interface DatasetWriterOptions {
  readonly layout: 'd4rl' | 'minari'
  readonly env_id: string
  /** Shape of an observation, so that images are kept as images. Left out: arrays are kept as they come. */
  readonly obs_shape?: RowShape
  /** What acted: a policy's name and checkpoint, or 'random'. */
  readonly policy?: string
  readonly seed?: number
  /** Further facts, kept as attributes of the file. */
  readonly metadata?: Readonly<Record<string, JsonValue>>
  /** Steps that are gathered in memory before they go to disk. */
  readonly chunk_rows?: number
  /** gzip level, 0 for none. */
  readonly compression?: number
}

/** Writes transitions to an HDF5 file, episode by episode. */
export interface DatasetWriter {
  /** The file that `close` makes. */
  readonly path: string
  /** Where the data are until then; readable at any time up to the last chunk, also after a crash. */
  readonly partial_path: string
  /** Transitions of whole episodes so far; the steps of unfinished ones come with `close`. */
  readonly count: number
  readonly episodes: number
  /**
   * Takes consecutive transitions (`obs, next_obs, action, reward, done`, done meaning terminated) of one environment.
   * @throws DatasetError when they do not fit those before, or the disk refuses.
   */
  append(transitions: readonly Transition[], piece?: AppendedPiece): void
  /** Writes the whole episodes so far into the partial file. */
  flush(): void
  /** Writes what is left, unfinished episodes as cut off, and gives the file its name. Further calls do nothing. */
  close(): void
  /** Stops, leaving the partial file as it is. */
  abandon(): void
}

const CHUNK_ROWS = 4096

/** This library's version, from its package.json, which lies above the sources and above the compiled files. */
function libraryVersion(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (let up = 0; up < 6; up++, folder = dirname(folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(resolve(folder, 'package.json'), 'utf8')) as Record<
        string,
        string
      >
      if (name === 'ding') return version ?? 'unknown'
    } catch {
      // Not in this folder; look in the one above.
    }
  }
  return 'unknown'
}

function syncFile(path: string): void {
  const descriptor = openSync(path, 'r+')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Names of the arrays of an observation: `observations`, or `observations/<key>` of a record. */
function named(name: string, tree: HostTensor | Batch): { key: string; tensor: HostTensor }[] {
  return leavesOf(tree, name)
}

function flags(length: number, set?: number): HostTensor<Uint8Array> {
  const data = allocate('uint8', length) as Uint8Array
  if (set !== undefined) data[set] = 1
  return { dtype: 'uint8', shape: [length], data }
}

/** What the layouts have in common: episodes are gathered and written in chunks, under a temporary name. */
abstract class Hdf5Writer implements DatasetWriter {
  readonly partial_path: string
  count = 0
  episodes = 0
  readonly #pieces: EpisodePieces
  #pending: Episode[] = []
  #pendingRows = 0
  #open = true

  constructor(
    readonly path: string,
    protected readonly file: H5File,
    protected readonly options: DatasetWriterOptions,
  ) {
    this.partial_path = partialOf(path)
    this.#pieces = new EpisodePieces(path, options.obs_shape)
  }

  append(transitions: readonly Transition[], piece: AppendedPiece = {}): void {
    if (!this.#open)
      throw new DatasetError(`Dataset "${this.path}" is closed; nothing can be appended to it.`)
    for (const episode of this.#pieces.add(transitions, piece)) this.take(episode)
    if (this.#pendingRows >= (this.options.chunk_rows ?? CHUNK_ROWS)) this.flush()
  }

  close(): void {
    if (!this.#open) return
    for (const episode of this.#pieces.rest()) this.take(episode)
    if (this.count === 0) {
      this.abandon()
      throw new DatasetError(
        `Dataset "${this.path}": no transition was appended, so there is no file. Collect at least one.`,
      )
    }
    this.flush()
    writing(this.path, () => {
      this.summary()
      setAttribute(this.file, 'complete', 1)
      this.abandon()
      syncFile(this.partial_path)
      renameSync(this.partial_path, this.path)
    })
  }

  abandon(): void {
    if (!this.#open) return
    this.#open = false
    this.file.close()
  }

  /** Writes some episodes. */
  protected abstract write(episodes: readonly Episode[]): void
  /** Writes what is known at the end only. */
  protected abstract summary(): void

  protected get compression(): number {
    return this.options.compression ?? 0
  }

  private take(episode: Episode): void {
    this.#pending.push(episode)
    this.#pendingRows += episode.steps
    this.count += episode.steps
    this.episodes++
  }

  flush(): void {
    if (this.#pending.length === 0) return
    writing(this.path, () => {
      this.write(this.#pending)
      this.file.flush()
    })
    this.#pending = []
    this.#pendingRows = 0
  }
}

/** D4RL's layout, with `next_observations`, so that no step of a cut episode is lost. */
class D4rlWriter extends Hdf5Writer {
  protected override write(episodes: readonly Episode[]): void {
    const { obs, next_obs, action, reward, done } = concatBatches(episodes.map(({ columns }) => columns))
    const cuts = flags((done as HostTensor).shape[0]!)
    let row = 0
    for (const { steps, terminated } of episodes) {
      row += steps
      if (!terminated) cuts.data[row - 1] = 1
    }
    for (const { key, tensor } of [
      ...named('observations', obs!),
      ...named('next_observations', next_obs!),
      ...named('actions', action!),
      ...named('rewards', reward!),
      ...named('terminals', done!),
      ...named('timeouts', cuts),
    ]) {
      appendRows(this.file, key, tensor, this.compression)
    }
  }

  protected override summary(): void {
    setAttribute(this.file, 'total_steps', this.count)
    setAttribute(this.file, 'total_episodes', this.episodes)
  }
}

/** Minari's layout: a group an episode, its observations one more than its steps. */
class MinariWriter extends Hdf5Writer {
  #written = 0

  protected override write(episodes: readonly Episode[]): void {
    for (const { columns, steps, terminated } of episodes) {
      const group = `episode_${this.#written}`
      const successors = leavesOf(columns['next_obs']!, `${group}/observations`)
      for (const [i, { key, tensor }] of leavesOf(columns['obs']!, `${group}/observations`).entries())
        writeRows(this.file, key, withLast(tensor, successors[i]!.tensor), this.compression)
      for (const [name, tree] of [
        ['actions', columns['action']!],
        ['rewards', columns['reward']!],
        ['terminations', columns['done']!],
        ['truncations', terminated ? flags(steps) : flags(steps, steps - 1)],
      ] as const) {
        if (isHostTensor(tree)) writeRows(this.file, `${group}/${name}`, tree, this.compression)
        else
          throw new DatasetError(
            `Dataset "${this.path}": "${name}" is a record. Only observations may be records.`,
          )
      }
      const made = this.file.get(group) as import('h5wasm/node').Group
      setAttribute(made, 'id', this.#written)
      setAttribute(made, 'total_steps', steps)
      if (this.options.seed !== undefined) setAttribute(made, 'seed', this.options.seed)
      this.#written++
    }
    this.summary()
  }

  protected override summary(): void {
    setAttribute(this.file, 'total_steps', this.count)
    setAttribute(this.file, 'total_episodes', this.episodes)
  }
}

/** Where a dataset is while it is being written. */
function partialOf(path: string): string {
  return `${path}.partial`
}

/**
 * Begins a dataset file. What was at `path` stays there until `close`; a partial file of an earlier attempt is replaced.
 * Missing folders are made.
 * @throws DatasetError when the file cannot be made.
 */
export async function createDatasetWriter(
  path: string,
  options: DatasetWriterOptions,
): Promise<DatasetWriter> {
  if (options.layout !== 'd4rl' && options.layout !== 'minari') {
    throw new DatasetError(
      `Dataset "${path}": there is no layout "${String(options.layout)}" to write. Choose 'd4rl' or 'minari'.`,
    )
  }
  const library = await hdf5Library()
  const file = writing(path, () => {
    mkdirSync(dirname(resolve(path)), { recursive: true })
    return new library.File(partialOf(path), 'w')
  })
  writing(path, () => {
    const { env_id, policy, seed, metadata, layout } = options
    const facts: Record<string, JsonValue> = {
      ...metadata,
      complete: 0,
      env_id,
      ding_version: libraryVersion(),
    }
    if (policy !== undefined) facts['policy'] = policy
    if (seed !== undefined) facts['seed'] = seed
    if (layout === 'minari') {
      // What Minari's loader asks for.
      facts['env_spec'] = JSON.stringify({ id: env_id })
      facts['dataset_id'] ??= `ding/${env_id}-v0`
      facts['algorithm_name'] ??= policy ?? 'unknown'
    }
    for (const [name, value] of Object.entries(facts)) setAttribute(file, name, value)
    file.flush()
  })
  return new layoutWriters[options.layout](path, file, options)
}

const layoutWriters = { d4rl: D4rlWriter, minari: MinariWriter } as const
