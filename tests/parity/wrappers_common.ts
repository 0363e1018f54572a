import type * as tf from '@tensorflow/tfjs-core'
import type { Compute } from '../../ding/compute/index.js'
import { type Model, type ModelInput, type ModelOutput, modelWrap } from '../../ding/model/index.js'
import { Module } from '../../ding/nn/index.js'
import type { HostTensor } from '../../ding/utils/index.js'

export interface GoldenTensor {
  shape: number[]
  dtype: string
  data: number[]
}
export type GoldenRecord = Record<string, unknown>

export interface Outcome {
  error: number
  tolerance: number
  detail?: string
}
export type Replay = (
  compute: Compute,
  recorded: GoldenRecord,
  inputs: Record<string, GoldenRecord>,
) => Promise<Outcome>

/** An action as the wrappers give it: one tensor, one a head, or a hybrid action's parts. */
export type ActionTree =
  | HostTensor
  | HostTensor[]
  | { action_type: HostTensor | HostTensor[]; action_args: HostTensor }

/** Gives its input record as its output. */
export class Echo extends Module implements Model {
  forward(inputs: ModelInput): ModelOutput {
    return inputs as ModelOutput
  }
}

export function isGolden(value: unknown): value is GoldenTensor {
  return typeof value === 'object' && value !== null && 'shape' in value && 'data' in value
}

export function host(value: unknown): HostTensor<Float32Array> {
  if (!isGolden(value))
    throw new Error(`Expected a recorded tensor, found ${JSON.stringify(value)?.slice(0, 80)}.`)
  return { dtype: 'float32', shape: value.shape, data: Float32Array.from(value.data) }
}

export function vector(
  values: readonly number[],
  shape: readonly number[] = [values.length],
): HostTensor<Float32Array> {
  return { dtype: 'float32', shape, data: Float32Array.from(values) }
}

/** The recorded output of the model: tensors, lists of them, or records. */
function treeOf(value: unknown): unknown {
  if (isGolden(value)) return host(value)
  if (Array.isArray(value)) return value.map(treeOf)
  if (typeof value !== 'object' || value === null)
    throw new Error(`Expected recorded tensors, found ${JSON.stringify(value)?.slice(0, 80)}.`)
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, treeOf(part)]))
}

export function inputOf(recorded: GoldenRecord, inputs: Record<string, GoldenRecord>): GoldenRecord {
  return treeOf(recorded['input'] ?? inputs[String(recorded['input_ref'])]) as GoldenRecord
}

export function normalOf(recorded: GoldenRecord): GoldenRecord {
  return { mu: host(recorded['mu']), sigma: host(recorded['sigma']) }
}

export type Options = Record<string, HostTensor>

/** Runs a wrapper on a model that gives `output`. @param settings forward options that are no tensors */
export async function sample(
  compute: Compute,
  name: string,
  output: GoldenRecord,
  {
    draws = [],
    options = {},
    settings = {},
  }: { draws?: HostTensor[]; options?: Options; settings?: GoldenRecord } = {},
): Promise<HostTensor[]> {
  const wrapped = modelWrap(new Echo(), name)
  const program = compute.program(name, (i: { output: ModelInput; options: Record<string, tf.Tensor> }) => {
    return wrapped.forward(i.output, { ...i.options, ...settings })['action'] as tf.Tensor | tf.Tensor[]
  })
  const action = (await program.run({ output: output as never, options }, { draws })) as ActionTree
  program.dispose()
  return leaves(action)
}

/** The tensors of an action, those of a hybrid action's type first. */
function leaves<T extends object>(action: T | T[] | { action_type: T | T[]; action_args: T }): T[] {
  if (Array.isArray(action)) return action
  return 'action_type' in action ? [...leaves(action.action_type), action.action_args] : [action]
}

export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let most = 0
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i]! - Math.fround(b[i]!))
    if (!(d <= most)) most = d
  }
  return most
}

export function actionError(actions: readonly HostTensor[], expected: unknown): number {
  const recorded = leaves(expected as GoldenTensor | GoldenTensor[])
  if (recorded.length !== actions.length) return Number.POSITIVE_INFINITY
  return Math.max(...recorded.map((tensor, i) => distance(actions[i]!.data, tensor.data)))
}
