import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { backward } from '../compute/index.js'
import { type ConfigOf, extendSchema } from '../config/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { targetKeys } from './actor_critic_config.js'
import {
  type ActorCriticBatch,
  type CriticLoss,
  type CriticOutput,
  squaredErrors,
} from './actor_critic_update.js'
import { adamKeys } from './adam_options.js'
import { initOutputLayers, MaxEntropyPolicy, maxEntropyPolicyConfig } from './max_entropy.js'
import type { PolicyOptions } from './types.js'

export const sacPolicyConfig = extendSchema(maxEntropyPolicyConfig, {
  transition_with_policy_data: {
    doc: "Let the untrained policy act during random collection, DI-engine's default for sac. false: uniformly random actions, as the authors' code and SB3.",
    default: false,
  },
  model: {
    action_space: {
      doc: "What the actor gives: 'reparameterization', a normal distribution before the tanh.",
      format: ['reparameterization'],
      default: 'reparameterization',
    },
    twin_critic: { doc: 'Two critics instead of one.', format: 'boolean', default: true },
  },
  learn: {
    ...adamKeys,
    ...targetKeys,
    init_w: {
      doc: "Start the actor's last layers from U(-init_w, init_w), as DI-engine. null: as every other layer.",
      format: 'positive_number',
      default: 3e-3,
      nullable: true,
    },
    reparameterization: {
      doc: "In DI-engine's configs of SAC; has no effect, as there: actions are always reparameterised.",
      format: 'boolean',
      default: true,
    },
  },
  other: { replay_buffer: { replay_buffer_size: { default: 1000000 } } },
})

export type SACConfig = ConfigOf<typeof sacPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    sac: SACConfig
  }
  interface DefaultModelMap {
    sac: 'continuous_qac'
  }
}

/**
 * Soft actor-critic (Haarnoja et al. 2018) with twin critics and an adjusted entropy coefficient. Keys and defaults are DI-engine's
 * (ding/policy/sac.py), but for random collection, where its untrained policy acts: here actions are uniformly random, as in the authors' code
 * and SB3, unless `transition_with_policy_data` is set. The order of one update is SB3's (stable_baselines3/sac/sac.py): critics against the
 * target with the alpha of before, actor and alpha by the new critics, targets. So is the critics' loss, half of DI-engine's, which Adam's steps do not tell.
 */
@POLICY_REGISTRY.register('sac')
export class SACPolicy extends MaxEntropyPolicy<SACConfig> {
  static override readonly config = sacPolicyConfig

  constructor(cfg: SACConfig, options: PolicyOptions) {
    super(cfg, options)
    const { init_w } = cfg.learn
    if (options.model === undefined && init_w !== null)
      initOutputLayers(this.nets.actor, init_w, this.random.stream('init_w'))
  }

  protected override get policyName(): string {
    return 'sac'
  }

  override defaultModel(): [string, string[]] {
    return ['continuous_qac', ['ding/model/continuous_qac']]
  }

  protected override initLearn(): void {
    this.follow(this.nets.critic, this.cfg.learn.target_theta)
    super.initLearn()
  }

  protected override criticFunction(batch: ActorCriticBatch): CriticOutput {
    const { critic } = this.nets
    const obs = this.shaped(batch.obs)
    const next_obs = this.shaped(batch.next_obs)
    this.head.resetNoise()
    const next = this.sample(next_obs)
    const next_q = this.targetValues(next_obs, next.action)
    const soft_value = tf.sub(tf.min(next_q, 0), tf.mul(this.entropy.value(), next.log_prob))
    const target = this.bootstrap(batch, soft_value)
    let q!: Tensor
    let errors!: CriticLoss
    const critic_loss = backward(critic.parameters(), () => {
      q = critic.forward({ obs, action: batch.action })['q_value'] as Tensor
      errors = squaredErrors(q, target, batch.weight)
      return tf.mul(errors.loss, 0.5)
    })
    return {
      critic_loss,
      q_value: tf.mean(q),
      target_q_value: tf.mean(target),
      td_error: tf.mean(errors.priority),
      priority: errors.priority,
    }
  }

  /** The target critics' values [N, B]. */
  private targetValues(obs: ActorCriticBatch['obs'], action: Tensor): Tensor {
    return this.followed?.target.forward({ obs, action })['q_value'] as Tensor
  }
}
