// The keys of CrossQ's networks: with another value of a key, actor and critics must answer what SB3-contrib's formulas give with it
// (sb3_contrib/common/torch_layers.py, BatchRenorm; stable_baselines3/common/distributions.py, StateDependentNoiseDistribution).
import type * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { RandomStream } from '../../../ding/compute/index.js'
import { type CrossQModel, createModel } from '../../../ding/model/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'
import { f32, maxDiff, run } from '../nn/run.js'

const [ROWS, OBS, ACTIONS, CRITICS] = [6, 3, 2, 2]
const SIZES = { obs_shape: OBS, action_shape: ACTIONS, net_arch: { pi: [4], qf: [5] } }

/** SB3-contrib's defaults, but that gSDE is on and its noise large, and that the corrections are past their warm-up. */
const BASE = {
  batch_norm: true,
  batch_norm_momentum: 0.01,
  batch_norm_eps: 0.001,
  batch_norm_unbiased: true,
  renorm_warmup_steps: 0,
  renorm_rmax: 3,
  renorm_dmax: 5,
  use_sde: true,
  log_std_init: 0.4,
  full_std: true,
  use_expln: false,
  clip_mean: 2,
}
type Keys = typeof BASE
/** What the running statistics, of all layers, have counted so far. */
const STEPS = 1

const stream = RandomStream.fromSeed(11)
const obs = [...stream.normal(ROWS * OBS)]
const action = [...stream.normal(ROWS * ACTIONS)].map(Math.tanh)
const offsets = [...stream.normal(8)].map((z) => 0.3 * z)

type Matrix = readonly (readonly number[])[]
type Answers = Readonly<Record<'actor' | 'critic', readonly number[]>>

const rowsOf = (values: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, i) =>
    Array.from({ length: width }, (_none, j) => values[i * width + j]!),
  )
const columnOf = (x: Matrix, j: number) => x.map((row) => row[j]!)
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0)
const times = (x: Matrix, w: Matrix) => x.map((row) => w[0]!.map((_, j) => dot(row, columnOf(w, j))))
const transposed = (x: Matrix) => x[0]!.map((_, j) => columnOf(x, j))
const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v, low), high)

/** The networks in double precision. A member of the critics has a part of each tensor. */
class Reference {
  readonly weights: Map<string, number[]>

  constructor(
    readonly keys: Keys,
    weights: Readonly<Record<string, HostTensor>>,
  ) {
    this.weights = new Map(Object.entries(weights).map(([name, { data }]) => [name, Array.from(data)]))
  }

  answers(training: boolean): Answers {
    const inputs = rowsOf(obs, OBS)
    const joint = inputs.map((row, i) => [...row, ...action.slice(i * ACTIONS, (i + 1) * ACTIONS)])
    const values = Array.from({ length: CRITICS }, (_, e) =>
      this.network(joint, 'critic.q', [5, 1], training, e).flat(),
    )
    const features = this.network(inputs, 'actor.trunk', [4], training)
    return { actor: this.head(this.keys.batch_norm ? features : relu(features)), critic: values.flat() }
  }

  /** [norm, linear, relu, norm, linear], or without the last for the actor, or without norms. */
  private network(x: Matrix, name: string, widths: readonly number[], training: boolean, member?: number) {
    let [at, value] = [0, x]
    for (const [i, width] of widths.entries()) {
      if (i > 0) [at, value] = [at + 1, relu(value)]
      if (this.keys.batch_norm) value = this.normalised(value, `${name}.${at++}`, training, member)
      value = this.linear(value, `${name}.${at++}`, width, member)
    }
    if (member !== undefined || !this.keys.batch_norm) return value
    return this.normalised(relu(value), `${name}.${at + 1}`, training)
  }

  private part(name: string, size: number, member = 0): number[] {
    const all = this.weights.get(name)
    if (all === undefined) throw new Error(`The model has no ${name}.`)
    return all.slice(member * size, (member + 1) * size)
  }

