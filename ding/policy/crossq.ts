import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { backward, stopGradient } from '../compute/index.js'
import { type ConfigOf, extendSchema } from '../config/index.js'
import { CrossQCritic } from '../model/index.js'
import type { ObsTensor } from '../nn/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import type { SquashedSample } from '../rl_utils/index.js'
import { ConfigError } from '../utils/index.js'
import {
  type ActorCriticBatch,
  type CriticLoss,
  type CriticOutput,
  inMode,
  squaredErrors,
} from './actor_critic_update.js'
import { adamKeys } from './adam_options.js'
import { MaxEntropyPolicy, maxEntropyPolicyConfig } from './max_entropy.js'

export const crossqPolicyConfig = extendSchema(maxEntropyPolicyConfig, {
  random_collect_size: { default: 100 },
  learn: {
    ...adamKeys,
    learning_rate_q: { default: 1e-3 },
    learning_rate_policy: { default: 1e-3 },
    learning_rate_alpha: { default: 1e-3 },
    optimizer_betas: { default: [0.5, 0.999] },
    alpha: { default: 1 },
    log_prob_eps: { default: 1e-6 },
    actor_update_freq: {
      doc: "Actor and alpha learn at every this many updates (SB3-contrib's policy_delay).",
      format: 'positive_int',
      default: 3,
    },
  },
  other: { replay_buffer: { replay_buffer_size: { default: 1_000_000 } } },
})

export type CrossQConfig = ConfigOf<typeof crossqPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    crossq: CrossQConfig
  }
  interface DefaultModelMap {
    crossq: 'crossq'
  }
}

/**
 * CrossQ (Bhatt et al. 2024): SAC without target networks. All critics see (s, a) and (s', a') in one forward pass, so that batch
 * renormalisation takes its statistics over both. What is in training mode, and so moves running statistics: the critics in that pass,
 * the actor in its own update, nothing else. Order of operations and defaults are SB3-contrib's (sb3_contrib/crossq/crossq.py).
 */
@POLICY_REGISTRY.register('crossq')
export class CrossQPolicy extends MaxEntropyPolicy<CrossQConfig> {
  static override readonly config = crossqPolicyConfig

  protected override get policyName(): string {
    return 'crossq'
  }

  override defaultModel(): [string, string[]] {
    return ['crossq', ['ding/model/crossq']]
  }

  protected override actorDue(update: number): boolean {
    return update % this.cfg.learn.actor_update_freq === 0
  }

  protected override criticFunction(batch: ActorCriticBatch): CriticOutput {
    const { actor } = this.nets
    const critic = this.jointCritic
    const next_obs = this.shaped(batch.next_obs)
    this.head.resetNoise()
    const next = inMode(actor, false, () => this.sample(next_obs))
    const now = { obs: this.shaped(batch.obs), action: batch.action }
    const then = { obs: next_obs, action: next.action }
    const alpha = this.entropy.value()
    let q!: Tensor
    let target!: Tensor
    let errors!: CriticLoss
    const critic_loss = backward(critic.parameters(), () => {
      const values = inMode(critic, true, () => critic.joint(now, then))
      q = values.now
      // Values of (s', a') are targets, though their rows are part of the statistics that (s, a) is normalised by.
      const next_value = tf.sub(tf.min(stopGradient(values.next), 0), tf.mul(alpha, next.log_prob))
      target = this.bootstrap(batch, next_value)
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

  protected override sampleToLearn(obs: ObsTensor): SquashedSample {
    return inMode(this.nets.actor, true, () => this.sample(obs))
  }

  protected override actorValue(obs: ObsTensor, action: Tensor): Tensor {
    return inMode(this.nets.critic, false, () => super.actorValue(obs, action))
  }

  /** @throws ConfigError for a model whose critics have no joint forward pass */
  private get jointCritic(): CrossQCritic {
    const { critic } = this.nets
    if (critic instanceof CrossQCritic) return critic
    throw new ConfigError(
      "policy.model.type names a model without CrossQ's joint forward pass. Leave it out, or set it to 'crossq'.",
      { path: 'policy.model.type' },
    )
  }
}
