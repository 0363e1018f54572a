import type * as tf from '@tensorflow/tfjs-core'
import { type Compute, Parameter } from '../../ding/compute/index.js'
import { type Model, type ModelInput, type ModelOutput, modelWrap } from '../../ding/model/index.js'
import { Module } from '../../ding/nn/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { attempt, skippedCase } from './outcome.js'
import { runtimes } from './runtimes.js'
import type { CaseResult, FileResult } from './types.js'

interface GoldenTensor {
  shape: number[]
  dtype: string
  data: number[]
}
type GoldenRecord = Record<string, unknown>

const EXACT = 0
/** One float32 rounding of numbers around 1, some operations deep. */
const ROUNDING = 1e-6

/**
 * Replays recordings of DI-engine's model wrappers: files whose cases have `wrapper`. Draws are injected.
 *
 * With a scalar eps the original draws one coin for the whole batch, and ours one a row. Giving every row the recorded coin makes the two
 * agree, so those cases are replayed as well; the dict form (one eps and one coin per environment) is compared as it is.
 */
export async function wrappers(json: unknown, _fileName: string): Promise<FileResult> {
  const file = json as { cases?: unknown; inputs?: Record<string, GoldenRecord> }
  const all: unknown[] = Array.isArray(file.cases) ? file.cases : []
  const cases = all.filter((c): c is GoldenRecord => typeof c === 'object' && c !== null && 'wrapper' in c)
  if (cases.length === 0) return { skipped: 'no recording of model wrappers' }
  const results: CaseResult[] = []
  for (const { name: runtime, compute } of await runtimes()) {
    for (const [i, recorded] of cases.entries()) {
      const kind = String(recorded['wrapper'])
      const variant = recorded['case'] ?? recorded['update_type'] ?? recorded['noise_type']
      const name = `${kind} ${i}${variant === undefined ? '' : ` ${String(variant)}`} (${runtime})`
      const replay = REPLAYS[kind]
      results.push(
        replay === undefined
          ? skippedCase(name, `the wrapper "${kind}" is not built`)
          : await attempt(name, async () => {
              const { error, tolerance, detail } = await replay(compute, recorded, file.inputs ?? {})
              return { name, maxError: error, tolerance, pass: error <= tolerance, detail }
            }),
      )
    }
  }
  return { cases: results }
}

interface Outcome {
  error: number
  tolerance: number
  detail?: string
}
type Replay = (
  compute: Compute,
  recorded: GoldenRecord,
  inputs: Record<string, GoldenRecord>,
) => Promise<Outcome>

const REPLAYS: Readonly<Record<string, Replay>> = {
  argmax_sample: async (compute, recorded, inputs) => {
    const { actions } = await sample(compute, 'argmax_sample', inputOf(recorded, inputs))
    return { error: actionError(actions, recorded['action']), tolerance: EXACT }
  },
  eps_greedy_sample: replayEpsGreedy,
  multinomial_sample: replayMultinomial,
  deterministic_sample: async (compute, recorded) => {
    const { actions } = await sample(compute, 'deterministic_sample', { logit: normalOf(recorded) })
    return { error: actionError(actions, recorded['action']), tolerance: EXACT }
  },
  reparam_sample: async (compute, recorded) => {
    const draws = [host(recorded['standard_normal_implied'])]
    const { actions } = await sample(compute, 'reparam_sample', { logit: normalOf(recorded) }, draws)
    return { error: actionError(actions, recorded['action']), tolerance: ROUNDING }
  },
  action_noise: replayActionNoise,
  target: replayTarget,
}

/** Gives its input record as its output. */
class Echo extends Module implements Model {
  forward(inputs: ModelInput): ModelOutput {
    return inputs as ModelOutput
  }
}

function isGolden(value: unknown): value is GoldenTensor {
  return typeof value === 'object' && value !== null && 'shape' in value && 'data' in value
}

function host(value: unknown): HostTensor<Float32Array> {
  if (!isGolden(value))
    throw new Error(`Expected a recorded tensor, found ${JSON.stringify(value)?.slice(0, 80)}.`)
  return { dtype: 'float32', shape: value.shape, data: Float32Array.from(value.data) }
}

function vector(
  values: readonly number[],
  shape: readonly number[] = [values.length],
): HostTensor<Float32Array> {
  return { dtype: 'float32', shape, data: Float32Array.from(values) }
}

function inputOf(recorded: GoldenRecord, inputs: Record<string, GoldenRecord>): GoldenRecord {
  const found = recorded['input'] ?? inputs[String(recorded['input_ref'])]
  return Object.fromEntries(
    Object.entries(found as GoldenRecord).map(([key, value]) => [
      key,
      Array.isArray(value) ? value.map(host) : host(value),
    ]),
  )
}

function normalOf(recorded: GoldenRecord): GoldenRecord {
  return { mu: host(recorded['mu']), sigma: host(recorded['sigma']) }
}

