import { Adam, type AdamOptions, AdamW } from '../compute/index.js'
import type { SchemaDefinition } from '../config/index.js'
import type { Module } from '../nn/index.js'
import { ConfigError } from '../utils/index.js'

/** Keys below `learn` of policies whose references let the optimizer be chosen. */
export const adamKeys = {
  optimizer_type: {
    doc: "Optimizer of the networks: 'adam', or 'adamw' (weight decay apart from the gradient).",
    format: ['adam', 'adamw'],
    default: 'adam',
  },
  weight_decay: {
    doc: "Weight decay of the networks. null: torch's default, 0 with 'adam' and 0.01 with 'adamw'.",
    format: 'nonnegative_number',
    default: null,
    nullable: true,
  },
  amsgrad: {
    doc: 'Divide by the largest second moment so far (AMSGrad).',
    format: 'boolean',
    default: false,
  },
} as const satisfies SchemaDefinition

/** The keys that all these policies have, and the values of {@link adamKeys} where a policy has these. */
export interface AdamSettings {
  readonly optimizer_type?: string
  readonly weight_decay?: number | null
  readonly amsgrad?: boolean
  readonly optimizer_betas: readonly number[]
  readonly optimizer_eps: number
  readonly grad_clip_type: AdamOptions['grad_clip_type']
  readonly grad_clip_value: number
}

/** The optimizer of a network that the config asks for. @throws ConfigError unless there are two betas */
export function adamOf(module: Module, lr: number, learn: AdamSettings): Adam {
  const [beta1, beta2] = learn.optimizer_betas
  if (beta1 === undefined || beta2 === undefined || learn.optimizer_betas.length !== 2) {
    throw new ConfigError(
      `policy.learn.optimizer_betas is [${learn.optimizer_betas}], expected two numbers.`,
      {
        path: 'policy.learn.optimizer_betas',
      },
    )
  }
  const {
    weight_decay,
    amsgrad = false,
    grad_clip_type,
    grad_clip_value: clip_value,
    optimizer_eps: eps,
  } = learn
  const options = {
    lr,
    betas: [beta1, beta2] as const,
    eps,
    ...(typeof weight_decay === 'number' && { weight_decay }),
    amsgrad,
    grad_clip_type,
    clip_value,
  }
  return new (learn.optimizer_type === 'adamw' ? AdamW : Adam)(module.parameters(), options)
}
