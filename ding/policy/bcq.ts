import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { type Adam, backward, type Program } from '../compute/index.js'
import { type ConfigOf, extendSchema } from '../config/index.js'
import type { Batch } from '../data/index.js'
import { BCQ, BCQTargets, latentDivergence, type ModelOutput, type VaeOutput } from '../model/index.js'
import type { ObsTensor } from '../nn/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { ConfigError, type HostTensor, type StateTree } from '../utils/index.js'
import { ActorCriticPolicy } from './actor_critic.js'
import {
  actorCriticPolicyConfig,
  learningRateKey,
  learningRatesOf,
  targetKeys,
} from './actor_critic_config.js'
import {
  type ActorBatch,
  type ActorCriticBatch,
  type ActorOutput,
  type CriticOutput,
  column,
} from './actor_critic_update.js'
import { adamKeys } from './adam_options.js'
import { scalarOf, stepChecked } from './common.js'
import { partOf } from './saved_state.js'
import type { LearnOutput } from './types.js'

export const bcqPolicyConfig = extendSchema(actorCriticPolicyConfig, {
  learn: {
    batch_size: { default: 100 },
    learning_rate_q: learningRateKey('critics'),
    learning_rate_policy: learningRateKey('perturbation network'),
    learning_rate_vae: learningRateKey('VAE'),
    ...adamKeys,
    ...targetKeys,
    lmbda: {
      doc: "The target's weight of the lower of the two critics, against that of the higher (soft clipped double Q-learning).",
      format: 'unit_interval',
      default: 0.75,
    },
    candidates: {
      doc: 'Actions sampled for each next observation, of which the target takes the best.',
      format: 'positive_int',
      default: 10,
    },
    kld_coef: {
      doc: "Weight of the KL divergence in the VAE's loss.",
      format: 'nonnegative_number',
      default: 0.5,
    },
    kld_reduce: {
      doc: "The KL divergence of a row: the 'sum' over latent dimensions (DI-engine) or their 'mean' (the authors). null: as those of policy.model.vae_type.",
      format: ['sum', 'mean'],
      default: null,
      nullable: true,
    },
    init_w: {
      doc: "In DI-engine's config of BCQ; has no effect, as there.",
      format: 'nonnegative_number',
      default: 3e-3,
    },
    learning_rate_alpha: {
      doc: "In DI-engine's D4RL configs of BCQ; has no effect, as there.",
      format: 'nonnegative_number',
      default: null,
      nullable: true,
    },
    di_engine_compat: {
      doc: "DI-engine's defect: every row is held to the targets of all rows, a matrix [B, B]. Only to repeat its results.",
      format: 'boolean',
      default: false,
    },
  },
  eval: {
    candidates: {
      doc: 'Actions sampled for each observation when acting, of which the first critic chooses.',
      format: 'positive_int',
      default: 100,
    },
  },
  other: { replay_buffer: { replay_buffer_size: { default: 1_000_000 } } },
})

export type BCQConfig = ConfigOf<typeof bcqPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    bcq: BCQConfig
  }
  interface DefaultModelMap {
    bcq: 'bcq'
  }
}

interface VaeLosses {
  readonly vae_loss: Tensor
  readonly recons_loss: Tensor
  readonly kld_loss: Tensor
}

/**
 * Batch-constrained deep Q-learning (Fujimoto et al. 2019): a VAE of the data's actions proposes, a network perturbs by at most phi, the critics
 * choose. Keys, defaults and the order of one update are DI-engine's (ding/policy/bcq.py): VAE, critics, perturbation, targets, each by the
 * networks that the step before has left. With `vae_type: 'concat'` it is the authors' (sfujim/BCQ). Values and targets are vectors [B] throughout.
 */
@POLICY_REGISTRY.register('bcq')
export class BCQPolicy extends ActorCriticPolicy<BCQConfig> {
  static override readonly config = bcqPolicyConfig

  private vaeOptimizer!: Adam
  private vaeRate!: (step: number) => number
  private vaeUpdate!: Program<{ obs: ObsTensor; action: Tensor }, VaeLosses>
  private target!: BCQTargets

  protected override get policyName(): string {
    return 'bcq'
  }

  override defaultModel(): [string, string[]] {
    return ['bcq', ['ding/model/bcq']]
  }

  protected override get learningRates() {
    return learningRatesOf(this.cfg.learn)
  }

  /** @throws ConfigError for a model of another kind */
  protected override get nets(): BCQ {
    if (this.model instanceof BCQ) return this.model
    throw new ConfigError(
      "policy.model.type names a model without a VAE of actions, which bcq needs. Leave it out, or name 'bcq'.",
      { path: 'policy.model.type' },
    )
  }

  override get actionBound(): number {
    const { max_action } = this.cfg.model
    return typeof max_action === 'number' ? max_action : 1
  }

  // ---- learn ----

  protected override initLearn(): void {
    const { actor, critic, vae } = this.nets
    const { learning_rate_vae, target_theta } = this.cfg.learn
    this.follow(new BCQTargets(actor, critic), target_theta)
    this.target = this.followed?.target.network as BCQTargets
    this.vaeOptimizer = this.adam(vae, learning_rate_vae)
    this.vaeRate = this.rateAt(learning_rate_vae, 'learning_rate_vae')
    this.vaeUpdate = this.compute.program(
      'bcq_learn_vae',
      (batch: { obs: ObsTensor; action: Tensor }) => this.vaeFunction(batch),
      { random: this.random.stream('learn_vae') },
    )
    super.initLearn()
  }

