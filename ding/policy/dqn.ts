import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { Adam, backward, type Program } from '../compute/index.js'
import { type ConfigOf, extendSchema } from '../config/index.js'
import type { Batch, Transition } from '../data/index.js'
import type { EnvTimestep, Obs } from '../envs/index.js'
import type { ObsTensor } from '../nn/index.js'
import { modelWrap, type ModelWrapper, type TargetWrapper } from '../model/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { get_epsilon_greedy_fn, get_nstep_return_data, get_train_sample, q_nstep_td_error, to_time_major } from '../rl_utils/index.js'
import type { HostTensor, StateTree } from '../utils/index.js'
import { Actor } from './acting.js'
import { basePolicyConfig, Policy } from './base.js'
import { columnOf, learningRateAt, logits, meanOf, scalarOf, stepChecked, targetOf } from './common.js'
import type { ById, CollectSettings, LearnOutput, PolicyOutput, RunProgress } from './types.js'

export const dqnPolicyConfig = extendSchema(basePolicyConfig, {
  priority: { doc: 'Use prioritised experience replay (the buffer is told to as well).', format: 'boolean', default: false },
  priority_IS_weight: {
    doc: 'Correct the bias of prioritised replay with importance-sampling weights in the loss.',
    format: 'boolean',
    default: false,
  },
  discount_factor: { doc: 'Discount factor gamma.', format: 'unit_interval', default: 0.97 },
  nstep: { doc: 'Number of rewards in a target before it bootstraps.', format: 'positive_int', default: 1 },
  double: {
    doc: 'Double DQN: the online network chooses the next action, the target network values it.',
    format: 'boolean',
    default: true,
  },
  noisy_net: { doc: 'The model has noisy layers (model.noise): draw new noise at each update.', format: 'boolean', default: false },
  learn: {
    update_per_collect: { doc: 'Updates after each collect.', format: 'positive_int', default: 3 },
    batch_size: { doc: 'Transitions in one update.', format: 'positive_int', default: 64 },
    learning_rate: { doc: "Adam's learning rate.", format: 'nonnegative_number', default: 0.001 },
    lr_schedule: {
      doc: "Learning rate over the run: { type: 'constant' | 'linear' | 'cosine' | 'exponential' | 'step', ... }.",
      format: 'any_record',
      default: null,
      nullable: true,
    },
    optimizer_eps: { doc: "Adam's epsilon.", format: 'positive_number', default: 1e-8 },
    criterion: {
      doc: "Loss of one TD error: 'mse' (squared) or 'smooth_l1' (Huber with threshold 1).",
      format: ['mse', 'smooth_l1'],
      default: 'mse',
    },
    grad_clip_type: {
      doc: "Gradient clipping: by the total norm ('clip_norm') or by each value ('clip_value').",
      format: ['clip_norm', 'clip_value'],
      default: null,
      nullable: true,
    },
    grad_clip_value: { doc: 'Bound for grad_clip_type.', format: 'positive_number', default: 10 },
    target_update_freq: {
      doc: 'Copy the online network to the target every this many updates. null: soft update by target_theta instead.',
      format: 'positive_int',
      default: 100,
      nullable: true,
    },
    target_theta: {
      doc: 'Soft update after each update: target <- (1 - theta) target + theta online. Used when target_update_freq is null.',
      format: 'unit_interval',
      default: 0.005,
    },
    ignore_done: {
      doc: 'Bootstrap through terminations too (time limits are bootstrapped through in any case).',
      format: 'boolean',
      default: false,
    },
  },
  collect: {
    n_sample: { doc: 'Transitions per collect. Give this or n_episode.', format: 'positive_int', default: 8, nullable: true },
    n_episode: { doc: 'Episodes per collect, for the episode collector.', format: 'positive_int', default: null, nullable: true },
    unroll_len: { doc: 'Length of the pieces that training samples are cut into.', format: 'positive_int', default: 1 },
  },
  other: {
    eps: {
      type: { doc: "Shape of the exploration schedule: 'exp' or 'linear'.", format: ['exp', 'linear'], default: 'exp' },
      start: { doc: 'Probability of a random action at env step 0.', format: 'unit_interval', default: 0.95 },
      end: { doc: 'Probability of a random action in the end.', format: 'unit_interval', default: 0.1 },
      decay: { doc: "Env steps: the time constant of 'exp', the length of 'linear'.", format: 'positive_int', default: 10000 },
    },
    replay_buffer: {
      replay_buffer_size: { doc: 'Transitions that the replay buffer holds.', format: 'positive_int', default: 10000 },
    },
  },
})