  private linear(x: Matrix, name: string, width: number, member?: number): number[][] {
    const inSize = x[0]!.length
    const weight = this.part(`${name}.weight`, inSize * width, member)
    const bias = this.part(`${name}.bias`, width, member)
    const w = member === undefined ? transposed(rowsOf(weight, inSize)) : rowsOf(weight, width)
    return times(x, w).map((row) => row.map((v, j) => v + bias[j]!))
  }

  private normalised(x: Matrix, name: string, training: boolean, member = 0): number[][] {
    const keys = this.keys
    const size = x[0]!.length
    const [scale, bias, means, variances] = ['scale', 'bias', 'ra_mean', 'ra_var'].map((part) =>
      this.part(`${name}.${part}`, size, member),
    ) as [number[], number[], number[], number[]]
    const columns = transposed(x).map((column, j) => {
      let [m, w] = [means[j]!, variances[j]!]
      if (training) {
        const mean = column.reduce((a, b) => a + b) / ROWS
        const squares = dot(
          column.map((v) => v - mean),
          column.map((v) => v - mean),
        )
        const variance = squares / (keys.batch_norm_unbiased ? ROWS - 1 : ROWS)
        const running = Math.sqrt(w + keys.batch_norm_eps)
        const active = STEPS > keys.renorm_warmup_steps
        const [rmax, dmax] = [keys.renorm_rmax, keys.renorm_dmax]
        const r = active ? clamp(Math.sqrt(variance + keys.batch_norm_eps) / running, 1 / rmax, rmax) : 1
        const d = active ? clamp((mean - m) / running, -dmax, dmax) : 0
        const moved = (old: number, seen: number) => old + keys.batch_norm_momentum * (seen - old)
        this.weights.get(`${name}.ra_mean`)![member * size + j] = moved(m, mean)
        this.weights.get(`${name}.ra_var`)![member * size + j] = moved(w, variance)
        m = mean - (d * Math.sqrt(variance)) / r
        w = variance / r ** 2
      }
      return column.map((v) => (scale[j]! * (v - m)) / Math.sqrt(w + keys.batch_norm_eps) + bias[j]!)
    })
    return transposed(columns)
  }

  /** mu, sigma and, with gSDE, the noise. */
  private head(features: Matrix): number[] {
    const { use_sde, use_expln, full_std, log_std_init, clip_mean } = this.keys
    const mu = this.linear(features, 'actor.head.mu', ACTIONS).flat()
    if (!use_sde) {
      const log_sigma = this.linear(features, 'actor.head.log_sigma_layer', ACTIONS).flat()
      return [...mu, ...log_sigma.map((v) => Math.exp(clamp(v, -20, 2)))]
    }
    const std = rowsOf(offsets, ACTIONS).map((pair, i) =>
      pair.map((own) => {
        const log_std = log_std_init + (full_std ? own : offsets[i]!)
        return use_expln && log_std > 0 ? Math.log1p(log_std + 1e-6) + 1 : Math.exp(log_std)
      }),
    )
    const squared = (x: Matrix) => x.map((row) => row.map((v) => v ** 2))
    const variance = times(squared(features), squared(std)).flat()
    const z = rowsOf(this.part('actor.head.noise', 8), ACTIONS)
    const noise = times(
      features,
      std.map((row, i) => row.map((v, j) => v * z[i]![j]!)),
    )
    const clipped = clip_mean > 0 ? mu.map((v) => clamp(v, -clip_mean, clip_mean)) : mu
    return [...clipped, ...variance.map((v) => Math.sqrt(v + 1e-6)), ...noise.flat()]
  }
}

const relu = (x: Matrix): number[][] => x.map((row) => row.map((v) => Math.max(v, 0)))

