// Recordings of AgileRL's CQN as runs of the cqn policy.
import type { Tensor } from '@tensorflow/tfjs-core'
import { type Compute, RandomTree } from '../../ding/compute/index.js'
import { defaultsOf } from '../../ding/config/index.js'
import type { Batch } from '../../ding/data/index.js'
import { createModel, type Model, type ModelInput } from '../../ding/model/index.js'
import { type CQNConfig, CQNPolicy, cqnPolicyConfig } from '../../ding/policy/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { decodeAt, type GoldenTensor, isRecord } from './golden.js'

export type Golden = Record<string, unknown>

/** AgileRL's settings as those of the policy. */
export function policyConfig(json: Golden, config: Golden, model: Golden): CQNConfig {
  const defaults = defaultsOf(cqnPolicyConfig)
  const optimizer = isRecord(json['optimizer']) ? json['optimizer'] : {}
  const { type = 'Adam', betas = [0.9, 0.999], weight_decay = 0 } = optimizer
  if (type !== 'Adam' || String(betas) !== '0.9,0.999' || weight_decay !== 0) {
    throw new Error(`The cqn policy has no setting for the optimizer ${JSON.stringify(optimizer)}.`)
  }
  // AgileRL always clips to 1; null says that a recording does not.
  const { grad_clip_norm: clip = 1 } = optimizer
  return {
    ...defaults,
    model,
    discount_factor: Number(config['gamma'] ?? 0.99),
    double: config['double'] === true,
    learn: {
      ...defaults.learn,
      learning_rate: Number(optimizer['lr'] ?? config['lr'] ?? 1e-4),
      optimizer_eps: Number(optimizer['eps'] ?? 1e-8),
      grad_clip_type: typeof clip === 'number' ? 'clip_norm' : null,
      grad_clip_value: typeof clip === 'number' ? clip : 1,
      target_theta: Number(config['tau'] ?? 1e-3),
      conservative_term: 'mean',
    },
  }
}

export function agent(cfg: CQNConfig, compute: Compute): { model: Model; policy: CQNPolicy } {
  const random = RandomTree.fromSeed(0)
  const model = createModel({ type: 'agilerl_q', ...cfg.model }, { random: random.stream('model') })
  return { model, policy: new CQNPolicy(cfg, { compute, random, model, enable_field: ['learn'] }) }
}

/** A program of the model's action values. */
export function valuesOf(model: Model, compute: Compute) {
  return compute.program('values', ({ obs }: { obs: ModelInput }) => ({
    q: model.forward(obs)['logit'] as Tensor,
  }))
}

export type ValueProgram = ReturnType<typeof valuesOf>

/** The recorded batch. */
export function batchOf(json: Golden): Batch {
  const batch = json['batch'] as Golden
  return Object.fromEntries(Object.keys(batch).map((key) => [key, decodeAt(batch, key)])) as Batch
}

/** The recorded first parameters of both networks. */
export function initialOf(json: Golden): Record<'online' | 'target', Record<string, GoldenTensor>> {
  const { initial_params: online, initial_target_params: target } = json
  return {
    online: online as Record<string, GoldenTensor>,
    target: (isRecord(target) ? target : online) as Record<string, GoldenTensor>,
  }
}

/** The norm of the gradients that the model's last update left. */
export function gradientNorm(model: Model): number {
  return Math.sqrt(
    model.parameters().reduce((sum, { grad }) => grad.reduce((inner, g) => inner + g * g, sum), 0),
  )
}

/** Recorded parameters as tensors by name; they carry our models' names. */
export function tensorsOf(parameters: unknown): Record<string, HostTensor> {
  const record = parameters as Golden
  return Object.fromEntries(Object.keys(record).map((name) => [name, decodeAt(record, name)]))
}
