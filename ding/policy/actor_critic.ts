import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { Adam, type Program } from '../compute/index.js'
import type { Batch, Transition } from '../data/index.js'
import { Box, type EnvTimestep, type Obs, type Space } from '../envs/index.js'
import { type ActorCriticModel, actionWidth, type ModelOutput, type TargetWrapper } from '../model/index.js'
import type { Module, ObsTensor } from '../nn/index.js'
import { get_nstep_return_data, get_train_sample, nstep_return, to_time_major } from '../rl_utils/index.js'
import { CheckpointError, ConfigError, type HostTensor, type StateTree } from '../utils/index.js'
import { Actor } from './acting.js'
import type { ActorCriticConfig } from './actor_critic_config.js'
import { Policy, partOf } from './base.js'
import { learningRateAt, scalarOf, stepChecked } from './common.js'
import { type Exploration, NoExploration, NoiseExploration } from './exploration.js'
import { checkReplayConfig, replayWeight } from './replay.js'
import { standardTransition } from './transition.js'
import type { ById, CollectSettings, LearnOutput, PolicyOutput } from './types.js'

/** What the critics' program reads of a batch. Columns [B] may come as [B, 1] too. */
export interface ActorCriticBatch {
  obs: ObsTensor
  next_obs: ObsTensor
  /** [B, A] */
  action: Tensor
  /** [B], or [B, nstep]. */
  reward: Tensor
  done: Tensor
  weight?: Tensor
  value_gamma?: Tensor
}

/** A learning rate's start, and the name that its course is logged under. */
export interface LearningRate {
  readonly start: number
  readonly logged: string
}

/** What the critics' update gives: scalars to log, of which one is `critic_loss`, and `priority` [B]. */
export type CriticOutput = Record<string, Tensor> & { critic_loss: Tensor; priority: Tensor }

/** What the actor's update gives: scalars to log, of which one is the actor's loss. */
export type ActorOutput = Record<string, Tensor>

/** Squared errors of critics against one target. */
export interface CriticLoss {
  /** sum over critics of mean over rows of weight (q - target)^2. */
  readonly loss: Tensor
  /** Mean over critics of |q - target|, [B]. */
  readonly priority: Tensor
}

/** Runs `body` with a module in training or evaluation mode, then puts the mode back. For use while a program is traced. */
export function inMode<T>(module: Module, training: boolean, body: () => T): T {
  const flags = [...module.modules()].map((part) => [part, part.training] as const)
  module.train(training)
  try {
    return body()
  } finally {
    for (const [part, flag] of flags) part.training = flag
  }
}

/**
 * What off-policy policies with a continuous actor and an ensemble of critics share. One update is: the critics' program, their optimizer
 * step, then, when the actor is due, the actor's program (which sees the new critics) and its step, then the target networks. That is the order
 * of SB3's SAC, TD3 and CrossQ and of tianshou's REDQ. A subclass gives the two programs as functions of tensors.
 *
 * Policies act in [-1, 1]: environments with other bounds take the act_scale wrapper.
 */
export abstract class ActorCriticPolicy<C extends ActorCriticConfig = ActorCriticConfig> extends Policy<C> {
  protected criticOptimizer!: Adam
  protected actorOptimizer!: Adam
  /** The target networks and what they follow; none where a subclass sets none before `super.initLearn()`. */
  protected followed: { readonly target: TargetWrapper; readonly source: Module } | undefined
  /** Updates done. */
  protected updates = 0
  private criticUpdate!: Program<ActorCriticBatch, CriticOutput>
  private actorUpdate!: Program<{ obs: ObsTensor }, ActorOutput>
  private rates!: Record<'critic' | 'actor', (step: number) => number>
  private collector!: Actor
  private evaluator!: Actor
  private exploration: Exploration | undefined

  /** The registered name, for programs and messages. A getter: the constructor asks for it. */
  protected abstract get policyName(): string

  protected abstract get learningRates(): Record<'critic' | 'actor', LearningRate>

  /** The critics' update as a function of the batch: takes the gradient of `nets.critic`. */
  protected abstract criticFunction(batch: ActorCriticBatch): CriticOutput

  /** The actor's update: takes the gradient of `nets.actor` alone. */
  protected abstract actorFunction(batch: { obs: ObsTensor }): ActorOutput

  /** Whether the actor learns in update number `update` (from 1). */
  protected actorDue(_update: number): boolean {
    return true
  }

  /** Whether the targets move in update number `update` (from 1). */
  protected targetDue(_update: number, _actorLearned: boolean): boolean {
    return true
  }

  /** On the host, after the actor's step. `out` is what the actor's program gave; returns more to log. */
  protected afterActor(_out: Readonly<Record<string, number>>): LearnOutput {
    return {}
  }

  /** The model's actor and critics. @throws ConfigError for a model that has none */
  protected get nets(): ActorCriticModel {
    const model = this.model as Partial<ActorCriticModel>
    if (model.actor === undefined || model.critic === undefined) {
      throw new ConfigError(
        `policy.model.type names a model without actor and critic, which ${this.policyName} needs. Leave it out, or name one such as 'continuous_qac'.`,
        { path: 'policy.model.type' },
      )
    }
    return this.model as ActorCriticModel
  }

