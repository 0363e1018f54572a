import * as tf from '@tensorflow/tfjs-core'
import type { Parameter, RandomStream } from '../compute/index.js'
import { type ConfigOf, schema } from '../config/index.js'
import {
  blockLayers,
  EnsembleMLP,
  GsdeHead,
  Linear,
  Module,
  NormalHead,
  type ObsShape,
  Sequential,
  type StochasticHead,
  toFloat,
} from '../nn/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import { UsageError } from '../utils/index.js'
import {
  type ActorCriticModel,
  type ActorModel,
  type ActorOptions,
  actionWidth,
  actorCriticForward,
  type CriticOptions,
  partOfInput,
} from './actor_critic.js'
import { activationKeys, depthKeys, featureVectorKeys, widthKeys } from './actor_critic_keys.js'
import { type FeatureConfig, Features, featureKeys, withoutEncoder } from './features.js'
import { archOf, net_arch } from './net_arch.js'
import type { ForwardOptions, Model, ModelInput, ModelOutput } from './types.js'

/** What the actor gives: the action itself, or a distribution. */
export const ACTION_SPACES = ['regression', 'reparameterization'] as const

/** Keys of gSDE, for the schemas of models with a stochastic actor. */
export const gsdeKeys = {
  use_sde: {
    doc: 'Explore by generalised state-dependent noise (gSDE) instead of independent noise.',
    format: 'boolean',
    default: false,
  },
  log_std_init: {
    doc: "gSDE: start value of the noise weights' log standard deviation.",
    format: 'number',
    default: -3,
  },
  full_std: {
    doc: 'gSDE: a standard deviation for each feature and action; false: one a feature.',
    format: 'boolean',
    default: true,
  },
  use_expln: {
    doc: 'gSDE: std = log(1 + x) + 1 above 0 instead of exp(x), which grows slower.',
    format: 'boolean',
    default: false,
  },
  clip_mean: {
    doc: 'gSDE: the mean before the tanh is kept in +- this; 0: not at all.',
    format: 'nonnegative_number',
    default: 2,
  },
} as const

const continuousQACConfig = schema({
  ...featureVectorKeys,
  action_space: {
    doc: "'regression': the actor gives the action, tanh-bounded. 'reparameterization': a normal distribution before the tanh.",
    format: ACTION_SPACES,
    default: 'regression',
  },
  twin_critic: { doc: 'Two critics instead of one.', format: 'boolean', default: false },
  n_critics: {
    doc: 'Number of critics. null: one, or two with twin_critic.',
    format: 'positive_int',
    default: null,
    nullable: true,
  },
  ...widthKeys(64),
  ...depthKeys(1),
  net_arch: {
    doc: 'All hidden widths as SB3 gives them, [256, 256] or {pi: [...], qf: [...]}. null: by the four keys above.',
    format: net_arch,
    default: null,
    nullable: true,
  },
  ...activationKeys,
  norm_type: {
    doc: "Normalisation in the hidden layers: 'LN' (layer). Batch normalisation: the model crossq.",
    format: ['LN'],
    default: null,
    nullable: true,
  },
  ...featureKeys,
  ...gsdeKeys,
})

export type ContinuousQACConfig = ConfigOf<typeof continuousQACConfig>

declare module '../config/index.js' {
  interface ModelConfigMap {
    continuous_qac: ContinuousQACConfig
  }
}

/** Hidden layers `trunk`, then the action itself (`last`, tanh) or a distribution (`head`: mu, log_sigma_layer; gSDE: mu, log_std). */
export class ContinuousActor extends Module implements ActorModel {
  readonly encoder: Features
  readonly trunk: Sequential
  readonly last: Linear | undefined
  readonly head: StochasticHead | undefined

  constructor(cfg: ContinuousQACConfig, hidden: readonly number[], random: RandomStream) {
    super()
    this.encoder = new Features(cfg.obs_shape, cfg, random)
    const actions = actionWidth(cfg.action_shape)
    const widths = [this.encoder.outputSize, ...hidden]
    const block = { activation: cfg.activation, norm_type: cfg.norm_type }
    this.trunk = new Sequential(
      ...hidden.flatMap((width, i) => blockLayers(widths[i] as number, width, random, block)),
    )
    const features = widths.at(-1) as number
    if (cfg.action_space === 'regression') this.last = new Linear(features, actions, random)
    else
      this.head = cfg.use_sde
        ? new GsdeHead(features, actions, random, cfg)
        : new NormalHead(features, actions, random)
  }

  get outputLayers(): readonly Linear[] {
    return this.head?.outputLayers ?? (this.last === undefined ? [] : [this.last])
  }

