import * as tf from '@tensorflow/tfjs-core'
import type { Parameter, RandomStream } from '../compute/index.js'
import { type ConfigOf, schema } from '../config/index.js'
import {
  Activation,
  BatchRenorm,
  type BatchRenormOptions,
  EnsembleLinear,
  GsdeHead,
  type Layer,
  Linear,
  Module,
  NormalHead,
  Sequential,
  type StochasticHead,
  toFloat,
} from '../nn/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import {
  type ActorCriticModel,
  type ActorModel,
  type ActorOptions,
  actionWidth,
  actorCriticForward,
  partOfInput,
} from './actor_critic.js'
import { activationKeys, featureVectorKeys, stochasticActorKeys } from './actor_critic_keys.js'
import { gsdeKeys } from './continuous_qac.js'
import { Features, featureKeys, withoutEncoder } from './features.js'
import { archOf, net_arch } from './net_arch.js'
import type { ForwardOptions, Model, ModelInput, ModelOutput } from './types.js'

const crossqModelConfig = schema({
  ...featureVectorKeys,
  ...stochasticActorKeys,
  net_arch: {
    doc: 'Hidden widths of actor (pi) and critics (qf), or one list for both.',
    format: net_arch,
    default: { pi: [256, 256], qf: [1024, 1024] },
  },
  n_critics: { doc: 'Number of critics, of which the least counts.', format: 'positive_int', default: 2 },
  ...activationKeys,
  ...featureKeys,
  batch_norm: {
    doc: 'Batch renormalisation before every linear layer of actor and critics.',
    format: 'boolean',
    default: true,
  },
  batch_norm_momentum: {
    doc: "Share of a new batch in the running statistics (torch's convention; JAX's 0.99 is 0.01 here).",
    format: 'unit_interval',
    default: 0.01,
  },
  batch_norm_eps: { doc: 'Added to variances before their root.', format: 'positive_number', default: 0.001 },
  batch_norm_unbiased: {
    doc: 'Variance over N - 1, as SB3-contrib; false: over N, as SBX.',
    format: 'boolean',
    default: true,
  },
  renorm_warmup_steps: {
    doc: 'Updates of a network during which it normalises by the batch alone; the corrections towards the running statistics start after these.',
    format: 'int',
    default: 100_000,
  },
  renorm_rmax: {
    doc: 'Largest correction of the scale, and the inverse of the least.',
    format: 'positive_number',
    default: 3,
  },
  renorm_dmax: {
    doc: 'Largest correction of the mean, in standard deviations.',
    format: 'nonnegative_number',
    default: 5,
  },
  ...gsdeKeys,
})

export type CrossQModelConfig = ConfigOf<typeof crossqModelConfig>

declare module '../config/index.js' {
  interface ModelConfigMap {
    crossq: CrossQModelConfig
  }
}

/** Options of the normalisation layers, or undefined without them. */
function normOf(cfg: CrossQModelConfig): BatchRenormOptions | undefined {
  if (!cfg.batch_norm) return undefined
  return {
    momentum: cfg.batch_norm_momentum,
    eps: cfg.batch_norm_eps,
    unbiased: cfg.batch_norm_unbiased,
    warmup_steps: cfg.renorm_warmup_steps,
    rmax: cfg.renorm_rmax,
    dmax: cfg.renorm_dmax,
  }
}

/**
 * `trunk` = [norm, linear, activation] for each hidden width, then norm, or nothing without hidden widths; `head` = mu and log_sigma_layer (gSDE: mu, log_std).
 * In training ({@link Module.train}) a forward pass moves the running statistics.
 */
export class CrossQActor extends Module implements ActorModel {
  readonly trunk: Sequential
  readonly head: StochasticHead
  readonly encoder: Features

  constructor(cfg: CrossQModelConfig, random: RandomStream) {
    super()
    const norm = normOf(cfg)
    this.encoder = new Features(cfg.obs_shape, cfg, random)
    const widths = [this.encoder.outputSize, ...archOf(cfg.net_arch).pi]
    const layers: Layer[] = []
    for (const [i, width] of widths.entries()) {
      // SB3-contrib has no norm in front of the heads where there are no hidden layers.
      if (norm !== undefined && widths.length > 1) layers.push(new BatchRenorm(width, norm))
      const next = widths[i + 1]
      if (next !== undefined) layers.push(new Linear(width, next, random), new Activation(cfg.activation))
    }
    this.trunk = new Sequential(...layers)
    const [features, actions] = [widths.at(-1) as number, actionWidth(cfg.action_shape)]
    this.head = cfg.use_sde
      ? new GsdeHead(features, actions, random, cfg)
      : new NormalHead(features, actions, random)
  }

