import type { JsonRecord } from '../utils/index.js'

/** Which chunks have been taken in: each collector's numbers, as everything below a mark and the few above it. */
export class SeenChunks {
  private readonly byCollector = new Map<string, { next: number; above: Set<number> }>()

  has(collector: string, sequence: number): boolean {
    const seen = this.byCollector.get(collector)
    return seen !== undefined && (sequence < seen.next || seen.above.has(sequence))
  }

  /** @returns false when it was there already */
  add(collector: string, sequence: number): boolean {
    if (this.has(collector, sequence)) return false
    let seen = this.byCollector.get(collector)
    if (seen === undefined) {
      seen = { next: 0, above: new Set() }
      this.byCollector.set(collector, seen)
    }
    seen.above.add(sequence)
    while (seen.above.delete(seen.next)) seen.next++
    return true
  }

  /** Number of chunks seen, of all collectors. */
  get count(): number {
    let sum = 0
    for (const { next, above } of this.byCollector.values()) sum += next + above.size
    return sum
  }

  state_dict(): JsonRecord {
    return Object.fromEntries(
      [...this.byCollector].map(([collector, { next, above }]) => [
        collector,
        [next, ...[...above].sort((a, b) => a - b)],
      ]),
    )
  }

  load_state_dict(state: JsonRecord): void {
    this.byCollector.clear()
    for (const [collector, numbers] of Object.entries(state)) {
      const [next = 0, ...above] = numbers as number[]
      this.byCollector.set(collector, { next, above: new Set(above) })
    }
  }
}
