import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import * as rl from '../../ding/rl_utils/index.js'
import { huber } from '../../ding/rl_utils/td_common.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { decode, isGoldenTensor, isRecord } from './golden.js'

export type Kwargs = Record<string, unknown>

/** Keyword arguments that are read, of all td functions together. Another one fails the case by its name. */
const KNOWN = new Set(
  (
    'gamma gamma_list nstep cum_reward value_gamma criterion trans_fn inv_trans_fn v_min v_max n_atom kappa tau alpha lambda_ ' +
    'lambda_n_step_td lambda_supervised_loss margin_function lambda_one_step_td'
  ).split(' '),
)

/** What a td function is called with: tensors by field, and the rest. */
export interface TdArguments {
  readonly fields: Record<string, HostTensor>
  readonly kwargs: Kwargs
  /** What was left out of the recording's arguments, and why. */
  readonly note?: string
}

/** A recorded argument as a tensor: tensors, numbers and lists of numbers; undefined for null. */
function tensorOf(name: string, value: unknown): HostTensor | undefined {
  if (value === null || value === undefined) return undefined
  if (isGoldenTensor(value)) return decode(value)
  const numbers = typeof value === 'number' ? [value] : value
  if (!Array.isArray(numbers) || !numbers.every((x) => typeof x === 'number')) {
    throw new Error(`The argument ${name} is neither a tensor, a number nor a list of numbers.`)
  }
  return { dtype: 'float32', shape: [numbers.length], data: Float32Array.from(numbers) }
}

/**
 * The function's fields as tensors and its keyword arguments. `value_gamma` is a field in ours, a keyword in DI-engine's; a discount for each sample
 * (NGU) becomes the field `gamma`.
 */
export function argumentsOf(golden: Record<string, unknown>): TdArguments {
  const { data, kwargs } = golden
  if (!isRecord(data) || !isRecord(kwargs)) throw new Error('A td case needs "data" and "kwargs".')
  const unknown = Object.keys(kwargs).filter((key) => !KNOWN.has(key))
  if (unknown.length > 0) throw new Error(`No handler for the keyword argument ${unknown.join(', ')}.`)
  const discounts = kwargs['gamma_list'] ?? kwargs['gamma']
  const perSample = typeof discounts === 'number' ? undefined : discounts
  const given = { ...data, value_gamma: data['value_gamma'] ?? kwargs['value_gamma'], gamma: perSample }
  const fields: Record<string, HostTensor> = {}
  for (const [key, value] of Object.entries(given)) {
    const tensor = tensorOf(key, value)
    if (tensor !== undefined) fields[key] = tensor
  }
  // DI-engine's adder gives no reward_one_step, and its function takes the sum of the batch's first row for everyone's first reward.
  if (kwargs['cum_reward'] === true && fields['done_one_step'] !== undefined)
    fields['reward_one_step'] = slice(fields['reward']!, 0, 1, [1])
  const note = 'value_gamma left out, as DI-engine does where gamma is a list'
  if (fields['gamma'] === undefined || fields['value_gamma'] === undefined)
    return { fields: reshaped(fields), kwargs }
  delete fields['value_gamma']
  return { fields: reshaped(fields), kwargs, note }
}

function slice({ dtype, data }: HostTensor, from: number, to: number, shape: number[]): HostTensor {
  return { dtype, shape, data: data.slice(from, to) } as HostTensor
}

/** Forms that DI-engine's functions take beside those of ours, with the same numbers in the same order. */
function reshaped(fields: Record<string, HostTensor>): Record<string, HostTensor> {
  const { q, action, act, weight, value_gamma } = fields
  const of = (tensor: HostTensor, shape: readonly number[]) => ({ ...tensor, shape })
  // Agents' actions with an axis of size 1 behind them: (B, A, 1).
  if (q !== undefined && action !== undefined && action.shape.length === q.shape.length)
    fields['action'] = of(action, action.shape.slice(0, -1))
  // Distributions of agents: one weight for each of B * A.
  if (act?.shape.length !== 2) return fields
  for (const [key, column] of Object.entries({ weight, value_gamma })) {
    if (column?.shape.length === 1 && column.data.length === act.data.length)
      fields[key] = of(column, act.shape)
  }
  return fields
}

/** A discount: one number, or the field with one for each sample. */
export function gammaOf(fields: object, kwargs: Kwargs): rl.Discount {
  const { gamma } = kwargs
  if ('gamma' in fields && fields.gamma instanceof tf.Tensor) return fields.gamma
  if (typeof gamma !== 'number') throw new Error('The golden case has no "gamma".')
  return gamma
}

/** A recorded criterion, by the name of torch's class or function, with the argument that matters in parentheses or behind `=`. */
export function criterionOf(kwargs: Kwargs): rl.Criterion | undefined {
  const { criterion } = kwargs
  if (criterion === null || criterion === undefined) return undefined
  const text = String(criterion).toLowerCase()
  const name = /^(?:torch\.)?(?:nn\.)?([a-z_0-9]+?)_?(?:loss)?(?:\(|$)/.exec(text)?.[1]
  const setting = (key: string) => Number(new RegExp(`${key}=([\\d.e-]+)`).exec(text)?.[1] ?? 1)
  const beta = setting('beta')
  const delta = setting('delta')
  if (name === 'mse') return 'mse'
  if (name === 'l1') return (estimate, target) => tf.abs(tf.sub(estimate, target))
  if (name === 'smoothl1' || name === 'smooth_l1')
    return (estimate, target) => tf.div(huber(tf.sub(estimate, target), beta), beta)
  if (name === 'huber') return (estimate, target) => huber(tf.sub(estimate, target), delta)
  throw new Error(`No handler for the criterion ${JSON.stringify(criterion)}.`)
}

const TRANSFORMS: Readonly<Record<string, (value: Tensor) => Tensor>> = {
  value_transform: (x) => rl.value_transform(x),
  value_inv_transform: (x) => rl.value_inv_transform(x),
  symlog: rl.symlog,
  inv_symlog: rl.inv_symlog,
}

/** Recorded names of a value transformation and its inverse. */
export function transformsOf(kwargs: Kwargs): Pick<rl.RescaleOptions, 'trans_fn' | 'inv_trans_fn'> {
  const pick = (key: 'trans_fn' | 'inv_trans_fn') => {
    const name = kwargs[key]
    if (name === null || name === undefined) return {}
    const fn = TRANSFORMS[String(name)]
    if (fn === undefined) throw new Error(`No handler for the ${key} ${JSON.stringify(name)}.`)
    return { [key]: fn }
  }
  return { ...pick('trans_fn'), ...pick('inv_trans_fn') }
}
