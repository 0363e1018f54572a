import type { RandomStream } from '../compute/index.js'

/**
 * How to fill a weight of shape [out, in, ...]. `torch` is PyTorch's default for linear and convolution layers,
 * kaiming_uniform(a = sqrt 5), which is U(-1/sqrt(fan_in), 1/sqrt(fan_in)); 0 for a layer without inputs.
 */
export type WeightInit =
  | { readonly type: 'torch' }
  | { readonly type: 'orthogonal'; readonly gain?: number }
  | { readonly type: 'xavier_uniform' | 'xavier_normal'; readonly gain?: number }
  | { readonly type: 'kaiming_uniform' | 'kaiming_normal'; readonly gain?: number }
  | { readonly type: 'uniform'; readonly bound: number }
  | { readonly type: 'normal'; readonly std: number }
  | { readonly type: 'constant'; readonly value: number }
  | { readonly type: 'zeros' }

/** How to fill a bias: as a weight without fans, or `torch`: U(-1/sqrt(fan_in), 1/sqrt(fan_in)) with the weight's fan_in. */
export type BiasInit = Extract<WeightInit, { type: 'torch' | 'uniform' | 'normal' | 'constant' | 'zeros' }>

export interface Fans {
  readonly fanIn: number
  readonly fanOut: number
}

/** Fan in and out of a weight in torch's layout [out, in, ...kernel]. */
export function fansOf(shape: readonly number[]): Fans {
  const kernel = shape.slice(2).reduce((product, d) => product * d, 1)
  return { fanIn: (shape[1] ?? 1) * kernel, fanOut: (shape[0] ?? 1) * kernel }
}

/** Values of a weight of torch's layout [out, in, ...kernel] drawn by `init`. */
export function initWeight(
  shape: readonly number[],
  random: RandomStream,
  init: WeightInit = { type: 'torch' },
  fans: Fans = fansOf(shape),
): Float32Array {
  const size = shape.reduce((product, d) => product * d, 1)
  const { fanIn, fanOut } = fans
  switch (init.type) {
    case 'torch':
      return uniform(size, random, torchBound(fanIn))
    case 'xavier_uniform':
      return uniform(size, random, (init.gain ?? 1) * Math.sqrt(6 / (fanIn + fanOut)))
    case 'xavier_normal':
      return normal(size, random, (init.gain ?? 1) * Math.sqrt(2 / (fanIn + fanOut)))
    case 'kaiming_uniform':
      return uniform(size, random, (init.gain ?? Math.SQRT2) * Math.sqrt(3 / fanIn))
    case 'kaiming_normal':
      return normal(size, random, (init.gain ?? Math.SQRT2) / Math.sqrt(fanIn))
    case 'orthogonal':
      return orthogonal(normal(size, random, 1), shape[0] ?? 1, init.gain ?? 1)
    default:
      return initPlain(size, random, init)
  }
}

/** Values of a bias; `fanIn` is the weight's. */
export function initBias(
  size: number,
  fanIn: number,
  random: RandomStream,
  init: BiasInit = { type: 'torch' },
): Float32Array {
  if (init.type === 'torch') return uniform(size, random, torchBound(fanIn))
  return initPlain(size, random, init)
}

function torchBound(fanIn: number): number {
  return fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0
}

function initPlain(
  size: number,
  random: RandomStream,
  init: Exclude<BiasInit, { type: 'torch' }>,
): Float32Array {
  switch (init.type) {
    case 'uniform':
      return uniform(size, random, init.bound)
    case 'normal':
      return normal(size, random, init.std)
    case 'constant':
      return new Float32Array(size).fill(init.value)
    case 'zeros':
      return new Float32Array(size)
  }
}

function uniform(size: number, random: RandomStream, bound: number): Float32Array {
  return random.uniform(size).map((u) => (2 * u - 1) * bound)
}

function normal(size: number, random: RandomStream, std: number): Float32Array {
  return random.normal(size).map((z) => z * std)
}

/**
 * A (semi-)orthogonal matrix times `gain` from a matrix of normal draws, as torch's `orthogonal_`: the Q of a QR decomposition
 * whose R has a positive diagonal. That Q is unique, so Gram-Schmidt (done twice, in float64, against rounding) gives it.
 * @param raw row-major [rows, raw.length / rows]; a wide matrix gets orthonormal rows, a tall one orthonormal columns.
 */
export function orthogonal(raw: Float32Array, rows: number, gain = 1): Float32Array {
  const cols = raw.length / rows
  const wide = rows < cols
  const count = wide ? rows : cols
  const length = wide ? cols : rows
  const at = (vector: number, i: number) => (wide ? vector * cols + i : i * cols + vector)
  const basis: Float64Array[] = []
  const out = new Float32Array(raw.length)
  for (let v = 0; v < count; v++) {
    const vector = Float64Array.from({ length }, (_, i) => raw[at(v, i)]!)
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        let dot = 0
        for (let i = 0; i < length; i++) dot += vector[i]! * other[i]!
        for (let i = 0; i < length; i++) vector[i]! -= dot * other[i]!
      }
    }
    const norm = lengthOf(vector)
    for (let i = 0; i < length; i++) {
      vector[i]! /= norm
      out[at(v, i)] = gain * vector[i]!
    }
    basis.push(vector)
  }
  return out
}

/**
 * Euclidean length. The sum is that of V8's Math.hypot, scaled and compensated, to the last bit; Math.hypot itself takes no more arguments than the
 * stack has room for.
 */
function lengthOf(vector: Float64Array): number {
  const largest = vector.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  if (largest === 0) return 0
  let sum = 0
  let lost = 0
  for (const x of vector) {
    const scaled = x / largest
    const term = scaled * scaled - lost
    const next = sum + term
    lost = next - sum - term
    sum = next
  }
  return Math.sqrt(sum) * largest
}
