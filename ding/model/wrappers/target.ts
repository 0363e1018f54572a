import { assignParameters, type Parameter, polyakUpdate } from '../../compute/index.js'
import { type ConfigOf, schema } from '../../config/index.js'
import type { Module } from '../../nn/index.js'
import { CheckpointError, ConfigError, type StateTree, UsageError } from '../../utils/index.js'
import type { ForwardOptions, Model, ModelInput, ModelOutput } from '../types.js'
import { ModelWrapper, type WrapperResetOptions } from './base.js'

const targetConfig = schema({
  update_type: {
    doc: "'assign' copies the source every freq updates; 'momentum' moves a share theta towards it at each.",
    format: ['assign', 'momentum'],
    required: true,
  },
  update_kwargs: { doc: '{freq} for assign, {theta} for momentum.', format: 'any_record', required: true },
})

interface ParameterPairs {
  readonly source: Module
  readonly trainable: readonly [target: Parameter[], source: Parameter[]]
  readonly buffers: readonly [target: Parameter[], source: Parameter[]]
}

/**
 * A target network: a copy of another that follows it when `update` is called, once per learner iteration.
 * `assign` copies everything at every `freq`-th call; `momentum`: p <- (1 - theta) p + theta source for weights. Buffers (running
 * statistics, noise) are not averaged but copied, at every momentum update.
 */
export class TargetWrapper extends ModelWrapper {
  static readonly config = targetConfig

  private readonly rule: { readonly freq: number } | { readonly theta: number }
  private updateCount = 0
  private pairs: ParameterPairs | undefined

  constructor(model: Model, kwargs: ConfigOf<typeof targetConfig>) {
    super(model)
    const { update_type, update_kwargs } = kwargs
    const key = update_type === 'assign' ? 'freq' : 'theta'
    const { [key]: value, ...others } = update_kwargs
    const fits =
      typeof value === 'number' &&
      (key === 'freq' ? Number.isInteger(value) && value >= 1 : value >= 0 && value <= 1)
    if (!fits || Object.keys(others).length > 0) {
      throw new ConfigError(
        `Wrapper "target" with update_type "${update_type}" needs update_kwargs {${key}: ${key === 'freq' ? 'a whole number >= 1' : 'a number from 0 to 1'}}, ` +
          `got ${JSON.stringify(update_kwargs)}.`,
      )
    }
    this.rule = key === 'freq' ? { freq: value } : { theta: value }
  }

  /** Calls of `update` since the last direct one (assign only). */
  get update_count(): number {
    return this.updateCount
  }

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    return this.model.forward(inputs, options)
  }

  /**
   * On the host: follows `source`, a model (wrapped or not) with the same parameters. `direct` copies everything at once and starts the counter anew.
   * @throws UsageError when the parameters differ in name or shape.
   */
  override update(source: Module, options: { readonly direct?: boolean } = {}): void {
    const { trainable, buffers } = this.pairWith(source)
    if (options.direct === true) {
      assignParameters(trainable[0], trainable[1])
      assignParameters(buffers[0], buffers[1])
      this.updateCount = 0
    } else if ('freq' in this.rule) {
      this.updateCount++
      if (this.updateCount % this.rule.freq !== 0) return
      assignParameters(trainable[0], trainable[1])
      assignParameters(buffers[0], buffers[1])
    } else {
      polyakUpdate(trainable[0], trainable[1], this.rule.theta)
      assignParameters(buffers[0], buffers[1])
    }
  }

  private pairWith(source: Module): ParameterPairs {
    if (this.pairs?.source === source) return this.pairs
    const theirs = new Map(source.namedParameters())
    const own = this.namedParameters()
    const misfits = own
      .filter(([name, p]) => theirs.get(name)?.shape.join() !== p.shape.join())
      .map(([name]) => name)
    if (misfits.length > 0 || theirs.size !== own.length) {
      throw new UsageError(
        `The target network cannot follow a model with other parameters; they differ at: ${misfits.join(', ') || 'further parameters of the source'}. ` +
          'Make the target with model.copy().',
      )
    }
    const split = (trainable: boolean): [Parameter[], Parameter[]] => {
      const part = own.filter(([, p]) => p.trainable === trainable)
      return [part.map(([, p]) => p), part.map(([name]) => theirs.get(name)!)]
    }
    this.pairs = { source, trainable: split(true), buffers: split(false) }
    return this.pairs
  }

  protected override ownState(): StateTree {
    return { update_count: this.updateCount }
  }

  protected override loadOwnState(state: StateTree): void {
    const count = state['update_count']
    if (typeof count !== 'number')
      throw new CheckpointError('The saved state of wrapper "target" has no update_count.')
    this.updateCount = count
  }

  protected override resetOwn(options: WrapperResetOptions): void {
    if (options.target_update_count !== undefined) this.updateCount = options.target_update_count
  }
}
