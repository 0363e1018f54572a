import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { type RandomStream, stopGradient } from '../compute/index.js'
import { type ConfigOf, defaultsOf, schema } from '../config/index.js'
import { EnsembleLinear, type EnsembleMLP, Linear, Module, toFloat } from '../nn/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import { UsageError } from '../utils/index.js'
import {
  type ActorCriticModel,
  type ActorOptions,
  actorCriticForward,
  normalLogit,
  partOfInput,
} from './actor_critic.js'
import { depthKeys, stochasticActorKeys, vectorKeys, widthKeys } from './actor_critic_keys.js'
import { ContinuousActor, ContinuousQAC, EnsembleCritic } from './continuous_qac.js'
import type { ForwardOptions, ModelInput, ModelOutput } from './types.js'

const edacModelConfig = schema({
  ...vectorKeys,
  ...stochasticActorKeys,
  ensemble_num: { doc: 'Number of critics (N).', format: 'positive_int', default: 10 },
  ...widthKeys(256),
  ...depthKeys(2),
})

export type EDACModelConfig = ConfigOf<typeof edacModelConfig>

declare module '../config/index.js' {
  interface ModelConfigMap {
    edac: EDACModelConfig
  }
}

/** Least log standard deviation; the most is 2, as elsewhere. */
const LOG_SIGMA_MIN = -5
const LOG_SIGMA_MAX = 2
/** Start value of the biases in front of a relu. */
const BIAS_START = 0.1
/** Start values of the critics' last layer lie in +- this. */
const CRITIC_BOUND = 3e-3

/** {@link ContinuousActor} whose log standard deviation is at least -5. */
class EDACActor extends ContinuousActor {
  override forward(inputs: ModelInput, options?: ActorOptions): ModelOutput {
    const output = super.forward(inputs, options)
    const { mu, log_sigma: raw } = normalLogit(output)
    // Not `tf.maximum`: at the bound itself the gradient passes whole, as torch.clip's does.
    const log_sigma = tf.clipByValue(raw, LOG_SIGMA_MIN, LOG_SIGMA_MAX)
    return { ...output, logit: { mu, sigma: tf.exp(log_sigma), log_sigma } }
  }
}

/** {@link EnsembleCritic} that also gives its values' gradient with respect to the action, as a function that can be differentiated again. */
export class EDACCritic extends EnsembleCritic {
  /** {obs [B, n], action [B, A]} -> {q_value [N, B], gradient [N, B, A]}. */
  forwardWithGradient(inputs: ModelInput): { q_value: Tensor; gradient: Tensor } {
    const action = toFloat(partOfInput(inputs, 'action') as Tensor)
    const x = tf.concat([this.encoder.forward(partOfInput(inputs, 'obs')), action], 1)
    const { value, gradient } = valueAndGradient(this.q, x)
    const actions = action.shape[1] as number
    return {
      q_value: tf.squeeze(value, [-1]),
      gradient: tf.slice(gradient, [0, 0, (x.shape[1] as number) - actions], [-1, -1, actions]),
    }
  }
}

/**
 * Values [N, B, 1] of relu networks and their gradient by the input [N, B, in], from one pass: the chain rule is written out, so that what is made
 * of the gradient can be differentiated by the weights (the second derivative of relu is 0).
 */
function valueAndGradient(mlp: EnsembleMLP, x: Tensor): { value: Tensor; gradient: Tensor } {
  const linear = mlp.layers.filter((layer) => layer instanceof EnsembleLinear)
  const masks: Tensor[] = []
  let value = x
  for (const [i, layer] of linear.entries()) {
    value = layer.forward(value)
    if (i === linear.length - 1) break
    masks.push(stopGradient(tf.cast(tf.greater(value, 0), 'float32')))
    value = tf.relu(value)
  }
  const [n, rows] = value.shape as [number, number]
  let gradient: Tensor = tf.ones([n, rows, 1])
  for (const layer of linear.toReversed()) {
    gradient = tf.matMul(gradient, layer.weight.value, false, true)
    const mask = masks.pop()
    if (mask !== undefined) gradient = tf.mul(gradient, mask)
  }
  return { value, gradient }
}

/**
 * EDAC's networks (An et al. 2021) with CORL's sizes and start values (algorithms/offline/edac.py): a tanh-normal actor and N critics, three hidden
 * layers of 256 each. forward(inputs, {mode}): `compute_actor` (obs) -> {action, logit}; `compute_critic` ({obs, action}) -> {q_value [N, B]}.
 * Names in the state dict: `actor.trunk.{0,2,4}`, `actor.head.mu`, `actor.head.log_sigma_layer` (CORL: log_sigma); `critic.q.{0,2,4,6}`
 * [N, in, out] (CORL: critic.critic).
 */
export class EDACModel extends Module implements ActorCriticModel {
  static readonly config = edacModelConfig

  readonly actor: EDACActor
  readonly critic: EDACCritic

  constructor(cfg: EDACModelConfig, random: RandomStream) {
    super()
    const { ensemble_num, ...sizes } = cfg
    const base = { ...defaultsOf(ContinuousQAC.config), ...sizes }
    const hidden = (width: number, more: number): number[] => Array<number>(more + 1).fill(width)
    this.actor = new EDACActor(base, hidden(cfg.actor_head_hidden_size, cfg.actor_head_layer_num), random)
    const critic = hidden(cfg.critic_head_hidden_size, cfg.critic_head_layer_num)
    this.critic = new EDACCritic(base, ensemble_num, critic, this.actor, random)
    for (const layer of [...this.actor.trunk.layers, ...this.critic.q.layers])
      if (layer instanceof Linear || layer instanceof EnsembleLinear) layer.bias?.data.fill(BIAS_START)
    const layers = this.critic.q.layers.filter((layer) => layer instanceof EnsembleLinear)
    const last = layers.pop()
    if (last === undefined) throw new UsageError('The critics have no linear layer.')
    for (const { weight, inSize, outSize } of layers) {
      // CORL lets torch fill matrices [in, out] as if they were [out, in]: their bound is 1 / sqrt(out).
      const factor = Math.sqrt(inSize / outSize)
      weight.set(weight.data.map((w) => w * factor))
    }
    for (const parameter of last.parameters())
      parameter.set(random.uniform(parameter.size).map((u) => (2 * u - 1) * CRITIC_BOUND))
  }

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    return actorCriticForward(this, inputs, options)
  }
}

MODEL_REGISTRY.register('edac', EDACModel)
