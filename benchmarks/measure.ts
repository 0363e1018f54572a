/** One measured figure. `pytorch` is the same figure of the PyTorch script, where PyTorch is installed. */
export interface Figure {
  readonly name: string
  readonly unit: 'us' | 'ms' | 'ns' | 'per second' | '%' | 'GFLOP' | 'GFLOP/s' | 'count'
  readonly value: number
  /** Smallest and largest of the repetitions, in the same unit. */
  readonly min: number
  readonly max: number
}

const REPETITIONS = 7

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] as number
}

function figure(name: string, unit: Figure['unit'], values: readonly number[]): Figure {
  return { name, unit, value: median(values), min: Math.min(...values), max: Math.max(...values) }
}

const SCALE = { us: 1e3, ms: 1, ns: 1e6 } as const

/** Time of one call of `body`: median over 7 repetitions of `calls` calls each, after `warmup` calls. */
export async function timePerCall(
  name: string,
  unit: 'us' | 'ms' | 'ns',
  calls: number,
  body: () => Promise<unknown> | unknown,
  options: { warmup?: number; per?: number } = {},
): Promise<Figure> {
  const { warmup = calls, per = 1 } = options
  for (let i = 0; i < warmup; i++) await body()
  const values: number[] = []
  for (let r = 0; r < REPETITIONS; r++) {
    const start = performance.now()
    for (let i = 0; i < calls; i++) await body()
    values.push(((performance.now() - start) / calls / per) * SCALE[unit])
  }
  return figure(name, unit, values)
}

/** Rate of `count` things done by one call of `body`, over 3 calls. */
export async function rate(
  name: string,
  count: () => number,
  body: () => Promise<unknown> | unknown,
): Promise<Figure> {
  const values: number[] = []
  for (let r = 0; r < 3; r++) {
    const start = performance.now()
    await body()
    values.push((count() / (performance.now() - start)) * 1000)
  }
  return figure(name, 'per second', values)
}
