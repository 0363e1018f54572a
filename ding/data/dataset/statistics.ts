import { type HostTensor, isHostTensor, sizeOf } from '../../utils/index.js'
import type { Links } from './links.js'
import { type DatasetStatistics, type RawData, ROW, type ValueSummary } from './types.js'

/** Added to deviations, as D4RL's users do. */
const STD_FLOOR = 1e-3

/** Mean, population deviation and bounds, in float64. */
export function summarise(values: ArrayLike<number>): ValueSummary {
  let sum = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    sum += value
    if (value < min) min = value
    if (value > max) max = value
  }
  if (values.length === 0) return { mean: Number.NaN, std: Number.NaN, min: Number.NaN, max: Number.NaN }
  const mean = sum / values.length
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2
  return { mean, std: Math.sqrt(squares / values.length), min, max }
}

/** Mean and population deviation of each entry of a column over some rows, in float64. */
export function momentsOf(column: HostTensor, rows: Int32Array): { mean: Float64Array; std: Float64Array } {
  const width = sizeOf(column.shape.slice(1))
  const { data } = column
  const mean = new Float64Array(width)
  const std = new Float64Array(width)
  for (let i = 0; i < rows.length; i++) {
    const at = rows[i]! * width
    for (let k = 0; k < width; k++) mean[k]! += data[at + k]!
  }
  for (let k = 0; k < width; k++) mean[k]! /= rows.length
  for (let i = 0; i < rows.length; i++) {
    const at = rows[i]! * width
    for (let k = 0; k < width; k++) {
      const off = data[at + k]! - mean[k]!
      std[k]! += off * off
    }
  }
  for (let k = 0; k < width; k++) std[k] = Math.sqrt(std[k]! / rows.length)
  return { mean, std }
}

/** Least and greatest value of each entry over some rows. */
function boundsOf(column: HostTensor, rows: Int32Array): { min: Float32Array; max: Float32Array } {
  const width = sizeOf(column.shape.slice(1))
  const min = new Float32Array(width).fill(Number.POSITIVE_INFINITY)
  const max = new Float32Array(width).fill(Number.NEGATIVE_INFINITY)
  for (let i = 0; i < rows.length; i++) {
    for (let k = 0; k < width; k++) {
      const value = column.data[rows[i]! * width + k]!
      if (value < min[k]!) min[k] = value
      if (value > max[k]!) max[k] = value
    }
  }
  return { min, max }
}

/** What the episodes of a file add up to. */
export interface Episodes {
  readonly returns: readonly number[]
  readonly lengths: readonly number[]
  readonly terminations: number
  readonly timeouts: number
  /** Pieces whose beginning or end is not in the file. */
  readonly pieces: number
}

/** Whether rows hold n-step rewards. */
export function ofSeveralSteps({ reward }: Pick<RawData, 'reward'>): boolean {
  return reward.shape.length > 1
}

/**
 * Walks through the episodes, from one end to the next. Where rows do not continue each other (a replay buffer that
 * several environments filled), the pieces on both sides of the gap are no episodes. Rows of n-step rewards never continue each
 * other, each leading n steps on: of them no episode is known.
 */
export function episodesOf(raw: RawData, continues: Links['continues']): Episodes {
  const { flags, reward } = raw
  if (ofSeveralSteps(raw)) return { returns: [], lengths: [], terminations: 0, timeouts: 0, pieces: 0 }
  const returns: number[] = []
  const lengths: number[] = []
  let terminations = 0
  let timeouts = 0
  let pieces = 0
  let whole = true
  let total = 0
  let steps = 0
  for (let row = 0; row < flags.length; row++) {
    const bits = flags[row]!
    if ((bits & ROW.frame) !== 0) continue
    total += reward.data[row]!
    steps++
    const end = (bits & ROW.end) !== 0
    if (end && (bits & ROW.terminated) !== 0) terminations++
    else if (end) timeouts++
    if (!end && continues(row)) continue
    if (end && whole) {
      returns.push(total)
      lengths.push(steps)
    } else pieces++
    whole = end
    total = 0
    steps = 0
  }
  return { returns, lengths, terminations, timeouts, pieces }
}

/** Statistics of the transitions that `links` chose; those of episodes are over the whole file. */
export function statisticsOf(raw: RawData, links: Links, episodes: Episodes): DatasetStatistics {
  const { rows } = links
  const width = raw.reward.shape[1] ?? 1
  const kept = Float64Array.from(rows, (row) => raw.reward.data[row * width]!)
  const single = isHostTensor(raw.obs) && raw.obs.dtype === 'float32' ? raw.obs : undefined
  const moments = single === undefined ? undefined : momentsOf(single, rows)
  return {
    size: rows.length,
    episodes: episodes.returns.length,
    terminations: episodes.terminations,
    timeouts: episodes.timeouts,
    ...(moments === undefined
      ? {}
      : {
          mean: Float32Array.from(moments.mean),
          std: Float32Array.from(moments.std, (value) => value + STD_FLOOR),
        }),
    action_bounds: boundsOf(raw.action, rows),
    returns: summarise(episodes.returns),
    lengths: summarise(episodes.lengths),
    rewards: summarise(kept),
  }
}