type Options = Record<string, HostTensor>

async function sample(
  compute: Compute,
  name: string,
  output: GoldenRecord,
  draws: HostTensor[] = [],
  options: Options = {},
) {
  const wrapped = modelWrap(new Echo(), name)
  const program = compute.program(name, (i: { output: ModelInput; options: Record<string, tf.Tensor> }) => {
    return wrapped.forward(i.output, i.options)['action'] as tf.Tensor | tf.Tensor[]
  })
  const action = (await program.run({ output: output as never, options }, { draws })) as
    | HostTensor
    | HostTensor[]
  return { actions: Array.isArray(action) ? action : [action] }
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let most = 0
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i]! - Math.fround(b[i]!))
    if (!(d <= most)) most = d
  }
  return most
}

function actionError(actions: readonly HostTensor[], expected: unknown): number {
  const recorded = (Array.isArray(expected) ? expected : [expected]) as GoldenTensor[]
  if (recorded.length !== actions.length) return Number.POSITIVE_INFINITY
  return Math.max(...recorded.map((tensor, i) => distance(actions[i]!.data, tensor.data)))
}

/** The uniform number from which our inverse distribution function makes `index`: the middle of the index's interval. */
function uniformFor(weights: readonly number[], index: number): number {
  const total = weights.reduce((sum, w) => sum + w, 0)
  const below = weights.slice(0, index).reduce((sum, w) => sum + w, 0)
  return (below + 0.5 * weights[index]!) / total
}

async function replayEpsGreedy(
  compute: Compute,
  recorded: GoldenRecord,
  inputs: Record<string, GoldenRecord>,
): Promise<Outcome> {
  const input = inputOf(recorded, inputs)
  const heads = (Array.isArray(input['logit']) ? input['logit'] : [input['logit']]) as HostTensor[]
  const masks = input['action_mask'] as HostTensor | HostTensor[] | undefined
  const eps = recorded['eps'] as number | number[]
  const queue = [...(recorded['draws'] as { fn: string; value: unknown }[])]
  const coin = () => Number(queue.shift()!.value)
  const draws: HostTensor[] = []
  for (const [head, { shape }] of heads.entries()) {
    const [rows, n] = shape as [number, number]
    const mask = Array.isArray(masks) ? masks[head] : masks
    const coins = Array.from({ length: rows }, () => 0)
    const picks = Array.from({ length: rows }, () => 0)
    const weights = (row: number) => Array.from({ length: n }, (_, i) => mask?.data[row * n + i] ?? 1)
    const exploring = () => queue[0] !== undefined && queue[0].fn !== 'np.random.random'
    if (Array.isArray(eps)) {
      for (let row = 0; row < rows; row++) {
        coins[row] = coin()
        if (exploring())
          picks[row] = uniformFor(weights(row), (queue.shift()!.value as GoldenTensor).data[0]!)
      }
    } else {
      coins.fill(coin())
      if (exploring()) {
        const chosen = (queue.shift()!.value as GoldenTensor).data
        for (let row = 0; row < rows; row++) picks[row] = uniformFor(weights(row), chosen[row]!)
      }
    }
    draws.push(vector(coins), vector(picks, [rows, 1]))
  }
  const tensor = Array.isArray(eps) ? vector(eps) : vector([eps], [])
  const { actions } = await sample(compute, 'eps_greedy_sample', input, draws, { eps: tensor })
  return { error: actionError(actions, recorded['action']), tolerance: EXACT }
}

/**
 * The original's draws are inside torch, so: with a uniform number from inside the recorded action's interval we must draw that action;
 * and just within both ends of every interval of its probabilities, the action of that interval. That fixes our distribution function
 * to about 1e-5 at every action. The original's 1e-8 for forbidden actions is a defect: ours never draws them.
 */
async function replayMultinomial(
  compute: Compute,
  recorded: GoldenRecord,
  inputs: Record<string, GoldenRecord>,
): Promise<Outcome> {
  const input = inputOf(recorded, inputs)
  const golden = host(recorded['probs_given_to_torch_multinomial'])
  const [rows, n] = golden.shape as [number, number]
  const options: Options =
    typeof recorded['alpha'] === 'number' ? { alpha: vector([recorded['alpha']], []) } : {}
  const weights = (row: number) =>
    Array.from(golden.data.subarray(row * n, row * n + n), (p) => (p < 1e-6 ? 0 : p))
  const draw = async (us: number[]) => {
    const { actions } = await sample(compute, 'multinomial_sample', input, [vector(us, [rows, 1])], options)
    return [...actions[0]!.data]
  }
  const expected = (recorded['action'] as GoldenTensor).data
  const all = Array.from({ length: rows }, (_, row) => row)
  let error = distance(await draw(all.map((row) => uniformFor(weights(row), expected[row]!))), expected)
  const margin = 1e-5
  for (let action = 0; action < n; action++) {
    for (const end of [0, 1]) {
      const possible = all.map((row) => (weights(row)[action]! > 0 ? action : expected[row]!))
      const us = all.map((row) => {
        const w = weights(row)
        const inside = w[possible[row]!]! / w.reduce((sum, x) => sum + x, 0)
        return uniformFor(w, possible[row]!) + (end === 0 ? -1 : 1) * (0.5 * inside - margin)
      })
      error = Math.max(error, distance(await draw(us), possible))
    }
  }
  return { error, tolerance: EXACT, detail: 'distribution function checked to 1e-5' }
}

