import { type Parameter, RandomStream } from '../../ding/compute/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { type Comparison, FLOAT32_TOLERANCE, SMALLEST_SCALE } from './compare.js'
import { type GoldenTensor, numbersOf } from './golden.js'
import { checkTensor, type Summary } from './summary.js'

/** One parameter after an update: its gradient, and the moments that Adam's step was taken with. */
interface Moved {
  readonly grad: Float32Array
  readonly shape: readonly number[]
  readonly mean: Float32Array
  readonly square: Float32Array
  readonly lr: number
}

/** A run: all its parameters by name, after each update. */
export type Trace = readonly ReadonlyMap<string, Moved>[]

interface AdamSettings {
  readonly betas: readonly number[]
  readonly eps: number
}

/** How far rounding may take each entry of each parameter, after each update. */
type Allowances = readonly ReadonlyMap<string, Float64Array>[]

/** How many times the measured noise of a gradient its rounding may be; as for CORL's networks. */
export const NOISE_MARGIN = 4
/** The next number of float32 is at most this share of a number away. */
const LAST_DIGIT = 2 ** -23

/**
 * Parameters as an optimizer has left them, from its state: the largest second moment where amsgrad keeps it.
 * @param parameters of the optimizer, in its order, by the names to give them
 */
export function movedBy(
  optimizer: StateTree,
  parameters: readonly (readonly [string, Pick<Parameter, 'grad' | 'shape'>])[],
): [string, Moved][] {
  const lr = optimizer['lr'] as number
  const entries = Object.values(optimizer['state'] as StateTree) as Record<string, HostTensor>[]
  return parameters.map(([name, { grad, shape }], i) => {
    const slot = (key: string) => entries[i]?.[key]?.data as Float32Array | undefined
    const [mean, square] = [slot('exp_avg'), slot('max_exp_avg_sq') ?? slot('exp_avg_sq')]
    if (mean === undefined || square === undefined) throw new Error(`The optimizer has no state of ${name}.`)
    return [name, { grad: (grad as Float32Array).slice(), shape, mean, square, lr }]
  })
}

/** How many runs show the noise. */
const NUDGED_RUNS = 3

type Tensors = Record<string, GoldenTensor>

/** What rounding may do in a run: to the gradients of its first update, to parameters, to targets that follow them. */
export interface Rounding {
  readonly gradients: ReadonlyMap<string, Float64Array>
  readonly params: Allowances
  readonly targets: Allowances
}

/**
 * Measures what rounding may do in a run, by {@link allowances}.
 * @param traceFrom does the run from start weights as `nudge` changes them
 * @param settings of Adam, and how targets follow: at the rate theta, every so many updates
 */
export async function roundingOf(
  traceFrom: (nudge: (tensors: Tensors) => Tensors) => Promise<Trace>,
  settings: AdamSettings & { readonly theta: number; readonly period?: number },
): Promise<Rounding> {
  const random = RandomStream.fromSeed(0)
  const digit = () => (random.nextFloat() < 0.5 ? -LAST_DIGIT : LAST_DIGIT)
  const nudge = (tensors: Tensors): Tensors =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => [
        name,
        { ...tensor, data: tensor.data.map((value) => value * (1 + digit())) },
      ]),
    )
  const others: Trace[] = []
  while (others.length < NUDGED_RUNS) others.push(await traceFrom(nudge))
  const trace = await traceFrom((tensors) => tensors)
  const params = allowances(trace, others, settings)
  return {
    gradients: noisesOf(trace, others, 0),
    params,
    targets: followed(params, settings.theta, settings.period),
  }
}

function gradientsOf(traces: readonly Trace[], update: number, name: string): Float32Array[] {
  return traces.flatMap((trace) => trace[update]?.get(name)?.grad ?? [])
}

/**
 * What rounding alone may do to parameters, computed from the case: the noise of a gradient is how far runs that start from weights one digit away
 * have it differ, times {@link NOISE_MARGIN} ({@link noiseOf}); and Adam's step, lr m / (sqrt(v) + eps), differs by what its two moments may with that noise.
 * It is nothing to speak of for a gradient above the noise, and up to lr either way for one below. An entry whose gradient is 0 in all
 * runs (behind a closed relu) has no noise.
 */
function allowances(trace: Trace, others: readonly Trace[], { betas, eps }: AdamSettings): Allowances {
  const [beta1, beta2] = betas as [number, number]
  const kept = new Map<string, Record<'mean' | 'square' | 'total', Float64Array>>()
  return trace.map((moved, update) => {
    const bias1 = 1 - beta1 ** (update + 1)
    const bias2 = 1 - beta2 ** (update + 1)
    const allowed = new Map<string, Float64Array>()
    const noises = noisesOf(trace, others, update)
    for (const [name, { grad, mean, square, lr }] of moved) {
      const elsewhere = gradientsOf(others, update, name)
      const noise = noises.get(name) as Float64Array
      const empty = () => new Float64Array(grad.length)
      const so = kept.get(name) ?? { mean: empty(), square: empty(), total: empty() }
      kept.set(name, so)
      for (let i = 0; i < grad.length; i++) {
        const own = grad[i] === 0 && elsewhere.every((other) => other[i] === 0) ? 0 : noise[i]!
        so.mean[i] = beta1 * so.mean[i]! + (1 - beta1) * own
        so.square[i] = beta2 * so.square[i]! + (1 - beta2) * own ** 2
        // sqrt(v) is a norm of the gradients so far: with noise it changes by that norm of the noise, at most.
        const ofRoot = Math.sqrt(so.square[i]! / bias2)
        const root = Math.sqrt(square[i]! / bias2)
        const ratio = Math.abs(mean[i]!) / bias1 / (root + eps)
        const change = (so.mean[i]! / bias1 + ratio * ofRoot) / (Math.max(root - ofRoot, 0) + eps)
        // The first step is lr g / (|g| + eps), in which the two moments' noise is the same and all but cancels.
        const alike = update === 0 && root > ofRoot
        const first = alike ? (eps * ofRoot) / ((root - ofRoot + eps) * (root + eps)) : change
        so.total[i]! += lr * Math.min(change, first, 1 + ratio)
      }
      allowed.set(name, so.total.slice())
    }
    return allowed
  })
}

