import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { backward, random } from '../compute/index.js'
import { type ConfigOf, extendSchema } from '../config/index.js'
import type { ModelOutput } from '../model/index.js'
import type { Module, ObsTensor } from '../nn/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { ConfigError } from '../utils/index.js'
import { ActorCriticPolicy } from './actor_critic.js'
import { actorCriticPolicyConfig, targetKeys } from './actor_critic_config.js'
import {
  type ActorCriticBatch,
  type ActorOutput,
  type CriticLoss,
  type CriticOutput,
  squaredErrors,
} from './actor_critic_update.js'
import { adamKeys } from './adam_options.js'

export const ddpgPolicyConfig = extendSchema(actorCriticPolicyConfig, {
  random_collect_size: { default: 25000 },
  reward_batch_norm: {
    doc: "Bring each batch's rewards to mean 0 and standard deviation 1 before the critics learn of them.",
    format: 'boolean',
    default: false,
  },
  model: {
    action_space: {
      doc: "What the actor gives: 'regression', the action itself.",
      format: ['regression'],
      default: 'regression',
    },
    twin_critic: { doc: 'Two critics instead of one.', format: 'boolean', default: false },
  },
  learn: {
    learning_rate_critic: {
      doc: "Adam's learning rate for the critics.",
      format: 'nonnegative_number',
      default: 1e-3,
    },
    learning_rate_actor: {
      doc: "Adam's learning rate for the actor.",
      format: 'nonnegative_number',
      default: 1e-3,
    },
    ...adamKeys,
    ...targetKeys,
    actor_update_freq: {
      doc: "The actor learns at every this many updates (SB3's policy_delay).",
      format: 'positive_int',
      default: 1,
    },
    target_update_with_actor: {
      doc: 'Move the targets only in updates in which the actor learns, as the TD3 paper and SB3; false: by target_update_interval, as DI-engine.',
      format: 'boolean',
      default: false,
    },
    noise: {
      doc: "Add clipped noise to the target's actions (target policy smoothing).",
      format: 'boolean',
      default: false,
    },
    noise_sigma: {
      doc: "Standard deviation of that noise (SB3's target_policy_noise).",
      format: 'nonnegative_number',
      default: 0.2,
    },
    noise_range: {
      doc: "{min, max} that the noise is clipped to (SB3's target_noise_clip). null: not clipped.",
      format: 'any_record',
      default: { min: -0.5, max: 0.5 },
      nullable: true,
    },
  },
  collect: { noise_type: { default: 'gauss' } },
})

export type DDPGConfig = ConfigOf<typeof ddpgPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    ddpg: DDPGConfig
  }
  interface DefaultModelMap {
    ddpg: 'continuous_qac'
  }
}

/**
 * Deep deterministic policy gradient (Lillicrap et al. 2016) and, by its keys, TD3 (Fujimoto et al. 2018): twin critics, a delayed actor,
 * noise on the target's actions. Keys and defaults are DI-engine's (ding/policy/ddpg.py). The actor follows the first critic; the critic
 * loss is the sum of the critics' mean squared errors.
 */
@POLICY_REGISTRY.register('ddpg')
export class DDPGPolicy extends ActorCriticPolicy<DDPGConfig> {
  static override readonly config: unknown = ddpgPolicyConfig

  private range: { readonly min: number; readonly max: number } | null = null

  protected override get policyName(): string {
    return 'ddpg'
  }

  override defaultModel(): [string, string[]] {
    return ['continuous_qac', ['ding/model/continuous_qac']]
  }

  protected override get learningRates() {
    const { learning_rate_critic, learning_rate_actor } = this.cfg.learn
    return {
      critic: { start: learning_rate_critic, key: 'learning_rate_critic', logged: 'cur_lr_critic' },
      actor: { start: learning_rate_actor, key: 'learning_rate_actor', logged: 'cur_lr_actor' },
    }
  }

  protected override checkConfig(): void {
    super.checkConfig()
    const { reward_batch_norm, nstep } = this.cfg
    if (reward_batch_norm && nstep > 1) {
      throw new ConfigError(
        `policy.reward_batch_norm is true, but policy.nstep is ${nstep}: it is of single rewards. Set nstep to 1, or use policy.vec_normalize.norm_reward.`,
        { path: 'policy.reward_batch_norm' },
      )
    }
  }

