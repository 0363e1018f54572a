import * as tf from '@tensorflow/tfjs-core'
import { random } from '../../compute/index.js'
import { UsageError } from '../../utils/index.js'
import type { ForwardOptions, ModelInput, ModelOutput, OutputValue } from '../types.js'

/** Stands for minus infinity at forbidden actions: far below any logit, and finite, so that no NaN can come of it. */
const FORBIDDEN = -1e30

/** One discrete choice: logits [..., n], and which of the n actions are allowed (all when undefined). */
export interface Choice {
  readonly logit: tf.Tensor
  readonly mask: tf.Tensor | undefined
}

/** The tensor at `key` of a model's output. @throws UsageError naming the wrapper when it is not there or not a tensor. */
export function tensorOf(output: ModelOutput, key: string, wrapper: string): tf.Tensor {
  return asTensor(output[key], key, wrapper, output)
}

function asTensor(
  value: OutputValue | undefined,
  key: string,
  wrapper: string,
  output: ModelOutput,
): tf.Tensor {
  if (value instanceof tf.Tensor) return value
  throw new UsageError(
    `Wrapper "${wrapper}" needs a tensor "${key}" in the model's output, which has: ${Object.keys(output).join(', ')}.`,
  )
}

/** The record at `key` of a model's output. */
export function recordOf(output: ModelOutput, key: string, wrapper: string): ModelOutput {
  const value = output[key]
  if (typeof value === 'object' && !(value instanceof tf.Tensor) && !Array.isArray(value))
    return value as ModelOutput
  throw new UsageError(
    `Wrapper "${wrapper}" needs a record "${key}" in the model's output, which has: ${Object.keys(output).join(', ')}.`,
  )
}

/**
 * The choices in `logit`, a tensor or a list of them, with the masks from the output's `action_mask` or else the input's.
 */
export function choicesOf(
  output: ModelOutput,
  inputs: ModelInput,
  wrapper: string,
): { choices: Choice[]; single: boolean } {
  const logit = output['logit']
  const masks: OutputValue | undefined =
    output['action_mask'] ?? (inputs instanceof tf.Tensor ? undefined : inputs['action_mask'])
  const maskAt = (i: number) => {
    const mask = Array.isArray(masks) ? (masks[i] as OutputValue | undefined) : masks
    return mask === undefined ? undefined : asTensor(mask, 'action_mask', wrapper, output)
  }
  if (!Array.isArray(logit)) {
    return { choices: [{ logit: asTensor(logit, 'logit', wrapper, output), mask: maskAt(0) }], single: true }
  }
  const heads = logit as readonly OutputValue[]
  const choices = heads.map((head, i) => ({
    logit: asTensor(head, 'logit', wrapper, output),
    mask: maskAt(i),
  }))
  return { choices, single: choices.length === 1 }
}

/** Makes an action for each choice; one choice gives a tensor, several a list. */
export function choose(
  output: ModelOutput,
  inputs: ModelInput,
  wrapper: string,
  pick: (choice: Choice) => tf.Tensor,
): tf.Tensor | tf.Tensor[] {
  const { choices, single } = choicesOf(output, inputs, wrapper)
  const actions = choices.map(pick)
  return single ? actions[0]! : actions
}

function allowed(mask: tf.Tensor): tf.Tensor {
  return mask.dtype === 'bool' ? mask : tf.greater(mask, 0)
}

/** Logits with those of forbidden actions far below all others. */
export function masked({ logit, mask }: Choice): tf.Tensor {
  return mask === undefined ? logit : tf.where(allowed(mask), logit, tf.fill([...logit.shape], FORBIDDEN))
}

/** The best allowed action, int32 [...]; of equals the first. */
export function greedy(choice: Choice): tf.Tensor {
  return tf.argMax(masked(choice), -1)
}

/** Probabilities of the actions: softmax(logit / alpha) over the allowed ones. */
export function probabilities(choice: Choice, alpha: tf.Tensor | number | undefined): tf.Tensor {
  const logit = alpha === undefined ? choice.logit : tf.div(choice.logit, alpha)
  return tf.softmax(masked({ logit, mask: choice.mask }), -1)
}

/**
 * Draws an index with probability proportional to `weights` [..., n] (not negative), one uniform number a row, by the inverse of the
 * distribution function: the first index whose cumulative weight exceeds u * total. Weight 0 is never drawn.
 */
export function categorical(weights: tf.Tensor): tf.Tensor {
  const cumulative = tf.cumsum(weights, weights.rank - 1)
  const total = tf.max(cumulative, -1, true)
  const u = random.uniform(total.shape)
  // Rounding must not lift the threshold to the total, which no cumulative weight exceeds.
  const threshold = tf.minimum(tf.mul(u, total), tf.mul(total, 1 - 2 ** -22))
  return tf.argMax(tf.cast(tf.greater(cumulative, threshold), 'int32'), -1)
}

/** A uniformly random allowed action. */
export function uniformAction({ logit, mask }: Choice): tf.Tensor {
  return categorical(mask === undefined ? tf.ones([...logit.shape]) : tf.cast(allowed(mask), 'float32'))
}

/**
 * For each row by itself: with probability eps a uniformly random allowed action, else `action`.
 * Draws two uniform numbers a row: the coin (explore below eps), then the action.
 */
export function epsGreedy(
  choice: Choice,
  action: tf.Tensor,
  options: ForwardOptions | undefined,
  wrapper: string,
): tf.Tensor {
  const eps = options?.eps
  if (eps === undefined) {
    throw new UsageError(
      `Wrapper "${wrapper}" needs the forward option "eps": a tensor with the probability of a random action, scalar or one a row.`,
    )
  }
  const explore = tf.less(random.uniform(action.shape), perRow(eps, action.shape, wrapper))
  return tf.where(explore, uniformAction(choice), action)
}

/** Probabilities with as many axes as the actions. @throws UsageError unless they are one, or one a row */
function perRow(eps: tf.Tensor, shape: readonly number[], wrapper: string): tf.Tensor {
  if (eps.rank === 0) return eps
  const own = eps.shape.slice()
  while (own.at(-1) === 1) own.pop()
  if (own.length > shape.length || own.some((size, axis) => size !== shape[axis])) {
    throw new UsageError(
      `Wrapper "${wrapper}": the forward option "eps" has shape [${eps.shape}], but the actions have [${shape}]. Give a scalar, or one probability a row.`,
    )
  }
  return tf.reshape(eps, own.length === 0 ? [] : [...own, ...shape.slice(own.length).map(() => 1)])
}

/** mu and sigma of a normal policy: `logit` as {mu, sigma}, or as the list [mu, sigma], or both at the top level. */
export function normalOf(output: ModelOutput, wrapper: string): { mu: tf.Tensor; sigma: tf.Tensor } {
  const logit = output['logit']
  const source: ModelOutput = Array.isArray(logit)
    ? { mu: logit[0], sigma: logit[1] }
    : logit === undefined
      ? output
      : recordOf(output, 'logit', wrapper)
  return { mu: tensorOf(source, 'mu', wrapper), sigma: tensorOf(source, 'sigma', wrapper) }
}

/** mu + sigma * z, z standard normal (reparameterised: gradients reach mu and sigma). */
export function normalSample(mu: tf.Tensor, sigma: tf.Tensor): tf.Tensor {
  return tf.add(mu, tf.mul(sigma, random.normal(mu.shape)))
}
