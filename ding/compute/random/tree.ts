import type { JsonValue, Resumable, StateTree } from '../../utils/index.js'
import { RandomStream } from './stream.js'

/**
 * All random streams of a run, by path, so that they can be saved and restored together. A stream depends on the seed
 * and its path alone: `tree.branch('policy').stream('collect')` never changes when another part draws more or less.
 */
export class RandomTree implements Resumable {
  private constructor(
    private readonly root: RandomStream,
    private readonly path: readonly string[],
    private readonly streams: Map<string, RandomStream>,
    private readonly restored: Map<string, JsonValue>,
  ) {}

  static fromSeed(seed: number | bigint): RandomTree {
    return new RandomTree(RandomStream.fromSeed(seed), [], new Map(), new Map())
  }

  /** The part of the tree below `name`. */
  branch(name: string): RandomTree {
    return new RandomTree(this.root.child(name), [...this.path, name], this.streams, this.restored)
  }

  /** The stream called `name` here: one object a path, however often it is asked for. */
  stream(name: string): RandomStream {
    const key = [...this.path, name].join('/')
    let stream = this.streams.get(key)
    if (stream === undefined) {
      stream = this.root.child(name)
      const state = this.restored.get(key)
      if (state !== undefined) stream.restore(state)
      this.streams.set(key, stream)
    }
    return stream
  }

  /** Positions of all streams of the whole tree that were ever handed out, in alphabetical order. */
  state_dict(): StateTree {
    const states = new Map(this.restored)
    for (const [key, stream] of this.streams) states.set(key, stream.state())
    return Object.fromEntries([...states].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Puts every stream back, those too that are asked for only later. */
  load_state_dict(state: StateTree): void {
    for (const [key, value] of Object.entries(state)) {
      this.restored.set(key, value as JsonValue)
      this.streams.get(key)?.restore(value as JsonValue)
    }
  }
}