export type DQNConfig = ConfigOf<typeof dqnPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    dqn: DQNConfig
  }
}

/** What the update program reads of a batch. */
interface DQNBatch {
  obs: ObsTensor
  next_obs: ObsTensor
  action: Tensor
  reward: Tensor
  done: Tensor
  weight?: Tensor
  value_gamma?: Tensor
}

/** What the update program gives back; every entry but `priority` is a scalar. */
interface DQNUpdate {
  total_loss: Tensor
  q_value: Tensor
  target_q_value: Tensor
  /** [B] */
  priority: Tensor
}

/**
 * Deep Q-network (Mnih et al. 2015) with double Q-learning (van Hasselt et al. 2016), dueling heads (in the model),
 * n-step returns, prioritised replay (Schaul et al. 2016) and noisy layers (Fortunato et al. 2018). Multi-discrete actions
 * are learned as one independent Q-function per dimension. Defaults and keys are DI-engine's (ding/policy/dqn.py).
 */
@POLICY_REGISTRY.register('dqn')
export class DQNPolicy extends Policy<DQNConfig> {
  static override readonly config = dqnPolicyConfig

  protected learnModel!: ModelWrapper
  protected targetModel!: TargetWrapper
  protected optimizer!: Adam
  private update!: Program<DQNBatch, DQNUpdate>
  private learningRate!: (step: number, most: number) => number
  private updates = 0
  private collector!: Actor
  private evaluator!: Actor
  private epsilon!: (envStep: number) => number

  override defaultModel(): [string, string[]] {
    return ['dqn', ['ding/model/dqn']]
  }

  // ---- learn ----

  protected override initLearn(): void {
    const { learn } = this.cfg
    this.optimizer = new Adam(this.model.parameters(), {
      lr: learn.learning_rate,
      eps: learn.optimizer_eps,
      grad_clip_type: learn.grad_clip_type,
      clip_value: learn.grad_clip_value,
    })
    this.learningRate = learningRateAt(learn.lr_schedule, learn.learning_rate)
    this.learnModel = modelWrap(this.model, 'argmax_sample').train()
    this.targetModel = targetOf(this.model, learn.target_update_freq, learn.target_theta)
    this.update = this.compute.program('dqn_learn', (batch: DQNBatch) => this.updateFunction(batch), {
      random: this.random.stream('learn'),
    })
  }

  /** One update as a function of the batch: the loss, its gradients, and what is logged. */
  private updateFunction(batch: DQNBatch): DQNUpdate {
    const { discount_factor, nstep, double, learn, noisy_net } = this.cfg
    if (noisy_net) for (const model of [this.learnModel, this.targetModel]) model.resetNoise()
    const targetQ = logits(this.targetModel.forward(batch.next_obs))
    const chooser = double ? logits(this.learnModel.forward(batch.next_obs)) : targetQ
    const reward = batch.reward.rank === 2 ? to_time_major(batch.reward) : batch.reward
    const done = learn.ignore_done ? tf.zerosLike(tf.cast(batch.done, 'float32')) : tf.cast(batch.done, 'float32')
    let q: Tensor[] = []
    let errors: Tensor[] = []
    const total_loss = backward(this.model.parameters(), () => {
      q = logits(this.learnModel.forward(batch.obs))
      const heads = q.map((values, i) =>
        q_nstep_td_error(
          {
            q: values,
            next_n_q: targetQ[i] as Tensor,
            action: q.length === 1 ? batch.action : columnOf(batch.action, i),
            next_n_action: tf.argMax(chooser[i] as Tensor, -1),
            reward,
            done,
            weight: batch.weight,
            value_gamma: batch.value_gamma,
          },
          discount_factor,
          { nstep, criterion: learn.criterion },
        ),
      )
      errors = heads.map((head) => head.td_error_per_sample)
      return meanOf(heads.map((head) => head.loss))
    })
    return {
      total_loss,
      q_value: meanOf(q.map((values) => tf.mean(values))),
      target_q_value: meanOf(targetQ.map((values) => tf.mean(values))),
      priority: tf.abs(meanOf(errors)),
    }
  }