function modelOf(keys: Partial<Keys>): CrossQModel {
  const model = createModel(
    { type: 'crossq', ...SIZES, ...BASE, ...keys },
    { random: RandomStream.fromSeed(1) },
  ) as CrossQModel
  const random = RandomStream.fromSeed(2)
  for (const [name, parameter] of model.namedParameters()) {
    const drawn = random.normal(parameter.data.length)
    // Variances from 0.05 to 20: some corrections are at their bounds.
    if (name.endsWith('ra_var')) parameter.set(drawn.map((z) => Math.exp(1.5 * z)))
    else if (name.endsWith('steps')) parameter.set([STEPS])
    else if (name.endsWith('log_std')) parameter.set(parameter.data.map((start, i) => start + offsets[i]!))
    else parameter.set(drawn)
  }
  return model
}

/** What a model answers in training, and then by the statistics that this has moved. */
async function answersOf(model: CrossQModel): Promise<Answers[]> {
  const out: Answers[] = []
  for (const training of [true, false]) {
    const { logit, q } = await run(
      (inputs: { obs: tf.Tensor; action: tf.Tensor }) => {
        model.train(training)
        return {
          logit: model.forward(inputs.obs, { mode: 'compute_actor' })['logit'] as Record<string, tf.Tensor>,
          q: model.forward(inputs, { mode: 'compute_critic' })['q_value'] as tf.Tensor,
        }
      },
      { obs: f32(obs, [ROWS, OBS]), action: f32(action, [ROWS, ACTIONS]) },
    )
    const { mu, sigma, noise } = logit as Record<string, HostTensor>
    out.push({
      actor: [mu, sigma, noise].flatMap((part) => Array.from(part?.data ?? [])),
      critic: [...q.data],
    })
  }
  return out
}

function expected(model: CrossQModel, keys: Partial<Keys>): Answers[] {
  const reference = new Reference({ ...BASE, ...keys }, model.stateDict())
  return [reference.answers(true), reference.answers(false)]
}

const both = ['actor', 'critic'] as const

describe("CrossQ's networks", () => {
  it.each([
    [{}, []],
    [{ batch_norm: false }, both],
    [{ batch_norm_momentum: 0.3 }, both],
    [{ batch_norm_eps: 0.5 }, both],
    [{ batch_norm_unbiased: false }, both],
    [{ renorm_warmup_steps: STEPS }, both],
    [{ renorm_rmax: 1.2 }, both],
    [{ renorm_dmax: 0.1 }, both],
    [{ use_sde: false }, ['actor']],
    [{ log_std_init: -1 }, ['actor']],
    [{ full_std: false }, ['actor']],
    [{ use_expln: true }, ['actor']],
    [{ clip_mean: 0.5 }, ['actor']],
    [{ clip_mean: 0 }, ['actor']],
  ] as [Partial<Keys>, readonly (keyof Answers)[]][])('%j: what SB3-contrib answers', async (keys, parts) => {
    const model = modelOf(keys)
    const wanted = expected(model, keys)
    const answers = await answersOf(model)
    const ignored = expected(modelOf({}), {})
    for (const part of both) {
      const [given, right, other] = [answers, wanted, ignored].map((all) => all.flatMap((each) => each[part]))
      const scale = Math.max(...right!.map(Math.abs))
      expect(maxDiff(given!, right!)).toBeLessThan(1e-5 * scale)
      if (parts.includes(part)) expect(maxDiff(right!, other!)).toBeGreaterThan(1e-3 * scale)
    }
  })

  it('without hidden layers the heads read the observation as it is, the critics a normalised one', () => {
    const model = modelOf({})
    const bare = createModel(
      { type: 'crossq', ...SIZES, net_arch: [] },
      { random: RandomStream.fromSeed(1) },
    ) as CrossQModel
    const norms = (of: CrossQModel, part: string) =>
      of.namedParameters().filter(([name]) => name.startsWith(part) && name.endsWith('ra_mean')).length
    expect([norms(model, 'actor'), norms(model, 'critic')]).toEqual([2, 2])
    expect([norms(bare, 'actor'), norms(bare, 'critic')]).toEqual([0, 1])
  })
})
