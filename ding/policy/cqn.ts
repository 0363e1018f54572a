import * as tf from '@tensorflow/tfjs-core'
import { type ConfigOf, extendSchema } from '../config/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { CONSERVATIVE_TERMS, conservative_term, q_nstep_td_error } from '../rl_utils/index.js'
import { type HeadLoss, ValueBasedPolicy, type ValueHead } from './value_based.js'
import { valueBasedPolicyConfig } from './value_based_config.js'

export const cqnPolicyConfig = extendSchema(valueBasedPolicyConfig, {
  discount_factor: { default: 0.99 },
  double: { default: false },
  learn: {
    update_per_collect: { default: 1 },
    learning_rate: { default: 1e-4 },
    grad_clip_type: { default: 'clip_norm' },
    grad_clip_value: { default: 1 },
    target_update_freq: { default: null },
    target_theta: { default: 1e-3 },
    cql_alpha: { doc: 'Weight of the conservative term.', format: 'nonnegative_number', default: 1 },
    td_weight: { doc: 'Weight of the squared TD error.', format: 'nonnegative_number', default: 0.5 },
    conservative_term: {
      doc: "What logsumexp Q(s, .) is held against: 'dataset', the dataset's action (the paper), or 'mean', the mean over all actions (AgileRL as written).",
      format: CONSERVATIVE_TERMS,
      default: 'dataset',
    },
  },
  collect: {
    n_sample: { default: 5, doc: "Transitions per collect (AgileRL's learn_step). Give this or n_episode." },
  },
  other: { replay_buffer: { replay_buffer_size: { default: 100000 } } },
})

export type CQNConfig = ConfigOf<typeof cqnPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    cqn: CQNConfig
  }
  interface DefaultModelMap {
    cqn: 'agilerl_q'
  }
}

/**
 * Conservative Q-learning on (double) DQN: the discrete form of CQL (Kumar et al. 2020) as AgileRL's CQN has it, with its defaults and
 * network. The loss is cql_alpha * (mean logsumexp_a Q(s, a) - mean Q(s, a_data)) + td_weight * mean (Q(s, a_data) - target)^2.
 * AgileRL takes the mean over all actions where the dataset's action belongs: `conservative_term: 'mean'`.
 */
@POLICY_REGISTRY.register('cqn')
export class CQNPolicy extends ValueBasedPolicy<CQNConfig> {
  static override readonly config = cqnPolicyConfig

  protected override get policyName(): string {
    return 'cqn'
  }

  /** As in AgileRL's `learn`. */
  protected override get looksAheadFirst(): boolean {
    return true
  }

  override defaultModel(): [string, string[]] {
    return ['agilerl_q', ['ding/model/agilerl_q']]
  }

  protected override headLoss({ now, next, action, next_action, ...rest }: ValueHead): HeadLoss {
    const { discount_factor, nstep, learn } = this.cfg
    const td = q_nstep_td_error(
      { ...rest, q: now.logit, action, next_n_q: next.logit, next_n_action: next_action },
      discount_factor,
      { nstep },
    )
    const conservative = conservative_term(now.logit, action, learn.conservative_term, now['action_mask'])
    return {
      loss: tf.add(tf.mul(conservative, learn.cql_alpha), tf.mul(td.loss, learn.td_weight)),
      td_error_per_sample: td.td_error_per_sample,
      logged: { td_loss: td.loss, conservative_loss: conservative },
    }
  }

  protected override monitorVarsLearn(): string[] {
    return [...super.monitorVarsLearn(), 'td_loss', 'conservative_loss']
  }
}