  protected override async forwardLearn(data: Batch): Promise<LearnOutput> {
    const { priority_IS_weight } = this.cfg
    const { obs, next_obs, action, reward, done, value_gamma } = data
    const weight = priority_IS_weight ? data['IS'] : data['weight']
    const out = await this.update.run({ obs, next_obs, action, reward, done, weight, value_gamma })
    const total_loss = scalarOf(out.total_loss)
    this.optimizer.lr = this.learningRate(this.updates++, this.mostUpdates)
    stepChecked(this.optimizer, { total_loss })
    this.targetModel.update(this.learnModel)
    return {
      cur_lr: this.optimizer.lr,
      total_loss,
      q_value: scalarOf(out.q_value),
      target_q_value: scalarOf(out.target_q_value),
      priority: out.priority.data as Float32Array,
    }
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
    super.loadStateDictLearn(state)
    this.targetModel.loadStateDict(state['target_model'] as Record<string, HostTensor>)
    this.targetModel.load_state_dict(state['target_wrapper'] as StateTree)
    this.optimizer.loadStateDict(state['optimizer'] as StateTree)
    this.updates = state['updates'] as number
  }

  // ---- collect ----

  protected override initCollect(): void {
    const { type, start, end, decay } = this.cfg.other.eps
    this.epsilon = get_epsilon_greedy_fn(start, end, decay, type)
    // Noisy layers explore by their noise; dropout is for learning alone.
    const model = modelWrap(this.model, 'eps_greedy_sample').train(this.cfg.noisy_net)
    this.collector = new Actor(this.compute, 'dqn_collect', this.random.stream('collect'), ({ obs, settings }) =>
      model.forward(obs, { eps: settings['eps'] }),
    )
  }

  protected override forwardCollect(data: ById<Obs>, settings: CollectSettings): Promise<ById<PolicyOutput>> {
    return this.collector.forward(data, { eps: settings['eps'] ?? 0 })
  }

  protected override processTransition(obs: Obs, output: PolicyOutput, timestep: EnvTimestep<Obs>): Transition {
    return {
      obs: obs as Transition[string],
      next_obs: timestep.obs as Transition[string],
      action: output.action as Transition[string],
      reward: timestep.reward,
      done: timestep.terminated,
    }
  }

  protected override getTrainSample(transitions: Transition[]): Transition[] {
    const { nstep, discount_factor, collect } = this.cfg
    return get_train_sample(get_nstep_return_data(transitions, nstep, { gamma: discount_factor }), collect.unroll_len)
  }

  protected override collectSettings({ env_step }: RunProgress): CollectSettings {
    return { eps: this.epsilon(env_step) }
  }

  // ---- eval ----

  protected override initEval(): void {
    const model = modelWrap(this.model, 'argmax_sample').eval()
    this.evaluator = new Actor(this.compute, 'dqn_eval', this.random.stream('eval'), ({ obs }) => model.forward(obs))
  }

  protected override forwardEval(data: ById<Obs>): Promise<ById<PolicyOutput>> {
    return this.evaluator.forward(data)
  }
}