  /** Number of action dimensions. */
  protected get actions(): number {
    return actionWidth(this.cfg.model['action_shape'] as number | number[])
  }

  protected override checkConfig(): void {
    checkReplayConfig(this.cfg, this.policyName)
  }

  override checkSpaces(observation: Space, action: Space): void {
    const fits =
      action instanceof Box && action.low.every((v) => v === -1) && action.high.every((v) => v === 1)
    if (!fits) {
      const way =
        action instanceof Box
          ? ' Add the act_scale wrapper to env.env_wrapper (or set env.act_scale where there is such a key).'
          : ''
      throw new ConfigError(
        `create_config.policy.type is "${this.policyName}", which acts in [-1, 1], but the environment's action space is ${action}.${way}`,
        { path: 'create_config.policy.type' },
      )
    }
    super.checkSpaces(observation, action)
  }

  // ---- learn ----

  protected override initLearn(): void {
    const { actor, critic } = this.nets
    const { learningRates } = this
    this.criticOptimizer = this.adam(critic, learningRates.critic.start)
    this.actorOptimizer = this.adam(actor, learningRates.actor.start)
    this.rates = {
      critic: this.rateAt(learningRates.critic.start),
      actor: this.rateAt(learningRates.actor.start),
    }
    const random = this.random.stream('learn')
    this.criticUpdate = this.compute.program(
      `${this.policyName}_learn_critic`,
      (batch: ActorCriticBatch) => this.criticFunction(batch),
      { random },
    )
    this.actorUpdate = this.compute.program(
      `${this.policyName}_learn_actor`,
      (batch: { obs: ObsTensor }) => this.actorFunction(batch),
      { random },
    )
  }

  /** Adam over the parameters of a network, as the config has it. */
  protected adam(module: Module, lr: number): Adam {
    const { optimizer_eps, optimizer_betas, grad_clip_type, grad_clip_value } = this.cfg.learn
    const [beta1, beta2] = optimizer_betas
    if (beta1 === undefined || beta2 === undefined || optimizer_betas.length !== 2) {
      throw new ConfigError(`policy.learn.optimizer_betas is [${optimizer_betas}], expected two numbers.`, {
        path: 'policy.learn.optimizer_betas',
      })
    }
    return new Adam(module.parameters(), {
      lr,
      betas: [beta1, beta2],
      eps: optimizer_eps,
      grad_clip_type,
      clip_value: grad_clip_value,
    })
  }

  /** The learning rate that starts at `start`, by the number of updates done. */
  protected rateAt(start: number): (step: number) => number {
    return learningRateAt(this.cfg.learn.lr_schedule, start, this.mostUpdates)
  }

  /**
   * What the critics are to come to: the rewards of n steps, discounted, plus the discounted value behind them where the episode did not end
   * there. @param next_value [B] @returns [B], without gradient when called outside `backward`
   */
  protected bootstrap(batch: ActorCriticBatch, next_value: Tensor): Tensor {
    const { learn, nstep } = this.cfg
    const done = column(batch.done)
    return nstep_return(
      {
        reward: batch.reward.rank === 2 ? to_time_major(batch.reward) : batch.reward,
        next_value,
        done: learn.ignore_done ? tf.zerosLike(done) : done,
      },
      learn.discount_factor,
      nstep,
      batch.value_gamma && column(batch.value_gamma),
    )
  }

  /** Squared errors of critics' values [N, B] against one target [B]. */
  protected squaredErrors(q_value: Tensor, target: Tensor, weight: Tensor | undefined): CriticLoss {
    const error = tf.sub(q_value, target)
    const squared = tf.square(error)
    const weighted = weight === undefined ? squared : tf.mul(squared, column(weight))
    return { loss: tf.sum(tf.mean(weighted, 1)), priority: tf.mean(tf.abs(error), 0) }
  }

  protected override async forwardLearn(data: Batch): Promise<LearnOutput> {
    const { obs, next_obs, action, reward, done, value_gamma } = data
    const weight = replayWeight(this.cfg, data)
    const { learningRates } = this
    const criticOut = await this.criticUpdate.run({
      obs,
      next_obs,
      action,
      reward,
      done,
      weight,
      value_gamma,
    })
    const logged = scalarsOf(criticOut)
    this.criticOptimizer.lr = this.rates.critic(this.updates)
    stepChecked(this.criticOptimizer, lossesOf(logged))
    logged[learningRates.critic.logged] = this.criticOptimizer.lr
    const actorLearns = this.actorDue(this.updates + 1)
    if (actorLearns) {
      const actorOut = scalarsOf(await this.actorUpdate.run({ obs }))
      this.actorOptimizer.lr = this.rates.actor(this.updates)
      stepChecked(this.actorOptimizer, lossesOf(actorOut))
      Object.assign(logged, actorOut, { [learningRates.actor.logged]: this.actorOptimizer.lr })
      Object.assign(logged, this.afterActor(actorOut))
    }
    this.updates++
    if (this.followed !== undefined && this.targetDue(this.updates, actorLearns))
      this.followed.target.update(this.followed.source)
    return { ...logged, priority: (criticOut.priority as HostTensor).data as Float32Array }
  }

