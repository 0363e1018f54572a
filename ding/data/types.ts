import type { RandomStream } from '../compute/index.js'
import type { Logger } from '../logger/index.js'
import type { HostTensor, Resumable, TypedArray } from '../utils/index.js'

/** What one key of a transition may hold. */
export type TransitionValue = number | boolean | TypedArray | HostTensor | Transition

/**
 * What an environment step leaves behind: `obs`, `next_obs`, `action`, `reward`, `done` and whatever a policy adds.
 * A plain number at or below the key `action` is a discrete action (int32); any other plain number is float32.
 */
export interface Transition {
  [key: string]: TransitionValue
}

/** Columns: a nested record of arrays that all have the same leading axis, one row a transition. */
export interface Batch {
  [key: string]: HostTensor | Batch
}

/** New priorities for entries of an earlier batch, in the same order. Entries overwritten since are passed over. */
export interface PriorityInfo {
  readonly replay_buffer_idx: HostTensor | ArrayLike<number>
  readonly replay_unique_id: HostTensor | ArrayLike<number>
  /** Not negative; usually |td error|. */
  readonly priority: HostTensor | ArrayLike<number>
}

/** Where the collector was when it pushed. */
export interface PushInfo {
  readonly cur_collector_envstep?: number
}

/**
 * A replay buffer. The arrays of a sampled batch are reused: they hold until the next `sample` of the same size
 * (`copyBatch` keeps one). `state_dict` hands out views of the stored columns, to be saved before the next `push`; the
 * random stream is not part of it, since its owner saves it.
 */
export interface ReplayBuffer extends Resumable {
  /** Stores transitions, overwriting the oldest when full. @throws DingError when one does not fit; none is stored then. */
  push(transitions: Transition | readonly Transition[], info?: PushInfo): void
  /** `size` rows, or null (with the reason in the log) when there is not enough data yet. */
  sample(size: number, cur_learner_iter: number): Batch | null
  /** Reports priorities of sampled rows; buffers without priorities ignore it. */
  update(info: PriorityInfo): void
  /** Number of entries that can be sampled. */
  count(): number
  clear(): void
  /** Writes the entries, oldest first, to a safetensors file. */
  save_data(path: string): void
  /**
   * Replaces the entries by those of a file that `save_data` wrote. @throws CheckpointError, and keeps its entries, where their columns are not
   * its own; nor, if given, those of `like`, a transition such as is going to be pushed.
   */
  load_data(path: string, like?: Transition): void
  close(): void
  /** What collectors are to note in every transition beside what the policy keeps. Left out: nothing. */
  readonly episode_marks?: EpisodeMarks
}

/**
 * What a collector notes for a buffer that knows episodes: always `episode`, an {@link EpisodeMark}; with `info` also the
 * numbers, booleans, typed arrays and records of these in the step's info, as `info`.
 */
export interface EpisodeMarks {
  readonly info: boolean
}

/** Where in its episode a transition is. */
export interface EpisodeMark {
  readonly env_id: number
  /** From 0. */
  readonly step: number
  /** Whether the episode ends with it, for whatever reason. */
  readonly end: boolean
}

/** A goal, as an environment's observations hold it. */
export type Goal = number | TypedArray

/** The reward of coming to `achieved_goal` when `desired_goal` was wanted. A pure function. */
export type GoalReward = (
  achieved_goal: Goal,
  desired_goal: Goal,
  info: Readonly<Record<string, unknown>>,
) => number

/** The part of a random stream that buffers draw from. */
export type BufferRandom = Pick<RandomStream, 'nextFloat' | 'nextInt' | 'subset' | 'integers'>

/** What a buffer is given besides its config. */
export interface BufferOptions {
  readonly random: BufferRandom
  readonly logger?: Logger
  /** Used in messages and as the first part of TensorBoard tags; 'buffer' by default. */
  readonly name?: string
  /** The environment's reward as a function of goals, for buffers that relabel them. */
  readonly compute_reward?: GoalReward
}

/** What BUFFER_REGISTRY holds. */
export interface BufferClass {
  new (cfg: never, options: BufferOptions): ReplayBuffer
  readonly config?: unknown
  /** Whether it can sample by reported priorities. Left out: not known before the run. */
  readonly keeps_priority?: boolean
  /** Whether what it is pushed are whole episodes, a list each: not for pipelines, which push samples. */
  readonly stores_episodes?: boolean
  /** Whether it relabels goals and so is given `compute_reward`. */
  readonly relabels_goals?: boolean
}

declare module '../registry/index.js' {
  interface RegistryTypes {
    buffer: BufferClass
  }
}
