import * as tf from '@tensorflow/tfjs-core'
import { type ConfigOf, extendSchema } from '../config/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { conservative_term } from '../rl_utils/index.js'
import { qrdqnPolicyConfig, quantileLoss } from './qrdqn.js'
import { type HeadLoss, ValueBasedPolicy, type ValueHead } from './value_based.js'

export const discreteCQLPolicyConfig = extendSchema(qrdqnPolicyConfig, {
  learn: {
    update_per_collect: { default: 1 },
    min_q_weight: {
      doc: 'Weight of the conservative term (original Atari runs: 1 with 10 % of the data, 4 with 1 %).',
      format: 'nonnegative_number',
      default: 1,
    },
  },
})

export type DiscreteCQLConfig = ConfigOf<typeof discreteCQLPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    discrete_cql: DiscreteCQLConfig
    cql_discrete: DiscreteCQLConfig
  }
  interface DefaultModelMap {
    discrete_cql: 'qrdqn'
    cql_discrete: 'qrdqn'
  }
}

/**
 * Discrete CQL (Kumar et al. 2020) on quantile-regression DQN, as DI-engine has it (ding/policy/cql.py, DiscreteCQLPolicy): the quantile
 * loss plus min_q_weight * (mean logsumexp_a Q(s, a) - mean Q(s, a_data)), Q being the mean of the quantiles.
 */
@POLICY_REGISTRY.register('discrete_cql')
export class DiscreteCQLPolicy extends ValueBasedPolicy<DiscreteCQLConfig> {
  static override readonly config = discreteCQLPolicyConfig

  protected override get policyName(): string {
    return 'discrete_cql'
  }

  override defaultModel(): [string, string[]] {
    return ['qrdqn', ['ding/model/qrdqn']]
  }

  protected override headLoss(head: ValueHead): HeadLoss {
    const { now, action } = head
    const quantile = quantileLoss(head, this.cfg)
    const conservative = conservative_term(now.logit, action, 'dataset', now['action_mask'])
    return {
      loss: tf.add(quantile.loss, tf.mul(conservative, this.cfg.learn.min_q_weight)),
      td_error_per_sample: quantile.td_error_per_sample,
      logged: { td_loss: quantile.loss, conservative_loss: conservative },
    }
  }

  protected override monitorVarsLearn(): string[] {
    return [...super.monitorVarsLearn(), 'td_loss', 'conservative_loss']
  }
}
