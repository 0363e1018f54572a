import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { Adam, backward, Parameter, stopGradient } from '../compute/index.js'
import { CheckpointError, ConfigError, isHostTensor, type StateTree } from '../utils/index.js'
import { stepChecked } from './common.js'
import { partOf } from './saved_state.js'

/**
 * The weight alpha of the entropy in maximum-entropy policies. A policy reads `value` for its losses, calls `loss` once in the program that
 * samples actions, and `step` on the host afterwards.
 */
export interface EntropyCoefficient {
  /** On the host: alpha now. */
  readonly alpha: number
  /** Inside a program: alpha now, a scalar without gradient. */
  value(): Tensor
  /** Inside a program: the loss of alpha for sampled log-densities [B], whose gradient it takes; 0 for a constant. */
  loss(log_prob: Tensor): Tensor
  /** On the host, after a program with `loss`: moves alpha by its gradient. */
  step(learning_rate: number, alpha_loss: number): void
  state_dict(): StateTree
  load_state_dict(state: StateTree): void
}

/** An alpha that never changes. */
export class ConstantEntropyCoef implements EntropyCoefficient {
  constructor(readonly alpha: number) {}

  value(): Tensor {
    return tf.scalar(this.alpha)
  }

  loss(): Tensor {
    return tf.scalar(0)
  }

  step(): void {}

  state_dict(): StateTree {
    return { alpha: this.alpha }
  }

  load_state_dict(): void {}
}

export interface EntropyCoefOptions {
  /** Start value. */
  readonly alpha: number
  /** Entropy that alpha is adjusted towards. */
  readonly target_entropy: number
  readonly learning_rate: number
  /** Adjust log alpha (default); else alpha itself, which is kept at 0 or above. */
  readonly log_space?: boolean
}

/**
 * An alpha that is adjusted so that the policy's entropy comes to `target_entropy` (Haarnoja et al. 2018, eq. 18):
 * loss = -mean(log alpha (log pi + target_entropy)), in log alpha; with `log_space` false alpha stands in place of its logarithm.
 * The parameter is saved with its optimizer (DI-engine starts alpha anew on resume).
 */
export class EntropyCoef implements EntropyCoefficient {
  /** log alpha, or alpha, [1]. */
  readonly parameter: Parameter
  readonly target_entropy: number
  private readonly optimizer: Adam
  private readonly logSpace: boolean

  constructor({ alpha, target_entropy, learning_rate, log_space = true }: EntropyCoefOptions) {
    if (log_space && !(alpha > 0)) {
      throw new ConfigError(
        `policy.learn.alpha is ${alpha}, but an alpha that is adjusted in log space must start above 0.`,
        { path: 'policy.learn.alpha' },
      )
    }
    this.logSpace = log_space
    this.target_entropy = target_entropy
    const name = log_space ? 'log_alpha' : 'alpha'
    this.parameter = new Parameter([1], true, Float32Array.of(log_space ? Math.log(alpha) : alpha), name)
    this.optimizer = new Adam([this.parameter], { lr: learning_rate })
  }

  get alpha(): number {
    const value = this.parameter.data[0] as number
    return this.logSpace ? Math.exp(value) : value
  }

  value(): Tensor {
    const value = stopGradient(tf.squeeze(this.parameter.value))
    return this.logSpace ? tf.exp(value) : value
  }

  loss(log_prob: Tensor): Tensor {
    const gap = stopGradient(tf.add(tf.mean(log_prob), this.target_entropy))
    return backward([this.parameter], () => tf.neg(tf.mul(tf.squeeze(this.parameter.value), gap)))
  }

  step(learning_rate: number, alpha_loss: number): void {
    this.optimizer.lr = learning_rate
    stepChecked(this.optimizer, { alpha_loss })
    if (!this.logSpace) this.parameter.data[0] = Math.max(0, this.parameter.data[0] as number)
  }

  state_dict(): StateTree {
    return { value: this.parameter.toHostTensor(), optimizer: this.optimizer.stateDict() }
  }

  load_state_dict(state: StateTree): void {
    const value = state['value']
    if (!isHostTensor(value) || value.data.length !== 1) {
      throw new CheckpointError(
        'The state has no value of the entropy coefficient: it was saved with a constant alpha (auto_alpha false).',
      )
    }
    this.optimizer.loadStateDict(partOf(state, 'optimizer'))
    this.parameter.set(value.data)
  }
}

