import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import {
  type Adam,
  backward,
  type HostOutputs,
  type HostTree,
  random,
  withoutNegligible,
} from '../compute/index.js'
import { type ConfigOf, extendSchema } from '../config/index.js'
import type { Batch } from '../data/index.js'
import { IQLModel, type ModelOutput, normalLogit } from '../model/index.js'
import type { ObsTensor } from '../nn/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { ConfigError, type StateTree } from '../utils/index.js'
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
  type CriticLoss,
  type CriticOutput,
  column,
  type LearningRate,
  leastOf,
  squaredErrors,
} from './actor_critic_update.js'
import { adamKeys } from './adam_options.js'
import { stepChecked } from './common.js'
import { learningRateAt } from './lr_schedule.js'
import { partOf } from './saved_state.js'
import type { LearnOutput } from './types.js'

export const iqlPolicyConfig = extendSchema(actorCriticPolicyConfig, {
  learn: {
    ...adamKeys,
    learning_rate_q: learningRateKey('critics'),
    learning_rate_value: learningRateKey('value network'),
    learning_rate_policy: learningRateKey('actor'),
    policy_lr_schedule: {
      doc: "The actor's own lr_schedule; CORL: { type: 'cosine' } over the whole run. null: lr_schedule, as the others.",
      format: 'any_record',
      default: null,
      nullable: true,
    },
    ...targetKeys,
    iql_tau: {
      doc: "Expectile of the values of the data's actions that a state is worth, above 0.5 for the better ones.",
      format: 'unit_interval',
      default: 0.7,
    },
    beta: {
      doc: "How much better actions count more: the weight of cloning one is exp(beta advantage). 0: behaviour cloning. (DI-engine's beta is 1 over this.)",
      format: 'nonnegative_number',
      default: 3,
    },
    exp_adv_max: { doc: 'The most that this weight can be.', format: 'positive_number', default: 100 },
  },
  other: { replay_buffer: { replay_buffer_size: { default: 2_000_000 } } },
})

export type IQLConfig = ConfigOf<typeof iqlPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    iql: IQLConfig
  }
  interface DefaultModelMap {
    iql: 'iql'
  }
}

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI)

/**
 * Implicit Q-learning (Kostrikov et al. 2022): a state's value is an expectile of the values of the data's actions, critics bootstrap from it, and
 * the actor clones the data's actions with weights exp(beta advantage). No action outside the data is ever valued. Defaults and order are CORL's
 * (algorithms/offline/iql.py): all losses are built from the networks before the update. (DI-engine's iql has no target network.)
 */
@POLICY_REGISTRY.register('iql')
export class IQLPolicy extends ActorCriticPolicy<IQLConfig> {
  static override readonly config = iqlPolicyConfig

  private valueOptimizer!: Adam
  private valueRate!: (step: number) => number

  protected override get policyName(): string {
    return 'iql'
  }

  override defaultModel(): [string, string[]] {
    return ['iql', ['ding/model/iql']]
  }

  protected override get learningRates() {
    return learningRatesOf(this.cfg.learn)
  }

  /** @throws ConfigError for a model of another kind */
  protected override get nets(): IQLModel {
    if (this.model instanceof IQLModel) return this.model
    throw new ConfigError(
      "policy.model.type names a model without a value network, which iql needs. Leave it out, or name 'iql'.",
      { path: 'policy.model.type' },
    )
  }

  // ---- learn ----

  protected override initLearn(): void {
    const { critic, value } = this.nets
    const { target_theta, learning_rate_value } = this.cfg.learn
    this.follow(critic, target_theta)
    this.valueOptimizer = this.adam(value, learning_rate_value)
    this.valueRate = this.rateAt(learning_rate_value, 'learning_rate_value')
    super.initLearn()
  }

  protected override actorRate(rate: LearningRate): (updates: number) => number {
    const { policy_lr_schedule } = this.cfg.learn
    return policy_lr_schedule === null
      ? super.actorRate(rate)
      : learningRateAt(policy_lr_schedule, rate.start, this.runLength)
  }

