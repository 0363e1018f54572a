import { CheckpointError, type Resumable, type StateTree } from '../../utils/index.js'

/** The last values of one name, in a ring. */
interface Ring {
  readonly values: number[]
  /** Where the next value goes once the ring is full. */
  next: number
}

/** Means of named numbers over the last `window` pushes that had them. */
export class MovingAverage implements Resumable {
  private readonly rings = new Map<string, Ring>()

  constructor(private readonly window: number) {}

  /** Entries that are not numbers are passed over. */
  push(record: Readonly<Record<string, unknown>>): void {
    for (const name in record) {
      const value = record[name]
      if (typeof value === 'number') this.add(name, value)
    }
  }

  private add(name: string, value: number): void {
    const ring = this.rings.get(name)
    if (ring === undefined) this.rings.set(name, { values: [value], next: 0 })
    else if (ring.values.length < this.window) ring.values.push(value)
    else {
      ring.values[ring.next] = value
      ring.next = (ring.next + 1) % this.window
    }
  }

  /** undefined when the name has never been pushed. */
  mean(name: string): number | undefined {
    const ring = this.rings.get(name)
    if (ring === undefined) return undefined
    // By age, so that a resumed run rounds as one that went straight through.
    return byAge(ring).reduce((a, b) => a + b, 0) / ring.values.length
  }

  /** The values by name, oldest first. */
  state_dict(): StateTree {
    return Object.fromEntries([...this.rings].map(([name, ring]) => [name, byAge(ring)]))
  }

  load_state_dict(state: StateTree): void {
    const rings = Object.entries(state).map(([name, values]) => {
      if (
        !Array.isArray(values) ||
        values.length > this.window ||
        !values.every((v) => typeof v === 'number')
      ) {
        throw new CheckpointError(
          `The saved averages of "${name}" are not a list of at most ${this.window} numbers.`,
        )
      }
      return [name, { values: [...(values as number[])], next: 0 }] as [string, Ring]
    })
    this.rings.clear()
    for (const [name, ring] of rings) this.rings.set(name, ring)
  }
}

function byAge({ values, next }: Ring): number[] {
  return [...values.slice(next), ...values.slice(0, next)]
}