interface Range {
  min: number
  max: number
}

/**
 * gauss: as recorded. ou: DI-engine's generator returns the increment of the process (a defect), ours the process itself. So the recorded
 * actions must follow from the increments and ours from the sums of the same increments, both worked out here.
 */
async function replayActionNoise(compute: Compute, recorded: GoldenRecord): Promise<Outcome> {
  const { noise_type, noise_kwargs, noise_range, action_range } = recorded
  const action = host(recorded['input_action'])
  const state = noise_type === 'ou' ? { state_num: action.shape[0], action_shape: action.shape.slice(1) } : {}
  const wrapped = modelWrap(new Echo(), 'action_noise', {
    noise_type,
    noise_kwargs,
    noise_range,
    action_range,
    ...state,
  })
  const program = compute.program(
    'action_noise',
    (i: { action: tf.Tensor }) => wrapped.forward(i)['action'] as tf.Tensor,
  )
  const clip = (x: number, range: unknown) =>
    range === null || range === undefined
      ? x
      : Math.min(Math.max(x, (range as Range).min), (range as Range).max)
  const kwargs = noise_kwargs as { mu: number; sigma: number; theta?: number; dt?: number }
  const x = new Float64Array(action.data.length)
  let [error, theirs] = [0, 0]
  for (const step of recorded['sequence'] as { draws: GoldenTensor[]; action: GoldenTensor }[]) {
    const z = host(step.draws[0])
    const ours = await program.run({ action }, { draws: [z] })
    if (noise_type !== 'ou') {
      error = Math.max(error, distance(ours.data, step.action.data))
      continue
    }
    const { theta = 0.15, dt = 0.01 } = kwargs
    const increments = x.map(
      (value, i) => theta * (kwargs.mu - value) * dt + kwargs.sigma * Math.sqrt(dt) * z.data[i]!,
    )
    const noisy = (noise: Float64Array) =>
      [...action.data].map((a, i) => clip(a + clip(noise[i]!, noise_range), action_range))
    theirs = Math.max(theirs, distance(noisy(increments), step.action.data))
    x.forEach((value, i) => {
      x[i] = value + increments[i]!
    })
    error = Math.max(error, distance(ours.data, noisy(x)))
  }
  return noise_type === 'ou'
    ? {
        error: Math.max(error, theirs),
        tolerance: ROUNDING,
        detail: 'the process where the original adds its increment',
      }
    : { error, tolerance: ROUNDING }
}

/** Parameters by the recorded names; running statistics are buffers. The counter of batches is an integer that we do not keep. */
class Recorded extends Module implements Model {
  readonly values: Record<string, Parameter> = {}

  constructor(tensors: Record<string, GoldenTensor>) {
    super()
    for (const [name, tensor] of Object.entries(tensors)) {
      if (tensor.dtype.startsWith('float'))
        this.values[name] = new Parameter(tensor.shape, !name.includes('running_'), host(tensor).data)
    }
  }

  set(tensors: Record<string, GoldenTensor>): void {
    for (const [name, parameter] of Object.entries(this.values)) parameter.set(host(tensors[name]).data)
  }

  forward(): ModelOutput {
    return {}
  }
}

async function replayTarget(_compute: Compute, recorded: GoldenRecord): Promise<Outcome> {
  type State = Record<string, GoldenTensor>
  const initial = recorded['initial'] as { online: State; target: State }
  const online = new Recorded(initial.online)
  const follower = new Recorded(initial.target)
  const { update_type, update_kwargs } = recorded
  const target = modelWrap(follower, 'target', { update_type, update_kwargs })
  let error = 0
  type Step = { direct: boolean; online: State; target: State; update_count: number }
  for (const step of recorded['sequence'] as Step[]) {
    online.set(step.online)
    target.update(online, { direct: step.direct })
    for (const [name, parameter] of Object.entries(follower.values)) {
      // The original's momentum update leaves buffers behind (a defect); ours copies them.
      const source = update_type === 'momentum' && !parameter.trainable ? step.online : step.target
      error = Math.max(error, distance(parameter.data, host(source[name]).data))
    }
    error = Math.max(error, Math.abs(target.update_count - step.update_count))
  }
  return update_type === 'momentum'
    ? { error, tolerance: ROUNDING, detail: 'buffers are copied, where the original leaves them behind' }
    : { error, tolerance: EXACT }
}
