import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { stopGradient } from '../compute/index.js'
import { UsageError } from '../utils/index.js'
import { bootstrapped } from './returns.js'
import { type Discount, pick, type TdError, tdLoss, weightedMean } from './td_common.js'
import { type NstepOptions, nstepTarget, type QNstepTdData } from './td_nstep.js'
import { value_inv_transform, value_transform } from './value_rescale.js'

export interface DqfdNstepTdData extends QNstepTdData {
  /** (B,): whether the first step ended in a terminal state. */
  readonly done_one_step: Tensor
  /** (B, N): action values of the next observation. */
  readonly new_n_q_one_step: Tensor
  /** (B,) int32. */
  readonly next_n_action_one_step: Tensor
  /** (B,): 1 for a demonstration, 0 for the agent's own transitions. */
  readonly is_expert: Tensor
  /** (B,): the first reward, needed only with `cum_reward` (the sum alone does not tell it). */
  readonly reward_one_step?: Tensor
}

export interface DqfdOptions extends NstepOptions {
  /** Weight of the n-step error. */
  readonly lambda_n_step_td: number
  /** Weight of the large-margin loss. */
  readonly lambda_supervised_loss: number
  /** Margin of the demonstrated action over the others. */
  readonly margin_function: number
  /** Weight of the one-step error (1). */
  readonly lambda_one_step_td?: number
}

export interface DqfdTdError extends TdError {
  /** Scalars: means of the three parts before their weights. */
  readonly nstep_td_mean: Tensor
  readonly onestep_td_mean: Tensor
  readonly JE_mean: Tensor
}

/**
 * Deep Q-learning from demonstrations (Hester et al. 2018, eq. 3 and 5): weighted sum of n-step error, one-step error and
 * the large-margin loss max_a(q(s, a) + margin [a != a_E]) - q(s, a_E) on demonstrations.
 * @returns loss, td_error_per_sample (B,), and the means of the parts
 */
export function dqfd_nstep_td_error(
  data: DqfdNstepTdData,
  gamma: Discount,
  options: DqfdOptions,
): DqfdTdError {
  return dqfd(data, gamma, options, undefined)
}

/** {@link dqfd_nstep_td_error} with both targets on transformed values (see q_nstep_td_error_with_rescale). */
export function dqfd_nstep_td_error_with_rescale(
  data: DqfdNstepTdData,
  gamma: Discount,
  options: DqfdOptions & {
    readonly trans_fn?: (value: Tensor) => Tensor
    readonly inv_trans_fn?: (value: Tensor) => Tensor
  },
): DqfdTdError {
  const { trans_fn = value_transform, inv_trans_fn = value_inv_transform } = options
  return dqfd(data, gamma, options, { trans_fn, inv_trans_fn })
}

interface Rescale {
  trans_fn: (value: Tensor) => Tensor
  inv_trans_fn: (value: Tensor) => Tensor
}

function dqfd(
  data: DqfdNstepTdData,
  gamma: Discount,
  options: DqfdOptions,
  rescale: Rescale | undefined,
): DqfdTdError {
  const {
    lambda_n_step_td,
    lambda_supervised_loss,
    margin_function,
    lambda_one_step_td = 1,
    criterion,
  } = options
  const forth = rescale?.trans_fn ?? ((x: Tensor) => x)
  const back = rescale?.inv_trans_fn ?? ((x: Tensor) => x)
  const estimate = pick(data.q, data.action)

  const next = back(pick(data.next_n_q, data.next_n_action))
  const nstep = tdLoss(estimate, forth(nstepTarget(data, next, gamma, options)), undefined, criterion)

  const nextOne = back(pick(data.new_n_q_one_step, data.next_n_action_one_step))
  const targetOne = forth(bootstrapped(firstReward(data, options), nextOne, data.done_one_step, gamma))
  const onestep = tdLoss(estimate, targetOne, undefined, criterion)

  const n = data.q.shape[data.q.rank - 1]!
  const others = tf.notEqual(tf.expandDims(tf.cast(data.action, 'int32'), -1), tf.range(0, n, 1, 'int32'))
  const withMargin = tf.add(data.q, tf.mul(tf.cast(others, 'float32'), margin_function))
  // The best entry by its index: the gradient then goes to one action, where tfjs's max shares it out to all that tie.
  const best = pick(withMargin, tf.argMax(stopGradient(withMargin), -1))
  const margin = tf.mul(tf.cast(data.is_expert, 'float32'), tf.sub(best, estimate))

  const sum = (parts: readonly Tensor[]) =>
    tf.addN([
      tf.mul(parts[0]!, lambda_n_step_td),
      tf.mul(parts[1]!, lambda_one_step_td),
      tf.mul(parts[2]!, lambda_supervised_loss),
    ])
  const parts = [nstep.td_error_per_sample, onestep.td_error_per_sample, margin]
  return {
    loss: weightedMean(sum(parts), data.weight),
    td_error_per_sample: stopGradient(sum(parts.map((part) => tf.abs(part)))),
    nstep_td_mean: nstep.loss,
    onestep_td_mean: onestep.loss,
    JE_mean: tf.mean(margin),
  }
}

/** The reward of the first step of each window, (B,). */
function firstReward(data: DqfdNstepTdData, { nstep = 1, cum_reward = false }: NstepOptions): Tensor {
  if (data.reward_one_step !== undefined) return data.reward_one_step
  if (nstep === 1 && data.reward.rank === data.done.rank) return data.reward
  if (cum_reward) {
    throw new UsageError(
      'dqfd_nstep_td_error with cum_reward needs reward_one_step, (B,): the one-step error cannot tell the first reward from the sum.',
    )
  }
  return tf.squeeze(tf.slice(data.reward, [0], [1]), [0])
}
