import * as tf from '@tensorflow/tfjs-core'
import { Parameter, random } from '../../compute/index.js'
import { type ConfigOf, schema } from '../../config/index.js'
import { ConfigError, UsageError } from '../../utils/index.js'
import { fillArguments } from '../arguments.js'
import type { ForwardOptions, Model, ModelInput, ModelOutput } from '../types.js'
import { ModelWrapper, type WrapperResetOptions } from './base.js'
import { fillRows, gatherRows, rowIds, scatterRows } from './rows.js'
import { tensorOf } from './sampling.js'

const actionNoiseConfig = schema({
  noise_type: {
    doc: "'gauss' (independent) or 'ou' (Ornstein-Uhlenbeck, correlated in time).",
    format: ['gauss', 'ou'],
    default: 'gauss',
  },
  noise_kwargs: {
    doc: 'gauss: {mu, sigma}, default 0 and 1. ou: {mu, sigma, theta, dt, x0}, default 0, 0.3, 0.15, 0.01, 0.',
    format: 'any_record',
    default: {},
  },
  noise_range: {
    doc: '{min, max} that the noise is clipped to.',
    format: 'any_record',
    default: null,
    nullable: true,
  },
  action_range: {
    doc: '{min, max} that the action is clipped to after the noise.',
    format: 'any_record',
    default: { min: -1, max: 1 },
    nullable: true,
  },
  state_num: {
    doc: 'ou only: number of environments; each has a process of its own.',
    format: 'positive_int',
    default: null,
    nullable: true,
  },
  action_shape: { doc: 'ou only: shape of one action.', format: 'shape', default: null, nullable: true },
})

const gaussConfig = schema({
  mu: { doc: 'Mean.', format: 'number', default: 0 },
  sigma: { doc: 'Standard deviation.', format: 'nonnegative_number', default: 1 },
})

const ouConfig = schema({
  mu: { doc: 'Value that the process returns to.', format: 'number', default: 0 },
  sigma: { doc: 'Scale of the random part.', format: 'nonnegative_number', default: 0.3 },
  theta: { doc: 'Rate of return to mu.', format: 'nonnegative_number', default: 0.15 },
  dt: { doc: 'Length of a step.', format: 'positive_number', default: 0.01 },
  x0: { doc: 'Value at the start of an episode.', format: 'number', default: 0 },
})

interface Range {
  readonly min: number
  readonly max: number
}

/**
 * Adds exploration noise to `action` (or `action_args`); outputs with neither pass untouched.
 * gauss: mu + sigma z. ou: x <- x + theta (mu - x) dt + sigma sqrt(dt) z, one process per environment (forward option
 * `data_id`, else the row number), started anew at x0 by `reset({data_id})`; the noise is x, where DI-engine's generator gives
 * the increment. The forward option `sigma` replaces the noise's scale.
 */
export class ActionNoiseWrapper extends ModelWrapper {
  static readonly config = actionNoiseConfig

  private readonly gauss: ConfigOf<typeof gaussConfig> | undefined
  private readonly ou: ConfigOf<typeof ouConfig> | undefined
  private readonly noiseRange: Range | undefined
  private readonly actionRange: Range | undefined
  /** ou: x of each environment, [state_num, ...action_shape]. */
  private readonly process: Parameter | undefined

  constructor(model: Model, kwargs: ConfigOf<typeof actionNoiseConfig>) {
    super(model)
    this.noiseRange = rangeOf(kwargs.noise_range, 'noise_range')
    this.actionRange = rangeOf(kwargs.action_range, 'action_range')
    const where = 'Wrapper "action_noise": noise_kwargs'
    if (kwargs.noise_type === 'gauss') {
      this.gauss = fillArguments(gaussConfig, kwargs.noise_kwargs, where) as ConfigOf<typeof gaussConfig>
      return
    }
    this.ou = fillArguments(ouConfig, kwargs.noise_kwargs, where) as ConfigOf<typeof ouConfig>
    const { state_num, action_shape } = kwargs
    if (state_num === null || action_shape === null) {
      throw new ConfigError(
        'Wrapper "action_noise" with noise_type "ou" needs state_num (the number of environments) and action_shape: it keeps one process per environment.',
      )
    }
    this.process = new Parameter(
      [state_num, ...(typeof action_shape === 'number' ? [action_shape] : action_shape)],
      false,
    )
    this.resetOwn({})
  }

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    const output = this.model.forward(inputs, options)
    const key = output['action'] === undefined ? 'action_args' : 'action'
    if (output[key] === undefined) return output
    const action = tensorOf(output, key, this.wrapperName)
    let noise = this.draw(action.shape, options)
    if (this.noiseRange !== undefined) noise = tf.clipByValue(noise, this.noiseRange.min, this.noiseRange.max)
    const noisy = tf.add(action, noise)
    const { actionRange } = this
    return {
      ...output,
      [key]: actionRange === undefined ? noisy : tf.clipByValue(noisy, actionRange.min, actionRange.max),
    }
  }

  private draw(shape: number[], options: ForwardOptions | undefined): tf.Tensor {
    const sigma = scaleOf(options?.sigma ?? this.gauss?.sigma ?? this.ou?.sigma ?? 0, shape)
    const z = random.normal(shape)
    if (this.ou === undefined || this.process === undefined)
      return tf.add(tf.mul(z, sigma), this.gauss?.mu ?? 0)
    const { mu, theta, dt } = this.ou
    const row = this.process.shape.slice(1)
    if (shape.slice(1).join() !== row.join()) {
      throw new UsageError(
        `Wrapper "action_noise": action_shape is [${row}] but the model's actions are [${shape.slice(1)}].`,
      )
    }
    const ids = rowIds(options?.data_id, shape[0]!, this.process.shape[0]!, this.wrapperName)
    const x = gatherRows(this.process, ids)
    const drift = tf.mul(tf.sub(mu, x), theta * dt)
    const next = tf.add(tf.add(x, drift), tf.mul(tf.mul(z, sigma), Math.sqrt(dt)))
    scatterRows(this.process, ids, next)
    return next
  }

  protected override stateParameters(): Record<string, Parameter> {
    return this.process === undefined ? {} : { process: this.process }
  }

  protected override resetOwn(options: WrapperResetOptions): void {
    if (this.process !== undefined) fillRows(this.process, options.data_id, this.ou?.x0 ?? 0)
  }
}

/** sigma for broadcasting against [B, ...]: a scalar as it is, one value a row with axes of 1 behind. */
function scaleOf(sigma: tf.Tensor | number, shape: readonly number[]): tf.Tensor | number {
  if (typeof sigma === 'number' || sigma.rank !== 1) return sigma
  return tf.reshape(sigma, [-1, ...shape.slice(1).map(() => 1)])
}

function rangeOf(value: Readonly<Record<string, unknown>> | null, name: string): Range | undefined {
  if (value === null) return undefined
  const { min, max, ...others } = value
  if (typeof min !== 'number' || typeof max !== 'number' || !(min <= max) || Object.keys(others).length > 0) {
    throw new ConfigError(
      `Wrapper "action_noise": ${name} must be {min, max} with min <= max, got ${JSON.stringify(value)}.`,
    )
  }
  return { min, max }
}
