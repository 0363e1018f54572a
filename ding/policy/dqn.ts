import { type ConfigOf, extendSchema } from '../config/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { q_nstep_td_error } from '../rl_utils/index.js'
import { type HeadLoss, ValueBasedPolicy, type ValueHead } from './value_based.js'
import { valueBasedPolicyConfig } from './value_based_config.js'

export const dqnPolicyConfig = extendSchema(valueBasedPolicyConfig, {
  learn: {
    criterion: {
      doc: "Loss of one TD error: 'mse' (squared) or 'smooth_l1' (Huber with threshold 1).",
      format: ['mse', 'smooth_l1'],
      default: 'mse',
    },
  },
})

export type DQNConfig = ConfigOf<typeof dqnPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    dqn: DQNConfig
  }
  interface DefaultModelMap {
    dqn: 'dqn'
  }
}

/**
 * Deep Q-network (Mnih et al. 2015) with double Q-learning (van Hasselt et al. 2016), dueling heads (in the model),
 * n-step returns, prioritised replay (Schaul et al. 2016) and noisy layers (Fortunato et al. 2018). Multi-discrete actions
 * are learned as one independent Q-function per dimension. Defaults and keys are DI-engine's (ding/policy/dqn.py).
 */
@POLICY_REGISTRY.register('dqn')
export class DQNPolicy extends ValueBasedPolicy<DQNConfig> {
  static override readonly config = dqnPolicyConfig

  protected override get policyName(): string {
    return 'dqn'
  }

  override defaultModel(): [string, string[]] {
    return ['dqn', ['ding/model/dqn']]
  }

  protected override headLoss({ now, next, action, next_action, ...rest }: ValueHead): HeadLoss {
    const { discount_factor, nstep, learn } = this.cfg
    return q_nstep_td_error(
      { ...rest, q: now.logit, action, next_n_q: next.logit, next_n_action: next_action },
      discount_factor,
      { nstep, criterion: learn.criterion },
    )
  }
}