  private vaeFunction(batch: { obs: ObsTensor; action: Tensor }): VaeLosses {
    const { vae } = this.nets
    const inputs = { obs: this.shaped(batch.obs), action: batch.action }
    const { kld_coef } = this.cfg.learn
    let recons_loss!: Tensor
    let kld_loss!: Tensor
    const vae_loss = backward(vae.parameters(), () => {
      const out = this.nets.forward(inputs, { mode: 'compute_vae' }) as VaeOutput
      const action = tf.reshape(batch.action, out.recons_action.shape)
      recons_loss = tf.mean(tf.squaredDifference(out.recons_action, action))
      const divergence = latentDivergence(out)
      kld_loss = tf.mean(this.kldReduce === 'sum' ? tf.sum(divergence, 1) : divergence)
      return tf.add(recons_loss, tf.mul(kld_loss, kld_coef))
    })
    return { vae_loss, recons_loss, kld_loss }
  }

  private get kldReduce(): 'sum' | 'mean' {
    const { kld_reduce } = this.cfg.learn
    return kld_reduce ?? (this.cfg.model['vae_type'] === 'concat' ? 'mean' : 'sum')
  }

  protected override async forwardLearn(data: Batch): Promise<LearnOutput> {
    const { obs, action } = data
    const losses = await this.vaeUpdate.run({ obs, action })
    const logged = Object.fromEntries(
      Object.entries(losses).map(([name, loss]) => [name, scalarOf(loss as HostTensor)]),
    )
    this.vaeOptimizer.lr = this.vaeRate(this.updates)
    stepChecked(this.vaeOptimizer, logged)
    return { ...logged, cur_lr_vae: this.vaeOptimizer.lr, ...(await super.forwardLearn(data)) }
  }

  /** The value of the best of the perturbed samples, [B], by the target networks. */
  private nextValue(next_obs: ObsTensor): Tensor {
    const { candidates, lmbda } = this.cfg.learn
    const sampled = this.nets.sample(next_obs, candidates)
    const { action } = this.target.actor.forward(sampled)
    const q = this.target.critic.forward({ obs: sampled.obs, action: action as Tensor })['q_value'] as Tensor
    const [q1, q2] = tf.unstack(q) as [Tensor, Tensor]
    const mixed = tf.add(tf.mul(tf.minimum(q1, q2), lmbda), tf.mul(tf.maximum(q1, q2), 1 - lmbda))
    return tf.max(tf.reshape(mixed, [-1, candidates]), 1)
  }

  protected override criticFunction(batch: ActorCriticBatch): CriticOutput {
    const { critic } = this.nets
    const obs = this.shaped(batch.obs)
    const next_value = this.nextValue(this.shaped(batch.next_obs))
    const target = this.targetOf(batch, next_value)
    const weight = batch.weight === undefined ? undefined : column(batch.weight)
    let q!: Tensor
    let squared!: Tensor
    let losses!: Tensor
    backward(critic.parameters(), () => {
      q = critic.forward({ obs, action: batch.action })['q_value'] as Tensor
      squared = tf.square(tf.sub(target.rank === 2 ? tf.expandDims(q, 1) : q, target))
      const weighted = weight === undefined ? squared : tf.mul(squared, weight)
      losses = tf.mean(tf.reshape(weighted, [2, -1]), 1)
      return tf.sum(losses)
    })
    const [critic_loss, twin_critic_loss] = tf.unstack(losses) as [Tensor, Tensor]
    const distance = tf.sqrt(squared)
    return {
      critic_loss,
      twin_critic_loss,
      q_value: tf.mean(q),
      target_q_value: tf.mean(next_value),
      td_error: tf.mean(squared),
      priority: tf.mean(distance.rank === 3 ? tf.mean(distance, 1) : distance, 0),
    }
  }

  /** What the critics are to come to, [B]; with DI-engine's defect [B, B], where row i has the next value of row i and the rewards of all. */
  private targetOf(batch: ActorCriticBatch, next_value: Tensor): Tensor {
    const target = this.bootstrap(batch, next_value)
    if (!this.cfg.learn.di_engine_compat) return target
    const reward = this.bootstrap(batch, tf.zerosLike(next_value))
    const kept = tf.sub(this.bootstrap(batch, tf.onesLike(next_value)), reward)
    return tf.add(reward, tf.mul(tf.expandDims(next_value, 1), kept))
  }

  protected override actorFunction(batch: ActorBatch): ActorOutput {
    const { actor, critic } = this.nets
    const obs = this.shaped(batch.obs)
    const sampled = this.nets.sample(obs, 1)
    const actor_loss = backward(actor.parameters(), () => {
      const { action } = actor.forward(sampled)
      const q = critic.forward({ obs: sampled.obs, action: action as Tensor }, { members: 1 })
      return tf.neg(tf.mean(q['q_value'] as Tensor))
    })
    return { actor_loss }
  }

  protected override monitorVarsLearn(): string[] {
    const own = ['twin_critic_loss', 'actor_loss', 'recons_loss', 'kld_loss', 'vae_loss', 'cur_lr_vae']
    return [...super.monitorVarsLearn(), ...own]
  }

  protected override stateDictLearn(): StateTree {
    return { ...super.stateDictLearn(), optimizer_vae: this.vaeOptimizer.stateDict() }
  }

  protected override loadStateDictLearn(state: StateTree): void {
    super.loadStateDictLearn(state)
    this.vaeOptimizer.loadStateDict(partOf(state, 'optimizer_vae'))
  }

  // ---- collect and eval ----

  private best(obs: ObsTensor): ModelOutput {
    return this.nets.forward(this.shaped(obs), { mode: 'compute_eval', candidates: this.cfg.eval.candidates })
  }

  protected override collectFunction(obs: ObsTensor): ModelOutput {
    return this.best(obs)
  }

  protected override evalFunction(obs: ObsTensor): ModelOutput {
    return this.best(obs)
  }
}
