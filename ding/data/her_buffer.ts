import { type ConfigOf, extendSchema } from '../config/index.js'
import { BUFFER_REGISTRY } from '../registry/index.js'
import {
  CheckpointError,
  DingError,
  dtypeOf,
  type HostTensor,
  isHostTensor,
  kindOf,
  NumericError,
  type StateTree,
  type TypedArray,
} from '../utils/index.js'
import { DistinctDraw } from './distinct.js'
import { EpisodeRows } from './episode_rows.js'
import { decodeInfos, encodeInfos } from './infos.js'
import { NaiveReplayBuffer } from './naive_buffer.js'
import { RingBuffer } from './ring_buffer.js'
import { intTensor, readInts, readRecord } from './state_fields.js'
import type {
  Batch,
  BufferOptions,
  EpisodeMark,
  EpisodeMarks,
  Goal,
  GoalReward,
  Transition,
} from './types.js'

export const GOAL_SELECTION_STRATEGIES = ['future', 'final', 'episode'] as const

const config = extendSchema(NaiveReplayBuffer.config, {
  replace: {
    doc: 'Draw with replacement, so that a batch may hold a transition twice (most often with different goals).',
    default: true,
  },
  n_sampled_goal: {
    doc: 'Transitions with a relabelled goal for each one with its own (n / (n + 1) of a batch); 0: none. policy.other.her.her_replay_k, where given, sets it.',
    format: 'nonnegative_int',
    default: 4,
  },
  goal_selection_strategy: {
    doc: "The goal that is put in: one achieved from this step to the episode's end ('future'), in its last step ('final'), or anywhere in it ('episode'). policy.other.her.her_strategy, where given, sets it.",
    format: GOAL_SELECTION_STRATEGIES,
    default: 'future',
  },
  copy_info_dict: {
    doc: 'Keep the info of every step, for a compute_reward that looks at it; it gets an empty record otherwise.',
    format: 'boolean',
    default: false,
  },
})

/** Columns without which nothing can be relabelled. */
const GOAL_COLUMNS = ['achieved_goal', 'desired_goal'] as const
const SKIPPED: ReadonlySet<string> = new Set(['info'])

/**
 * Hindsight experience replay (Andrychowicz et al. 2017), relabelling when sampled, as SB3's HerReplayBuffer: of a batch
 * drawn uniformly from the transitions of finished episodes, a part (the last rows) gets as desired goal one that the same
 * episode achieved, with the reward that the environment's `compute_reward` gives for it. `done` stays as it was.
 *
 * Transitions need `obs` and `next_obs` with `achieved_goal` and `desired_goal`, and `episode`, which collectors note.
 */
export class HerReplayBuffer extends RingBuffer {
  static readonly config = config
  static readonly keeps_priority: boolean = false
  static readonly relabels_goals: boolean = true
  readonly episode_marks: EpisodeMarks
  readonly #cfg: ConfigOf<typeof config>
  readonly #reward: GoalReward
  readonly #distinct: DistinctDraw
  readonly #episodes: EpisodeRows
  readonly #infos: (Transition | undefined)[]
  #rows = new Int32Array(0)

  constructor(cfg: ConfigOf<typeof config>, options: BufferOptions) {
    super(
      {
        capacity: cfg.replay_buffer_size,
        reportSeconds: cfg.periodic_thruput_seconds,
        optimizeMemory: cfg.optimize_memory_usage,
        skipped: SKIPPED,
      },
      options,
    )
    if (options.compute_reward === undefined) {
      throw new DingError(
        `Buffer "${this.name}" relabels goals, but was given no compute_reward. Pass the environment's (goalRewardOf finds it).`,
      )
    }
    this.#cfg = cfg
    this.#reward = options.compute_reward
    this.#distinct = new DistinctDraw(cfg.replay_buffer_size)
    this.#episodes = new EpisodeRows(cfg.replay_buffer_size)
    this.#infos = []
    this.episode_marks = { info: cfg.copy_info_dict }
  }

  /** Transitions of finished episodes. */
  count(): number {
    return this.#episodes.whole.size
  }

