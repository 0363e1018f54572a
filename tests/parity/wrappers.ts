import type * as tf from '@tensorflow/tfjs-core'
import { type Compute, Parameter } from '../../ding/compute/index.js'
import { type Model, type ModelOutput, modelWrap } from '../../ding/model/index.js'
import { Module } from '../../ding/nn/index.js'
import { attempt, skippedCase } from './outcome.js'
import { runtimes } from './runtimes.js'
import type { CaseResult, FileResult } from './types.js'
import {
  actionError,
  distance,
  Echo,
  type GoldenRecord,
  type GoldenTensor,
  host,
  normalOf,
  type Outcome,
  type Replay,
  sample,
} from './wrappers_common.js'
import { DISCRETE_REPLAYS } from './wrappers_discrete.js'

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

const REPLAYS: Readonly<Record<string, Replay>> = {
  ...DISCRETE_REPLAYS,
  deterministic_sample: async (compute, recorded) => {
    const actions = await sample(compute, 'deterministic_sample', { logit: normalOf(recorded) })
    return { error: actionError(actions, recorded['action']), tolerance: EXACT }
  },
  reparam_sample: async (compute, recorded) => {
    const draws = [host(recorded['standard_normal_implied'])]
    const actions = await sample(compute, 'reparam_sample', { logit: normalOf(recorded) }, { draws })
    return { error: actionError(actions, recorded['action']), tolerance: ROUNDING }
  },
  action_noise: replayActionNoise,
  target: replayTarget,
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
  // DI-engine's defaults.
  const { mu, sigma, theta, dt, x0 } = {
    mu: 0,
    sigma: 0.3,
    theta: 0.15,
    dt: 0.01,
    x0: 0,
    ...(noise_kwargs as Readonly<Record<string, number>>),
  }
  const x = new Float64Array(action.data.length).fill(x0)
  let [error, theirs] = [0, 0]
  for (const step of recorded['sequence'] as { draws: GoldenTensor[]; action: GoldenTensor }[]) {
    const z = host(step.draws[0])
    const ours = await program.run({ action }, { draws: [z] })
    if (noise_type !== 'ou') {
      error = Math.max(error, distance(ours.data, step.action.data))
      continue
    }
    const increments = x.map((value, i) => theta * (mu - value) * dt + sigma * Math.sqrt(dt) * z.data[i]!)
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
