import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { backward } from '../compute/index.js'
import { type ConfigOf, extendSchema } from '../config/index.js'
import type { Batch } from '../data/index.js'
import type { ObsTensor } from '../nn/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { ConfigError } from '../utils/index.js'
import { targetKeys } from './actor_critic_config.js'
import { type ActorCriticBatch, type CriticOutput, column } from './actor_critic_update.js'
import { adamKeys } from './adam_options.js'
import { MaxEntropyPolicy, maxEntropyPolicyConfig } from './max_entropy.js'
import { ensembleTarget, subset_size, TARGET_MODES } from './redq_target.js'
import type { LearnOutput } from './types.js'

export const redqPolicyConfig = extendSchema(maxEntropyPolicyConfig, {
  random_collect_size: { default: 10000 },
  model: {
    ensemble_num: { doc: 'Number of critics (N).', format: 'positive_int', default: 10 },
  },
  learn: {
    update_per_collect: { default: 20 },
    ...adamKeys,
    learning_rate_q: { default: 1e-3 },
    learning_rate_policy: { default: 1e-3 },
    auto_alpha: { default: false },
    // float32's epsilon, as Tianshou.
    log_prob_eps: { default: 2 ** -23 },
    target_theta: targetKeys.target_theta,
    subset_size: {
      doc: 'How many target critics, drawn anew for each update, make its target (M). A part above a whole number is the chance of one more (the authors).',
      format: subset_size,
      default: 2,
    },
    target_mode: {
      doc: "What the target takes: the least ('min') or the mean ('mean') of the drawn critics; the mean of all ('ave'); a random mixture of all, drawn for each row ('rem').",
      format: TARGET_MODES,
      default: 'min',
    },
    actor_update_freq: {
      doc: "Actor and alpha learn at every this many updates (Tianshou's actor_delay).",
      format: 'positive_int',
      default: 20,
    },
  },
  other: { replay_buffer: { replay_buffer_size: { default: 1_000_000 } } },
})

export type REDQConfig = ConfigOf<typeof redqPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    redq: REDQConfig
  }
  interface DefaultModelMap {
    redq: 'redq'
  }
}

/**
 * Randomized ensembled double Q-learning (Chen et al. 2021): many updates per environment step, with an ensemble of critics, targets from a
 * random few of their target networks, and an actor that follows the mean of all. Order of operations and defaults are Tianshou's
 * (tianshou/algorithm/modelfree/redq.py) and its example's, but that only the drawn target critics are evaluated. The target modes 'ave' and
 * 'rem' and a fractional subset are the authors' (watchernyu/REDQ, redq/algos/redq_sac.py).
 */
@POLICY_REGISTRY.register('redq')
export class REDQPolicy extends MaxEntropyPolicy<REDQConfig> {
  static override readonly config = redqPolicyConfig

  protected override get policyName(): string {
    return 'redq'
  }

  override defaultModel(): [string, string[]] {
    return ['redq', ['ding/model/redq']]
  }

  protected override checkConfig(): void {
    super.checkConfig()
    const { model, learn } = this.cfg
    const count = model['ensemble_num']
    if (typeof count === 'number' && Math.ceil(learn.subset_size) > count) {
      throw new ConfigError(
        `policy.learn.subset_size is ${learn.subset_size}, but policy.model.ensemble_num is ${count}: no more critics can be drawn than there are.`,
        { path: 'policy.learn.subset_size' },
      )
    }
  }

  protected override initLearn(): void {
    this.follow(this.nets.critic, this.cfg.learn.target_theta)
    super.initLearn()
  }

  protected override actorDue(update: number): boolean {
    return update % this.cfg.learn.actor_update_freq === 0
  }

  /** Logs alpha as Tianshou: in every update, as it is after it. */
  protected override async forwardLearn(data: Batch): Promise<LearnOutput> {
    return { ...(await super.forwardLearn(data)), alpha: this.entropy.alpha }
  }

  protected override criticFunction(batch: ActorCriticBatch): CriticOutput {
    const { critic } = this.nets
    const obs = this.shaped(batch.obs)
    const next_obs = this.shaped(batch.next_obs)
    const next = this.sample(next_obs)
    const next_q = this.targetValue(next_obs, next.action)
    const target = this.bootstrap(batch, tf.sub(next_q, tf.mul(this.entropy.value(), next.log_prob)))
    let q!: Tensor
    let error!: Tensor
    const critic_loss = backward(critic.parameters(), () => {
      q = critic.forward({ obs, action: batch.action })['q_value'] as Tensor
      error = tf.sub(q, target)
      const squared = tf.square(error)
      return tf.mean(batch.weight === undefined ? squared : tf.mul(squared, column(batch.weight)))
    })
    return {
      critic_loss,
      q_value: tf.mean(q),
      target_q_value: tf.mean(target),
      td_error: tf.mean(tf.abs(error)),
      priority: tf.abs(tf.mean(error, 0)),
    }
  }

  /** What the target critics make of an action: [B]. */
  private targetValue(obs: ObsTensor, action: Tensor): Tensor {
    const { subset_size, target_mode } = this.cfg.learn
    const values = (members?: Tensor) =>
      this.followed?.target.forward({ obs, action }, members && { members })['q_value'] as Tensor
    return ensembleTarget(values, this.ensembleSize, { mode: target_mode, subset_size })
  }

  private get ensembleSize(): number {
    const [weight] = this.nets.critic.parameters()
    return weight?.shape[0] as number
  }

  protected override actorValue(obs: ObsTensor, action: Tensor): Tensor {
    return tf.mean(this.nets.critic.forward({ obs, action })['q_value'] as Tensor, 0)
  }
}