  sample(size: number, _cur_learner_iter: number): Batch | null {
    this.checkSize(size)
    const have = this.count()
    if (have === 0 || (have < size && !this.#cfg.replace))
      return this.refuse(
        `${have} transitions of finished episodes (${this.filled} in all) for a batch of ${size}`,
      )
    if (this.#rows.length !== size) this.#rows = new Int32Array(size)
    const rows = this.#rows
    if (this.#cfg.replace) this.random.integers(rows, 0, have)
    else this.#distinct.fill(rows, have, this.random)
    for (let i = 0; i < size; i++) rows[i] = this.#episodes.whole.at(rows[i]!)
    const batch = this.store.gather(rows)
    const share = 1 - 1 / (this.#cfg.n_sampled_goal + 1)
    this.#relabel(batch, rows, size - Math.trunc(share * size))
    this.thruput.sampled += size
    this.thruput.report(have)
    return batch
  }

  override clear(): void {
    super.clear()
    this.#episodes.clear()
    this.#infos.length = 0
  }

  protected override beside(rows: Int32Array): StateTree {
    if (!this.#cfg.copy_info_dict) return {}
    return { infos: encodeInfos(Array.from(rows, (row) => this.#infos[row])) }
  }

  protected override completed(list: Transition[], file: StateTree): Transition[] {
    if (!this.#cfg.copy_info_dict) return list
    const infos = new Map(isRecord(file['infos']) ? decodeInfos(readRecord(file, 'infos')) : [])
    return list.map((transition, i) => {
      const info = infos.get(i)
      return info === undefined ? transition : { ...transition, info }
    })
  }

  override state_dict(): StateTree {
    return {
      ...super.state_dict(),
      // The order of these rows decides what later draws mean.
      whole: intTensor(this.#episodes.whole.rows),
      ...(this.#cfg.copy_info_dict && { infos: encodeInfos(this.#infos) }),
    }
  }

  override load_state_dict(state: StateTree): void {
    const whole = readInts(state, 'whole')
    const infos = this.#cfg.copy_info_dict ? decodeInfos(readRecord(state, 'infos')) : []
    super.load_state_dict(state)
    this.#episodes.clear()
    const marks = this.filled === 0 ? undefined : this.#marksOf(this.rowsByAge())
    for (const [row, mark] of marks ?? []) this.#episodes.add(row, mark)
    const known = this.#episodes.whole
    if (whole.length !== known.size || whole.some((row) => !known.has(row))) {
      throw new CheckpointError(
        `The saved state of buffer "${this.name}" has finished episodes in ${whole.length} rows, its data in ${known.size}. ` +
          'Load another state.',
      )
    }
    known.restore(whole)
    this.#infos.length = 0
    for (const [row, info] of infos) this.#infos[row] = info
  }

  protected rowsByAge(): Int32Array {
    const oldest = this.filled === this.capacity ? this.tail : 0
    return Int32Array.from({ length: this.filled }, (_, i) => (oldest + i) % this.capacity)
  }

  protected vacate(row: number): void {
    if (row < this.filled) this.thruput.removed++
    this.#episodes.remove(row)
  }

  protected occupy(row: number, transition: Transition): void {
    const { env_id, step, end } = transition['episode'] as Transition
    this.#episodes.add(row, { env_id: scalar(env_id), step: scalar(step), end: scalar(end) !== 0 })
    if (this.#cfg.copy_info_dict) this.#infos[row] = transition['info'] as Transition
  }

  protected override examine(list: readonly Transition[]): void {
    for (const [i, { obs, next_obs, reward, value_gamma, episode, info }] of list.entries()) {
      const refuse = (text: string): never => {
        throw new DingError(`Buffer "${this.name}": transition ${i} of this push ${text} Nothing was stored.`)
      }
      if (!isRecord(episode) || !['env_id', 'step', 'end'].every((key) => Object.hasOwn(episode, key))) {
        refuse(
          'has no "episode" {env_id, step, end}. Collectors note it when their episode_marks are the buffer\'s.',
        )
      }
      if (this.#cfg.copy_info_dict && !isRecord(info))
        refuse('has no "info", which copy_info_dict needs. Collectors note it when told by episode_marks.')
      if (value_gamma !== undefined || !isNumber(reward))
        refuse('has the rewards of several steps, which cannot be relabelled as one. Set policy.nstep to 1.')
      for (const part of [obs, next_obs]) {
        for (const key of GOAL_COLUMNS) {
          if (!isRecord(part) || !isGoal(part[key]))
            refuse(
              `has an observation without "${key}" as a number or an array (it is ${kindOf(isRecord(part) ? part[key] : part)}). ` +
                'Use a goal environment: observations {observation, achieved_goal, desired_goal}.',
            )
        }
        const { achieved_goal, desired_goal } = part as Transition
        if (formOf(achieved_goal) !== formOf(desired_goal))
          refuse(
            `has the achieved_goal ${formOf(achieved_goal)} but the desired_goal ${formOf(desired_goal)}; both must be of one form.`,
          )
      }
    }
  }

  /** The marks of stored rows. */
  #marksOf(rows: Int32Array): [number, EpisodeMark][] {
    const [env_id, step, end] = ['env_id', 'step', 'end'].map(
      (key) => (this.store.part(['episode', key], rows) as HostTensor).data,
    ) as [HostTensor['data'], HostTensor['data'], HostTensor['data']]
    return Array.from(rows, (row, i) => [row, { env_id: env_id[i]!, step: step[i]!, end: end[i] !== 0 }])
  }

  /** Puts achieved goals into the rows of `batch` from `start` on, and the rewards that go with them. */
  #relabel(batch: Batch, rows: Int32Array, start: number): void {
    if (start === rows.length) return
    const sources = rows.subarray(start).map((row) => this.#goalRow(row))
    const goals = this.store.part(['next_obs', 'achieved_goal'], sources) as HostTensor
    const { obs, next_obs } = batch as Record<string, Batch>
    const achieved = next_obs!['achieved_goal'] as HostTensor
    const width = goals.data.length / sources.length
    for (const part of [obs, next_obs])
      (part!['desired_goal'] as HostTensor).data.set(goals.data, start * width)
    const reward = (batch['reward'] as HostTensor).data
    for (let i = start; i < rows.length; i++) {
      const info = this.#cfg.copy_info_dict ? (this.#infos[rows[i]!] ?? {}) : {}
      const value = this.#reward(goalAt(achieved, i, width), goalAt(goals, i - start, width), info)
      if (!Number.isFinite(value)) {
        throw new NumericError(
          `The environment's compute_reward gave ${String(value)}, expected a finite number.`,
        )
      }
      reward[i] = value
    }
  }

  /** The row whose next achieved goal becomes the goal of `row`. */
  #goalRow(row: number): number {
    const episode = this.#episodes.rowsOf(row)
    if (this.#cfg.goal_selection_strategy === 'final') return episode.at(-1)!
    const from = this.#cfg.goal_selection_strategy === 'future' ? this.#episodes.stepOf(row) : 0
    return episode[this.random.nextInt(from, episode.length)]!
  }
}

function isRecord(value: unknown): value is Transition {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !isHostTensor(value)
}

/** One number, plain or as a tensor without a shape. */
function isNumber(value: unknown): boolean {
  return typeof value === 'number' || (isHostTensor(value) && value.shape.length === 0)
}

function isGoal(value: unknown): boolean {
  return typeof value === 'number' || ArrayBuffer.isView(value) || isHostTensor(value)
}

function formOf(goal: unknown): string {
  if (isHostTensor(goal)) return `${goal.dtype} [${goal.shape.join(', ')}]`
  if (typeof goal === 'number') return 'float32 []'
  const array = goal as TypedArray
  return `${dtypeOf(array)} [${array.length}]`
}

/** A number or a boolean of a transition, which load_data gives as a tensor. */
function scalar(value: unknown): number {
  return isHostTensor(value) ? value.data[0]! : Number(value)
}

function goalAt({ data, shape }: HostTensor, row: number, width: number): Goal {
  return shape.length === 1 ? data[row]! : data.subarray(row * width, (row + 1) * width)
}

BUFFER_REGISTRY.register('her', HerReplayBuffer)
