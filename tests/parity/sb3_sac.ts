import { defaultsOf } from '../../ding/config/index.js'
import type { ActorModel } from '../../ding/model/index.js'
import { normalLogit } from '../../ding/model/index.js'
import type { ObsTensor } from '../../ding/nn/index.js'
import { type SACConfig, SACPolicy } from '../../ding/policy/index.js'
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
import { actorCriticAdam, stepsPerCall } from './sb3_settings.js'
import type { FileResult } from './types.js'

/** Stable-Baselines3's SAC: its recorded batches and draws through our `sac` policy. */
export async function sb3Sac(json: unknown): Promise<FileResult> {
  const golden = readActorCritic(json)
  return 'skipped' in golden ? golden : replayActorCritic(golden, sacCase(golden))
}

function sacCase(golden: GoldenActorCritic): ActorCriticCase {
  const { use_sde } = golden.config
  return {
    model: {
      type: 'continuous_qac',
      action_space: 'reparameterization',
      ...modelKeys(golden),
      ...sdeKeys(golden),
    },
    build: (options, shadow) => {
      const cfg = policyConfig(golden)
      const Policy = withTargetsOf(golden, shadow ? ShadowSAC : SACPolicy)
      return new Policy(cfg, options)
    },
    stochastic: true,
    targetsActor: false,
    // SB3 draws for the actor's action before the target's; our programs in the other order. With gSDE the second draw is not used.
    draws: (recorded) => {
      const [first, second] = recorded.filter(({ op }) => op === 'torch.normal_').map(({ values }) => values)
      return use_sde ? [first] : [second, first]
    },
    scalars: { critic_loss: 'critic_loss', actor_loss: 'policy_loss', ent_coef_loss: 'alpha_loss' },
    options: ['ent_coef', 'target_entropy', 'target_update_interval', 'n_critics', ...SDE_OPTIONS],
  }
}

class ShadowSAC extends SACPolicy {
  protected override sample(obs: ObsTensor, actor: ActorModel = this.nets.actor): SquashedSample {
    return sb3Sample(normalLogit(actor.forward(obs)))
  }
}

/**
 * SB3 counts target_update_interval from the start of each call of train(), in whose first step the target always moves: with one gradient step
 * in a call it moves in each. Ours counts updates.
 */
function withTargetsOf({ config }: GoldenActorCritic, Policy: typeof SACPolicy): typeof SACPolicy {
  const interval = Number(config['target_update_interval'] ?? 1)
  const inCall = stepsPerCall(config)
  return class extends Policy {
    protected override targetDue(update: number): boolean {
      return ((update - 1) % inCall) % interval === 0
    }
  }
}

function policyConfig(golden: GoldenActorCritic): SACConfig {
  const { config, optimizers, dims } = golden
  const defaults = defaultsOf(SACPolicy.config)
  return {
    ...defaults,
    model: { ...defaults.model, action_shape: dims.act },
    nstep: nstepOf(golden),
    learn: {
      ...defaults.learn,
      ...actorCriticAdam(optimizers),
      discount_factor: config.gamma,
      learning_rate_q: optimizers.critic.lr,
      learning_rate_policy: optimizers.actor.lr,
      learning_rate_alpha: optimizers.log_ent_coef?.lr ?? 0,
      target_theta: config.tau,
      ent_coef: (config['ent_coef'] ?? 'auto') as number | string,
      target_entropy: (config['target_entropy'] ?? 'auto') as number | 'auto',
      log_prob_eps: 1e-6,
      init_w: null,
    },
  }
}
