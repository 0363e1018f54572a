import { defaultsOf } from '../../ding/config/index.js'
import { type TD3Config, TD3Policy } from '../../ding/policy/index.js'
import {
  type ActorCriticCase,
  type GoldenActorCritic,
  modelKeys,
  nstepOf,
  readActorCritic,
  replayActorCritic,
} from './sb3_actor_critic.js'
import { matrix } from './sb3_replay.js'
import { actorCriticAdam } from './sb3_settings.js'
import type { FileResult } from './types.js'

/** Stable-Baselines3's TD3 (and DDPG, which is TD3 with other settings): its recorded batches and draws through our `td3` policy. */
export async function sb3Td3(json: unknown): Promise<FileResult> {
  const read = readActorCritic(json)
  if ('skipped' in read) return read
  const golden = isDDPG(json) ? { ...read, config: { ...DDPG_DEFAULTS, ...read.config } } : read
  return replayActorCritic(golden, td3Case(golden))
}

/** What SB3's DDPG gives TD3 where a file leaves it out. */
const DDPG_DEFAULTS = { policy_delay: 1, target_policy_noise: 0.1, target_noise_clip: 0, n_critics: 1 }

function isDDPG(json: unknown): boolean {
  return (json as { algo?: unknown }).algo === 'DDPG'
}

function td3Case(golden: GoldenActorCritic): ActorCriticCase {
  const noise = noiseOf(golden)
  return {
    model: { type: 'continuous_qac', action_space: 'regression', ...modelKeys(golden) },
    build: (options) => new TD3Policy(policyConfig(golden), options),
    stochastic: false,
    targetsActor: true,
    // SB3 draws at its scale, our program standard normal numbers.
    draws: (recorded) =>
      recorded
        .filter(({ op }) => op === 'torch.normal_' && noise > 0)
        .map(({ values }) => matrix(values).data.map((value) => value / noise)),
    scalars: { critic_loss: 'critic_loss', actor_loss: 'actor_loss' },
    options: ['policy_delay', 'target_policy_noise', 'target_noise_clip', 'n_critics'],
  }
}

/** SB3's target_policy_noise. */
function noiseOf({ config }: GoldenActorCritic): number {
  return Number(config['target_policy_noise'] ?? 0.2)
}

function policyConfig(golden: GoldenActorCritic): TD3Config {
  const { config, optimizers, dims } = golden
  const noise = noiseOf(golden)
  const defaults = defaultsOf(TD3Policy.config)
  const clip = Number(config['target_noise_clip'] ?? 0.5)
  return {
    ...defaults,
    model: { ...defaults.model, action_shape: dims.act },
    nstep: nstepOf(golden),
    learn: {
      ...defaults.learn,
      ...actorCriticAdam(optimizers),
      discount_factor: config.gamma,
      learning_rate_critic: optimizers.critic.lr,
      learning_rate_actor: optimizers.actor.lr,
      target_theta: config.tau,
      target_update_with_actor: true,
      actor_update_freq: Number(config['policy_delay'] ?? 2),
      noise: noise > 0,
      noise_sigma: noise,
      noise_range: { min: -clip, max: clip },
    },
  }
}
