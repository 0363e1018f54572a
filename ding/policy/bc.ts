import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { Adam, AdamW, backward, type Optimizer, type Program, SGD } from '../compute/index.js'
import { type ConfigOf, extendSchema } from '../config/index.js'
import type { Batch } from '../data/index.js'
import { Box, type Obs, type Space } from '../envs/index.js'
import { type ModelOutput, type ModelWrapper, modelWrap } from '../model/index.js'
import type { ObsTensor } from '../nn/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { cross_entropy, tanh_normal_log_prob } from '../rl_utils/index.js'
import { CheckpointError, ConfigError, type StateTree } from '../utils/index.js'
import { Actor } from './acting.js'
import { Policy } from './base.js'
import { columnOf, logits, meanOf, scalarOf, stepChecked } from './common.js'
import { checkDiscreteActions } from './data_fit.js'
import { batchPolicyConfig } from './off_policy_config.js'
import { partOf } from './saved_state.js'
import { checkActionBound } from './spaces.js'
import type { ById, CollectSettings, LearnOutput, PolicyOutput } from './types.js'

const LOSS_TYPES = ['mse_loss', 'l1_loss', 'nll_loss'] as const

export const bcPolicyConfig = extendSchema(batchPolicyConfig, {
  continuous: {
    doc: 'Actions are vectors in [-1, 1] instead of discrete.',
    format: 'boolean',
    default: false,
  },
  loss_type: {
    doc: "Loss of continuous actions: 'mse_loss', 'l1_loss', or 'nll_loss', the likelihood under a tanh-normal distribution (needs model.action_space 'reparameterization').",
    format: LOSS_TYPES,
    default: 'mse_loss',
  },
  learn: {
    batch_size: { default: 32 },
    learning_rate: { doc: "The optimizer's learning rate.", format: 'nonnegative_number', default: 1e-5 },
    optimizer: {
      doc: "'SGD', or 'Adam' (AdamW where weight_decay is given).",
      format: ['SGD', 'Adam'],
      default: 'SGD',
    },
    momentum: { doc: "SGD's momentum.", format: 'unit_interval', default: 0.9 },
    weight_decay: {
      doc: 'Weight decay. null: none.',
      format: 'nonnegative_number',
      default: 1e-4,
      nullable: true,
    },
    ce_label_smooth: {
      doc: 'Smooth the labels of discrete actions: a tenth of the probability goes to the other actions.',
      format: 'boolean',
      default: false,
    },
    tanh_mask: {
      doc: 'Continuous: leave out predictions beyond tanh(1), so that they do not all end at the bounds (unless over 80 % are).',
      format: 'boolean',
      default: false,
    },
  },
  collect: {
    noise: { doc: 'Continuous: add Gaussian noise to collected actions.', format: 'boolean', default: false },
    noise_sigma: { doc: 'Standard deviation of the noise.', format: 'nonnegative_number', default: 0.2 },
    noise_range: {
      doc: '{min, max} that the noise is clipped to.',
      format: 'any_record',
      default: { min: -0.5, max: 0.5 },
      nullable: true,
    },
  },
})

export type BCConfig = ConfigOf<typeof bcPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    bc: BCConfig
  }
  interface DefaultModelMap {
    bc: 'discrete_bc' | 'continuous_bc'
  }
}

/** What the update program reads of a batch. */
interface BCBatch {
  obs: ObsTensor
  /** [B] (or [B, n] for n discrete actions at once), or [B, A] of continuous actions. */
  action: Tensor
}

interface BCUpdate {
  total_loss: Tensor
  /** Discrete: share of rows whose most likely action is the data's. Continuous: mean absolute error. */
  agreement: Tensor
}

/** Share of the labels' probability that ce_label_smooth gives away. */
const SMOOTHING = 0.1

/**
 * Behaviour cloning: supervised learning of the dataset's actions. Discrete: cross-entropy. Continuous: regression of the bounded
 * action, or the likelihood under a tanh-normal distribution. Keys and defaults are DI-engine's (ding/policy/bc.py).
 */
@POLICY_REGISTRY.register('bc')
export class BCPolicy extends Policy<BCConfig> {
  static override readonly config = bcPolicyConfig

