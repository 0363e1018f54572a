import type { JsonValue } from '../utils/index.js'
import { RandomStream } from './light_imports.js'

/**
 * The random stream of one env (or of one wrapper that needs randomness): which stream an episode draws from under
 * static and dynamic seeding. It belongs to its owner alone; nothing process-wide is ever seeded or drawn from.
 */
export class EpisodeRandom {
  /** The stream that the running episode draws from. */
  current: RandomStream
  private seedValue = 0
  private dynamic = true
  private sequence: RandomStream

  constructor(private readonly name: string) {
    this.sequence = this.streamOf(0)
    this.current = this.sequence
  }

  private streamOf(seed: number): RandomStream {
    return RandomStream.fromSeed(seed).child(this.name)
  }

  seed(seed: number, dynamicSeed: boolean): void {
    this.sequence = this.streamOf(seed)
    this.seedValue = seed
    this.dynamic = dynamicSeed
    this.current = this.sequence
  }

  /** Called at each reset: chooses the episode's stream and returns it. */
  begin(seed?: number): RandomStream {
    if (seed !== undefined) this.current = this.streamOf(seed)
    else this.current = this.dynamic ? this.sequence : this.streamOf(this.seedValue)
    return this.current
  }

  state(): JsonValue {
    return {
      seed: this.seedValue,
      dynamic: this.dynamic,
      sequence: this.sequence.state(),
      episode: this.current === this.sequence ? null : this.current.state(),
    }
  }

  restore(state: JsonValue): void {
    const saved = state as { seed: number; dynamic: boolean; sequence: JsonValue; episode: JsonValue }
    this.seed(saved.seed, saved.dynamic)
    this.sequence.restore(saved.sequence)
    if (saved.episode === null) return
    this.current = this.streamOf(saved.seed)
    this.current.restore(saved.episode)
  }
}
