import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { type Adam, backward, type Program } from '../compute/index.js'
import type { Batch, Transition } from '../data/index.js'
import { Discrete, MultiDiscrete, type Obs, type Space } from '../envs/index.js'
import { type ModelOutput, type ModelWrapper, modelWrap, type TargetWrapper } from '../model/index.js'
import { NoisyLinear, type ObsTensor } from '../nn/index.js'
import {
  get_epsilon_greedy_fn,
  get_nstep_return_data,
  get_train_sample,
  type TdError,
  to_time_major,
} from '../rl_utils/index.js'
import { CheckpointError, ConfigError, type HostTensor, type StateTree } from '../utils/index.js'
import { Actor } from './acting.js'
import { adamOf } from './adam_options.js'
import { Policy } from './base.js'
import { columnOf, logits, meanOf, scalarOf, stepChecked, targetOf } from './common.js'
import { checkDiscreteActions } from './data_fit.js'
import { checkReplayConfig, replayWeight } from './replay.js'
import { partOf } from './saved_state.js'
import type { ById, CollectSettings, LearnOutput, PolicyOutput, RunProgress } from './types.js'
import type { ValueBasedConfig } from './value_based_config.js'

/** What the update program reads of a batch. Columns [B] may come as [B, 1] too. */
export interface ValueBatch {
  obs: ObsTensor
  next_obs: ObsTensor
  /** [B], or [B, n] for n discrete actions at once. */
  action: Tensor
  /** [B], or [B, nstep]. */
  reward: Tensor
  done: Tensor
  weight?: Tensor
  value_gamma?: Tensor
}

/** The tensors of one action dimension in a model's output: `logit` [B, n], and what else the model gives (`q`, `tau`). */
export type HeadValues = Readonly<Record<string, Tensor>> & { readonly logit: Tensor }

/** All that the loss of one action dimension is made of. */
export interface ValueHead {
  /** The online network at `obs`; gradients flow through it. */
  readonly now: HeadValues
  /** The target network at `next_obs`. */
  readonly next: HeadValues
  /** [B] int32: the action taken, and the one that the target values. */
  readonly action: Tensor
  readonly next_action: Tensor
  /** [B] or [nstep, B]. */
  readonly reward: Tensor
  /** [B] */
  readonly done: Tensor
  readonly weight: Tensor | undefined
  readonly value_gamma: Tensor | undefined
}

/** The loss of one action dimension; entries of `logged` are scalars. */
export interface HeadLoss extends TdError {
  readonly logged?: Readonly<Record<string, Tensor>>
}

/**
 * What policies that learn action values by bootstrapping share: batches, the target network, the optimizer, epsilon-greedy
 * collection, greedy evaluation. A subclass gives its config and the loss of one action dimension; several discrete actions at
 * once are learned as one independent value function each. Illegal actions (`action_mask` in an observation) are never chosen.
 */
export abstract class ValueBasedPolicy<C extends ValueBasedConfig = ValueBasedConfig> extends Policy<C> {
  protected learnModel!: ModelWrapper
  protected targetModel!: TargetWrapper
  protected optimizer!: Adam
  /** Whose best allowed action is valued: the online network (double Q-learning) or the target itself. */
  private chooser!: ModelWrapper
  private update!: Program<ValueBatch, Record<string, Tensor>>
  private learningRate!: (step: number) => number
  private updates = 0
  private collector!: Actor
  private evaluator!: Actor

  /** The registered name, for programs and messages. A getter: the constructor asks for it. */
  protected abstract get policyName(): string

  /** The loss of one action dimension, a pure function of tensors. */
  protected abstract headLoss(head: ValueHead): HeadLoss

  protected override checkConfig(): void {
    checkReplayConfig(this.cfg, this.policyName)
  }

  override checkSpaces(observation: Space, action: Space): void {
    const fits =
      (action instanceof Discrete && action.start === 0) ||
      (action instanceof MultiDiscrete && action.start.every((s) => s === 0))
    if (!fits) {
      throw new ConfigError(
        `create_config.policy.type is "${this.policyName}", which chooses among discrete actions counted from 0, but the environment's action space is ${action}.`,
        { path: 'create_config.policy.type' },
      )
    }
    super.checkSpaces(observation, action)
  }

  // ---- learn ----