  protected override initLearn(): void {
    this.range = clipRange(this.cfg.learn.noise_range)
    this.follow(this.model, this.cfg.learn.target_theta)
    super.initLearn()
  }

  protected override actorDue(update: number): boolean {
    return update % this.cfg.learn.actor_update_freq === 0
  }

  protected override targetDue(update: number, actorLearned: boolean): boolean {
    const { target_update_with_actor, target_update_interval } = this.cfg.learn
    return target_update_with_actor ? actorLearned : update % target_update_interval === 0
  }

  /** The target actor's actions, smoothed by noise where the config asks for it. */
  private targetAction(next_obs: ObsTensor): Tensor {
    const action = this.followed?.target.forward(next_obs, { mode: 'compute_actor' })['action'] as Tensor
    const { noise, noise_sigma } = this.cfg.learn
    if (!noise) return action
    const drawn = tf.mul(random.normal(action.shape), noise_sigma)
    const clipped = this.range === null ? drawn : tf.clipByValue(drawn, this.range.min, this.range.max)
    return tf.clipByValue(tf.add(action, clipped), -1, 1)
  }

  /** The batch with the rewards that the critics learn of. */
  private rewarded(batch: ActorCriticBatch): ActorCriticBatch {
    if (!this.cfg.reward_batch_norm) return batch
    const { reward } = batch
    const { mean, variance } = tf.moments(reward)
    // torch's deviation, of n - 1.
    const std = tf.sqrt(tf.mul(variance, reward.size / Math.max(reward.size - 1, 1)))
    return { ...batch, reward: tf.div(tf.sub(reward, mean), tf.add(std, 1e-8)) }
  }

  protected override criticFunction(batch: ActorCriticBatch): CriticOutput {
    const { critic } = this.nets
    const obs = this.shaped(batch.obs)
    const next_obs = this.shaped(batch.next_obs)
    const next = { obs: next_obs, action: this.targetAction(next_obs) }
    const next_q = this.followed?.target.forward(next, { mode: 'compute_critic' })['q_value'] as Tensor
    const target = this.bootstrap(this.rewarded(batch), tf.min(next_q, 0))
    let q!: Tensor
    let errors!: CriticLoss
    const critic_loss = backward(critic.parameters(), () => {
      q = critic.forward({ obs, action: batch.action })['q_value'] as Tensor
      errors = squaredErrors(q, target, batch.weight)
      return errors.loss
    })
    return {
      critic_loss,
      q_value: tf.mean(q),
      target_q_value: tf.mean(target),
      td_error: tf.mean(errors.priority),
      priority: errors.priority,
    }
  }

  protected override actorFunction(batch: { obs: ObsTensor }): ActorOutput {
    const { actor, critic } = this.nets
    const obs = this.shaped(batch.obs)
    const actor_loss = backward(actor.parameters(), () => {
      const action = actor.forward(obs)['action'] as Tensor
      return tf.neg(tf.mean(critic.forward({ obs, action }, { members: 1 })['q_value'] as Tensor))
    })
    return { actor_loss }
  }

  protected override monitorVarsLearn(): string[] {
    return [...super.monitorVarsLearn(), 'actor_loss']
  }

  /** A subclass whose acting asks the critics has to add them. */
  protected override actingModules(): readonly Module[] {
    return [this.nets.actor]
  }

  protected override collectFunction(obs: ObsTensor): ModelOutput {
    const { action } = this.nets.actor.forward(this.shaped(obs))
    return { action: action as Tensor }
  }
}

/** @throws ConfigError unless it is null or {min, max} */
function clipRange(range: Readonly<Record<string, unknown>> | null): { min: number; max: number } | null {
  if (range === null) return null
  const { min, max, ...others } = range
  if (typeof min === 'number' && typeof max === 'number' && min <= max && Object.keys(others).length === 0)
    return { min, max }
  throw new ConfigError(
    `policy.learn.noise_range is ${JSON.stringify(range)}, expected {min, max} with min <= max, or null.`,
    { path: 'policy.learn.noise_range' },
  )
}
