import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { UsageError } from '../utils/index.js'
import {
  asBool,
  type Discount,
  type OptionalTensor,
  perSample,
  sameShape,
  zeroWhereDone,
} from './td_common.js'

/**
 * Rewards as the td errors take them, time first: a batch column (B, nstep) -> (nstep, B); with agents, (B, A, nstep) ->
 * (nstep, B, A). A column (B,) becomes (1, B).
 */
export function to_time_major(reward: Tensor): Tensor {
  if (reward.rank === 1) return tf.expandDims(reward, 0)
  const last = reward.rank - 1
  if (reward.shape[last] === 1) return tf.reshape(reward, [1, ...reward.shape.slice(0, last)])
  return tf.transpose(reward, [last, ...Array.from({ length: last }, (_, axis) => axis)])
}

/** What {@link nstep_return} sums. */
export interface NstepReturnData {
  /** (nstep, B), or (B,) when nstep is 1. */
  readonly reward: Tensor
  /** Value after the last step, (B,) or (B, A). */
  readonly next_value: Tensor
  /** Whether the last step ended in a terminal state, (B,); bool, or numbers where nonzero means true. */
  readonly done: Tensor
}

/**
 * n-step return: sum of gamma^i r_i over the n rewards, plus value_gamma * next_value where not done.
 * @param gamma one number, or one discount per sample (B,)
 * @param value_gamma factor of the bootstrapped value, a number or (B,): gamma^n when absent. It differs from that where
 *   the window holds fewer than n real steps (see get_nstep_return_data).
 * @returns (B,), or next_value's shape
 * @throws UsageError when reward does not hold nstep rows of B, or done or value_gamma not B entries
 */
export function nstep_return(
  data: NstepReturnData,
  gamma: Discount,
  nstep: number,
  value_gamma?: Discount | null,
): Tensor {
  const { next_value } = data
  const rewardSum = discountedRewards(data.reward, gamma, nstep, next_value.shape)
  return bootstrapped(rewardSum, next_value, data.done, value_gamma ?? powerOf(gamma, nstep))
}

/** reward_sum + value_gamma * next_value where not done; (B,) operands are broadcast over next_value's trailing axes. */
export function bootstrapped(
  rewardSum: Tensor,
  next_value: Tensor,
  done: Tensor,
  value_gamma: Discount,
): Tensor {
  const { shape } = next_value
  const factor = typeof value_gamma === 'number' ? value_gamma : perSample(value_gamma, shape, 'value_gamma')
  const future = zeroWhereDone(tf.mul(next_value, factor), perSample(done, shape, 'done'))
  return tf.add(perSample(rewardSum, shape, 'reward'), future)
}

/** sum of gamma^i r_i over the first axis, with trailing axes of size 1 beside values of `shape`. */
export function discountedRewards(
  reward: Tensor,
  gamma: Discount,
  nstep: number,
  shape: readonly number[],
): Tensor {
  if (nstep === 1 && reward.rank === 1) return perSample(reward, shape, 'reward')
  if (reward.shape[0] !== nstep || reward.rank < 2) {
    throw new UsageError(
      `reward of shape [${reward.shape}] must have nstep = ${nstep} rows, one per step, of a reward for each sample. ` +
        'Turn a batch column of shape (B, nstep) with to_time_major(reward).',
    )
  }
  if (nstep === 1) return perSample(tf.squeeze(reward, [0]), shape, 'reward')
  let factors: Tensor
  if (typeof gamma === 'number') {
    const powers = Float32Array.from({ length: nstep }, (_, i) => gamma ** i)
    factors = tf.tensor(powers, [nstep, ...Array<number>(reward.rank - 1).fill(1)])
  } else {
    const rows = Array.from({ length: nstep }, (_, i) =>
      perSample(asTensor(powerOf(gamma, i), gamma), reward.shape.slice(1), 'gamma'),
    )
    factors = tf.stack(rows)
  }
  return perSample(tf.sum(tf.mul(reward, factors), 0), shape, 'reward')
}

/** gamma^n by repeated products, which neither needs a power kernel nor its logarithm. */
export function powerOf(gamma: Discount, n: number): Discount {
  if (typeof gamma === 'number') return gamma ** n
  if (n === 0) return 1
  let power = gamma
  for (let i = 1; i < n; i++) power = tf.mul(power, gamma)
  return power
}

function asTensor(value: Discount, like: Tensor): Tensor {
  return typeof value === 'number' ? tf.fill(like.shape, value) : value
}

/**
 * Lambda returns by the backward recursion G_t = r_t + gamma_t ((1 - lambda_t) v_{t+1} + lambda_t G_{t+1}), cut off with
 * G_{T-1} = r_{T-1} + gamma v_T; the bracket is dropped where done.
 * @param bootstrap_values (T + 1, B)
 * @param rewards (T, B)
 * @param gammas number or (T, B)
 * @param lambda_ number or (T, B)
 * @param done (T, B), optional
 * @returns (T, B)
 */
export function generalized_lambda_returns(
  bootstrap_values: Tensor,
  rewards: Tensor,
  gammas: Discount,
  lambda_: Discount,
  done?: OptionalTensor,
): Tensor {
  const steps = rewards.shape[0]!
  if (
    bootstrap_values.shape[0] !== steps + 1 ||
    !sameShape(bootstrap_values.shape.slice(1), rewards.shape.slice(1))
  ) {
    throw new UsageError(
      `bootstrap_values of shape [${bootstrap_values.shape}] must have one row more than rewards of shape [${rewards.shape}], ` +
        'and the same other axes.',
    )
  }
  const values = tf.unstack(bootstrap_values)
  const reward = tf.unstack(rewards)
  const gamma = rowsOf(gammas)
  const lambda = rowsOf(lambda_)
  const ended = done === null || done === undefined ? undefined : tf.unstack(asBool(done))
  const result: Tensor[] = Array.from({ length: steps })
  for (let t = steps - 1; t >= 0; t--) {
    const next = values[t + 1]!
    const later = result[t + 1]
    const blend = later === undefined ? next : tf.add(next, tf.mul(tf.sub(later, next), lambda(t)))
    const future = tf.mul(blend, gamma(t))
    result[t] = tf.add(reward[t]!, ended === undefined ? future : zeroWhereDone(future, ended[t]!))
  }
  return tf.stack(result)
}

function rowsOf(value: Discount): (t: number) => Discount {
  if (typeof value === 'number') return () => value
  const rows = tf.unstack(value)
  return (t) => rows[t]!
}
