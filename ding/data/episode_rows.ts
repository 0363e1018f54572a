import { LiveSet } from './live_set.js'
import type { EpisodeMark } from './types.js'

interface Episode {
  /** Its rows by step. */
  readonly rows: number[]
  ended: boolean
}

/**
 * Which rows of a ring make up an episode. Rows of several environments may alternate. An episode counts once it has ended,
 * and no longer when any of its rows is overwritten; one that breaks off, or is longer than the ring, never counts.
 */
export class EpisodeRows {
  /** The rows of the episodes that count. */
  readonly whole: LiveSet
  readonly #episodes: (Episode | undefined)[]
  readonly #steps: Int32Array
  readonly #running = new Map<number, Episode>()

  constructor(capacity: number) {
    this.whole = new LiveSet(capacity)
    this.#episodes = Array<undefined>(capacity).fill(undefined)
    this.#steps = new Int32Array(capacity)
  }

  /** Row `row`, which belongs to no episode, now holds a step. */
  add(row: number, { env_id, step, end }: EpisodeMark): void {
    const running = step === 0 ? { rows: [], ended: false } : this.#running.get(env_id)
    if (running === undefined || running.rows.length !== step) {
      this.#running.delete(env_id)
      return
    }
    running.rows.push(row)
    this.#episodes[row] = running
    this.#steps[row] = step
    if (!end) {
      this.#running.set(env_id, running)
      return
    }
    this.#running.delete(env_id)
    running.ended = true
    for (const each of running.rows) this.whole.add(each)
  }

  /** Row `row` is about to be overwritten: with it its whole episode is gone. */
  remove(row: number): void {
    const episode = this.#episodes[row]
    if (episode === undefined) return
    for (const each of episode.rows) {
      this.#episodes[each] = undefined
      if (episode.ended) this.whole.remove(each)
    }
    // What still comes of a running episode finds too few rows before it.
    episode.rows.length = 0
  }

  /** The rows of the episode that `row` belongs to, by step. @throws TypeError for a row outside of `whole` */
  rowsOf(row: number): readonly number[] {
    return this.#episodes[row]!.rows
  }

  /** The step that `row` holds. */
  stepOf(row: number): number {
    return this.#steps[row]!
  }

  clear(): void {
    this.whole.clear()
    this.#episodes.fill(undefined)
    this.#running.clear()
  }
}
