import { type HostTensor, isHostTensor, UsageError } from '../utils/index.js'
import { gae } from './gae.js'
import { filledLike, isSet, isTypedArray, type Step, stackRecords, zerosLike } from './transition.js'

export interface NstepReturnOptions {
  /** Store the discounted sum instead of the separate rewards (false). */
  readonly cum_reward?: boolean
  /** Store `value_gamma`, the factor of the bootstrapped value (true). */
  readonly correct_terminate_gamma?: boolean
  /** Discount factor (0.99). */
  readonly gamma?: number
}

/**
 * n-step data of one environment's consecutive transitions: every transition's `reward` becomes its own and the following
 * ones, nstep of them (zeros where the window is shorter) with a last axis of size nstep, or their discounted sum;
 * `next_obs` and `done` become those of the window's last transition; `value_gamma` is gamma^m, m being the number of real
 * rewards in the window.
 *
 * A window ends at the end of the piece, at the first `done` and at the first `truncated` in it, that transition included.
 * (DI-engine's adder runs on over a `done` inside the window, and its value_gamma at the end of a piece is gamma^(m-1).)
 * With nstep 1 the transitions come back as they are. The input is not changed.
 * @throws UsageError when a reward is not a scalar per agent (number, one value, or a tensor with a last axis of size 1)
 */
export function get_nstep_return_data<T extends Step>(
  data: readonly T[],
  nstep: number,
  options: NstepReturnOptions = {},
): T[] {
  const { cum_reward = false, correct_terminate_gamma = true, gamma = 0.99 } = options
  if (!Number.isInteger(nstep) || nstep < 1)
    throw new UsageError(`nstep must be a positive integer, got ${nstep}.`)
  if (nstep === 1) return data.slice()
  return data.map((step, i) => {
    const window = windowFrom(data, i, nstep)
    const last = window[window.length - 1]!
    const rewards = window.map((s) => s['reward'])
    const changed: Record<string, unknown> = {
      ...step,
      reward: cum_reward ? discountedSum(rewards, gamma) : concatenated(rewards, nstep),
      done: last['done'],
    }
    if ('next_obs' in step) changed['next_obs'] = last['next_obs']
    if ('truncated' in step) changed['truncated'] = last['truncated']
    if (correct_terminate_gamma) changed['value_gamma'] = gamma ** window.length
    return changed as T
  })
}

/** The transitions that count from `start` on: at most nstep, up to and including the first that ends its episode. */
function windowFrom<T extends Step>(data: readonly T[], start: number, nstep: number): T[] {
  const window: T[] = []
  for (let i = start; i < Math.min(start + nstep, data.length); i++) {
    const step = data[i]!
    window.push(step)
    if (isSet(step['done']) || isSet(step['truncated'])) break
  }
  return window
}

/** A reward as its values, one per agent, and the shape to give back. */
function rewardValues(reward: unknown): { values: ArrayLike<number>; shape?: readonly number[] } {
  if (typeof reward === 'number') return { values: [reward] }
  if (isTypedArray(reward)) return { values: reward }
  if (isHostTensor(reward)) return { values: reward.data, shape: reward.shape }
  throw new UsageError(
    `A transition's reward must be a number, a typed array or a tensor, got ${typeof reward}.`,
  )
}

function concatenated(rewards: readonly unknown[], nstep: number): Float32Array | HostTensor {
  const first = rewardValues(rewards[0])
  const agents = first.values.length
  const lead = first.shape?.slice(0, -1)
  const scalar =
    first.shape === undefined
      ? agents === 1
      : first.shape.length > 0 && first.shape[first.shape.length - 1] === 1
  if (!scalar) {
    throw new UsageError(
      `n-step returns need a scalar reward per agent (a number, one value, or a last axis of size 1), got ${
        first.shape === undefined ? `${agents} values` : `shape [${first.shape}]`
      }.`,
    )
  }
  const data = new Float32Array(agents * nstep)
  rewards.forEach((reward, j) => {
    const { values } = rewardValues(reward)
    for (let a = 0; a < agents; a++) data[a * nstep + j] = values[a]!
  })
  return lead === undefined ? data : { dtype: 'float32', shape: [...lead, nstep], data }
}

function discountedSum(rewards: readonly unknown[], gamma: number): number | Float32Array | HostTensor {
  const first = rewardValues(rewards[0])
  const sum = new Float64Array(first.values.length)
  rewards.forEach((reward, j) => {
    const { values } = rewardValues(reward)
    for (let a = 0; a < sum.length; a++) sum[a]! += gamma ** j * values[a]!
  })
  if (typeof rewards[0] === 'number') return sum[0]!
  const data = Float32Array.from(sum)
  return first.shape === undefined ? data : { dtype: 'float32', shape: first.shape, data }
}

/** What to do with the transitions left over when a trajectory is cut into pieces. */
export type LastFnType = 'last' | 'drop' | 'null_padding'

