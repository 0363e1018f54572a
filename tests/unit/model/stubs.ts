import * as tf from '@tensorflow/tfjs-core'
import type { ForwardOptions, Model, ModelInput, ModelOutput } from '../../../ding/model/index.js'
import { Module } from '../../../ding/nn/index.js'

/** A model that gives its input record as its output. */
export class Echo extends Module implements Model {
  forward(inputs: ModelInput): ModelOutput {
    return inputs instanceof tf.Tensor ? { logit: inputs } : (inputs as ModelOutput)
  }
}

/** A recurrent sum: state <- state + obs; logit is the new state, [B, 2]. */
export class RunningSum extends Module implements Model {
  forward(inputs: ModelInput, _options?: ForwardOptions): ModelOutput {
    const { obs, prev_state } = inputs as { obs: tf.Tensor; prev_state: tf.Tensor | { s: tf.Tensor } }
    if (prev_state instanceof tf.Tensor) {
      const next = tf.add(prev_state, obs)
      return { logit: next, next_state: next }
    }
    const next = tf.add(prev_state.s, obs)
    return { logit: next, next_state: { s: next } }
  }
}
