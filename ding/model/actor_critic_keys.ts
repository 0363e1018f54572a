// Config keys that several models with an actor and critics have, for their schemas.
import { ACTIVATION_NAMES } from '../nn/index.js'
import { obs_shape } from './shapes.js'

const action_shape = { doc: 'Size of the action vector.', format: 'shape', required: true } as const

/** What goes in and out, of models that take vectors only. */
export const vectorKeys = {
  obs_shape: {
    doc: 'Observation: size of a vector, or a record of sizes for Dict, whose parts are joined in that order.',
    format: obs_shape,
    required: true,
  },
  action_shape,
} as const

/** What goes in and out, of models that take images too. */
export const featureVectorKeys = {
  obs_shape: {
    doc: 'Observation: size of a vector, [channels, height, width] of an image, a shape to flatten, or a record of such for Dict, whose parts are joined in that order.',
    format: obs_shape,
    required: true,
  },
  action_shape,
} as const

/** The one kind of actor that policies of maximum entropy take. */
export const stochasticActorKeys = {
  action_space: {
    doc: "What the actor gives: 'reparameterization', a normal distribution before the tanh.",
    format: ['reparameterization'],
    default: 'reparameterization',
  },
} as const

export const activationKeys = {
  activation: { doc: 'Activation of the hidden layers.', format: ACTIVATION_NAMES, default: 'relu' },
} as const

/** Widths of hidden layers by DI-engine's names. */
export function widthKeys<const N extends number>(width: N) {
  return {
    actor_head_hidden_size: {
      doc: "Width of the actor's hidden layers.",
      format: 'positive_int',
      default: width,
    },
    critic_head_hidden_size: {
      doc: "Width of the critics' hidden layers.",
      format: 'positive_int',
      default: width,
    },
  } as const
}

/** Numbers of hidden layers by DI-engine's names. */
export function depthKeys<const N extends number>(behindTheFirst: N) {
  return {
    actor_head_layer_num: {
      doc: "The actor's hidden layers behind the first.",
      format: 'nonnegative_int',
      default: behindTheFirst,
    },
    critic_head_layer_num: {
      doc: "The critics' hidden layers behind the first.",
      format: 'nonnegative_int',
      default: behindTheFirst,
    },
  } as const
}
