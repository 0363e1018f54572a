import { defaultsOf } from '../../ding/config/index.js'
import { type SACConfig, SACPolicy } from '../../ding/policy/index.js'
import {
  type ActorCriticCase,
  type GoldenActorCritic,
  modelKeys,
  readActorCritic,
  replayActorCritic,
} from './sb3_actor_critic.js'
import type { FileResult } from './types.js'

/** Stable-Baselines3's SAC: its recorded batches and draws through our `sac` policy. */
export async function sb3Sac(json: unknown): Promise<FileResult> {
  const golden = readActorCritic(json)
  return 'skipped' in golden ? golden : replayActorCritic(golden, sacCase(golden))
}

function sacCase(golden: GoldenActorCritic): ActorCriticCase {
  const { use_sde, log_std_init, use_expln, clip_mean } = golden.config
  const sde = { use_sde, log_std_init, use_expln, clip_mean }
  const model = {
    type: 'continuous_qac',
    action_space: 'reparameterization',
    ...modelKeys(golden),
    ...Object.fromEntries(Object.entries(sde).filter(([, value]) => value !== undefined)),
  }
  return {
    model,
    build: (options) => new SACPolicy(policyConfig(golden), options),
    stochastic: true,
    targetsActor: false,
    // SB3 draws for the actor's action before the target's; our programs in the other order. With gSDE the second draw is not used.
    draws: (recorded) => {
      const [first, second] = recorded.filter(({ op }) => op === 'torch.normal_').map(({ values }) => values)
      return use_sde ? [first] : [second, first]
    },
    scalars: {
      critic_loss: 'critic_loss',
      actor_loss: 'policy_loss',
      ent_coef: 'alpha',
      ent_coef_loss: 'alpha_loss',
    },
  }
}

function policyConfig({ config, optimizers, dims }: GoldenActorCritic): SACConfig {
  const defaults = defaultsOf(SACPolicy.config)
  return {
    ...defaults,
    model: { ...defaults.model, action_shape: dims.act },
    nstep: config.n_steps,
    learn: {
      ...defaults.learn,
      discount_factor: config.gamma,
      learning_rate_q: optimizers.critic.lr,
      learning_rate_policy: optimizers.actor.lr,
      learning_rate_alpha: optimizers.log_ent_coef?.lr ?? 0,
      optimizer_eps: optimizers.critic.eps,
      optimizer_betas: optimizers.critic.betas,
      target_theta: config.tau,
      target_update_interval: Number(config['target_update_interval'] ?? 1),
      ent_coef: config['ent_coef'] as number | string,
      target_entropy: config['target_entropy'] as number | 'auto',
      log_prob_eps: 1e-6,
      init_w: null,
    },
  }
}