/**
 * Training samples from one environment's consecutive transitions. With unroll_len 1 the transitions themselves; else
 * pieces of unroll_len transitions, each one record whose values have a leading time axis (T, ...) and an additional
 * `null` (T,) that marks padding.
 * @param last_fn_type what becomes of a shorter last piece: `last` fills it up in front with the end of the piece before
 *   it (or pads it, where there is none), `drop` discards it, `null_padding` pads it behind.
 * @param null_transition what to pad with. By default a copy of the piece's first transition with obs, action, reward and
 *   value_gamma zero and done true.
 */
export function get_train_sample<T extends Step>(
  data: readonly T[],
  unroll_len: number,
  last_fn_type: LastFnType = 'last',
  null_transition?: T,
): T[] {
  if (!Number.isInteger(unroll_len) || unroll_len < 1) {
    throw new UsageError(`unroll_len must be a positive integer, got ${unroll_len}.`)
  }
  if (!['last', 'drop', 'null_padding'].includes(last_fn_type)) {
    throw new UsageError(
      `last_fn_type must be 'last', 'drop' or 'null_padding', got ${JSON.stringify(last_fn_type)}.`,
    )
  }
  if (unroll_len === 1) return data.slice()
  const steps: Step[] = data.map((step) => ({ ...step, null: false }))
  const whole = Math.floor(steps.length / unroll_len)
  const pieces = Array.from({ length: whole }, (_, i) => steps.slice(i * unroll_len, (i + 1) * unroll_len))
  const rest = steps.slice(whole * unroll_len)
  if (rest.length > 0 && last_fn_type === 'last' && whole > 0) {
    pieces.push(steps.slice(-unroll_len))
  } else if (rest.length > 0 && last_fn_type !== 'drop') {
    const padding: Step = { ...(null_transition ?? nullTransition(rest[0]!)), null: true }
    pieces.push([...rest, ...Array<Step>(unroll_len - rest.length).fill(padding)])
  }
  return pieces.map((piece) => stackRecords(piece, '') as T)
}

function nullTransition(template: Step): Step {
  const zeroed: Record<string, unknown> = { ...template }
  for (const key of ['obs', 'action', 'reward', 'value_gamma']) {
    if (key in zeroed) zeroed[key] = zerosLike(zeroed[key], key)
  }
  zeroed['done'] = template['done'] === undefined ? true : filledLike(template['done'], 1, 'done')
  return zeroed
}

/**
 * Adds `adv`, the generalised advantage estimate, to one environment's consecutive transitions, which hold `value` and
 * `reward` (numbers, typed arrays or tensors; a scalar reward is shared by the agents of a longer value). A `done` before
 * the last transition cuts the sum there; what follows the last one is `last_value`. The input is not changed.
 * @param last_value value of the observation after the last transition, shaped as `value`
 */
export function get_gae<T extends Step>(
  data: readonly T[],
  last_value: unknown,
  gamma: number,
  gae_lambda: number,
): (T & { adv: number | Float32Array | HostTensor })[] {
  if (data.length === 0) return []
  const values = data.map((step) => rewardValues(step['value']).values)
  const width = values[0]!.length
  const nextValues = [...values.slice(1), rewardValues(last_value).values]
  const rewards = data.map((step) => rewardValues(step['reward']).values)
  const shared = rewards[0]!.length === 1 && width > 1
  const ends = data.map((step, i) => (i < data.length - 1 && isSet(step['done']) ? 1 : 0))
  const flags = shared ? ends : ends.flatMap((end) => Array<number>(width).fill(end))
  const rewardShape = shared ? [data.length] : [data.length, width]
  const advantage = gae(
    {
      value: matrix(values, [data.length, width]),
      next_value: matrix(nextValues, [data.length, width]),
      reward: matrix(rewards, rewardShape),
      done: { dtype: 'float32', shape: rewardShape, data: Float32Array.from(flags) },
    },
    gamma,
    gae_lambda,
  )
  return data.map((step, i) => ({
    ...step,
    adv: likeValue(step['value'], advantage.data.slice(i * width, (i + 1) * width)),
  }))
}

/**
 * {@link get_gae} where the value after the last transition is not at hand: 0 when that transition was terminal (`done`);
 * otherwise the last transition is given up and its value taken, so one fewer comes back.
 */
export function get_gae_with_default_last_value<T extends Step>(
  data: readonly T[],
  done: boolean,
  gamma: number,
  gae_lambda: number,
): (T & { adv: number | Float32Array | HostTensor })[] {
  const last = data[data.length - 1]
  if (last === undefined) return []
  if (done) return get_gae(data, zerosLike(last['value'], 'value'), gamma, gae_lambda)
  return get_gae(data.slice(0, -1), last['value'], gamma, gae_lambda)
}

function matrix(rows: readonly ArrayLike<number>[], shape: readonly number[]): HostTensor {
  const width = shape[1] ?? 1
  const data = new Float32Array(rows.length * width)
  rows.forEach((row, i) => {
    if (row.length !== width)
      throw new UsageError(`get_gae: step ${i} has ${row.length} values where ${width} were expected.`)
    data.set(row, i * width)
  })
  return { dtype: 'float32', shape, data }
}

function likeValue(value: unknown, data: Float32Array): number | Float32Array | HostTensor {
  if (typeof value === 'number') return data[0]!
  return isHostTensor(value) ? { dtype: 'float32', shape: value.shape, data } : data
}
