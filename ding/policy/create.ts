import type { Compute, RandomTree } from '../compute/index.js'
import { createCompute } from '../compute/index.js'
import type { Model } from '../model/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import type { Policy } from './base.js'
import type { BasePolicyConfig } from './base_config.js'
import type { LrFunction } from './lr_schedule.js'
import type { PolicyField, PolicyOptions } from './types.js'

/** A class that POLICY_REGISTRY takes. `config` describes the keys of `policy` in the config. */
export interface PolicyClass {
  new (cfg: never, options: PolicyOptions): Policy
  readonly config?: unknown
}

declare module '../registry/index.js' {
  interface RegistryTypes {
    policy: PolicyClass
  }
}

/** What runs the programs of a policy, as its config asks: `runtime`, `eager_backend`, `cuda`, `threads`. */
export function computeFor(cfg: BasePolicyConfig): Promise<Compute> {
  const { runtime, eager_backend, cuda, threads } = cfg
  return createCompute(
    runtime === 'eager' ? { runtime, backend: eager_backend, cuda } : { runtime, cuda, threads },
  )
}

export interface CreatePolicyOptions {
  readonly compute: Compute
  readonly random: RandomTree
  readonly model?: Model
  readonly enable_field?: readonly PolicyField[]
  readonly lr_schedule?: LrFunction
}

/** Builds the policy called `type` from its compiled config. @throws RegistryError for an unknown name. */
export function createPolicy(type: string, cfg: BasePolicyConfig, options: CreatePolicyOptions): Policy {
  const kind = POLICY_REGISTRY.get(type)
  return new kind(cfg as never, options)
}
