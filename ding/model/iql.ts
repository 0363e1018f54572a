import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { Parameter, type RandomStream } from '../compute/index.js'
import { type ConfigOf, defaultsOf, schema } from '../config/index.js'
import { blockLayers, Linear, Module, type ObsShape, Sequential } from '../nn/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import {
  type ActorCriticModel,
  type ActorModel,
  actionWidth,
  actorCriticForward,
  flatObs,
  flatWidth,
} from './actor_critic.js'
import { activationKeys, vectorKeys } from './actor_critic_keys.js'
import { ContinuousQAC, type EnsembleCritic } from './continuous_qac.js'
import type { ForwardOptions, Model, ModelInput, ModelOutput } from './types.js'

const hiddenKey = (of: string) =>
  ({ doc: `Hidden widths of ${of}.`, format: 'positive_int_list', default: [256, 256] }) as const

const iqlModelConfig = schema({
  ...vectorKeys,
  iql_deterministic: {
    doc: 'The actor gives an action; false: a normal distribution around it with a deviation for each action dimension, the same in all states.',
    format: 'boolean',
    default: false,
  },
  actor_hidden_size: hiddenKey('the actor'),
  critic_hidden_size: hiddenKey('each of the two critics'),
  value_hidden_size: hiddenKey('the value network'),
  actor_dropout: {
    doc: "Dropout rate behind the actor's hidden layers (CORL: 0.1 for Adroit; its normal actor leaves it out all the same). null: none.",
    format: 'unit_interval',
    default: null,
    nullable: true,
  },
  ...activationKeys,
})

export type IQLModelConfig = ConfigOf<typeof iqlModelConfig>

declare module '../config/index.js' {
  interface ModelConfigMap {
    iql: IQLModelConfig
  }
}

const LOG_STD_MIN = -20
const LOG_STD_MAX = 2

/** tanh(net(obs)), and around it a normal distribution (not squashed) whose log_std is a parameter [A]. */
export class IQLActor extends Module implements ActorModel {
  readonly head = undefined
  readonly net: Sequential
  readonly log_std: Parameter | undefined
  private readonly last: Linear
  private readonly obsShape: ObsShape

  constructor(cfg: IQLModelConfig, random: RandomStream) {
    super()
    this.obsShape = cfg.obs_shape
    const actions = actionWidth(cfg.action_shape)
    const options = { activation: cfg.activation, dropout: cfg.actor_dropout }
    const widths = [flatWidth(cfg.obs_shape), ...cfg.actor_hidden_size]
    this.last = new Linear(widths.at(-1) as number, actions, random)
    this.net = new Sequential(...layersOf(widths, options, random), this.last)
    if (!cfg.iql_deterministic) this.log_std = new Parameter([actions], true, new Float32Array(actions))
  }

  get outputLayers(): readonly Linear[] {
    return [this.last]
  }

  /** The last layer is seen through `net` only. */
  override *children(): Generator<[string, Module | Parameter]> {
    yield ['net', this.net]
    if (this.log_std !== undefined) yield ['log_std', this.log_std]
  }

  /** obs [B, n] -> {action [B, A]}, the mean; with a distribution also {logit: {mu, sigma, log_sigma}}, before any clipping. */
  forward(inputs: ModelInput): ModelOutput {
    const action = tf.tanh(this.net.forward(flatObs(inputs, this.obsShape)))
    if (this.log_std === undefined) return { action }
    const log_std = tf.clipByValue(this.log_std.value, LOG_STD_MIN, LOG_STD_MAX)
    const log_sigma = tf.tile(tf.expandDims(log_std, 0), [action.shape[0] as number, 1])
    return { action, logit: { mu: action, sigma: tf.exp(log_sigma), log_sigma } }
  }
}

/** The value of a state, whatever is done there. */
export class ValueNetwork extends Module implements Model {
  readonly v: Sequential

  constructor(
    private readonly obsShape: ObsShape,
    hidden: readonly number[],
    activation: string,
    random: RandomStream,
  ) {
    super()
    const widths = [flatWidth(obsShape), ...hidden]
    const last = new Linear(widths.at(-1) as number, 1, random)
    this.v = new Sequential(...layersOf(widths, { activation }, random), last)
  }

  /** obs [B, n] -> {value [B]}. */
  forward(inputs: ModelInput): { value: Tensor } {
    return { value: tf.squeeze(this.v.forward(flatObs(inputs, this.obsShape)), [1]) }
  }
}

function layersOf(
  widths: readonly number[],
  options: { activation: string; dropout?: number | null },
  random: RandomStream,
) {
  return widths.slice(1).flatMap((width, i) => blockLayers(widths[i] as number, width, random, options))
}

/**
 * IQL's networks (Kostrikov et al. 2022) as CORL's (algorithms/offline/iql.py): actor, two critics, a value network. forward(inputs, {mode}):
 * `compute_actor` (obs) -> {action[, logit]}; `compute_critic` ({obs, action}) -> {q_value [2, B]}; `compute_value` (obs) -> {value [B]}.
 * Names in the state dict: `actor.net.{0,2,4}` = CORL's net.net, `actor.log_std`; `critic.q.{0,2,4}` [2, in, out] = q1.net, q2.net;
 * `value.v.{0,2,4}` = v.net.
 */
export class IQLModel extends Module implements ActorCriticModel {
  static readonly config = iqlModelConfig

  readonly actor: IQLActor
  readonly critic: EnsembleCritic
  readonly value: ValueNetwork

  constructor(cfg: IQLModelConfig, random: RandomStream) {
    super()
    const { obs_shape: shape, action_shape, activation } = cfg
    this.actor = new IQLActor(cfg, random)
    const base = new ContinuousQAC(
      {
        ...defaultsOf(ContinuousQAC.config),
        obs_shape: shape,
        action_shape,
        activation,
        twin_critic: true,
        net_arch: { pi: [], qf: [...cfg.critic_hidden_size] },
      },
      random,
    )
    this.critic = base.critic
    this.value = new ValueNetwork(shape, cfg.value_hidden_size, activation, random)
  }

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    if (options?.mode === 'compute_value') return this.value.forward(inputs)
    return actorCriticForward(this, inputs, options)
  }
}

MODEL_REGISTRY.register('iql', IQLModel)
