import type { RandomStream } from '../compute/index.js'
import { type ConfigOf, defaultsOf, schema } from '../config/index.js'
import { EnsembleLinear, initWeight, Linear, Module } from '../nn/index.js'
import { MODEL_REGISTRY } from '../registry/index.js'
import { type ActorCriticModel, actorCriticForward } from './actor_critic.js'
import { activationKeys, featureVectorKeys, stochasticActorKeys } from './actor_critic_keys.js'
import { ContinuousActor, ContinuousQAC, EnsembleCritic } from './continuous_qac.js'
import { featureKeys } from './features.js'
import { archOf, net_arch } from './net_arch.js'
import type { ForwardOptions, ModelInput, ModelOutput } from './types.js'

export const REDQ_INITS = ['torch', 'xavier_uniform'] as const

const redqModelConfig = schema({
  ...featureVectorKeys,
  ...stochasticActorKeys,
  ensemble_num: { doc: 'Number of critics (N).', format: 'positive_int', default: 10 },
  net_arch: {
    doc: 'Hidden widths of actor (pi) and critics (qf), or one list for both.',
    format: net_arch,
    default: [256, 256],
  },
  ...activationKeys,
  ...featureKeys,
  init: {
    doc: "Start values of linear layers: 'torch' (Tianshou), or 'xavier_uniform' with zero biases (the authors).",
    format: REDQ_INITS,
    default: 'torch',
  },
})

export type REDQModelConfig = ConfigOf<typeof redqModelConfig>

declare module '../config/index.js' {
  interface ModelConfigMap {
    redq: REDQModelConfig
  }
}

/**
 * REDQ's networks (Chen et al. 2021; tianshou/algorithm/modelfree/redq.py): a tanh-normal actor and an ensemble of critics.
 * forward(inputs, {mode}): `compute_actor` (obs) -> {action, logit}, `compute_critic` ({obs, action}) -> {q_value [N, B]}, with `members` only
 * those. Names in the state dict: `actor.trunk.{0,2}` = Tianshou's preprocess.model.model.{0,2}, `actor.head.mu` = mu.model.0,
 * `actor.head.log_sigma_layer` = sigma.model.0; `critic.q.{0,2,..}` [N, in, out] as its EnsembleLinear layers.
 */
export class REDQModel extends Module implements ActorCriticModel {
  static readonly config = redqModelConfig

  readonly actor: ContinuousActor
  readonly critic: EnsembleCritic

  constructor(cfg: REDQModelConfig, random: RandomStream) {
    super()
    const { net_arch: arch, ensemble_num, init: _init, ...rest } = cfg
    const { pi, qf } = archOf(arch)
    const all = { ...defaultsOf(ContinuousQAC.config), ...rest }
    this.actor = new ContinuousActor(all, pi, random)
    this.critic = new EnsembleCritic(all, ensemble_num, qf, this.actor, random)
    if (cfg.init === 'xavier_uniform') this.fillXavier(random)
  }

  /** Every weight of a linear layer xavier uniform with gain 1, every bias of one 0; an encoder's convolutions and norms stay. */
  private fillXavier(random: RandomStream): void {
    const isLinear = (module: Module) => module instanceof Linear || module instanceof EnsembleLinear
    const linear = new Set([...this.modules()].filter(isLinear).flatMap((layer) => layer.parameters()))
    for (const [name, parameter] of this.namedParameters()) {
      if (!linear.has(parameter)) continue
      const { data, shape } = parameter
      if (name.endsWith('bias')) data.fill(0)
      else {
        // A critic's weight is [N, in, out]: each member is drawn by its own fans.
        const [fanOut, fanIn] = shape.slice(-2) as [number, number]
        data.set(initWeight([...shape], random, { type: 'xavier_uniform' }, { fanIn, fanOut }))
      }
    }
  }

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    return actorCriticForward(this, inputs, options)
  }
}

MODEL_REGISTRY.register('redq', REDQModel)