  protected override initLearn(): void {
    const { double, learn, noisy_net } = this.cfg
    const noisyLayers = [...this.model.modules()].some((module) => module instanceof NoisyLinear)
    if (noisyLayers !== noisy_net) {
      throw new ConfigError(
        `policy.noisy_net is ${noisy_net}, but the model has ${noisyLayers ? '' : 'no '}noisy layers. ` +
          'Set policy.noisy_net and policy.model.noise alike.',
        { path: 'policy.noisy_net' },
      )
    }
    this.optimizer = adamOf(this.model, learn.learning_rate, learn)
    this.learningRate = this.rateAt(learn.learning_rate, 'learning_rate')
    this.learnModel = modelWrap(this.model, 'argmax_sample').train()
    this.targetModel = targetOf(this.model, learn.target_update_freq, learn.target_theta)
    this.chooser = double ? this.learnModel : modelWrap(this.targetModel, 'argmax_sample')
    this.update = this.compute.program(
      `${this.policyName}_learn`,
      (batch: ValueBatch) => this.updateFunction(batch),
      { random: this.random.stream('learn') },
    )
  }

  /**
   * Whether the model sees next_obs before obs, which the running statistics of batch normalisation tell: DI-engine's policies look at obs first,
   * then at next_obs with the target, then (double) with the model.
   */
  protected get looksAheadFirst(): boolean {
    return false
  }

  /** One update as a function of the batch: the loss, its gradients, and what is logged; all scalars but `priority` [B]. */
  private updateFunction(batch: ValueBatch): Record<string, Tensor> {
    const { double, learn, noisy_net } = this.cfg
    if (noisy_net) for (const model of [this.learnModel, this.targetModel]) model.resetNoise()
    const obs = this.shaped(batch.obs)
    const next_obs = this.shaped(batch.next_obs)
    const lookAhead = () => {
      const target = double ? headsOf(this.targetModel.forward(next_obs)) : undefined
      const chosen = this.chooser.forward(next_obs)
      return { next: target ?? headsOf(chosen), next_action: actions(chosen) }
    }
    const before = this.looksAheadFirst ? lookAhead() : undefined
    const done = flat(batch.done)
    const common = {
      reward: batch.reward.rank === 2 ? to_time_major(batch.reward) : batch.reward,
      done: learn.ignore_done ? tf.zerosLike(done) : done,
      weight: batch.weight && flat(batch.weight),
      value_gamma: batch.value_gamma && flat(batch.value_gamma),
    }
    let now: HeadValues[] = []
    let next: HeadValues[] = []
    let losses: HeadLoss[] = []
    const total_loss = backward(this.model.parameters(), () => {
      now = headsOf(this.learnModel.forward(obs))
      const ahead = before ?? lookAhead()
      next = ahead.next
      losses = now.map((values, i) =>
        this.headLoss({
          ...common,
          now: values,
          next: next[i] as HeadValues,
          action: now.length === 1 ? flat(batch.action) : columnOf(batch.action, i),
          next_action: ahead.next_action[i] as Tensor,
        }),
      )
      return meanOf(losses.map(({ loss }) => loss))
    })
    const logged = Object.keys(losses[0]?.logged ?? {}).map((name) => {
      return [name, meanOf(losses.map((head) => head.logged?.[name] as Tensor))] as const
    })
    return {
      total_loss,
      q_value: meanOf(now.map(({ logit }) => tf.mean(logit))),
      target_q_value: meanOf(next.map(({ logit }) => tf.mean(logit))),
      ...Object.fromEntries(logged),
      priority: tf.abs(meanOf(losses.map(({ td_error_per_sample }) => td_error_per_sample))),
    }
  }

  protected override async forwardLearn(data: Batch): Promise<LearnOutput> {
    const { obs, next_obs, action, reward, done, value_gamma } = data
    checkDiscreteActions(action, this.modelConfig['action_shape'])
    const weight = replayWeight(this.cfg, data)
    const out = await this.update.run({ obs, next_obs, action, reward, done, weight, value_gamma })
    const logged: Record<string, number> = {}
    for (const [name, tensor] of Object.entries(out)) if (name !== 'priority') logged[name] = scalarOf(tensor)
    this.optimizer.lr = this.learningRate(this.updates)
    stepChecked(this.optimizer, { total_loss: logged['total_loss'] as number })
    this.updates++
    this.targetModel.update(this.learnModel)
    return { cur_lr: this.optimizer.lr, ...logged, priority: out['priority']?.data as Float32Array }
  }

