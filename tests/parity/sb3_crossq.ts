import { defaultsOf } from '../../ding/config/index.js'
import { type ActorModel, normalLogit } from '../../ding/model/index.js'
import type { ObsTensor } from '../../ding/nn/index.js'
import { type CrossQConfig, CrossQPolicy } from '../../ding/policy/index.js'
import type { SquashedSample } from '../../ding/rl_utils/index.js'
import {
  type ActorCriticCase,
  type GoldenActorCritic,
  modelKeys,
  nstepOf,
  readActorCritic,
  replayActorCritic,
  SDE_OPTIONS,
  sdeKeys,
} from './sb3_actor_critic.js'
import { sb3Sample } from './sb3_density.js'
import { actorCriticAdam } from './sb3_settings.js'
import type { FileResult } from './types.js'

/**
 * SB3-contrib's CrossQ: its recorded batches and draws through our `crossq` policy, from the same weights. Losses, gradients, networks
 * with their running statistics, alpha and the networks' answers to probes must come out the same.
 */
export async function sb3CrossQ(json: unknown): Promise<FileResult> {
  const golden = readActorCritic(json)
  return 'skipped' in golden ? golden : replayActorCritic(golden, crossqCase(golden))
}

/** SB3-contrib's options of BatchRenorm, and our keys. */
const NORM = {
  batch_norm: 'batch_norm',
  batch_norm_momentum: 'batch_norm_momentum',
  batch_norm_eps: 'batch_norm_eps',
  renorm_warmup_steps: 'renorm_warmup_steps',
  batch_renorm_rmax: 'renorm_rmax',
  batch_renorm_dmax: 'renorm_dmax',
} as const

function crossqCase(golden: GoldenActorCritic): ActorCriticCase {
  const { use_sde } = golden.config
  return {
    model: modelConfig(golden),
    build: (options, shadow) => new (shadow ? ShadowCrossQ : CrossQPolicy)(policyConfig(golden), options),
    stochastic: true,
    targetsActor: false,
    // gSDE draws weights for learning, then weights for acting, which learning has no use for.
    draws: (recorded) => {
      const drawn = recorded.filter(({ op }) => op === 'torch.normal_').map(({ values }) => values)
      return use_sde ? drawn.slice(0, 1) : drawn
    },
    scalars: { critic_loss: 'critic_loss', actor_loss: 'policy_loss', ent_coef_loss: 'alpha_loss' },
    options: [
      'ent_coef',
      'target_entropy',
      'policy_delay',
      'n_critics',
      'batch_renorm_var',
      ...Object.keys(NORM),
      ...SDE_OPTIONS,
    ],
  }
}

class ShadowCrossQ extends CrossQPolicy {
  protected override sample(obs: ObsTensor, actor: ActorModel = this.nets.actor): SquashedSample {
    return sb3Sample(normalLogit(actor.forward(obs)))
  }
}

/** SB3-contrib's settings as keys of our model. */
function modelConfig(golden: GoldenActorCritic): Record<string, unknown> {
  const { config } = golden
  const norm = Object.entries(NORM).filter(([theirs]) => config[theirs] !== undefined)
  return {
    type: 'crossq',
    ...modelKeys(golden),
    ...Object.fromEntries(norm.map(([theirs, ours]) => [ours, config[theirs]])),
    batch_norm_unbiased: !String(config['batch_renorm_var'] ?? '').startsWith('biased'),
    ...sdeKeys(golden),
  }
}

/** SB3-contrib's settings as a config of our policy. */
function policyConfig(golden: GoldenActorCritic): CrossQConfig {
  const { config, optimizers } = golden
  const defaults = defaultsOf(CrossQPolicy.config)
  return {
    ...defaults,
    model: { ...modelConfig(golden), action_space: 'reparameterization' },
    nstep: nstepOf(golden),
    learn: {
      ...defaults.learn,
      ...actorCriticAdam(optimizers),
      discount_factor: config.gamma,
      actor_update_freq: Number(config['policy_delay'] ?? 3),
      ent_coef: (config['ent_coef'] ?? 'auto') as number | string,
      target_entropy: (config['target_entropy'] ?? 'auto') as number | 'auto',
      learning_rate_q: optimizers.critic.lr,
      learning_rate_policy: optimizers.actor.lr,
      learning_rate_alpha: optimizers.log_ent_coef?.lr ?? 0,
    },
  }
}
