import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { backward, type RandomStream } from '../compute/index.js'
import type { ConfigOf } from '../config/index.js'
import { extendSchema } from '../config/index.js'
import type { Transition } from '../data/index.js'
import type { EnvTimestep, Obs } from '../envs/index.js'
import { type ActorModel, type ModelOutput, normalLogit } from '../model/index.js'
import { GsdeHead, type Module, type ObsTensor, type StochasticHead } from '../nn/index.js'
import { type SquashedSample, tanh_normal_sample } from '../rl_utils/index.js'
import { ConfigError, type StateTree } from '../utils/index.js'
import { Actor } from './acting.js'
import { ActorCriticPolicy } from './actor_critic.js'
import {
  actorCriticPolicyConfig,
  learningRateKey,
  learningRatesOf,
  stochasticKeys,
} from './actor_critic_config.js'
import { type ActorOutput, inMode, leastOf } from './actor_critic_update.js'
import { type EntropyCoefficient, entropyCoefOf, entropyKeys } from './entropy.js'
import { type Exploration, SdeExploration } from './exploration.js'
import { partOf } from './saved_state.js'
import { SOFT_VALUES, type SoftValues, type ValuedSample } from './soft_values.js'
import type { ById, CollectSettings, LearnOutput, PolicyOutput, RunProgress } from './types.js'

/** The keys of policies with a stochastic actor and an entropy bonus; learning rates have DI-engine's names of its sac. */
export const maxEntropyPolicyConfig = extendSchema(actorCriticPolicyConfig, {
  learn: {
    learning_rate_q: learningRateKey('critics'),
    learning_rate_policy: learningRateKey('actor'),
    ...entropyKeys,
    ...stochasticKeys.learn,
  },
  collect: stochasticKeys.collect,
})

export type MaxEntropyConfig = ConfigOf<typeof maxEntropyPolicyConfig> & { model: Record<string, unknown> }

/**
 * What sac, crossq and redq share: a tanh-normal actor (or one with state-dependent noise), alpha, and the actor's update
 * mean(alpha log pi(a | s) - Q(s, a)). Alpha is the one from before the update in all losses, and is adjusted on the same sample as the actor,
 * as in SB3.
 */
export abstract class MaxEntropyPolicy<
  C extends MaxEntropyConfig = MaxEntropyConfig,