  private learnModel!: ModelWrapper
  private optimizer!: Optimizer
  private update!: Program<BCBatch, BCUpdate>
  private learningRate!: (step: number) => number
  private updates = 0
  private collector!: Actor
  private evaluator!: Actor

  override defaultModel(): [string, string[]] {
    return this.cfg.continuous ? ['continuous_bc', ['ding/model/bc']] : ['discrete_bc', ['ding/model/bc']]
  }

  protected override checkConfig(): void {
    const { continuous, loss_type, model, collect } = this.cfg
    if (collect.unroll_len !== 1) {
      throw new ConfigError(
        `policy.collect.unroll_len is ${collect.unroll_len}, but bc learns from single transitions. Set it to 1.`,
        { path: 'policy.collect.unroll_len' },
      )
    }
    if (continuous && loss_type === 'nll_loss' && model['action_space'] !== 'reparameterization') {
      throw new ConfigError(
        `policy.loss_type is "nll_loss", which needs a distribution, but policy.model.action_space is ${JSON.stringify(model['action_space'] ?? 'regression')}. ` +
          "Set policy.model.action_space to 'reparameterization', or policy.loss_type to 'mse_loss'.",
        { path: 'policy.loss_type' },
      )
    }
  }

  override checkSpaces(observation: Space, action: Space): void {
    if (this.cfg.continuous !== action instanceof Box) {
      throw new ConfigError(
        `policy.continuous is ${this.cfg.continuous}, but the environment's action space is ${action}. ` +
          'Set it to true for a Box, to false for discrete actions.',
        { path: 'policy.continuous' },
      )
    }
    if (this.cfg.continuous) checkActionBound('bc', action, 1)
    super.checkSpaces(observation, action)
  }

  override get actionBound(): number | undefined {
    return this.cfg.continuous ? 1 : undefined
  }

  // ---- learn ----

  protected override initLearn(): void {
    const {
      optimizer,
      learning_rate: lr,
      momentum,
      weight_decay,
      grad_clip_type,
      grad_clip_value,
    } = this.cfg.learn
    const parameters = this.model.parameters()
    const clip = { grad_clip_type, clip_value: grad_clip_value }
    if (optimizer === 'SGD') {
      this.optimizer = new SGD(parameters, { lr, momentum, weight_decay: weight_decay ?? 0, ...clip })
    } else {
      this.optimizer =
        weight_decay === null
          ? new Adam(parameters, { lr, ...clip })
          : new AdamW(parameters, { lr, weight_decay, ...clip })
    }
    this.learningRate = this.rateAt(lr, 'learning_rate')
    this.learnModel = modelWrap(this.model, 'base').train()
    this.update = this.compute.program('bc_learn', (batch: BCBatch) => this.updateFunction(batch), {
      random: this.random.stream('learn'),
    })
  }

  private updateFunction({ obs, action }: BCBatch): BCUpdate {
    let agreement!: Tensor
    const total_loss = backward(this.model.parameters(), () => {
      const output = this.learnModel.forward(this.shaped(obs))
      const losses = this.cfg.continuous
        ? this.continuousLoss(output, action)
        : this.discreteLoss(output, action)
      agreement = losses.agreement
      return losses.loss
    })
    return { total_loss, agreement }
  }

  private discreteLoss(output: ModelOutput, action: Tensor): { loss: Tensor; agreement: Tensor } {
    const heads = logits(output)
    const smoothing = this.cfg.learn.ce_label_smooth ? SMOOTHING : 0
    const labels = heads.map((_, i) => (heads.length === 1 ? tf.reshape(action, [-1]) : columnOf(action, i)))
    const hits = heads.map((logit, i) =>
      tf.mean(tf.cast(tf.equal(tf.argMax(logit, -1), tf.cast(labels[i] as Tensor, 'int32')), 'float32')),
    )
    return {
      loss: meanOf(heads.map((logit, i) => cross_entropy(logit, labels[i] as Tensor, smoothing))),
      agreement: meanOf(hits),
    }
  }

