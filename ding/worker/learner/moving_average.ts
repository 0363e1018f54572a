import type { Resumable, StateTree } from '../../utils/index.js'

/** Means of named numbers over the last `window` pushes that had them. */
export class MovingAverage implements Resumable {
  private readonly values = new Map<string, number[]>()

  constructor(private readonly window: number) {}

  push(record: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(record)) {
      const list = this.values.get(name) ?? []
      list.push(value)
      if (list.length > this.window) list.shift()
      this.values.set(name, list)
    }
  }

  /** undefined when the name has never been pushed. */
  mean(name: string): number | undefined {
    const list = this.values.get(name)
    if (list === undefined || list.length === 0) return undefined
    return list.reduce((a, b) => a + b, 0) / list.length
  }

  state_dict(): StateTree {
    return Object.fromEntries(this.values)
  }

  load_state_dict(state: StateTree): void {
    this.values.clear()
    for (const [name, list] of Object.entries(state)) this.values.set(name, [...(list as number[])])
  }
}
