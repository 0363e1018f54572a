import type { SchemaDefinition } from '../config/index.js'
import type { Batch, ObservationNorm } from '../data/index.js'
import { Dict, type EnvTimestep, type Obs, type Space } from '../envs/index.js'
import {
  CheckpointError,
  ConfigError,
  didYouMean,
  type HostTensor,
  isHostTensor,
  type StateTree,
  type StateValue,
  type TypedArray,
  UsageError,
} from '../utils/index.js'
import { RunningMoments } from './running_moments.js'
import type { ById } from './types.js'

/** Keys of `policy.vec_normalize`; names and defaults are those of SB3's VecNormalize, which here is off unless asked for. */
export const vecNormalizeKeys = {
  norm_obs: {
    doc: 'Normalise observations by the running mean and variance of all that was collected. The statistics are part of every checkpoint.',
    format: 'boolean',
    default: false,
  },
  norm_reward: {
    doc: 'Divide rewards by the running deviation of the discounted return. Learning alone sees them: returns are reported raw.',
    format: 'boolean',
    default: false,
  },
  clip_obs: {
    doc: 'Normalised observations are cut to [-clip_obs, clip_obs].',
    format: 'positive_number',
    infinity: true,
    default: 10,
  },
  clip_reward: {
    doc: 'Normalised rewards are cut to [-clip_reward, clip_reward].',
    format: 'positive_number',
    infinity: true,
    default: 10,
  },
  gamma: {
    doc: "Discount of the return that rewards are normalised by. null: the policy's discount_factor (SB3: 0.99).",
    format: 'unit_interval',
    default: null,
    nullable: true,
  },
  epsilon: { doc: 'Added to variances before their root.', format: 'nonnegative_number', default: 1e-8 },
  norm_obs_keys: {
    doc: 'Dict observations: names of the entries to normalise. null: all float vectors (no images, one-hot entries, action masks).',
    format: 'string_list',
    default: null,
    nullable: true,
  },
} as const satisfies SchemaDefinition

/** The values of {@link vecNormalizeKeys}. */
export interface VecNormalizeSettings {
  readonly norm_obs: boolean
  readonly norm_reward: boolean
  readonly clip_obs: number
  readonly clip_reward: number
  readonly gamma: number | null
  readonly epsilon: number
  readonly norm_obs_keys: readonly string[] | null
}

export interface NormaliserOptions {
  readonly settings: VecNormalizeSettings | undefined
  /** The policy's own discount factor. */
  readonly discount_factor: number
  /** `policy.model.obs_shape`, which tells images and one-hot entries from vectors. */
  readonly obs_shape: unknown
  /** `policy.collect.use_norm`: by the mean and deviation of a dataset, which {@link Normaliser.fix} or a checkpoint gives. */
  readonly use_norm: boolean
}

const OFF: VecNormalizeSettings = {
  norm_obs: false,
  norm_reward: false,
  clip_obs: Number.POSITIVE_INFINITY,
  clip_reward: Number.POSITIVE_INFINITY,
  gamma: null,
  epsilon: 0,
  norm_obs_keys: null,
}

/** How one vector is normalised: clip((x - mean) * scale). */
interface Affine {
  readonly mean: ArrayLike<number>
  readonly scale: Float64Array
  readonly clip: number
}

/**
 * The normalisation that belongs to a policy: SB3's VecNormalize (running statistics, shared by all environments), or the fixed mean and
 * deviation of a dataset. Replay buffers and datasets hold raw values; observations are normalised when they are acted on, and batches when
 * they are learned from, by the statistics of that moment. Collecting alone moves the statistics. The state is saved with the policy, and a
 * state that has statistics is used even where the config does not ask for any (they are frozen then): weights and what they were trained on
 * go together.
 */
