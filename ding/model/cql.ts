import * as tf from '@tensorflow/tfjs-core'
import { Parameter, type RandomStream } from '../compute/index.js'
import { type ConfigOf, schema } from '../config/index.js'
import {
  blockLayers,
  initWeight,
  Linear,
  Module,
  type NormalLogit,
  type ObsShape,
  Sequential,
  type StochasticHead,
  toFloat,
} from '../nn/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import {
  type ActorCriticModel,
  type ActorModel,
  actionWidth,
  actorCriticForward,
  type CriticModel,
  flatObs,
  flatWidth,
  partOfInput,
} from './actor_critic.js'
import { activationKeys, stochasticActorKeys, vectorKeys, widthKeys } from './actor_critic_keys.js'
import type { ForwardOptions, ModelInput, ModelOutput } from './types.js'

/** Whose start values: those of CORL's algorithms/offline/cql.py, or of its finetune/cql.py. */
export const CQL_INITS = ['offline', 'finetune'] as const
export type CQLInit = (typeof CQL_INITS)[number]

const cqlModelConfig = schema({
  ...vectorKeys,
  ...stochasticActorKeys,
  twin_critic: { doc: 'Two critics instead of one.', format: 'boolean', default: true },
  ...widthKeys(256),
  actor_n_hidden_layers: {
    doc: "The actor's hidden layers (always 3 in CORL).",
    format: 'positive_int',
    default: 3,
  },
  q_n_hidden_layers: {
    doc: "The critics' hidden layers (CORL: 3 offline, 2 in finetune, 5 for AntMaze).",
    format: 'positive_int',
    default: 3,
  },
  q2_n_hidden_layers: {
    doc: "The second critic's hidden layers, where they differ: CORL's offline code leaves it at 3 whatever q_n_hidden_layers says. null: the same.",
    format: 'positive_int',
    default: null,
    nullable: true,
  },
  ...activationKeys,
  orthogonal_init: {
    doc: 'Start from orthogonal matrices (gain sqrt 2, biases 0); false: as PyTorch, with a small last layer (xavier, gain 0.01).',
    format: 'boolean',
    default: true,
  },
  actor_orthogonal_init: {
    doc: 'The same for the actor. null: as CORL, where the offline code leaves it false (its published numbers were made so) and finetune follows orthogonal_init.',
    format: 'boolean',
    default: null,
    nullable: true,
  },
  init_variant: {
    doc: "'offline': the last layer is small in either case and its bias 0. 'finetune': an orthogonal last layer has gain sqrt 2 too, and the bias of a small one stays PyTorch's.",
    format: CQL_INITS,
    default: 'offline',
  },
  policy_log_std_multiplier: {
    doc: "Start value of the factor on the actor's log standard deviation; it is learned.",
    format: 'number',
    default: 1,
  },
  policy_log_std_offset: {
    doc: 'Start value of what is added to it; it is learned too.',
    format: 'number',
    default: -1,
  },
  max_action: {
    doc: 'Actions are tanh(u) times this, for data and environments whose actions lie in [-max_action, max_action] and are not scaled (act_scale). Densities are those of tanh(u).',
    format: 'positive_number',
    default: 1,
  },
})

export type CQLModelConfig = ConfigOf<typeof cqlModelConfig>

declare module '../config/index.js' {
  interface ModelConfigMap {
    cql: CQLModelConfig
  }
}

/** Bounds of the log standard deviation. */
const LOG_STD_MIN = -20
const LOG_STD_MAX = 2
const SMALL_GAIN = 1e-2

/**
 * Fills the linear layers of a network as CORL's init_module_weights; they start as PyTorch's.
 * @param orthogonal_init as in the config; see `init_variant` there for the difference between the two variants
 */
export function initCQLLayers(
  layers: readonly Linear[],
  orthogonal_init: boolean,
  variant: CQLInit,
  random: RandomStream,
): void {
  for (const [i, { weight, bias }] of layers.entries()) {
    const isSmall = i === layers.length - 1 && (variant === 'offline' || !orthogonal_init)
    if (orthogonal_init) {
      const gain = isSmall ? SMALL_GAIN : Math.SQRT2
      weight.set(initWeight(weight.shape, random, { type: 'orthogonal', gain }))
    } else if (isSmall) {
      weight.set(initWeight(weight.shape, random, { type: 'xavier_uniform', gain: SMALL_GAIN }))
    }
    if (orthogonal_init || (isSmall && variant === 'offline')) bias?.data.fill(0)
  }
}

/** One linear layer for both mu and log sigma, with a learned scale and offset of the latter: clamp(m x + c, -20, 2). */
class ScaledNormalHead extends Module implements StochasticHead {
  readonly last: Linear
  /** [1] */
  readonly log_std_multiplier: Parameter
  /** [1] */
  readonly log_std_offset: Parameter

  constructor(
    inSize: number,
    private readonly actions: number,
    multiplier: number,
    offset: number,
    random: RandomStream,
  ) {
    super()
    this.last = new Linear(inSize, 2 * actions, random)
    this.log_std_multiplier = new Parameter([1], true, Float32Array.of(multiplier))
    this.log_std_offset = new Parameter([1], true, Float32Array.of(offset))
  }

  get outputLayers(): readonly Linear[] {
    return [this.last]
  }