  protected override criticFunction(batch: ActorCriticBatch): CriticOutput {
    const { critic, value } = this.nets
    const { iql_tau } = this.cfg.learn
    const obs = this.shaped(batch.obs)
    const data = { obs, action: batch.action }
    const worth = leastOf(this.followed?.target.forward(data)['q_value'] as Tensor)
    const target = this.bootstrap(batch, value.forward(this.shaped(batch.next_obs)).value)
    let v!: Tensor
    const value_loss = backward(value.parameters(), () => {
      v = value.forward(obs).value
      return expectile_loss(tf.sub(worth, v), iql_tau)
    })
    let q!: Tensor
    let errors!: CriticLoss
    const critic_loss = backward(critic.parameters(), () => {
      q = critic.forward(data)['q_value'] as Tensor
      errors = squaredErrors(q, target, batch.weight)
      return tf.div(errors.loss, q.shape[0] as number)
    })
    return {
      critic_loss,
      value_loss,
      q_value: tf.mean(q),
      value: tf.mean(v),
      target_q_value: tf.mean(target),
      td_error: tf.mean(errors.priority),
      priority: errors.priority,
      advantage: tf.sub(worth, v),
    }
  }

  protected override afterCritics({ value_loss }: Readonly<Record<string, number>>): LearnOutput {
    this.valueOptimizer.lr = this.valueRate(this.updates)
    stepChecked(this.valueOptimizer, { value_loss: value_loss as number })
    return { cur_lr_value: this.valueOptimizer.lr }
  }

  protected override actorInputs(
    { obs, action }: Batch,
    critics?: HostOutputs<CriticOutput>,
  ): Record<string, HostTree> {
    const advantage = critics?.['advantage'] as HostTree
    return { obs: obs as HostTree, action: action as HostTree, advantage }
  }

  protected override actorFunction(batch: ActorBatch): ActorOutput {
    const { actor } = this.nets
    const { beta, exp_adv_max } = this.cfg.learn
    const obs = this.shaped(batch.obs)
    const advantage = column(batch['advantage'] as Tensor)
    const weight = withoutNegligible(tf.minimum(tf.exp(tf.mul(advantage, beta)), exp_adv_max))
    const actor_loss = backward(actor.parameters(), () => {
      const output = actor.forward(obs)
      const action = tf.reshape(batch['action'] as Tensor, (output['action'] as Tensor).shape)
      return tf.mean(tf.mul(weight, cloningLoss(output, action)))
    })
    return { actor_loss, advantage: tf.mean(advantage) }
  }

  protected override monitorVarsLearn(): string[] {
    return [...super.monitorVarsLearn(), 'actor_loss', 'value_loss', 'value', 'advantage', 'cur_lr_value']
  }

  protected override stateDictLearn(): StateTree {
    return { ...super.stateDictLearn(), optimizer_value: this.valueOptimizer.stateDict() }
  }

  protected override loadStateDictLearn(state: StateTree): void {
    super.loadStateDictLearn(state)
    this.valueOptimizer.loadStateDict(partOf(state, 'optimizer_value'))
  }

  // ---- collect and eval ----

  /** Actions of the distribution, or the actor's own, kept in [-1, 1]. */
  private drawn(obs: ObsTensor): ModelOutput {
    const output = this.nets.actor.forward(this.shaped(obs))
    if (output['logit'] === undefined) return { action: output['action'] as Tensor }
    const { mu, sigma } = normalLogit(output)
    return { action: tf.clipByValue(tf.add(mu, tf.mul(sigma, random.normal(mu.shape))), -1, 1) }
  }

  protected override collectFunction(obs: ObsTensor): ModelOutput {
    return this.drawn(obs)
  }

  protected override evalFunction(obs: ObsTensor): ModelOutput {
    return this.cfg.eval.deterministic ? super.evalFunction(obs) : this.drawn(obs)
  }
}

/** mean |tau - (u < 0)| u^2: least squares with errors u below 0 weighing 1 - tau and those above tau. */
export function expectile_loss(u: Tensor, tau: number): Tensor {
  const weight = tf.where(tf.less(u, 0), tf.fill(u.shape, 1 - tau), tf.fill(u.shape, tau))
  return tf.mean(tf.mul(weight, tf.square(u)))
}

/** What it costs the actor that an action was another, [B]: -log density, or the squared distance where there is none. */
function cloningLoss(output: ModelOutput, action: Tensor): Tensor {
  if (output['logit'] === undefined)
    return tf.sum(tf.squaredDifference(output['action'] as Tensor, action), 1)
  const { mu, sigma, log_sigma } = normalLogit(output)
  const half = tf.mul(tf.square(tf.div(tf.sub(action, mu), sigma)), 0.5)
  return tf.sum(tf.add(tf.add(half, log_sigma), HALF_LOG_2PI), 1)
}
