import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { Module, ObsTensor } from '../nn/index.js'

/** What the critics' program reads of a batch. Columns [B] may come as [B, 1] too. */
export interface ActorCriticBatch {
  obs: ObsTensor
  next_obs: ObsTensor
  /** [B, A] */
  action: Tensor
  /** [B], or [B, nstep]. */
  reward: Tensor
  done: Tensor
  weight?: Tensor
  value_gamma?: Tensor
}

/** What the actor's program reads: the observations, and what `actorInputs` of the policy adds. */
export type ActorBatch = { obs: ObsTensor; [key: string]: ObsTensor }

/** A learning rate's start, and the name that its course is logged under. */
export interface LearningRate {
  readonly start: number
  /** The key of `start` below `learn`. */
  readonly key?: string
  readonly logged: string
}

/** What the critics' update gives: scalars to log, of which one is `critic_loss`, and `priority` [B]. */
export type CriticOutput = Record<string, Tensor> & { critic_loss: Tensor; priority: Tensor }

/** What the actor's update gives: scalars to log, of which one is the actor's loss. */
export type ActorOutput = Record<string, Tensor>

/** Squared errors of critics against one target. */
export interface CriticLoss {
  /** sum over critics of mean over rows of weight (q - target)^2. */
  readonly loss: Tensor
  /** Mean over critics of |q - target|, [B]. */
  readonly priority: Tensor
}

/** Runs `body` with a module in training or evaluation mode, then puts the mode back. For use while a program is traced. */
export function inMode<T>(module: Module, training: boolean, body: () => T): T {
  const flags = [...module.modules()].map((part) => [part, part.training] as const)
  module.train(training)
  try {
    return body()
  } finally {
    for (const [part, flag] of flags) part.training = flag
  }
}

/** Squared errors of critics' values [N, B] against one target [B]. */
export function squaredErrors(q_value: Tensor, target: Tensor, weight: Tensor | undefined): CriticLoss {
  const error = tf.sub(q_value, target)
  const squared = tf.square(error)
  const weighted = weight === undefined ? squared : tf.mul(squared, column(weight))
  return { loss: tf.sum(tf.mean(weighted, 1)), priority: tf.mean(tf.abs(error), 0) }
}

/**
 * The least of N critics' values, [N, B] -> [B]. Row by row: the gradient of `tf.min` divides by the number of ties, and behind a division the
 * compiler cannot turn the gates of relu into products.
 */
export function leastOf(q_value: Tensor): Tensor {
  return tf.unstack(q_value).reduce((least, row) => tf.minimum(least, row))
}

/** {@link leastOf}, but of equal values the first alone has the gradient, as of torch's `min` over an axis; elsewhere they share it. */
export function firstLeastOf(q_value: Tensor): Tensor {
  return tf.unstack(q_value).reduce((least, row) => tf.where(tf.lessEqual(least, row), least, row))
}

/** A column as [B], whether it came so or as [B, 1]. */
export function column(values: Tensor): Tensor {
  return values.rank === 1 ? values : tf.reshape(values, [-1])
}