> extends ActorCriticPolicy<C> {
  protected entropy!: EntropyCoefficient
  private alphaRate!: (step: number) => number

  protected override get learningRates() {
    return learningRatesOf(this.cfg.learn)
  }

  /** The stochastic head of the actor. */
  protected get head(): StochasticHead {
    return this.requireHead()
  }

  /** @throws ConfigError for an actor without a stochastic head */
  private requireHead(): StochasticHead {
    const { head } = this.nets.actor
    if (head === undefined) {
      throw new ConfigError(
        `${this.policyName} needs a stochastic actor. Set policy.model.action_space to 'reparameterization'.`,
        { path: 'policy.model.action_space' },
      )
    }
    return head
  }

  protected override initLearn(): void {
    const { learn } = this.cfg
    this.requireHead()
    this.entropy = entropyCoefOf(learn, this.actions)
    this.alphaRate = this.rateAt(learn.learning_rate_alpha, 'learning_rate_alpha')
    super.initLearn()
  }

  /** Inside a program: an action and its log-density for each row. */
  protected sample(obs: ObsTensor, actor: ActorModel = this.nets.actor): SquashedSample {
    return tanh_normal_sample(normalLogit(actor.forward(obs)), this.cfg.learn.log_prob_eps)
  }

  /** What the critics make of the actor's own actions, [B]: the least of them. */
  protected actorValue(obs: ObsTensor, action: Tensor): Tensor {
    return leastOf(this.nets.critic.forward({ obs, action })['q_value'] as Tensor)
  }

  /** {@link sample} for the actor's update, where layers may act as in training. */
  protected sampleToLearn(obs: ObsTensor): SquashedSample {
    return this.sample(obs)
  }

  protected override actorFunction(batch: { obs: ObsTensor }): ActorOutput {
    const obs = this.shaped(batch.obs)
    const alpha = this.entropy.value()
    let log_prob!: Tensor
    const policy_loss = backward(this.nets.actor.parameters(), () => {
      const sample = this.sampleToLearn(obs)
      log_prob = sample.log_prob
      return tf.mean(tf.sub(tf.mul(alpha, log_prob), this.actorValue(obs, sample.action)))
    })
    return {
      policy_loss,
      alpha_loss: this.entropy.loss(log_prob),
      alpha,
      transformed_log_prob: tf.mean(log_prob),
    }
  }

  protected override afterActor(out: Readonly<Record<string, number>>): LearnOutput {
    const learning_rate = this.alphaRate(this.updates)
    this.entropy.step(learning_rate, out['alpha_loss'] as number)
    return { cur_lr_alpha: learning_rate }
  }

  protected override monitorVarsLearn(): string[] {
    return [...super.monitorVarsLearn(), 'policy_loss', 'alpha_loss', 'alpha', 'transformed_log_prob']
  }

  protected override stateDictLearn(): StateTree {
    return { ...super.stateDictLearn(), entropy: this.entropy.state_dict() }
  }

  protected override loadStateDictLearn(state: StateTree): void {
    super.loadStateDictLearn(state)
    this.entropy.load_state_dict(partOf(state, 'entropy'))
  }

  // ---- collect ----

  protected override makeExploration(): Exploration {
    const { head } = this
    const { noise_type, sde_sample_freq } = this.cfg.collect
    if (!(head instanceof GsdeHead)) return super.makeExploration()
    if (noise_type !== null) {
      throw new ConfigError(
        'policy.collect.noise_type adds noise to that of gSDE (policy.model.use_sde). Use one of them.',
        {
          path: 'policy.collect.noise_type',
        },
      )
    }
    return new SdeExploration(head, sde_sample_freq, this.random.stream('noise'))
  }

  protected override collectSettings({ env_step, collect_start = env_step }: RunProgress): CollectSettings {
    return this.cfg.model['use_sde'] === true ? { rollout: collect_start } : {}
  }

  protected override collectFunction(input: ObsTensor): ModelOutput {
    const { actor } = this.nets
    let output: ModelOutput
    if (this.head instanceof GsdeHead) {
      const { obs, exploration } = input as { obs: ObsTensor; exploration: Tensor }
      output = actor.forward(this.shaped(obs), { exploration })
    } else output = actor.forward(this.shaped(input))
    const logit = normalLogit(output)
    const { action } = tanh_normal_sample(logit, null)
    const { mu, sigma } = logit
    return this.cfg.collect.collector_logit ? { action, logit: { mu, sigma } } : { action }
  }

  protected override processTransition(
    obs: Obs,
    output: PolicyOutput,
    timestep: EnvTimestep<Obs>,
  ): Transition {
    const transition = super.processTransition(obs, output, timestep)
    const logit = output['logit'] as Transition[string] | undefined
    return logit === undefined ? transition : { ...transition, logit }
  }

  /** A subclass whose acting asks the critics has to add them. */
  protected override actingModules(): readonly Module[] {
    return [this.nets.actor]
  }

  // ---- eval ----

  protected override initEval(): void {
    super.initEval()
    // The critics' values are of normalised rewards there, which evaluation never sees.
    if (this.cfg.vec_normalize?.norm_reward === true) return
    // Without learning there is no alpha.
    this.setAttribute(SOFT_VALUES, this.enable_field.includes('learn') ? this.makeSoftValues() : null)
  }

  private makeSoftValues(): SoftValues {
    const { entropy, cfg } = this
    const actor = new Actor(
      this.compute,
      `${this.policyName}_soft_values`,
      this.random.stream('soft_values'),
      ({ obs }) => inMode(this.model, false, () => this.valuedSample(this.shaped(obs))),
    )
    return {
      sample: async (data) => (await actor.forward(this.seen(data))) as ById<ValuedSample>,
      get alpha() {
        return entropy.alpha
      },
      discount_factor: cfg.learn.discount_factor,
    }
  }

  /** Inside a program: {@link sample} with the mean of the critics' values. */
  private valuedSample(obs: ObsTensor): Record<string, Tensor> {
    const { action, log_prob } = this.sample(obs)
    const q_value = this.nets.critic.forward({ obs, action })['q_value'] as Tensor
    return { action, log_prob, value: tf.mean(q_value, 0) }
  }

  protected override evalFunction(obs: ObsTensor): ModelOutput {
    if (this.cfg.eval.deterministic) return super.evalFunction(obs)
    return { action: this.sample(this.shaped(obs)).action }
  }
}

/** Fills the last layers of an actor from U(-bound, bound), weights and biases. */
export function initOutputLayers(actor: ActorModel, bound: number, random: RandomStream): void {
  for (const { weight, bias } of actor.outputLayers) {
    for (const parameter of bias === undefined ? [weight] : [weight, bias])
      parameter.set(random.uniform(parameter.size).map((u) => (2 * u - 1) * bound))
  }
}
