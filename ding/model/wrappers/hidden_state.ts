import * as tf from '@tensorflow/tfjs-core'
import { Parameter } from '../../compute/index.js'
import { type ConfigOf, schema } from '../../config/index.js'
import { ConfigError, UsageError } from '../../utils/index.js'
import type { ForwardOptions, Model, ModelInput, ModelOutput, OutputValue } from '../types.js'
import { ModelWrapper, type WrapperResetOptions } from './base.js'
import { fillRows, gatherRows, rowIds, scatterRows } from './rows.js'

const hiddenStateConfig = schema({
  state_num: {
    doc: 'Number of environments; each has a state of its own.',
    format: 'positive_int',
    required: true,
  },
  state_shape: {
    doc: "Shape of one environment's state without batch axis: a size, a list, or a record of such, such as {h: 64, c: 64}.",
    format: 'any',
    required: true,
  },
  save_prev_state: {
    doc: 'Put the state before the step into the output as prev_state.',
    format: 'boolean',
    default: false,
  },
  init_value: { doc: 'Value of a state at the start of an episode.', format: 'number', default: 0 },
})

/** Key of a state that is one tensor and no record. */
const WHOLE = 'state'

/**
 * Keeps a recurrent network's state per environment. Before the model: `prev_state` is put into the input record (an input that is one
 * tensor becomes {obs, prev_state}). After it: `next_state` is taken out of the output and kept. Rows belong to the environments of the
 * forward option `data_id` (else to 0, 1, ...); `reset({data_id})` starts states anew.
 */
export class HiddenStateWrapper extends ModelWrapper {
  static readonly config = hiddenStateConfig

  private readonly states: Record<string, Parameter>
  private readonly whole: boolean
  private readonly stateNum: number
  private readonly savePrevious: boolean
  private readonly initValue: number

  constructor(model: Model, kwargs: ConfigOf<typeof hiddenStateConfig>) {
    super(model)
    const { state_shape, state_num } = kwargs
    const single = shapeOf(state_shape)
    this.whole = single !== undefined
    const shapes = single === undefined ? shapeRecord(state_shape) : { [WHOLE]: single }
    this.states = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, new Parameter([state_num, ...shape], false)]),
    )
    this.stateNum = state_num
    this.savePrevious = kwargs.save_prev_state
    this.initValue = kwargs.init_value
    this.resetOwn({})
  }

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    const batch = batchOf(inputs)
    const ids = rowIds(options?.data_id, batch, this.stateNum, this.wrapperName)
    const rows = Object.fromEntries(
      Object.entries(this.states).map(([name, state]) => [name, gatherRows(state, ids)]),
    )
    const prev_state = this.whole ? rows[WHOLE]! : rows
    const record = inputs instanceof tf.Tensor ? { obs: inputs } : inputs
    const { next_state, ...output } = this.model.forward({ ...record, prev_state }, options)
    for (const [name, state] of Object.entries(this.states))
      scatterRows(state, ids, this.nextOf(next_state, name))
    return this.savePrevious ? { ...output, prev_state } : output
  }

  private nextOf(next: OutputValue | undefined, name: string): tf.Tensor {
    const record = this.whole ? { [WHOLE]: next } : next
    const found =
      typeof record === 'object' && !(record instanceof tf.Tensor) && !Array.isArray(record)
        ? (record as Record<string, OutputValue | undefined>)[name]
        : undefined
    if (found instanceof tf.Tensor) return found
    throw new UsageError(
      `Wrapper "hidden_state" needs the model's output "next_state" ${this.whole ? 'as a tensor' : `with a tensor "${name}"`} of the form of state_shape.`,
    )
  }

  protected override stateParameters(): Record<string, Parameter> {
    return this.states
  }

  protected override resetOwn(options: WrapperResetOptions): void {
    for (const state of Object.values(this.states)) fillRows(state, options.data_id, this.initValue)
  }
}

function batchOf(inputs: ModelInput): number {
  if (inputs instanceof tf.Tensor) return inputs.shape[0]!
  const [first] = Object.values(inputs)
  if (first === undefined) throw new UsageError('Wrapper "hidden_state" got an empty input record.')
  return batchOf(first)
}

function shapeOf(value: unknown): number[] | undefined {
  const sizes: unknown[] = Array.isArray(value) ? value : [value]
  return sizes.every((d): d is number => Number.isSafeInteger(d) && (d as number) > 0) ? sizes : undefined
}

function shapeRecord(value: unknown): Record<string, number[]> {
  const shapes: Record<string, number[]> = {}
  const entries =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
  for (const [name, part] of entries) {
    const shape = shapeOf(part)
    if (shape !== undefined) shapes[name] = shape
  }
  if (entries.length === 0 || Object.keys(shapes).length !== entries.length) {
    throw new ConfigError(
      `Wrapper "hidden_state": state_shape must be a size, a list of sizes, or a record of such, got ${JSON.stringify(value)}.`,
    )
  }
  return shapes
}