  get outputLayers(): readonly Linear[] {
    return this.head.outputLayers
  }

  /** obs [B, ...] -> {action [B, A], logit}. */
  forward(inputs: ModelInput, options: ActorOptions = {}): ModelOutput {
    const features = this.trunk.forward(this.encoder.forward(inputs))
    const logit = this.head.forward(features, options.exploration)
    return { action: tf.tanh(logit.mu), logit: { ...logit } as Record<string, tf.Tensor> }
  }
}

/** All critics in one: `q` = [norm, linear, activation] for each hidden width, then norm and the last linear layer, all with an ensemble axis. */
export class CrossQCritic extends Module implements Model {
  readonly q: Sequential
  readonly encoder: Features
  private readonly shared: boolean
  private readonly count: number

  constructor(cfg: CrossQModelConfig, actor: { readonly encoder: Features }, random: RandomStream) {
    super()
    this.shared = cfg.share_encoder
    this.encoder = this.shared ? actor.encoder : new Features(cfg.obs_shape, cfg, random)
    this.count = cfg.n_critics
    const norm = normOf(cfg)
    const inputs = this.encoder.outputSize + actionWidth(cfg.action_shape)
    const widths = [inputs, ...archOf(cfg.net_arch).qf, 1]
    const layers: Layer[] = []
    for (const [i, width] of widths.slice(0, -1).entries()) {
      if (norm !== undefined) layers.push(new BatchRenorm(width, { ...norm, ensemble: this.count }))
      layers.push(new EnsembleLinear(this.count, width, widths[i + 1] as number, random))
      if (i < widths.length - 2) layers.push(new Activation(cfg.activation))
    }
    this.q = new Sequential(...layers)
  }

  override parameters(): Parameter[] {
    return withoutEncoder(super.parameters(), this.encoder, this.shared)
  }

  /** {obs [B, ...], action [B, A]} -> {q_value [N, B]}. */
  forward(inputs: ModelInput): ModelOutput {
    return { q_value: this.values(this.parts(inputs)) }
  }

  /**
   * Two batches in one pass, so that both are normalised by the same statistics, which move once (CrossQ's joint forward pass).
   * @returns the values [N, B] of either
   */
  joint(now: ModelInput, next: ModelInput): { now: tf.Tensor; next: tf.Tensor } {
    const [a, b] = [this.parts(now), this.parts(next)]
    const both = this.values(tf.concat([a, b], 0))
    const rows = a.shape[0] as number
    return {
      now: tf.slice(both, [0, 0], [this.count, rows]),
      next: tf.slice(both, [0, rows], [this.count, b.shape[0] as number]),
    }
  }

  /** Features and action side by side, [B, n]. */
  private parts(inputs: ModelInput): tf.Tensor {
    const action = toFloat(partOfInput(inputs, 'action') as tf.Tensor)
    return tf.concat([this.encoder.forward(partOfInput(inputs, 'obs'), this.shared), action], 1)
  }

  private values(x: tf.Tensor): tf.Tensor {
    const each = tf.tile(tf.expandDims(x, 0), [this.count, 1, 1])
    return tf.squeeze(this.q.forward(each), [-1])
  }
}

/**
 * CrossQ's networks (Bhatt et al. 2024, section 3; sb3_contrib/crossq/policies.py): batch renormalisation before every linear layer, wide
 * critics, no target networks. forward(inputs, {mode}): `compute_actor` (obs) -> {action, logit}, `compute_critic` ({obs, action}) ->
 * {q_value [N, B]}.
 *
 * Names in the state dict are torch's of SB3-contrib: `actor.trunk.{0..6}` = latent_pi.{0..6}, `actor.head.mu` = mu,
 * `actor.head.log_sigma_layer` = log_std; `critic.q.{0..7}` = qf0.{0..7}, qf1.{0..7}, stacked, with weights transposed to [N, in, out].
 */
export class CrossQModel extends Module implements ActorCriticModel {
  static readonly config = crossqModelConfig

  readonly actor: CrossQActor
  readonly critic: CrossQCritic

  constructor(cfg: CrossQModelConfig, random: RandomStream) {
    super()
    this.actor = new CrossQActor(cfg, random)
    this.critic = new CrossQCritic(cfg, this.actor, random)
  }

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    return actorCriticForward(this, inputs, options)
  }
}

MODEL_REGISTRY.register('crossq', CrossQModel)
