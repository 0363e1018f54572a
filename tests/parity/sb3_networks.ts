import type { HostTensor } from '../../ding/utils/index.js'
import type { Comparison } from './compare.js'
import { matrix, type Nested, type Weights } from './sb3_replay.js'
import type { Readings } from './sb3_shadows.js'

/** A network's tensors by our names. */
export type Tensors = Record<string, HostTensor>

/** SB3's actor under the names of our ContinuousActor; `stochastic` for SAC's and CrossQ's, whose heads have names of their own. */
export function actorTensors(weights: Weights, stochastic: boolean): Tensors {
  const last = Math.max(...Object.keys(weights).map((name) => Number(/\.(\d+)\./.exec(name)?.[1] ?? 0)))
  const tensors: Tensors = {}
  for (const [name, values] of Object.entries(weights)) {
    const renamed = stochastic
      ? name
          .replace(/^latent_pi\./, 'trunk.')
          .replace(/^mu\.(0\.)?/, 'head.mu.')
          .replace(/^log_std\./, 'head.log_sigma_layer.')
          .replace(/^log_std$/, 'head.log_std')
      : name.replace(/^mu\.(\d+)\./, (_, index) => (Number(index) === last ? 'last.' : `trunk.${index}.`))
    tensors[renamed] = name.endsWith('.steps') ? counter([values]) : matrix(values)
  }
  return tensors
}

/** SB3's separate critics qf0, qf1, ... as one ensemble: weights [N, in, out], biases and the like [N, 1, out]. */
export function criticTensors(weights: Weights): Tensors {
  const members = new Set(Object.keys(weights).map((name) => name.split('.')[0] as string))
  const names = Object.keys(weights)
    .filter((name) => name.startsWith('qf0.'))
    .map((name) => name.slice(4))
  return Object.fromEntries(
    names.map((name) => {
      const parts = Array.from({ length: members.size }, (_, e) =>
        matrix(weights[`qf${e}.${name}`] as Nested),
      )
      if (name.endsWith('.steps')) return [`q.${name}`, counter(parts.map(({ data }) => data[0] as number))]
      return [`q.${name}`, stacked(parts, name.endsWith('weight'))]
    }),
  )
}

/** A layer's count of passes. @throws Error where critics differ: one counter serves all of them here */
function counter(counts: readonly Nested[]): HostTensor<Float32Array> {
  if (new Set(counts).size !== 1)
    throw new Error(`Critics have counted different steps: ${counts.join(', ')}.`)
  return matrix([counts[0] as Nested])
}

function stacked(parts: readonly HostTensor<Float32Array>[], isWeight: boolean): HostTensor<Float32Array> {
  const rows = parts[0]!.shape[0]!
  const inner = isWeight ? parts[0]!.shape[1]! : 1
  const data = new Float32Array(parts.length * rows * inner)
  parts.forEach((part, e) => {
    for (let o = 0; o < rows; o++)
      for (let i = 0; i < inner; i++) data[e * rows * inner + i * rows + o] = part.data[o * inner + i]!
  })
  return { dtype: 'float32', shape: [parts.length, inner, rows], data }
}

/** All names with `prefix` in front. */
export function prefixed(prefix: string, tensors: Tensors): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]))
}

/** gSDE's present noise, which an update draws before it is used, is not recorded. */
const NOT_RECORDED = 'actor.head.noise'

/** A network's part of a state with the recorded tensors. @throws Error for a name or size that it does not have, or a tensor that is not recorded */
export function replaced(part: unknown, tensors: Tensors): Tensors {
  const own = part as Tensors
  for (const [name, { shape }] of Object.entries(tensors)) {
    if (own[name]?.shape.join() !== shape.join())
      throw new Error(`The model has no ${name} of shape [${shape}]: ${Object.keys(own).join(', ')}.`)
  }
  const missing = Object.keys(own).filter((name) => !(name in tensors) && name !== NOT_RECORDED)
  if (missing.length > 0) throw new Error(`The recording has no ${missing.join(', ')}.`)
  return { ...own, ...tensors }
}

/** Compares the tensors that are recorded. */
export function readTensors(
  readings: Readings,
  comparison: Comparison,
  what: string,
  part: unknown,
  expected: Tensors,
): void {
  for (const [name, tensor] of Object.entries(expected))
    readings.add(comparison, `${what} ${name}`, (part as Tensors)[name], tensor)
}

/** One entry of torch's Adam state by parameter. */
export type AdamState = Record<string, { readonly exp_avg: Nested; readonly exp_avg_sq: Nested }>

/** Compares moments; second ones by their root: they are squares, and Adam divides by the root. */
export function readMoments(
  readings: Readings,
  comparison: Comparison,
  what: string,
  optimizer: unknown,
  expected: AdamState,
  named: (weights: Weights) => Tensors,
): void {
  const { state } = (optimizer ?? { state: {} }) as { state: Record<string, Record<string, HostTensor>> }
  for (const key of ['exp_avg', 'exp_avg_sq'] as const) {
    const tensors = named(
      Object.fromEntries(Object.entries(expected).map(([name, moments]) => [name, moments[key]])),
    )
    const root = (tensor: HostTensor | undefined) =>
      key === 'exp_avg' ? tensor : tensor?.data.map(Math.sqrt)
    for (const [name, tensor] of Object.entries(tensors))
      readings.add(comparison, `${what} ${key} ${name}`, root(state[name]?.[key]), root(tensor))
  }
}