  forward(features: tf.Tensor): NormalLogit {
    const [mu, raw] = tf.split(this.last.forward(features), [this.actions, this.actions], -1) as [
      tf.Tensor,
      tf.Tensor,
    ]
    const scaled = tf.add(tf.mul(raw, this.log_std_multiplier.value), this.log_std_offset.value)
    const log_sigma = tf.clipByValue(scaled, LOG_STD_MIN, LOG_STD_MAX)
    return { mu, sigma: tf.exp(log_sigma), log_sigma }
  }

  resetNoise(): void {}
}

/** Hidden layers `trunk`, then `head`: {@link ScaledNormalHead}. */
export class CQLActor extends Module implements ActorModel {
  readonly trunk: Sequential
  readonly head: StochasticHead
  private readonly obsShape: ObsShape
  private readonly maxAction: number

  constructor(cfg: CQLModelConfig, random: RandomStream) {
    super()
    const { actor_head_hidden_size: width, actor_n_hidden_layers, activation } = cfg
    this.obsShape = cfg.obs_shape
    this.maxAction = cfg.max_action
    const inputs = flatWidth(cfg.obs_shape)
    this.trunk = new Sequential(
      ...Array.from({ length: actor_n_hidden_layers }, (_, i) =>
        blockLayers(i === 0 ? inputs : width, width, random, { activation }),
      ).flat(),
    )
    const { policy_log_std_multiplier, policy_log_std_offset } = cfg
    const actions = actionWidth(cfg.action_shape)
    this.head = new ScaledNormalHead(width, actions, policy_log_std_multiplier, policy_log_std_offset, random)
    const orthogonal = cfg.actor_orthogonal_init ?? (cfg.init_variant === 'finetune' && cfg.orthogonal_init)
    initCQLLayers(linearsOf(this), orthogonal, cfg.init_variant, random)
  }

  get outputLayers(): readonly Linear[] {
    return this.head.outputLayers
  }

  /** obs [B, n] -> {action [B, A], logit}. The distribution is the one before tanh and `max_action`. */
  forward(inputs: ModelInput): ModelOutput {
    const logit = this.head.forward(this.trunk.forward(flatObs(inputs, this.obsShape)))
    const action = tf.tanh(logit.mu)
    return {
      action: this.maxAction === 1 ? action : tf.mul(action, this.maxAction),
      logit: { ...logit } as Record<string, tf.Tensor>,
    }
  }
}

/**
 * The critics, each a network of its own: `q.0`, `q.1`. Not one batched product: for two critics and many rows ONNX Runtime is faster with
 * plain matrices, whose bias and relu it fuses with the product.
 */
export class CQLCritic extends Module implements CriticModel {
  readonly q: readonly Sequential[]
  private readonly obsShape: ObsShape

  constructor(cfg: CQLModelConfig, random: RandomStream) {
    super()
    const { critic_head_hidden_size: width, activation } = cfg
    this.obsShape = cfg.obs_shape
    const inputs = flatWidth(cfg.obs_shape) + actionWidth(cfg.action_shape)
    const depths = [cfg.q_n_hidden_layers]
    if (cfg.twin_critic) depths.push(cfg.q2_n_hidden_layers ?? cfg.q_n_hidden_layers)
    this.q = depths.map((depth) => {
      const hidden = Array.from({ length: depth }, (_, i) =>
        blockLayers(i === 0 ? inputs : width, width, random, { activation }),
      )
      const net = new Sequential(...hidden.flat(), new Linear(width, 1, random))
      initCQLLayers(linearsOf(net), cfg.orthogonal_init, cfg.init_variant, random)
      return net
    })
  }

  /** {obs [B, n], action [B, A]} -> {q_value [N, B]}. */
  forward(inputs: ModelInput): ModelOutput {
    const action = toFloat(partOfInput(inputs, 'action') as tf.Tensor)
    const x = tf.concat([flatObs(partOfInput(inputs, 'obs'), this.obsShape), action], 1)
    return { q_value: tf.stack(this.q.map((net) => tf.squeeze(net.forward(x), [-1]))) }
  }
}

function linearsOf(network: Module): Linear[] {
  return [...network.modules()].filter((part) => part instanceof Linear)
}

/**
 * CORL's networks for CQL (algorithms/offline/cql.py, finetune/cql.py): a tanh-normal actor of three hidden layers with a learned scale and
 * offset of its log standard deviation, and two critics. forward(inputs, {mode}): `compute_actor` (obs) -> {action, logit}, `compute_critic`
 * ({obs, action}) -> {q_value [N, B]}.
 *
 * Names in the state dict, beside CORL's: `actor.trunk.{0,2,4}` = actor.base_network.network.{0,2,4}, `actor.head.last` = its last layer,
 * `actor.head.log_std_multiplier` = actor.log_std_multiplier.constant, `actor.head.log_std_offset` likewise ([1] for its scalars);
 * `critic.q.{0,1}.{0,2,..}` = critic1.network.{0,2,..}, critic2.network.{0,2,..}.
 */
export class CQLModel extends Module implements ActorCriticModel {
  static readonly config = cqlModelConfig

  readonly actor: CQLActor
  readonly critic: CQLCritic

  constructor(cfg: CQLModelConfig, random: RandomStream) {
    super()
    this.actor = new CQLActor(cfg, random)
    this.critic = new CQLCritic(cfg, random)
  }

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    return actorCriticForward(this, inputs, options)
  }
}

MODEL_REGISTRY.register('cql', CQLModel)
