import type { Tensor } from '@tensorflow/tfjs-core'
import type { RandomStream } from '../compute/index.js'
import type { Schema } from '../config/index.js'
import type { Module, ObsTensor } from '../nn/index.js'

/** What a model takes: the observation itself, or a record such as {obs, action} or {obs, action_mask}. */
export type ModelInput = ObsTensor

/** A tensor, a list with one entry per action dimension, or a nested record. */
export type OutputValue = Tensor | readonly OutputValue[] | { readonly [key: string]: OutputValue }

/** What a model gives: `logit`, `action`, `q_value`, `value`, `distribution`, `q`, `tau`, ... by name. */
export type ModelOutput = { [key: string]: OutputValue }

/**
 * Keywords of a forward pass. Tensors may change from run to run; plain numbers are fixed when the program is compiled.
 * Keywords that a model or wrapper does not know it passes on.
 */
export interface ForwardOptions {
  /** Which part of an actor-critic model to compute, such as `compute_actor`. */
  readonly mode?: string
  /** eps-greedy: probability of a random action, one for all rows (scalar) or one a row [B]. */
  readonly eps?: Tensor
  /** Multinomial sampling: temperature. */
  readonly alpha?: Tensor | number
  /** Action noise: replaces the noise's scale, for all rows (scalar) or a row each [B]. */
  readonly sigma?: Tensor | number
  /** combination_*: how many different items to choose. */
  readonly shot_number?: number
  /** Environment id of each row, int32 [B], for wrappers that keep state per environment; -1 marks a padding row. */
  readonly data_id?: Tensor
  readonly [key: string]: unknown
}

/** A whole network. `forward` is a function of tensors, called inside programs. */
export interface Model extends Module {
  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput
}

/** A class in MODEL_REGISTRY: its keyword arguments are described by `config`, the rest of what it needs is a random stream. */
export interface ModelClass {
  new (cfg: never, random: RandomStream): Model
  /** Without it, the keyword arguments are handed over unchecked. */
  readonly config?: Schema
}

declare module '../registry/index.js' {
  interface RegistryTypes {
    model: ModelClass
  }
}