/** The keys of a policy's config that say how alpha is chosen. */
export interface EntropySettings {
  /** SB3's form: a constant, 'auto', or 'auto_0.1' (adjusted from 0.1 on); null: by the other keys. */
  readonly ent_coef: number | string | null
  readonly auto_alpha: boolean
  readonly alpha: number
  readonly log_space: boolean
  /** null: minus the number of action dimensions. */
  readonly target_entropy: number | 'auto' | null
  readonly learning_rate_alpha: number
}

/** Format of `ent_coef`. @throws Error saying what is wrong, which the config's validation passes on */
export function ent_coef(value: unknown): value is number | string {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return true
  if (typeof value === 'string' && (autoStart(value) !== undefined || constantOf(value) !== undefined))
    return true
  throw new ConfigError(
    "Give a number of 0 or more, 'auto', or 'auto_' and a start value above 0, such as 'auto_0.1'.",
  )
}

/** Format of `target_entropy`. @throws Error saying what is wrong, which the config's validation passes on */
export function target_entropy(value: unknown): value is number | 'auto' {
  if (value === 'auto' || (typeof value === 'number' && Number.isFinite(value))) return true
  throw new ConfigError("Give a number, or 'auto' for minus the number of action dimensions.")
}

/** The start value in 'auto' (1) or 'auto_x' (x); undefined for another text. */
function autoStart(text: string): number | undefined {
  if (text === 'auto') return 1
  const start = /^auto_([\d.]+(?:e-?\d+)?)$/.exec(text)?.[1]
  return start !== undefined && Number(start) > 0 ? Number(start) : undefined
}

/** The number that a text is, which SB3 takes as a constant too; undefined for another text. */
function constantOf(text: string): number | undefined {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  return Number.isFinite(value) && value >= 0 ? value : undefined
}

/** The entropy coefficient that a config asks for. @param actions number of action dimensions */
export function entropyCoefOf(settings: EntropySettings, actions: number): EntropyCoefficient {
  const { ent_coef: short, auto_alpha, log_space, learning_rate_alpha: learning_rate } = settings
  const target = settings.target_entropy
  const target_entropy = target === null || target === 'auto' ? -actions : target
  if (short !== null) {
    const constant = typeof short === 'number' ? short : constantOf(short)
    if (constant !== undefined) return new ConstantEntropyCoef(constant)
    const alpha = autoStart(String(short))
    if (alpha === undefined) {
      throw new ConfigError(
        `policy.learn.ent_coef is '${short}'. Give a number of 0 or more, 'auto', or 'auto_' and a start value above 0.`,
        { path: 'policy.learn.ent_coef' },
      )
    }
    return new EntropyCoef({ alpha, target_entropy, learning_rate })
  }
  if (!auto_alpha) return new ConstantEntropyCoef(settings.alpha)
  return new EntropyCoef({ alpha: settings.alpha, target_entropy, learning_rate, log_space })
}

/** Schema keys of {@link EntropySettings} below `policy.learn`, with the defaults of DI-engine's sac. */
export const entropyKeys = {
  learning_rate_alpha: {
    doc: "Adam's learning rate for alpha.",
    format: 'nonnegative_number',
    default: 3e-4,
  },
  alpha: {
    doc: 'Weight of the entropy; where it is adjusted, its start value.',
    format: 'nonnegative_number',
    default: 0.2,
  },
  auto_alpha: {
    doc: 'Adjust alpha so that the entropy comes to target_entropy.',
    format: 'boolean',
    default: true,
  },
  log_space: { doc: 'Adjust log alpha, not alpha itself.', format: 'boolean', default: true },
  target_entropy: {
    doc: "Entropy that alpha is adjusted towards. null or 'auto': minus the number of action dimensions.",
    format: target_entropy,
    default: null,
    nullable: true,
  },
  ent_coef: {
    doc: "SB3's short form of auto_alpha and alpha: a constant, 'auto' (from 1 on), or 'auto_0.1' (from 0.1 on). null: by these keys.",
    format: ent_coef,
    default: null,
    nullable: true,
  },
} as const
