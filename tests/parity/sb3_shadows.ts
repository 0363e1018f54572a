import { RandomStream } from '../../ding/compute/index.js'
import type { Batch } from '../../ding/data/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { type Comparison, SMALLEST_SCALE } from './compare.js'
import { numbersOf } from './golden.js'

/** Numbers of one run beside the recorded ones. */
export interface Reading {
  readonly comparison: Comparison
  readonly what: string
  readonly actual: readonly number[]
  readonly expected: readonly number[]
}

/** Collects readings in the order in which a run makes them. */
export class Readings {
  readonly all: Reading[] = []

  add(comparison: Comparison, what: string, actual: unknown, expected: unknown): void {
    const numbers = actual === undefined ? [] : numbersOf(actual)
    this.all.push({ comparison, what, actual: numbers, expected: numbersOf(expected) })
  }

  /** {@link add} of a scalar, where the recording has one. */
  addIfRecorded(comparison: Comparison, what: string, actual: unknown, expected: number | undefined): void {
    if (expected !== undefined) this.add(comparison, what, actual, expected)
  }
}

/** How a run starts from recorded networks. */
export interface Course {
  /** Take the recorded networks up again wherever there are some, after the comparison with them. */
  readonly takesUp: boolean
  /** For shadows: draws the directions in which all weights that are taken up, and sampled actions, are moved by an ulp. */
  readonly moved?: RandomStream
}

export type Run = (course: Course) => Promise<Reading[]>

/** Shadows until the reach of rounding is known: at least, and at most. */
const FEWEST = 6
const MOST = 30
/** How far beyond the spread of the shadows a recorded value may be, as a multiple of that spread. */
const BEYOND = 2

/**
 * Compares runs with the recorded one: every number within {@link Comparison}'s tolerance, and for most files there is no more to it.
 *
 * Some recorded numbers are no better than the rounding that they were computed with. Adam makes a full step of any gradient, and a gradient
 * that is zero by the maths (of a bias in front of a normalisation, or a sum that cancels) comes out as rounding noise of either sign, so that
 * the parameter may go either way; log(1 - a^2 + 1e-6), as SB3 has it of a float32 action, is off by 2^-24 / (1 - a^2). Nothing tells these
 * from errors but how they came about, so that is measured: where a number is off, the same updates are run again as shadows, whose weights
 * and actions are moved by an ulp, in the reference's own form of the log-density. What exact arithmetic determines stays where it is, within
 * float32; what rounding determines moves, as far as rounding moves it. An implementation in float32 can do no better than to come out
 * among the shadows, so twice their spread, number by number, is granted; all else is held to the tolerance as before. Networks are then
 * taken up from the recording wherever it has them, so that what follows is not of other networks.
 *
 * @param runs by runtime
 * @param shadow runs a shadow; where it runs does not matter to how far rounding reaches
 */
export async function compareRuns(runs: ReadonlyMap<string, Run>, shadow: Run): Promise<void> {
  const shadows = new Shadows(shadow)
  for (const [runtime, run] of runs) {
    let readings = await run({ takesUp: false })
    const errors = readings.map((reading) => errorOf(reading))
    const good = readings.every(({ comparison }, i) => (errors[i] as number) <= comparison.tolerance)
    // What is not there, or not a number, no rounding explains.
    const explicable = errors.every((error) => Number.isFinite(error))
    let spreads: readonly Spread[] = []
    if (!good && explicable) {
      readings = await run({ takesUp: true })
      spreads = await shadows.until(readings)
    }
    readings.forEach((reading, i) => {
      reading.comparison.record(`${runtime} ${reading.what}`, errorOf(reading, spreads[i]))
    })
  }
}

/** Shadow runs, made when they are needed and kept for the next runtime. */
class Shadows {
  private readonly random = RandomStream.fromSeed(0)
  private readonly spreads: Spread[] = []
  private runs = 0

  constructor(private readonly run: Run) {}

  /** Spreads of enough shadows to explain the readings, or of as many as there may be. */
  async until(readings: readonly Reading[]): Promise<readonly Spread[]> {
    const explained = () =>
      readings.every((reading, i) => errorOf(reading, this.spreads[i]) <= reading.comparison.tolerance)
    while (this.runs < MOST && !(this.runs >= FEWEST && explained())) {
      const shadow = await this.run({ takesUp: true, moved: this.random.child(this.runs++) })
      for (const [i, { actual }] of shadow.entries()) {
        this.spreads[i] ??= new Spread(actual.length)
        this.spreads[i].add(actual)
      }
    }
    return this.spreads
  }
}

/** The least and the greatest of each number over runs. */
class Spread {
  private readonly least: Float64Array
  private readonly greatest: Float64Array

  constructor(size: number) {
    this.least = new Float64Array(size).fill(Number.POSITIVE_INFINITY)
    this.greatest = new Float64Array(size).fill(Number.NEGATIVE_INFINITY)
  }

  add(values: readonly number[]): void {
    values.forEach((value, i) => {
      this.least[i] = Math.min(this.least[i] as number, value)
      this.greatest[i] = Math.max(this.greatest[i] as number, value)
    })
  }

  at(i: number): number {
    return Math.max(0, (this.greatest[i] as number) - (this.least[i] as number))
  }
}

/** Largest difference beyond what is granted, over the scale, by the rule of {@link relativeError}. */
function errorOf({ actual, expected }: Reading, spread?: Spread): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let [scale, worst] = [SMALLEST_SCALE, 0]
  for (const [i, value] of expected.entries()) {
    if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value))
    if (Object.is(actual[i], value)) continue
    const beyond = Math.abs((actual[i] as number) - value) - BEYOND * (spread?.at(i) ?? 0)
    worst = Number.isNaN(beyond) ? Number.POSITIVE_INFINITY : Math.max(worst, beyond)
  }
  return worst / scale
}

/** Each value moved by an ulp (or two, just above a power of two), up or down. */
export function movedTensor<T extends HostTensor>(tensor: T, random: RandomStream): T {
  const signs = random.integers(tensor.data.length, 0, 2)
  const data = Float32Array.from(tensor.data, (value, i) => value * (1 + (2 * signs[i]! - 1) * 2 ** -23))
  return { ...tensor, data }
}

/** Recorded draws as one vector. */
export function vectorOf(values: unknown): HostTensor {
  const data = Float32Array.from(numbersOf(values))
  return { dtype: 'float32', shape: [data.length], data }
}

/** The rows of a tensor, or of its values laid out as rows, in another order. */
export function reordered(tensor: HostTensor, order: Int32Array): HostTensor {
  const width = tensor.data.length / order.length
  const data = tensor.data.slice()
  for (const [i, row] of order.entries())
    data.set(tensor.data.subarray(row * width, (row + 1) * width), i * width)
  return { ...tensor, data } as HostTensor
}

export function reorderedBatch(batch: Batch, order: Int32Array): Batch {
  return Object.fromEntries(
    Object.entries(batch).map(([key, column]) => [key, reordered(column as HostTensor, order)]),
  ) as Batch
}
