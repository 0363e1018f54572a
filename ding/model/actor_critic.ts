import * as tf from '@tensorflow/tfjs-core'
import type { Linear, Members, NormalLogit, ObsTensor, StochasticHead } from '../nn/index.js'
import { flatten, type ObsShape, shapeParts, toFloat } from '../nn/index.js'
import { UsageError } from '../utils/index.js'
import type { ForwardOptions, Model, ModelInput, ModelOutput } from './types.js'

/** Keywords of a stochastic actor's forward pass. */
export interface ActorOptions extends ForwardOptions {
  /** gSDE: weights of each row's exploration noise, [B, features * actions]; those of the present update when absent. */
  readonly exploration?: tf.Tensor
}

/** Keywords of an ensemble of critics' forward pass. */
export interface CriticOptions extends ForwardOptions {
  /** Which critics to compute: the first so many, or those of an int32 index [k]. All when absent. */
  readonly members?: Members
}

/**
 * An actor: forward(obs) gives {action [B, A]} in (-1, 1), and, when it is stochastic, also {logit: {@link NormalLogit}} of the distribution before
 * the tanh, of which `action` is then the mode.
 */
export interface ActorModel extends Model {
  /** Present on a stochastic actor. */
  readonly head: StochasticHead | undefined
  /** The last linear layer(s), for their initialisation. */
  readonly outputLayers: readonly Linear[]
  forward(inputs: ModelInput, options?: ActorOptions): ModelOutput
}

/** A model of an actor and an ensemble of critics. `critic.forward({obs, action})` gives {q_value [N, B]}, a row a critic. */
export interface ActorCriticModel extends Model {
  readonly actor: ActorModel
  readonly critic: CriticModel
}

export interface CriticModel extends Model {
  forward(inputs: ModelInput, options?: CriticOptions): ModelOutput
}

/** The distribution in a stochastic actor's output. @throws UsageError when the actor has none */
export function normalLogit({ logit }: ModelOutput): NormalLogit {
  if (typeof logit === 'object' && !Array.isArray(logit) && !(logit instanceof tf.Tensor)) {
    return logit as unknown as NormalLogit
  }
  throw new UsageError(
    "The actor gives no normal distribution. Set policy.model.action_space to 'reparameterization'.",
  )
}

/** Width of an observation as one vector: a size, the product of a shape, or the sum over a record's parts. */
export function flatWidth(shape: ObsShape): number {
  const parts = shapeParts(shape)
  if (parts !== undefined) return Object.values(parts).reduce<number>((sum, part) => sum + flatWidth(part), 0)
  if (typeof shape === 'number') return shape
  if (Array.isArray(shape)) return (shape as number[]).reduce((product, d) => product * d, 1)
  throw new UsageError(
    `obs_shape ${JSON.stringify(shape)} is not a vector: this model takes a size, a shape, or a record of these.`,
  )
}

/** An observation as one float32 vector a row, [B, n]; the parts of a record one after the other, in the order of `shape`. */
export function flatObs(obs: ObsTensor, shape: ObsShape): tf.Tensor {
  const parts = shapeParts(shape)
  if (parts === undefined) {
    if (obs instanceof tf.Tensor) return toFloat(flatten(obs))
    throw new UsageError(
      `The model takes one observation tensor but got a record with the keys ${Object.keys(obs).join(', ')}. ` +
        'Give obs_shape as a record with the same keys.',
    )
  }
  if (obs instanceof tf.Tensor) {
    throw new UsageError(
      `The model takes a record with the keys ${Object.keys(parts).join(', ')} but got one tensor.`,
    )
  }
  const columns = Object.entries(parts).map(([key, part]) => {
    const value = obs[key]
    if (value === undefined) throw new UsageError(`The observation has no "${key}", which obs_shape names.`)
    return flatObs(value, part)
  })
  return columns.length === 1 ? (columns[0] as tf.Tensor) : tf.concat(columns, 1)
}

/** Number of values in an action. */
export function actionWidth(shape: number | readonly number[]): number {
  return typeof shape === 'number' ? shape : shape.reduce((product, d) => product * d, 1)
}

/** The entry `key` of a critic's input {obs, action}. */
export function partOfInput(inputs: ModelInput, key: 'obs' | 'action'): ObsTensor {
  const value = inputs instanceof tf.Tensor ? undefined : inputs[key]
  if (value === undefined) throw new UsageError(`A critic takes {obs, action}; there is no "${key}".`)
  return value
}

/** Dispatches on `options.mode`: `compute_actor` (obs) or `compute_critic` ({obs, action}). @throws UsageError for another mode */
export function actorCriticForward(
  { actor, critic }: ActorCriticModel,
  inputs: ModelInput,
  options: ForwardOptions = {},
): ModelOutput {
  const { mode, ...rest } = options
  if (mode === 'compute_actor') return actor.forward(inputs, rest)
  if (mode === 'compute_critic') return critic.forward(inputs, rest)
  throw new UsageError(
    `An actor-critic model is asked for mode ${JSON.stringify(mode)}; its modes are compute_actor and compute_critic.`,
  )
}