  protected override monitorVarsLearn(): string[] {
    const { critic, actor } = this.learningRates
    return [critic.logged, actor.logged, 'critic_loss', 'q_value', 'target_q_value', 'td_error']
  }

  protected override stateDictLearn(): StateTree {
    const { followed, exploration } = this
    return {
      ...super.stateDictLearn(),
      ...(followed && {
        target_model: followed.target.stateDict(),
        target_wrapper: followed.target.state_dict(),
      }),
      optimizer_critic: this.criticOptimizer.stateDict(),
      optimizer_actor: this.actorOptimizer.stateDict(),
      ...(exploration && { exploration: exploration.state_dict() }),
      updates: this.updates,
    }
  }

  protected override loadStateDictLearn(state: StateTree): void {
    if (typeof state['updates'] !== 'number') {
      throw new CheckpointError(`The state has no "updates": it is not of a ${this.policyName} policy.`)
    }
    super.loadStateDictLearn(state)
    if (this.followed !== undefined) {
      this.followed.target.loadStateDict(partOf(state, 'target_model') as Record<string, HostTensor>)
      this.followed.target.load_state_dict(partOf(state, 'target_wrapper'))
    }
    this.criticOptimizer.loadStateDict(partOf(state, 'optimizer_critic'))
    this.actorOptimizer.loadStateDict(partOf(state, 'optimizer_actor'))
    if (this.exploration !== undefined && state['exploration'] !== undefined)
      this.exploration.load_state_dict(partOf(state, 'exploration'))
    this.updates = state['updates']
  }

  // ---- collect ----

  /** What an acting program computes: at least `action` [n, A], and what transitions are to keep. */
  protected abstract collectFunction(obs: ObsTensor): ModelOutput

  /** How collected actions explore: by `collect.noise_type`. */
  protected makeExploration(): Exploration {
    const { noise_type, noise_sigma, noise_kwargs } = this.cfg.collect
    if (noise_type === null) return new NoExploration()
    return new NoiseExploration(noise_type, noise_sigma, noise_kwargs, this.random.stream('noise'))
  }

  protected override initCollect(): void {
    this.exploration = this.makeExploration()
    this.collector = new Actor(
      this.compute,
      `${this.policyName}_collect`,
      this.random.stream('collect'),
      ({ obs }) => inMode(this.model, false, () => this.collectFunction(obs)),
    )
  }

  protected override async forwardCollect(
    data: ById<Obs>,
    settings: CollectSettings,
  ): Promise<ById<PolicyOutput>> {
    const exploration = this.exploration as Exploration
    return exploration.after(await this.collector.forward(exploration.before(data, settings)))
  }

  protected override resetCollect(data_id?: readonly number[]): void {
    this.exploration?.reset(data_id)
  }

  protected override processTransition(
    obs: Obs,
    output: PolicyOutput,
    timestep: EnvTimestep<Obs>,
  ): Transition {
    return standardTransition(obs, output, timestep)
  }

  protected override getTrainSample(transitions: Transition[]): Transition[] {
    const { nstep, learn, collect } = this.cfg
    return get_train_sample(
      get_nstep_return_data(transitions, nstep, { gamma: learn.discount_factor }),
      collect.unroll_len,
    )
  }

  // ---- eval ----

  /** The actions of an evaluation [n, A]. */
  protected evalFunction(obs: ObsTensor): ModelOutput {
    const { action } = this.nets.actor.forward(this.shaped(obs))
    return { action: action as Tensor }
  }

  protected override initEval(): void {
    this.evaluator = new Actor(
      this.compute,
      `${this.policyName}_eval`,
      this.random.stream('eval'),
      ({ obs }) => inMode(this.model, false, () => this.evalFunction(obs)),
    )
  }

  protected override forwardEval(data: ById<Obs>): Promise<ById<PolicyOutput>> {
    return this.evaluator.forward(data)
  }
}

/**
 * The least of N critics' values, [N, B] -> [B]. Row by row: the gradient of `tf.min` divides by the number of ties, and behind a division the
 * compiler cannot turn the gates of relu into products.
 */
export function leastOf(q_value: Tensor): Tensor {
  return tf.unstack(q_value).reduce((least, row) => tf.minimum(least, row))
}

/** A column as [B], whether it came so or as [B, 1]. */
export function column(values: Tensor): Tensor {
  return values.rank === 1 ? values : tf.reshape(values, [-1])
}

/** The scalars in a program's results, as numbers. */
function scalarsOf(out: Readonly<Record<string, HostTensor>>): Record<string, number> {
  const scalars: Record<string, number> = {}
  for (const [name, tensor] of Object.entries(out))
    if (tensor.data.length === 1 && name !== 'priority') scalars[name] = scalarOf(tensor)
  return scalars
}

/** The entries that are losses, to be checked before a step. */
function lossesOf(scalars: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(scalars).filter(([name]) => name.endsWith('_loss')))
}