  /** obs [B, n] -> {action [B, A]}, and {logit} when stochastic. */
  forward(inputs: ModelInput, options: ActorOptions = {}): ModelOutput {
    const features = this.trunk.forward(this.encoder.forward(inputs))
    if (this.last !== undefined) return { action: tf.tanh(this.last.forward(features)) }
    const logit = (this.head as StochasticHead).forward(features, options.exploration)
    return { action: tf.tanh(logit.mu), logit }
  }
}

/** What the critics take of a model's config. */
export interface CriticConfig extends FeatureConfig {
  readonly obs_shape: ObsShape
  readonly action_shape: number | readonly number[]
  readonly activation: string
  readonly norm_type: 'LN' | null
}

/**
 * `count` critics in batched products, `q.0`, `q.2`, ...: weights [N, in, out], biases [N, 1, out]. All see an image through one `encoder`, their own
 * or, with share_encoder, the actor's, which they then leave as it is.
 */
export class EnsembleCritic extends Module implements Model {
  readonly q: EnsembleMLP
  readonly encoder: Features
  private readonly shared: boolean

  constructor(
    cfg: CriticConfig,
    count: number,
    hidden: readonly number[],
    actor: { readonly encoder: Features },
    random: RandomStream,
  ) {
    super()
    const { activation, norm_type } = cfg
    this.shared = cfg.share_encoder
    const encoder = this.shared ? actor.encoder : new Features(cfg.obs_shape, cfg, random)
    const inputs = encoder.outputSize + actionWidth(cfg.action_shape)
    this.q = new EnsembleMLP(count, inputs, hidden, 1, random, { activation, norm_type })
    this.encoder = encoder
  }

  override parameters(): Parameter[] {
    return withoutEncoder(super.parameters(), this.encoder, this.shared)
  }

  /** {obs [B, n], action [B, A]} -> {q_value [N, B]}, N being the number of critics or of `options.members`. */
  forward(inputs: ModelInput, options: CriticOptions = {}): ModelOutput {
    const action = toFloat(partOfInput(inputs, 'action') as tf.Tensor)
    const features = this.encoder.forward(partOfInput(inputs, 'obs'), this.shared)
    const x = tf.concat([features, action], 1)
    return { q_value: tf.squeeze(this.q.forward(x, options.members), [-1]) }
  }
}

/**
 * Actor and critics for continuous actions; arguments and defaults are DI-engine's continuous_qac (ding/model/template/qac.py), with the
 * hidden widths alternatively as SB3's net_arch. forward(inputs, {mode}): `compute_actor` (obs) -> {action [B, A]}, with `reparameterization`
 * also {logit: {mu, sigma, log_sigma}}; `compute_critic` ({obs, action}) -> {q_value [N, B]}, N rows also for one critic or two (DI-engine:
 * a tensor or a list).
 *
 * Images go through an encoder each of actor and critics, or one for both: `actor.encoder.*`, `critic.encoder.*`.
 *
 * Names in the state dict, beside torch's (weights of critics are transposed, w[i] = W_i^T):
 * `actor.trunk.{0,2,..}` = SB3 latent_pi.{0,2,..} (TD3: mu.{0,2,..}); `actor.head.mu` = mu, `actor.head.log_sigma_layer` = log_std,
 * `actor.head.log_std` = gSDE's log_std, `actor.last` = TD3's last mu layer; `critic.q.{0,2,..}` [N, in, out] = qf0.{0,2,..}, qf1.{0,2,..}.
 */
export class ContinuousQAC extends Module implements ActorCriticModel {
  static readonly config = continuousQACConfig

  readonly actor: ContinuousActor
  readonly critic: EnsembleCritic

  constructor(cfg: ContinuousQACConfig, random: RandomStream) {
    super()
    const { actor_head_hidden_size, actor_head_layer_num, critic_head_hidden_size, critic_head_layer_num } =
      cfg
    if (cfg.use_sde && cfg.action_space === 'regression') {
      throw new UsageError("use_sde needs a stochastic actor: set action_space to 'reparameterization'.")
    }
    const { pi, qf } = archOf(
      cfg.net_arch ?? {
        pi: repeated(actor_head_hidden_size, actor_head_layer_num),
        qf: repeated(critic_head_hidden_size, critic_head_layer_num),
      },
    )
    const count = cfg.n_critics ?? (cfg.twin_critic ? 2 : 1)
    this.actor = new ContinuousActor(cfg, pi, random)
    this.critic = new EnsembleCritic(cfg, count, qf, this.actor, random)
  }

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    return actorCriticForward(this, inputs, options)
  }
}

/** The input layer's width and those of `layer_num` more. */
function repeated(width: number, layer_num: number): number[] {
  return Array<number>(layer_num + 1).fill(width)
}

MODEL_REGISTRY.register('continuous_qac', ContinuousQAC)
