import { extendSchema } from '../config/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import { type DDPGConfig, DDPGPolicy, ddpgPolicyConfig } from './ddpg.js'

export const td3PolicyConfig = extendSchema(ddpgPolicyConfig, {
  model: { twin_critic: { default: true } },
  learn: { actor_update_freq: { default: 2 }, noise: { default: true } },
})

export type TD3Config = DDPGConfig

declare module '../config/index.js' {
  interface PolicyConfigMap {
    td3: TD3Config
  }
  interface DefaultModelMap {
    td3: 'continuous_qac'
  }
}

/**
 * Twin delayed deep deterministic policy gradient (Fujimoto et al. 2018): {@link DDPGPolicy} with other defaults, DI-engine's
 * (ding/policy/td3.py). DI-engine moves the targets in every update; `learn.target_update_with_actor` moves them as the paper and SB3.
 */
@POLICY_REGISTRY.register('td3')
export class TD3Policy extends DDPGPolicy {
  static override readonly config = td3PolicyConfig

  protected override get policyName(): string {
    return 'td3'
  }
}