  private continuousLoss(output: ModelOutput, column: Tensor): { loss: Tensor; agreement: Tensor } {
    const { loss_type, learn } = this.cfg
    const predicted = output['action'] as Tensor
    const action = tf.reshape(tf.cast(column, 'float32'), predicted.shape)
    const distance = tf.abs(tf.sub(predicted, action))
    const agreement = tf.mean(distance)
    if (loss_type === 'nll_loss') {
      const { mu, sigma } = output['logit'] as { mu: Tensor; sigma: Tensor }
      return { loss: tf.neg(tf.mean(tanh_normal_log_prob(mu, sigma, action))), agreement }
    }
    const errors = loss_type === 'l1_loss' ? distance : tf.squaredDifference(predicted, action)
    return { loss: learn.tanh_mask ? maskedMean(errors, predicted) : tf.mean(errors), agreement }
  }

  protected override async forwardLearn({ obs, action }: Batch): Promise<LearnOutput> {
    if (!this.cfg.continuous) checkDiscreteActions(action, this.modelConfig['action_shape'])
    const out = await this.update.run({ obs, action })
    const total_loss = scalarOf(out.total_loss)
    this.optimizer.lr = this.learningRate(this.updates)
    stepChecked(this.optimizer, { total_loss })
    this.updates++
    return { cur_lr: this.optimizer.lr, total_loss, [this.agreementName]: scalarOf(out.agreement) }
  }

  private get agreementName(): string {
    return this.cfg.continuous ? 'mean_abs_error' : 'accuracy'
  }

  protected override monitorVarsLearn(): string[] {
    return [...super.monitorVarsLearn(), this.agreementName]
  }

  protected override stateDictLearn(): StateTree {
    return { ...super.stateDictLearn(), optimizer: this.optimizer.stateDict(), updates: this.updates }
  }

  protected override loadStateDictLearn(state: StateTree): void {
    if (typeof state['updates'] !== 'number') {
      throw new CheckpointError('The state has no "updates": it is not of a bc policy.')
    }
    super.loadStateDictLearn(state)
    this.optimizer.loadStateDict(partOf(state, 'optimizer'))
    this.updates = state['updates']
  }

  // ---- collect ----

  protected override initCollect(): void {
    const { continuous, collect } = this.cfg
    const { noise, noise_sigma: sigma, noise_range } = collect
    const model = continuous
      ? modelWrap(this.model, 'action_noise', {
          noise_kwargs: { mu: 0, sigma: noise ? sigma : 0 },
          noise_range,
        })
      : modelWrap(this.model, 'eps_greedy_sample')
    model.eval()
    this.collector = new Actor(
      this.compute,
      'bc_collect',
      this.random.stream('collect'),
      ({ obs, settings }) => {
        const { action } = model.forward(this.shaped(obs), continuous ? {} : { eps: settings['eps'] })
        return { action }
      },
    )
  }

  protected override forwardCollect(data: ById<Obs>, settings: CollectSettings): Promise<ById<PolicyOutput>> {
    return this.collector.forward(data, this.cfg.continuous ? {} : { eps: settings['eps'] ?? 0 })
  }

  // ---- eval ----

  protected override initEval(): void {
    const model = modelWrap(this.model, this.cfg.continuous ? 'base' : 'argmax_sample').eval()
    this.evaluator = new Actor(this.compute, 'bc_eval', this.random.stream('eval'), ({ obs }) => {
      const { action } = model.forward(this.shaped(obs))
      return { action }
    })
  }

  protected override forwardEval(data: ById<Obs>): Promise<ById<PolicyOutput>> {
    return this.evaluator.forward(data)
  }
}

/** Mean of the errors of predictions within +-tanh(1); of all, when fewer than a fifth are. */
function maskedMean(errors: Tensor, predicted: Tensor): Tensor {
  const inside = tf.cast(tf.lessEqual(tf.abs(predicted), Math.tanh(1)), 'float32')
  const enough = tf.greaterEqual(tf.mean(inside), 0.2)
  const counted = tf.where(tf.broadcastTo(enough, errors.shape), inside, tf.onesLike(inside))
  return tf.div(tf.sum(tf.mul(errors, counted)), tf.sum(counted))
}