export class Normaliser {
  private settings: VecNormalizeSettings
  private readonly configured: boolean
  private readonly gamma: number
  private readonly options: NormaliserOptions
  /** Statistics of observations by path: '' of a plain observation, 'a.b' of entry b of entry a. */
  private readonly moments = new Map<string, RunningMoments>()
  private returnMoments = new RunningMoments(1)
  /** The discounted return so far of the episode that each environment is in. */
  private readonly returns = new Map<number, number>()
  private fixed: ObservationNorm | undefined
  private readonly scratch = new Map<string, Float32Array>()

  constructor(options: NormaliserOptions) {
    this.options = options
    this.settings = options.settings ?? OFF
    const { norm_obs, norm_reward, gamma } = this.settings
    this.configured = norm_obs || norm_reward
    this.gamma = gamma ?? options.discount_factor
    if (norm_obs && options.use_norm) {
      throw new ConfigError(
        'policy.vec_normalize.norm_obs and policy.collect.use_norm are both true: observations are normalised either by running ' +
          "statistics or by a dataset's. Set one of them to false.",
        { path: 'policy.vec_normalize.norm_obs' },
      )
    }
  }

  /** @throws ConfigError when norm_obs_keys names what observations do not have */
  checkSpace(observation: Space): void {
    const keys = this.options.settings?.norm_obs_keys
    if (keys === null || keys === undefined) return
    const path = 'policy.vec_normalize.norm_obs_keys'
    if (!(observation instanceof Dict)) {
      throw new ConfigError(
        `${path} names entries of Dict observations, but those of this environment are ${observation}. Set it to null.`,
        { path },
      )
    }
    const known = entriesOf(observation)
    const odd = keys.find((key) => !known.includes(key))
    if (odd === undefined) return
    throw new ConfigError(
      `${path} has "${odd}", which observations do not have.${didYouMean(odd, known)} Their entries are ${known.join(', ')}.`,
      { path },
    )
  }

  /** Whether there is anything to normalise. */
  get active(): boolean {
    const { norm_obs, norm_reward } = this.settings
    return norm_obs || norm_reward || this.fixed !== undefined || this.options.use_norm
  }

  /** Observations are normalised by a given mean and deviation from now on. */
  fix(norm: ObservationNorm): void {
    this.fixed = norm
  }

  /** Takes in the observations that the collector is about to act on. */
  observe(data: ById<Obs>): void {
    if (this.options.settings?.norm_obs !== true) return
    const rows = new Map<string, ArrayLike<number>[]>()
    for (const id in data) this.gather(data[id] as Obs, [], this.options.obs_shape, rows)
    for (const [path, samples] of rows) {
      let moments = this.moments.get(path)
      if (moments === undefined) {
        moments = new RunningMoments(samples[0]?.length ?? 0)
        this.moments.set(path, moments)
      }
      moments.update(samples)
    }
  }

  /** Takes in the rewards of a step of the collector's environments. */
  observeStep(timesteps: ById<EnvTimestep<Obs>>): void {
    if (this.options.settings?.norm_reward !== true) return
    const seen: [number][] = []
    for (const key in timesteps) {
      const id = Number(key)
      const { reward, done, info } = timesteps[id] as EnvTimestep<Obs>
      const abnormal = info['abnormal'] === true
      const value = (this.returns.get(id) ?? 0) * this.gamma + reward
      if (!abnormal) seen.push([value])
      this.returns.set(id, done || abnormal ? 0 : value)
    }
    this.returnMoments.update(seen)
  }

  /** Observations as the networks see them. */
  normalised(data: ById<Obs>): ById<Obs> {
    this.requireStatistics()
    return Object.fromEntries(Object.entries(data).map(([id, obs]) => [id, this.obs(obs, '')]))
  }

  /** A batch as the networks see it: obs, next_obs and reward. The arrays are good until the next call. */
  batch(data: Batch): Batch {
    this.requireStatistics()
    const changed: Record<string, Batch[string]> = {}
    for (const key of ['obs', 'next_obs'])
      if (data[key] !== undefined) changed[key] = this.column(data[key], '', key)
    const { reward } = data
    if (this.settings.norm_reward && isHostTensor(reward)) changed['reward'] = this.rewards(reward)
    return { ...data, ...changed }
  }

