import type { RandomStream } from '../../compute/index.js'
import type { Logger } from '../../logger/index.js'
import type { HostTensor, JsonValue, Resumable } from '../../utils/index.js'
import type { Batch } from '../types.js'
import type { DatasetConfig } from './config.js'

/** Mean, population deviation, least and greatest of some numbers; all NaN when there are none. */
export interface ValueSummary {
  readonly mean: number
  readonly std: number
  readonly min: number
  readonly max: number
}

/** What a dataset holds, before any normalisation. */
export interface DatasetStatistics {
  /** Transitions. */
  readonly size: number
  /** Episodes that the data hold from an end to the next; a piece cut off at either side is none. */
  readonly episodes: number
  readonly terminations: number
  /** Episodes that ended otherwise: at a time limit, or where the recording stopped. */
  readonly timeouts: number
  /** Mean of each entry of the observation over all transitions; absent for records and images. */
  readonly mean?: Float32Array
  /** Population standard deviation of each entry, + 1e-3 (D4RL, CORL, DI-engine). */
  readonly std?: Float32Array
  /** Least and greatest action, an entry a dimension; for discrete actions one entry. */
  readonly action_bounds: { readonly min: Float32Array; readonly max: Float32Array }
  /** Undiscounted return of the episodes. */
  readonly returns: ValueSummary
  readonly lengths: ValueSummary
  readonly rewards: ValueSummary
}

/** Mean and deviation by which observations were normalised; the arguments of the wrapper `static_obs_norm`. */
export interface ObservationNorm {
  readonly mean: number[]
  readonly std: number[]
}

/** What is done to every reward: `scale * r + bias`. */
export interface RewardTransform {
  readonly scale: number
  readonly bias: number
}

/**
 * Transitions to learn from, in memory. Batches have the columns `obs`, `action` (int32 when discrete, else float32
 * [n, A]), `reward`, `next_obs`, `done` (terminated; never a time-out), and with n-step rewards `value_gamma` where it is known. The arrays of a sampled batch are reused: they hold
 * until the next `sample` of the same size.
 */
export interface OfflineDataset extends Resumable {
  /** Number of transitions. */
  readonly count: number
  /** All transitions as columns, in the order of the data. Made at the first use and kept. */
  readonly batch_columns: Batch
  readonly statistics: DatasetStatistics
  /** Passes over the data that are complete; freely drawn rows count too. */
  readonly epoch: number
  /** The environment the data come from, if it is known. */
  readonly env_id?: string
  /** What the data are normalised by; absent without `use_norm`. */
  readonly obs_norm?: ObservationNorm
  /** What was done to the rewards, for those of the environment that the data come from. */
  readonly reward_transform: RewardTransform
  /** What is odd about the file, in sentences. */
  readonly warnings: readonly string[]
  /** How many batches of `size` rows `passes` passes over the data have. */
  batchesIn(passes: number, size: number): number
  /** `size` rows. @throws DatasetError when there are fewer and rows may not repeat. */
  sample(size: number): Batch
  /** The transitions of these numbers (below `count`), in the form that `sample` gives them. Nothing is drawn. */
  take(picks: Int32Array): Batch
  /** Normalises an observation as the data were; absent without `use_norm`. */
  normalise?(obs: ArrayLike<number>): Float32Array
}

export interface DatasetOptions {
  /** Order of the rows. Its owner saves it. */
  readonly random: RandomStream
  /** Rewards in each row's return (1); more turn single-step data into n-step data, with a column `value_gamma`. */
  readonly nstep?: number
  /** With use_norm: leave the observations as they are, for a policy that normalises them by `obs_norm` itself (false). */
  readonly raw_obs?: boolean
  /** Discount factor of the n-step returns (0.99). */
  readonly gamma?: number
  readonly logger?: Logger
}

/** What DATASET_REGISTRY holds. */
export interface DatasetClass {
  readonly config?: unknown
  /** Loads the data that `cfg` names. */
  create(cfg: DatasetConfig, options: DatasetOptions): Promise<OfflineDataset>
}

declare module '../../registry/index.js' {
  interface RegistryTypes {
    dataset: DatasetClass
  }
}

/** Bits of {@link RawData.flags}. */
export const ROW = {
  /** The step led to a terminal state. */
  terminated: 1,
  /** An episode ends here otherwise, so the next row is no successor. */
  cut: 2,
  /** An episode ends here, for statistics. */
  end: 4,
  /** Not a step: the observation after an episode's last step. */
  frame: 8,
} as const

/** One array of a file, for people. */
export interface KeyInfo {
  readonly key: string
  readonly shape: readonly number[]
  readonly dtype: string
}

/** What a reader makes of a file: rows in the order of the file, nothing selected or changed yet. */
export interface RawData {
  readonly layout: string
  readonly path: string
  /** Observations, [rows, ...]. */
  readonly obs: HostTensor | Batch
  /** Successors where the file has them. Without them a row's successor is the next row's observation. */
  readonly next_obs?: HostTensor | Batch
  readonly action: HostTensor
  /** [rows], or [rows, n] for n-step rewards. */
  readonly reward: HostTensor<Float32Array>
  /** Factor of the bootstrapped value, [rows], beside n-step rewards: gamma to the power of the rewards that a row really has. */
  readonly value_gamma?: HostTensor<Float32Array>
  readonly flags: Uint8Array
  readonly keys: readonly KeyInfo[]
  readonly env_id?: string
  readonly metadata: Readonly<Record<string, JsonValue>>
  readonly warnings: readonly string[]
}

/** What readers need to know. */
export interface ReadOptions {
  readonly max_episode_steps: number | null
  readonly env_id: string | null
  readonly agilerl_compat: boolean
  /** False keeps NaN and infinity, for looking at a file; true refuses them. */
  readonly strict: boolean
}

export type Reader = (path: string, options: ReadOptions) => Promise<RawData>
