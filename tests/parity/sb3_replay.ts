import type { Batch } from '../../ding/data/index.js'
import { get_nstep_return_data } from '../../ding/rl_utils/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { numbersOf } from './golden.js'
import type { CaseResult } from './types.js'

/** Numbers in nested lists, as SB3's files write tensors. */
export type Nested = number | Nested[]

/** A network as torch's state dict: names such as `q_net.0.weight` to nested lists. */
export type Weights = Record<string, Nested>

/** A batch as SB3's buffer gave it. */
export interface Columns {
  readonly observations: number[][]
  readonly actions: number[][]
  readonly next_observations: number[][]
  readonly dones: number[][]
  readonly rewards: number[][]
  readonly discounts?: number[][]
}

/** The content of SB3's replay buffer, time first, then environments. */
export interface Replay {
  readonly pos: number
  readonly full: boolean
  readonly n_envs: number
  readonly observations: number[][][]
  /** Absent or null in a buffer that saves memory: the observations of the row behind. */
  readonly next_observations?: number[][][] | null
  readonly actions: number[][][]
  readonly rewards: number[][]
  readonly dones: number[][]
  /** Absent or null in a buffer that takes no notice of time limits. */
  readonly timeouts?: number[][] | null
}

export interface RecordedDraw {
  readonly op: string
  /** Of integers: the least. */
  readonly low?: number
  readonly values: Nested
}

/** What a file must have for its batches to be rebuilt. */
export interface Recorded {
  readonly config: { readonly gamma: number; readonly n_steps?: number }
  readonly replay?: Replay
  readonly draws: readonly { readonly draws: readonly RecordedDraw[] }[]
  readonly batches: readonly Columns[]
}

function shapeOf(nested: Nested): number[] {
  return Array.isArray(nested) ? [nested.length, ...(nested.length > 0 ? shapeOf(nested[0]!) : [])] : []
}

/** Nested lists as a float32 tensor. */
export function matrix(nested: Nested): HostTensor<Float32Array> {
  return { dtype: 'float32', shape: shapeOf(nested), data: Float32Array.from(numbersOf(nested)) }
}

/**
 * The batch of update `index`: rewards, dones and next observations rebuilt from the replay by our own n-step code where there is one, else as
 * recorded. `discrete`: actions as int32 [B], else float32 [B, A].
 */
export function learnBatch(golden: Recorded, index: number, discrete: boolean): Batch {
  const recorded = golden.batches[index]!
  const obs = matrix(recorded.observations)
  const action: HostTensor = discrete
    ? { dtype: 'int32', shape: [obs.shape[0]!], data: Int32Array.from(recorded.actions.flat()) }
    : matrix(recorded.actions)
  if (golden.replay !== undefined)
    return { obs, action, ...columns(rebuiltRows(golden, golden.replay, index)) }
  const flat = (values: number[][]): HostTensor => matrix(values.flat())
  return {
    obs,
    action,
    next_obs: matrix(recorded.next_observations),
    reward: flat(recorded.rewards),
    done: flat(recorded.dones),
    ...(recorded.discounts && { value_gamma: flat(recorded.discounts) }),
  }
}

interface Row {
  readonly [key: string]: unknown
  readonly next_obs: Float32Array
  readonly reward: number | Float32Array
  readonly done: boolean
  readonly value_gamma?: number
}

function columns(rows: readonly Row[]): Batch {
  const first = rows[0]!
  return {
    next_obs: matrix(rows.map((row) => Array.from(row.next_obs))),
    reward: matrix(rows.map((row) => (typeof row.reward === 'number' ? row.reward : Array.from(row.reward)))),
    done: { dtype: 'bool', shape: [rows.length], data: Uint8Array.from(rows, (row) => Number(row.done)) },
    ...(first.value_gamma !== undefined && { value_gamma: matrix(rows.map((row) => row.value_gamma!)) }),
  }
}

/**
 * The rows that update `index` drew, from each environment's stretch of the replay through get_nstep_return_data. A full buffer that saves memory
 * draws from 1 on and counts from its present position, whose row has lost its next observation; all others draw rows as they are.
 */
function rebuiltRows(golden: Recorded, replay: Replay, index: number): Row[] {
  const size = replay.observations.length
  const oldest = replay.full ? replay.pos : 0
  const drawn = golden.draws[index]!.draws.filter((draw) => draw.op.startsWith('np.random.'))
  const draws = drawn.map((draw) => draw.values as number[])
  const from = replay.full && drawn[0]?.low === 1 ? replay.pos : 0
  const perEnv = Array.from({ length: replay.n_envs }, (_, env) =>
    get_nstep_return_data(
      Array.from({ length: replay.full ? size : replay.pos }, (_, i): Row => {
        const at = (oldest + i) % size
        const timeout = replay.timeouts?.[at]?.[env] === 1
        const next = replay.next_observations?.[at] ?? replay.observations[(at + 1) % size]!
        return {
          next_obs: Float32Array.from(next[env]!),
          reward: Math.fround(replay.rewards[at]![env]!),
          done: replay.dones[at]![env] === 1 && !timeout,
          truncated: timeout,
        }
      }),
      golden.config.n_steps ?? 1,
      { gamma: golden.config.gamma },
    ),
  )
  return draws[0]!.map((row, i) => perEnv[draws[1]?.[i] ?? 0]![(row + from - oldest + size) % size]!)
}

/** Our n-step transitions of the recorded replay against the batches that SB3's buffer gave. */
export function compareBatches(golden: Recorded, replay: Replay): CaseResult {
  const { gamma } = golden.config
  const comparison = new Comparison('n-step batches from the replay')
  golden.batches.forEach((batch, index) => {
    const rows = rebuiltRows(golden, replay, index)
    const sum = (reward: Row['reward']) =>
      typeof reward === 'number' ? reward : reward.reduce((total, r, j) => total + gamma ** j * r, 0)
    comparison.check(
      `batch ${index} rewards`,
      rows.map((row) => sum(row.reward)),
      batch.rewards,
    )
    comparison.check(
      `batch ${index} dones`,
      rows.map((row) => row.done),
      batch.dones,
    )
    comparison.check(
      `batch ${index} next_observations`,
      rows.map((row) => row.next_obs),
      batch.next_observations,
    )
    if (batch.discounts !== undefined) {
      comparison.check(
        `batch ${index} discounts`,
        rows.map((row) => row.value_gamma ?? gamma),
        batch.discounts,
      )
    }
  })
  return comparison.result()
}