  protected override monitorVarsLearn(): string[] {
    return ['cur_lr', 'total_loss', 'q_value', 'target_q_value']
  }

  protected override stateDictLearn(): StateTree {
    return {
      ...super.stateDictLearn(),
      target_model: this.targetModel.stateDict(),
      target_wrapper: this.targetModel.state_dict(),
      optimizer: this.optimizer.stateDict(),
      updates: this.updates,
    }
  }

  protected override loadStateDictLearn(state: StateTree): void {
    if (typeof state['updates'] !== 'number') {
      throw new CheckpointError(`The state has no "updates": it is not of a ${this.policyName} policy.`)
    }
    super.loadStateDictLearn(state)
    this.targetModel.loadStateDict(partOf(state, 'target_model') as Record<string, HostTensor>)
    this.targetModel.load_state_dict(partOf(state, 'target_wrapper'))
    this.optimizer.loadStateDict(partOf(state, 'optimizer'))
    this.updates = state['updates']
  }

  // ---- collect ----

  protected override initCollect(): void {
    // Noisy layers explore by their noise; dropout is for learning alone.
    const model = modelWrap(this.model, 'eps_greedy_sample').train(this.cfg.noisy_net)
    this.collector = new Actor(
      this.compute,
      `${this.policyName}_collect`,
      this.random.stream('collect'),
      ({ obs, settings }) => actionOf(model.forward(this.shaped(obs), { eps: settings['eps'] })),
    )
  }

  protected override forwardCollect(data: ById<Obs>, settings: CollectSettings): Promise<ById<PolicyOutput>> {
    return this.collector.forward(data, { eps: settings['eps'] ?? 0 })
  }

  protected override getTrainSample(transitions: Transition[]): Transition[] {
    const { nstep, discount_factor, collect } = this.cfg
    return get_train_sample(
      get_nstep_return_data(transitions, nstep, { gamma: discount_factor }),
      collect.unroll_len,
    )
  }

  protected override collectSettings({ env_step }: RunProgress): CollectSettings {
    return { eps: this.epsilonAt(env_step) }
  }

  /** Probability of a random action after so many env steps. @throws ConfigError when it depends on a length that the run does not have */
  private epsilonAt(env_step: number): number {
    const { type, start, end, decay, decay_fraction } = this.cfg.other.eps
    const whole = this.limit('max_env_step')
    if (decay_fraction !== null && !Number.isFinite(whole)) {
      throw new ConfigError(
        `policy.other.eps.decay_fraction is ${decay_fraction}, but the run has no max_env_step that it could be a part of. ` +
          'Give a limit of env steps (--env-step), or use policy.other.eps.decay.',
        { path: 'policy.other.eps.decay_fraction' },
      )
    }
    const length = decay_fraction === null ? decay : Math.max(decay_fraction * whole, Number.MIN_VALUE)
    return get_epsilon_greedy_fn(start, end, length, type)(env_step)
  }

  // ---- eval ----

  protected override initEval(): void {
    const model = modelWrap(this.model, 'argmax_sample').eval()
    this.evaluator = new Actor(
      this.compute,
      `${this.policyName}_eval`,
      this.random.stream('eval'),
      ({ obs }) => actionOf(model.forward(this.shaped(obs))),
    )
  }

  protected override forwardEval(data: ById<Obs>): Promise<ById<PolicyOutput>> {
    return this.evaluator.forward(data)
  }
}

/** A column as [B], whether it came so or as [B, 1]. */
function flat(column: Tensor): Tensor {
  return column.rank === 1 ? column : tf.reshape(column, [-1])
}

/** `action` of a model's output as a list, one entry per action dimension. */
function actions({ action }: ModelOutput): Tensor[] {
  return Array.isArray(action) ? (action as Tensor[]) : [action as Tensor]
}

/** All that acting needs of a model's output. */
function actionOf({ action }: ModelOutput): { action: unknown } {
  return { action }
}

/** A model's output taken apart by action dimension. */
function headsOf(output: ModelOutput): HeadValues[] {
  return logits(output).map((logit, i) => {
    const values: Record<string, Tensor> & { logit: Tensor } = { logit }
    for (const [key, value] of Object.entries(output)) {
      const part: unknown = Array.isArray(value) ? value[i] : value
      if (part instanceof tf.Tensor) values[key] = part
    }
    return values
  })
}