/** So many entries of a row, a column or a tensor show how far the noise of its gradients goes. */
const ENOUGH = 32

/** {@link noiseOf} all parameters after an update. One of few entries has the noise of its layer, the largest of weight and bias. */
export function noisesOf(trace: Trace, others: readonly Trace[], update: number): Map<string, Float64Array> {
  const noises = new Map<string, Float64Array>()
  const layers = new Map<string, number>()
  const layerOf = (name: string) => name.slice(0, name.lastIndexOf('.'))
  for (const [name, { grad, shape }] of trace[update] ?? []) {
    const noise = noiseOf(grad, gradientsOf(others, update, name), shape)
    noises.set(name, noise)
    const most = noise.reduce((all, one) => Math.max(all, one), layers.get(layerOf(name)) ?? 0)
    layers.set(layerOf(name), most)
  }
  for (const [name, noise] of noises)
    if (noise.length < ENOUGH) noise.fill(layers.get(layerOf(name)) as number)
  return noises
}

/** How far each entry of a gradient may be off: as far as any in its row, and any in its column, is between the runs, with the margin. */
function noiseOf(
  grad: Float32Array,
  others: readonly Float32Array[],
  shape: readonly number[],
): Float64Array {
  const [rows, columns] = shape.length === 2 ? (shape as [number, number]) : [1, grad.length]
  const byRow = new Float64Array(rows)
  const byColumn = new Float64Array(columns)
  let most = 0
  for (const other of others) {
    for (let i = 0; i < grad.length; i++) {
      const gap = NOISE_MARGIN * Math.abs(grad[i]! - other[i]!)
      const [row, column] = [Math.floor(i / columns), i % columns]
      byRow[row] = Math.max(byRow[row]!, gap)
      byColumn[column] = Math.max(byColumn[column]!, gap)
      most = Math.max(most, gap)
    }
  }
  return Float64Array.from(grad, (_, i) => {
    const row = columns < ENOUGH ? most : byRow[Math.floor(i / columns)]!
    const column = rows < ENOUGH ? most : byColumn[i % columns]!
    return Math.min(row, column)
  })
}

/** As targets follow at the rate `theta`, every `period` updates, so does what is allowed. */
function followed(allowed: Allowances, theta: number, period = 1): Allowances {
  const before = new Map<string, Float64Array>()
  return allowed.map((update, index) => {
    const rate = (index + 1) % period === 0 ? theta : 0
    for (const [name, values] of update) {
      const last = before.get(name)
      const now = values.map((value, i) => rate * value + (1 - rate) * (last?.[i] ?? 0))
      before.set(name, now)
    }
    return new Map(before)
  })
}

/** Compares a tensor, each entry by the tolerance (of a scale of `least` at least) and what is allowed to it beyond; returns how many need that. */
export function checkEntries(
  to: Comparison,
  what: string,
  actual: ArrayLike<number> | undefined,
  expected: GoldenTensor | Summary,
  allowed: Float64Array,
  least = SMALLEST_SCALE,
): number {
  if (actual?.length !== allowed.length) {
    to.check(what, actual, [])
    return 0
  }
  const within = (error: number, scale: number, beyond: number) =>
    error / (scale + beyond / FLOAT32_TOLERANCE)
  const values = 'first8' in expected ? expected.first8.map(Math.fround) : numbersOf(expected)
  const scale = values.reduce(
    (most, value) => Math.max(most, Math.abs(value)),
    Math.max(least, SMALLEST_SCALE),
  )
  let needed = 0
  let worst = 'first8' in expected || values.length === actual.length ? 0 : Number.POSITIVE_INFINITY
  for (const [i, value] of values.entries()) {
    const error = Math.abs(actual[i]! - value)
    if (error > FLOAT32_TOLERANCE * scale) needed++
    worst = Number.isNaN(error)
      ? Number.POSITIVE_INFINITY
      : Math.max(worst, within(error, scale, allowed[i]!))
  }
  to.record(what, worst)
  if ('first8' in expected) {
    const total = (of: ArrayLike<number>) => Array.from(of).reduce((sum, value) => sum + value, 0)
    const size = Math.max(expected.abs_sum, SMALLEST_SCALE)
    const magnitudes = Array.from(actual, Math.abs)
    to.record(`${what} sum`, within(Math.abs(total(actual) - expected.sum), size, total(allowed)))
    to.record(`${what} abs_sum`, within(Math.abs(total(magnitudes) - expected.abs_sum), size, total(allowed)))
  }
  return needed
}

/** Compares a tensor by a scale of `least` at least; entries by what is `allowed` to them beyond, where that was measured. */
export function checkWithin(
  to: Comparison,
  what: string,
  actual: ArrayLike<number> | undefined,
  expected: GoldenTensor | Summary,
  least: number | undefined,
  allowed: Float64Array | undefined,
): void {
  if (allowed === undefined) checkTensor(to, what, actual, expected, least)
  else checkEntries(to, what, actual, expected, allowed, least)
}