  /** Undefined where there is nothing to normalise. */
  state_dict(): StateTree | undefined {
    if (!this.active) return undefined
    const { settings, fixed } = this
    return {
      settings: { ...settings, norm_obs_keys: settings.norm_obs_keys && [...settings.norm_obs_keys] },
      obs: Object.fromEntries([...this.moments].map(([path, moments]) => [path, moments.state_dict()])),
      returns: this.returnMoments.state_dict(),
      running_returns: [...this.returns].map(([id, value]) => [id, value]),
      fixed: fixed === undefined ? null : { mean: [...fixed.mean], std: [...fixed.std] },
    }
  }

  /** @throws CheckpointError when the config asks for a normalisation that the state is without */
  load_state_dict(state: StateValue | undefined): void {
    const tree = treeOf(state)
    if (tree === undefined) {
      if (this.active && (this.configured || this.options.use_norm)) {
        throw new CheckpointError(
          `The saved policy has no normalisation statistics, but ${this.options.use_norm ? 'policy.collect.use_norm' : 'policy.vec_normalize'} asks for them: ` +
            'it was trained without, or before they were saved with the policy. Set the key to false, or train again.',
        )
      }
      this.settings = this.options.settings ?? OFF
      this.clear()
      return
    }
    const moments = Object.entries(treeOf(tree['obs']) ?? {})
    const settings = treeOf(tree['settings']) as VecNormalizeSettings | undefined
    const fixed = treeOf(tree['fixed']) as ObservationNorm | undefined
    if (settings === undefined || (this.configured && this.settings.norm_obs && !settings.norm_obs)) {
      throw new CheckpointError(
        'The saved policy has no running statistics of observations, but policy.vec_normalize.norm_obs asks for them.',
      )
    }
    const loaded = moments.map(([path, part]) => [path, RunningMoments.from(part)] as const)
    const returns = RunningMoments.from(tree['returns'])
    this.clear()
    if (!this.configured) this.settings = settings
    else if (settings.norm_obs && !this.settings.norm_obs) {
      // What the networks have learned from: kept as it is, since the config does not ask for more.
      const { norm_obs, norm_obs_keys, clip_obs, epsilon } = settings
      this.settings = { ...this.settings, norm_obs, norm_obs_keys, clip_obs, epsilon }
    }
    for (const [path, part] of loaded) this.moments.set(path, part)
    this.returnMoments = returns
    for (const [id, value] of (tree['running_returns'] ?? []) as [number, number][])
      this.returns.set(id, value)
    this.fixed = fixed
  }

  private clear(): void {
    this.moments.clear()
    this.returns.clear()
    this.returnMoments = new RunningMoments(1)
    this.fixed = undefined
  }

  private requireStatistics(): void {
    if (!this.options.use_norm || this.fixed !== undefined) return
    throw new UsageError(
      'policy.collect.use_norm is true, but the policy has no mean and deviation: a dataset gives them when it learns, ' +
        'or a checkpoint of a policy that learned so.',
    )
  }

  /** Collects the vectors that have statistics, by path. */
  private gather(
    obs: Obs,
    path: readonly string[],
    shape: unknown,
    rows: Map<string, ArrayLike<number>[]>,
  ): void {
    if (typeof obs === 'number') return
    if (!ArrayBuffer.isView(obs)) {
      const shapes = typeof shape === 'object' && shape !== null ? (shape as Record<string, unknown>) : {}
      for (const [key, part] of Object.entries(obs))
        this.gather(part, [...path, key], shapes[key] ?? shape, rows)
      return
    }
    if (!this.wanted(obs, path, shape)) return
    const name = path.join('.')
    const samples = rows.get(name)
    if (samples === undefined) rows.set(name, [obs])
    else samples.push(obs)
  }

  private wanted(obs: TypedArray, path: readonly string[], shape: unknown): boolean {
    const { norm_obs_keys } = this.settings
    if (norm_obs_keys !== null && path.length > 0)
      return norm_obs_keys.some((key) => key === path[0] || key === path.join('.'))
    const image = Array.isArray(shape) && shape.length === 3 && shape.every((d) => typeof d === 'number')
    const categories = typeof shape === 'object' && shape !== null && 'one_hot' in shape
    return obs instanceof Float32Array && path.at(-1) !== 'action_mask' && !image && !categories
  }

