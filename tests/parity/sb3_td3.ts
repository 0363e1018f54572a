import { defaultsOf } from '../../ding/config/index.js'
import { type TD3Config, TD3Policy } from '../../ding/policy/index.js'
import {
  type ActorCriticCase,
  type GoldenActorCritic,
  modelKeys,
  readActorCritic,
  replayActorCritic,
} from './sb3_actor_critic.js'
import { matrix } from './sb3_replay.js'
import type { FileResult } from './types.js'

/** Stable-Baselines3's TD3 (and DDPG, which is TD3 with other settings): its recorded batches and draws through our `td3` policy. */
export async function sb3Td3(json: unknown): Promise<FileResult> {
  const golden = readActorCritic(json)
  return 'skipped' in golden ? golden : replayActorCritic(golden, td3Case(golden))
}

function td3Case(golden: GoldenActorCritic): ActorCriticCase {
  const noise = Number(golden.config['target_policy_noise'] ?? 0)
  return {
    model: { type: 'continuous_qac', action_space: 'regression', ...modelKeys(golden) },
    build: (options) => new TD3Policy(policyConfig(golden, noise), options),
    stochastic: false,
    targetsActor: true,
    // SB3 draws at its scale, our program standard normal numbers.
    draws: (recorded) =>
      recorded
        .filter(({ op }) => op === 'torch.normal_' && noise > 0)
        .map(({ values }) => matrix(values).data.map((value) => value / noise)),
    scalars: { critic_loss: 'critic_loss', actor_loss: 'actor_loss' },
  }
}

function policyConfig({ config, optimizers, dims }: GoldenActorCritic, noise: number): TD3Config {
  const defaults = defaultsOf(TD3Policy.config)
  const clip = Number(config['target_noise_clip'] ?? 0.5)
  return {
    ...defaults,
    model: { ...defaults.model, action_shape: dims.act },
    nstep: config.n_steps,
    learn: {
      ...defaults.learn,
      discount_factor: config.gamma,
      learning_rate_critic: optimizers.critic.lr,
      learning_rate_actor: optimizers.actor.lr,
      optimizer_eps: optimizers.critic.eps,
      optimizer_betas: optimizers.critic.betas,
      target_theta: config.tau,
      target_update_with_actor: true,
      actor_update_freq: Number(config['policy_delay'] ?? 1),
      noise: noise > 0,
      noise_sigma: noise,
      noise_range: { min: -clip, max: clip },
    },
  }
}
