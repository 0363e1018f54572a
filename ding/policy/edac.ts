import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { backward } from '../compute/index.js'
import { type ConfigOf, extendSchema } from '../config/index.js'
import { EDACModel } from '../model/index.js'
import type { ObsTensor } from '../nn/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { ConfigError } from '../utils/index.js'
import { targetKeys } from './actor_critic_config.js'
import {
  type ActorCriticBatch,
  type CriticLoss,
  type CriticOutput,
  firstLeastOf,
  squaredErrors,
} from './actor_critic_update.js'
import { adamKeys } from './adam_options.js'
import { initOutputLayers, MaxEntropyPolicy, maxEntropyPolicyConfig } from './max_entropy.js'
import type { PolicyOptions } from './types.js'

export const edacPolicyConfig = extendSchema(maxEntropyPolicyConfig, {
  model: {
    action_space: {
      doc: "What the actor gives: 'reparameterization', a normal distribution before the tanh.",
      format: ['reparameterization'],
      default: 'reparameterization',
    },
    ensemble_num: { doc: 'Number of critics (N).', format: 'positive_int', default: 10 },
  },
  learn: {
    ...adamKeys,
    alpha: { default: 1 },
    log_prob_eps: { default: 1e-6 },
    ...targetKeys,
    init_w: {
      doc: "Start the actor's last layers from U(-init_w, init_w). null: as every other layer.",
      format: 'positive_number',
      default: 1e-3,
      nullable: true,
    },
    eta: {
      doc: "Weight of the critics' diversity: how alike the gradients of their values by the action are. 0: SAC-N.",
      format: 'nonnegative_number',
      default: 1,
    },
    with_q_entropy: {
      doc: "Count the next action's entropy into the target (CORL; DI-engine's default leaves it out).",
      format: 'boolean',
      default: true,
    },
    actor_first: {
      doc: "Actor and alpha move before the critics, as EDAC's authors and CORL; false: after them, as DI-engine.",
      format: 'boolean',
      default: true,
    },
  },
  other: { replay_buffer: { replay_buffer_size: { default: 1_000_000 } } },
})

export type EDACConfig = ConfigOf<typeof edacPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    edac: EDACConfig
  }
  interface DefaultModelMap {
    edac: 'edac'
  }
}

/** Keeps the gradient of a norm finite at 0. Its root must be far below the 1e-10 that is added to the norm. */
const TINY = 1e-37

/**
 * Ensemble-diversified actor critic (An et al. 2021): SAC with the least of N critics, whose loss asks that the gradients of their values by the
 * action point in different directions. Defaults are CORL's (algorithms/offline/edac.py), names of keys DI-engine's (ding/policy/edac.py).
 * Alpha is adjusted on the actor's sample and used from the next update on (CORL draws another one before it).
 */
@POLICY_REGISTRY.register('edac')
export class EDACPolicy extends MaxEntropyPolicy<EDACConfig> {
  static override readonly config = edacPolicyConfig

  constructor(cfg: EDACConfig, options: PolicyOptions) {
    super(cfg, options)
    const { init_w } = cfg.learn
    if (options.model === undefined && init_w !== null)
      initOutputLayers(this.nets.actor, init_w, this.random.stream('init_w'))
  }

  protected override get policyName(): string {
    return 'edac'
  }

  override defaultModel(): [string, string[]] {
    return ['edac', ['ding/model/edac']]
  }

  /** @throws ConfigError for a model of another kind */
  protected override get nets(): EDACModel {
    if (this.model instanceof EDACModel) return this.model
    throw new ConfigError(
      "policy.model.type names a model whose critics have no gradient by the action, which edac needs. Leave it out, or name 'edac'.",
      { path: 'policy.model.type' },
    )
  }

  protected override checkConfig(): void {
    super.checkConfig()
    const count = this.cfg.model['ensemble_num']
    if (count === 1 && this.cfg.learn.eta > 0) {
      throw new ConfigError(
        'policy.model.ensemble_num is 1, but policy.learn.eta is above 0: one critic has none to differ from. Set eta to 0, or take more critics.',
        { path: 'policy.learn.eta' },
      )
    }
  }

  protected override get actorFirst(): boolean {
    return this.cfg.learn.actor_first
  }

  protected override initLearn(): void {
    this.follow(this.nets.critic, this.cfg.learn.target_theta)
    super.initLearn()
  }

  protected override actorValue(obs: ObsTensor, action: Tensor): Tensor {
    return firstLeastOf(this.nets.critic.forward({ obs, action })['q_value'] as Tensor)
  }

  protected override criticFunction(batch: ActorCriticBatch): CriticOutput {
    const { critic } = this.nets
    const { eta, with_q_entropy } = this.cfg.learn
    const obs = this.shaped(batch.obs)
    const next_obs = this.shaped(batch.next_obs)
    const next = this.sample(next_obs)
    const next_values = this.followed?.target.forward({ obs: next_obs, action: next.action })
    const next_q = tf.min(next_values?.['q_value'] as Tensor, 0)
    const bonus = tf.mul(this.entropy.value(), next.log_prob)
    const target = this.bootstrap(batch, with_q_entropy ? tf.sub(next_q, bonus) : next_q)
    let q!: Tensor
    let errors!: CriticLoss
    let diversity_loss: Tensor = tf.scalar(0)
    const critic_loss = backward(critic.parameters(), () => {
      const inputs = { obs, action: batch.action }
      if (eta === 0) {
        q = critic.forward(inputs)['q_value'] as Tensor
        errors = squaredErrors(q, target, batch.weight)
        return errors.loss
      }
      const out = critic.forwardWithGradient(inputs)
      q = out.q_value
      errors = squaredErrors(q, target, batch.weight)
      diversity_loss = gradient_diversity(out.gradient)
      return tf.add(errors.loss, tf.mul(diversity_loss, eta))
    })
    return {
      critic_loss,
      diversity_loss,
      q_value: tf.mean(q),
      target_q_value: tf.mean(target),
      td_error: tf.mean(errors.priority),
      priority: errors.priority,
    }
  }

  protected override monitorVarsLearn(): string[] {
    return [...super.monitorVarsLearn(), 'diversity_loss']
  }
}

/**
 * Mean over rows of the sum of cosines between different critics' gradients [N, B, A], divided by N - 1 (An et al. 2021, eq. 9). The sum over
 * all pairs is the square of the sum, so that no N x N products are needed.
 */
export function gradient_diversity(gradient: Tensor): Tensor {
  const norm = tf.add(tf.sqrt(tf.add(tf.sum(tf.square(gradient), -1, true), TINY)), 1e-10)
  const unit = tf.div(gradient, norm)
  const together = tf.sum(tf.square(tf.sum(unit, 0)), -1)
  const alone = tf.sum(tf.sum(tf.square(unit), -1), 0)
  return tf.div(tf.mean(tf.sub(together, alone)), (gradient.shape[0] as number) - 1)
}
