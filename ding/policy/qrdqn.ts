import { type ConfigOf, extendSchema } from '../config/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { qrdqn_nstep_td_error } from '../rl_utils/index.js'
import { type HeadLoss, ValueBasedPolicy, type ValueHead } from './value_based.js'
import { type ValueBasedConfig, valueBasedPolicyConfig } from './value_based_config.js'

export const qrdqnPolicyConfig = extendSchema(valueBasedPolicyConfig, {
  learn: {
    kappa: {
      doc: 'Threshold of the Huber loss of quantiles; 0 for the plain quantile loss.',
      format: 'nonnegative_number',
      default: 1,
    },
  },
})

export type QRDQNConfig = ConfigOf<typeof qrdqnPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    qrdqn: QRDQNConfig
  }
  interface DefaultModelMap {
    qrdqn: 'qrdqn'
  }
}

/** What the quantile loss reads of a config. */
export type QuantileConfig = ValueBasedConfig & { learn: { kappa: number } }

/** The quantile Huber loss of one action dimension (Dabney et al. 2018, eq. 10). */
export function quantileLoss(head: ValueHead, { discount_factor, nstep, learn }: QuantileConfig): HeadLoss {
  const { now, next, action, next_action, reward, done, weight, value_gamma } = head
  return qrdqn_nstep_td_error(
    {
      q: now['q']!,
      tau: now['tau']!,
      next_n_q: next['q']!,
      action,
      next_n_action: next_action,
      reward,
      done,
      weight,
      value_gamma,
    },
    discount_factor,
    { nstep, kappa: learn.kappa },
  )
}

/**
 * Quantile-regression DQN (Dabney et al. 2018): the distribution of returns as quantiles, learned with n-step returns and double
 * Q-learning on their means. Defaults and keys are DI-engine's (ding/policy/qrdqn.py); kappa, which it ignores, is honoured.
 */
@POLICY_REGISTRY.register('qrdqn')
export class QRDQNPolicy extends ValueBasedPolicy<QRDQNConfig> {
  static override readonly config = qrdqnPolicyConfig

  protected override get policyName(): string {
    return 'qrdqn'
  }

  override defaultModel(): [string, string[]] {
    return ['qrdqn', ['ding/model/qrdqn']]
  }

  protected override headLoss(head: ValueHead): HeadLoss {
    return quantileLoss(head, this.cfg)
  }
}