  /** How the entry at a path is normalised; undefined where it is left alone. */
  private affine(path: string, width: number): Affine | undefined {
    if (this.fixed !== undefined) {
      const { mean, std } = this.fixed
      if (path !== '' || width % mean.length !== 0) this.misfit(path, width, mean.length)
      return { mean, scale: Float64Array.from(std, (value) => 1 / value), clip: Number.POSITIVE_INFINITY }
    }
    const moments = this.settings.norm_obs ? this.moments.get(path) : undefined
    if (moments === undefined) return undefined
    if (width % moments.size !== 0) this.misfit(path, width, moments.size)
    const { clip_obs, epsilon } = this.settings
    const scale = Float64Array.from(moments.variance, (value) => 1 / Math.sqrt(value + epsilon))
    return { mean: moments.mean, scale, clip: clip_obs }
  }

  private misfit(path: string, width: number, expected: number): never {
    throw new UsageError(
      `An observation${path === '' ? '' : ` entry "${path}"`} of ${width} values cannot be normalised by statistics of ${expected}. ` +
        'Use the environment that the policy was trained on.',
    )
  }

  private obs(obs: Obs, path: string): Obs {
    if (typeof obs === 'number') return obs
    if (!ArrayBuffer.isView(obs)) {
      return Object.fromEntries(
        Object.entries(obs).map(([key, part]) => [key, this.obs(part, path === '' ? key : `${path}.${key}`)]),
      )
    }
    const affine = this.affine(path, obs.length)
    return affine === undefined ? obs : apply(affine, obs, new Float32Array(obs.length))
  }

  private column(column: Batch[string], path: string, name: string): Batch[string] {
    if (!isHostTensor(column)) {
      const parts = Object.entries(column).map(([key, part]) => {
        const inner = path === '' ? key : `${path}.${key}`
        return [key, this.column(part as Batch[string], inner, `${name}.${key}`)] as const
      })
      return Object.fromEntries(parts) as Batch[string]
    }
    const affine = this.affine(path, column.data.length)
    if (affine === undefined) return column
    const data = apply(affine, column.data, this.reused(name, column.data.length))
    return { dtype: 'float32', shape: column.shape, data }
  }

  private rewards({ shape, data }: HostTensor): HostTensor {
    const { clip_reward: clip, epsilon } = this.settings
    const scale = Float64Array.of(1 / Math.sqrt(this.returnMoments.variance[0]! + epsilon))
    const to = this.reused('reward', data.length)
    return { dtype: 'float32', shape, data: apply({ mean: [0], scale, clip }, data, to) }
  }

  private reused(name: string, length: number): Float32Array {
    let array = this.scratch.get(name)
    if (array?.length !== length) {
      array = new Float32Array(length)
      this.scratch.set(name, array)
    }
    return array
  }
}

/** Names of a Dict's entries, and of theirs as `a.b`. */
function entriesOf({ spaces }: Dict): string[] {
  return Object.entries(spaces).flatMap(([key, part]) =>
    part instanceof Dict ? [key, ...entriesOf(part).map((inner) => `${key}.${inner}`)] : [key],
  )
}

function apply({ mean, scale, clip }: Affine, from: ArrayLike<number>, to: Float32Array): Float32Array {
  const width = scale.length
  for (let row = 0; row < from.length; row += width) {
    for (let k = 0; k < width; k++) {
      const value = (from[row + k]! - mean[k]!) * scale[k]!
      to[row + k] = Math.min(clip, Math.max(-clip, value))
    }
  }
  return to
}

function treeOf(value: StateValue | undefined): StateTree | undefined {
  const isTree = typeof value === 'object' && value !== null && !Array.isArray(value) && !isHostTensor(value)
  return isTree ? (value as StateTree) : undefined
}
