import { type HostTensor, sizeOf, UsageError } from '../utils/index.js'

/** Numbers on the host, time first: a tensor (T, ...), or a flat array for shape (T,). */
export type Series = HostTensor | ArrayLike<number>

export interface GaeData {
  /** (T, B), or (T, B, A) with agents, or any shape (T, ...). */
  readonly value: Series
  /** Value of each step's next observation, same shape. */
  readonly next_value: Series
  /** (T, B): shaped as value, or as value without its last axis, over which it is then shared. */
  readonly reward: Series
  /** Where a step ended in a terminal state: its next value counts as 0. Shaped as reward; nowhere when absent. */
  readonly done?: Series | null
  /** Where a trajectory ends, cut or terminal: the sum stops there, the next value stays. `done` when absent. */
  readonly traj_flag?: Series | null
}

/**
 * Generalised advantage estimation (Schulman et al. 2016, arXiv:1506.02438, eq. 16), on the host:
 * A_t = delta_t + gamma lambda A_{t+1}, delta_t = r_t + gamma v_{t+1} - v_t. The inputs are left as they are.
 * @returns advantages shaped as `value`
 * @throws UsageError when the shapes do not fit
 */
export function gae(data: GaeData, gamma = 0.99, lambda_ = 0.97): HostTensor<Float32Array> {
  const value = seriesOf(data.value, 'value')
  const { shape } = value
  const next = seriesOf(data.next_value, 'next_value')
  const reward = seriesOf(data.reward, 'reward')
  const done = data.done ? seriesOf(data.done, 'done') : undefined
  const flag = data.traj_flag ? seriesOf(data.traj_flag, 'traj_flag') : done
  const steps = shape[0] ?? 0
  const width = steps === 0 ? 0 : value.data.length / steps
  if (String(next.shape) !== String(shape)) {
    throw new UsageError(`gae: next_value has shape [${next.shape}], but value has [${shape}].`)
  }
  const shared = String(reward.shape) === String(shape) ? 1 : shape[shape.length - 1]!
  if (shared !== 1 && String(reward.shape) !== String(shape.slice(0, -1))) {
    throw new UsageError(
      `gae: reward has shape [${reward.shape}]; beside a value of shape [${shape}] it must have that shape or [${shape.slice(0, -1)}].`,
    )
  }
  for (const [name, mask] of [
    ['done', done],
    ['traj_flag', flag],
  ] as const) {
    if (mask !== undefined && mask.data.length !== reward.data.length) {
      throw new UsageError(`gae: ${name} has shape [${mask.shape}], but reward has [${reward.shape}].`)
    }
  }
  const advantage = new Float32Array(value.data.length)
  for (let column = 0; column < width; column++) {
    let sum = 0
    for (let t = steps - 1; t >= 0; t--) {
      const i = t * width + column
      const r = Math.floor(i / shared)
      const future = done?.data[r] ? 0 : gamma * next.data[i]!
      const delta = reward.data[r]! + future - value.data[i]!
      sum = flag?.data[r] ? delta : delta + gamma * lambda_ * sum
      advantage[i] = sum
    }
  }
  return { dtype: 'float32', shape, data: advantage }
}

function seriesOf(series: Series, name: string): { shape: readonly number[]; data: ArrayLike<number> } {
  if (!('shape' in series)) return { shape: [series.length], data: series }
  if (series.data.length !== sizeOf(series.shape)) {
    throw new UsageError(`gae: ${name} has shape [${series.shape}] but ${series.data.length} values.`)
  }
  return series
}
