import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { Adam, HostOutputs, HostTree, Program } from '../compute/index.js'
import type { Batch, Transition } from '../data/index.js'
import type { Obs, Space } from '../envs/index.js'
import {
  type ActorCriticModel,
  actionWidth,
  type Model,
  type ModelOutput,
  type TargetWrapper,
} from '../model/index.js'
import type { Module, ObsTensor } from '../nn/index.js'
import { get_nstep_return_data, get_train_sample, nstep_return, to_time_major } from '../rl_utils/index.js'
import { CheckpointError, ConfigError, type HostTensor, type StateTree } from '../utils/index.js'
import { Actor } from './acting.js'
import type { ActorCriticConfig } from './actor_critic_config.js'
import {
  type ActorBatch,
  type ActorCriticBatch,
  type ActorOutput,
  type CriticOutput,
  column,
  inMode,
  type LearningRate,
} from './actor_critic_update.js'
import { adamOf } from './adam_options.js'
import { Policy } from './base.js'
import { scalarOf, stepChecked, targetOf } from './common.js'
import { type Exploration, NoExploration, NoiseExploration } from './exploration.js'
import { checkReplayConfig, replayWeight } from './replay.js'
import { partOf } from './saved_state.js'
import { checkActionBound } from './spaces.js'
import type { ById, CollectSettings, LearnOutput, PolicyOutput } from './types.js'

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
  /** The target networks and what they follow; none where a subclass calls no {@link follow}. */
  protected followed: { readonly target: TargetWrapper; readonly source: Module } | undefined
  /** Updates done. */
  protected updates = 0
  private criticUpdate!: Program<ActorCriticBatch, CriticOutput>
  private actorUpdate!: Program<ActorBatch, ActorOutput>
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
  protected abstract actorFunction(batch: ActorBatch): ActorOutput

  /** What the actor's program is given: by default the observations. @param critics what the critics' program gave, where it ran before */
  protected actorInputs({ obs }: Batch, _critics?: HostOutputs<CriticOutput>): Record<string, HostTree> {
    return { obs: obs as HostTree }
  }

  /** Whether the actor's step comes before that of the critics, whose target it then changes. */
  protected get actorFirst(): boolean {
    return false
  }

  /** Whether the actor learns in update number `update` (from 1). */
  protected actorDue(_update: number): boolean {
    return true
  }

  /** Whether the targets move in update number `update` (from 1): at every `learn.target_update_interval`, where there is such a key. */
  protected targetDue(update: number, _actorLearned: boolean): boolean {
    const { target_update_interval = 1 } = this.cfg.learn as { target_update_interval?: number }
    return update % target_update_interval === 0
  }

  /** Makes target networks that follow `source`; before `super.initLearn()`. @param theta the share that each update moves them by */
  protected follow(source: Model, theta: number): void {
    this.followed = { target: targetOf(source, null, theta), source }
  }

  /** On the host, after the critics' step. `out` is what their program gave; returns more to log. */
  protected afterCritics(_out: Readonly<Record<string, number>>): LearnOutput {
    return {}
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

  override get actionBound(): number | undefined {
    return 1
  }

  override checkSpaces(observation: Space, action: Space): void {
    checkActionBound(this.policyName, action, this.actionBound ?? 1)
    super.checkSpaces(observation, action)
  }

  // ---- learn ----

  protected override initLearn(): void {
    const { actor, critic } = this.nets
    const { learningRates } = this
    this.criticOptimizer = this.adam(critic, learningRates.critic.start)
    this.actorOptimizer = this.adam(actor, learningRates.actor.start)
    this.rates = {
      critic: this.rateOf(learningRates.critic),
      actor: this.actorRate(learningRates.actor),
    }
    const random = this.random.stream('learn')
    this.criticUpdate = this.compute.program(
      `${this.policyName}_learn_critic`,
      (batch: ActorCriticBatch) => this.criticFunction(batch),
      { random },
    )
    this.actorUpdate = this.compute.program(
      `${this.policyName}_learn_actor`,
      (batch: ActorBatch) => this.actorFunction(batch),
      { random },
    )
  }

  /** The learning rate of a network, by the number of updates done. */
  protected rateOf({ start, key }: LearningRate): (updates: number) => number {
    return this.rateAt(start, key)
  }

  /** The actor's. */
  protected actorRate(rate: LearningRate): (updates: number) => number {
    return this.rateOf(rate)
  }

  /** Adam (or AdamW) over the parameters of a network, as the config has it. */
  protected adam(module: Module, lr: number): Adam {
    return adamOf(module, lr, this.cfg.learn)
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

  protected override async forwardLearn(data: Batch): Promise<LearnOutput> {
    const logged: LearnOutput = {}
    const actorLearns = this.actorDue(this.updates + 1)
    if (actorLearns && this.actorFirst) await this.learnActor(data, logged)
    const critics = await this.learnCritics(data, logged)
    if (actorLearns && !this.actorFirst) await this.learnActor(data, logged, critics)
    this.updates++
    if (this.followed !== undefined && this.targetDue(this.updates, actorLearns))
      this.followed.target.update(this.followed.source)
    return { ...logged, priority: (critics.priority as HostTensor).data as Float32Array }
  }

  private async learnCritics(data: Batch, logged: LearnOutput): Promise<HostOutputs<CriticOutput>> {
    const { obs, next_obs, action, reward, done, value_gamma } = data
    const weight = replayWeight(this.cfg, data)
    const inputs = { obs, next_obs, action, reward, done, weight, value_gamma }
    const out = await this.criticUpdate.run(inputs)
    const scalars = scalarsOf(out)
    this.criticOptimizer.lr = this.rates.critic(this.updates)
    stepChecked(this.criticOptimizer, lossesOf(scalars))
    Object.assign(logged, scalars, { [this.learningRates.critic.logged]: this.criticOptimizer.lr })
    Object.assign(logged, this.afterCritics(scalars))
    return out
  }

  private async learnActor(
    data: Batch,
    logged: LearnOutput,
    critics?: HostOutputs<CriticOutput>,
  ): Promise<void> {
    const scalars = scalarsOf(await this.actorUpdate.run(this.actorInputs(data, critics)))
    this.actorOptimizer.lr = this.rates.actor(this.updates)
    stepChecked(this.actorOptimizer, lossesOf(scalars))
    Object.assign(logged, scalars, { [this.learningRates.actor.logged]: this.actorOptimizer.lr })
    Object.assign(logged, this.afterActor(scalars))
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
    const random = this.random.stream('noise')
    return new NoiseExploration(noise_type, noise_sigma, noise_kwargs, random, this.actions, this.actionBound)
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
