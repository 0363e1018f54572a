import type { Tensor } from '@tensorflow/tfjs-core'
import { backward, Parameter } from '../../ding/compute/index.js'
import * as rl from '../../ding/rl_utils/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { decode, type GoldenTensor, isGoldenTensor, isRecord, numberAt } from './golden.js'
import { runtimes } from './runtimes.js'
import type { CaseResult } from './types.js'

type Kwargs = Record<string, unknown>
/** The fields of DI-engine's namedtuple, each a tensor or absent. Which are present depends on the function. */
type Fields = Record<string, Tensor>
type Outputs = { loss: Tensor } & Record<string, Tensor>

const nstepOptions = (kwargs: Kwargs): rl.NstepOptions => ({
  nstep: kwargs['nstep'] as number | undefined,
  cum_reward: kwargs['cum_reward'] as boolean | undefined,
})
const gammaOf = (kwargs: Kwargs) => numberAt(kwargs, 'gamma')
const support = (kwargs: Kwargs) => ({
  v_min: numberAt(kwargs, 'v_min'),
  v_max: numberAt(kwargs, 'v_max'),
  n_atom: numberAt(kwargs, 'n_atom'),
})
const quantileOptions = (kwargs: Kwargs): rl.QuantileOptions => ({
  nstep: kwargs['nstep'] as number | undefined,
  kappa: kwargs['kappa'] as number | undefined,
})
const dqfdOptions = (kwargs: Kwargs): rl.DqfdOptions => ({
  ...nstepOptions(kwargs),
  lambda_n_step_td: numberAt(kwargs, 'lambda_n_step_td'),
  lambda_supervised_loss: numberAt(kwargs, 'lambda_supervised_loss'),
  margin_function: numberAt(kwargs, 'margin_function'),
  lambda_one_step_td: kwargs['lambda_one_step_td'] as number | undefined,
})

/** A td error by DI-engine's name, from its namedtuple's fields and keyword arguments. */
const TD_FUNCTIONS: Record<string, (fields: never, kwargs: Kwargs) => rl.TdError> = {
  q_1step_td_error: (d: rl.Q1stepTdData, k) => rl.q_1step_td_error(d, gammaOf(k)),
  m_q_1step_td_error: (d: rl.MQ1stepTdData, k) =>
    rl.m_q_1step_td_error(d, gammaOf(k), numberAt(k, 'tau'), numberAt(k, 'alpha')),
  q_v_1step_td_error: (d: rl.QV1stepTdData, k) => rl.q_v_1step_td_error(d, gammaOf(k)),
  v_1step_td_error: (d: rl.V1stepTdData, k) => rl.v_1step_td_error(d, gammaOf(k)),
  v_nstep_td_error: (d: rl.VNstepTdData, k) => rl.v_nstep_td_error(d, gammaOf(k), nstepOptions(k)),
  q_nstep_td_error: (d: rl.QNstepTdData, k) => rl.q_nstep_td_error(d, gammaOf(k), nstepOptions(k)),
  q_nstep_td_error_with_rescale: (d: rl.QNstepTdData, k) =>
    rl.q_nstep_td_error_with_rescale(d, gammaOf(k), nstepOptions(k)),
  q_nstep_sql_td_error: (d: rl.QNstepTdData, k) =>
    rl.q_nstep_sql_td_error(d, gammaOf(k), numberAt(k, 'alpha'), nstepOptions(k)),
  dqfd_nstep_td_error: (d: rl.DqfdNstepTdData, k) => rl.dqfd_nstep_td_error(d, gammaOf(k), dqfdOptions(k)),
  dqfd_nstep_td_error_with_rescale: (d: rl.DqfdNstepTdData, k) =>
    rl.dqfd_nstep_td_error_with_rescale(d, gammaOf(k), dqfdOptions(k)),
  td_lambda_error: (d: rl.TdLambdaData, k) =>
    rl.td_lambda_error(d, {
      gamma: k['gamma'] as number | undefined,
      lambda_: k['lambda_'] as number | undefined,
    }),
  dist_1step_td_error: (d: rl.Dist1stepTdData, k) => rl.dist_1step_td_error(d, gammaOf(k), support(k)),
  dist_nstep_td_error: (d: rl.DistNstepTdData, k) =>
    rl.dist_nstep_td_error(d, gammaOf(k), { ...support(k), nstep: k['nstep'] as number | undefined }),
  qrdqn_nstep_td_error: (d: rl.QrdqnNstepTdData, k) =>
    rl.qrdqn_nstep_td_error(d, gammaOf(k), quantileOptions(k)),
  iqn_nstep_td_error: (d: rl.IqnNstepTdData, k) => rl.iqn_nstep_td_error(d, gammaOf(k), quantileOptions(k)),
  fqf_nstep_td_error: (d: rl.FqfNstepTdData, k) => rl.fqf_nstep_td_error(d, gammaOf(k), quantileOptions(k)),
}

export const tdFunctionNames: ReadonlySet<string> = new Set(Object.keys(TD_FUNCTIONS))

/** What a td case must give: its outputs, and the gradient of the loss to some of its fields. */
interface Expected {
  readonly out: Record<string, unknown>
  readonly grads: Record<string, GoldenTensor>
}

/** Runs one td case, outputs and gradients, in every runtime. */
export async function runTdCase(golden: Record<string, unknown>, name: string): Promise<CaseResult> {
  const fn = String(golden['fn'])
  const { fields, kwargs } = argumentsOf(golden)
  const { out, grads } = expectedOf(golden, fields)
  const td = TD_FUNCTIONS[fn] as (fields: Fields, kwargs: Kwargs) => rl.TdError
  const comparison = new Comparison(name)
  const seen: string[] = []
  for (const { name: runtime, compute } of await runtimes()) {
    const parameters: Record<string, Parameter> = {}
    const inputs: Record<string, HostTensor> = {}
    for (const [field, value] of Object.entries(fields)) {
      if (field in grads)
        parameters[field] = new Parameter(value.shape, true, value.data as Float32Array, field)
      else inputs[field] = value
    }
    const program = compute.program(fn, (given: Fields): Outputs => {
      let rest: Record<string, Tensor> = {}
      const loss = backward(Object.values(parameters), () => {
        const read = Object.fromEntries(Object.entries(parameters).map(([field, p]) => [field, p.value]))
        const result = td({ ...given, ...read }, kwargs)
        rest = Object.fromEntries(Object.entries(result).filter(([key]) => key !== 'loss'))
        return result.loss
      })
      return { loss, ...rest }
    })
    const result = (await program.run(inputs)) as Record<string, HostTensor>
    const here = new Comparison(runtime)
    for (const [key, value] of Object.entries(out)) {
      comparison.check(`${runtime} ${key}`, result[key], value)
      here.check(key, result[key], value)
    }
    for (const [field, value] of Object.entries(grads)) {
      comparison.check(`${runtime} grad ${field}`, parameters[field]!.grad, value)
      here.check(field, parameters[field]!.grad, value)
    }
    seen.push(`${runtime} ${here.result().maxError.toExponential(1)}`)
    program.dispose()
  }
  return comparison.result(seen.join(', '))
}

/** The function's fields as tensors and its keyword arguments; value_gamma is a field in ours, a keyword in DI-engine's. */
function argumentsOf(golden: Record<string, unknown>): {
  fields: Record<string, HostTensor>
  kwargs: Kwargs
} {
  const data = golden['data']
  const kwargs = golden['kwargs']
  if (!isRecord(data) || !isRecord(kwargs)) throw new Error('A td case needs "data" and "kwargs".')
  const fields: Record<string, HostTensor> = {}
  for (const [key, value] of [...Object.entries(data), ['value_gamma', kwargs['value_gamma']] as const]) {
    if (isGoldenTensor(value)) fields[key] = decode(value)
  }
  return { fields, kwargs }
}

function expectedOf(golden: Record<string, unknown>, fields: Record<string, HostTensor>): Expected {
  const grads: Record<string, GoldenTensor> = {}
  for (const [key, value] of Object.entries(golden)) {
    if (key.startsWith('grad_') && isGoldenTensor(value)) grads[key.slice(5)] = value
  }
  const out = golden['out']
  if (!isRecord(out)) throw new Error('A td case needs "out".')
  const perSample = out['td_error_per_sample']
  const v = fields['v']
  const kwargs = golden['kwargs'] as Kwargs
  if (
    golden['fn'] === 'v_1step_td_error' &&
    v !== undefined &&
    isGoldenTensor(perSample) &&
    perSample.data.length !== v.data.length
  ) {
    return rightV1step(fields, gammaOf(kwargs))
  }
  const kappa = kwargs['kappa']
  if (golden['fn'] === 'fqf_nstep_td_error' && typeof kappa === 'number' && kappa !== 1) {
    // DI-engine's fqf keeps the Huber threshold at 1 and only divides by kappa: its numbers for kappa 1, divided.
    kwargs['kappa'] = 1
    return { out: scaled(out, kappa), grads: scaled(grads, kappa) as Record<string, GoldenTensor> }
  }
  return { out, grads }
}

function scaled(values: Record<string, unknown>, factor: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      isGoldenTensor(value) ? { ...value, data: value.data.map((x) => x * factor) } : Number(value) * factor,
    ]),
  )
}

/**
 * DI-engine's BCQ passes next_v as (B, 1) beside v (B,), and everything broadcasts to (B, B): a defect on record. What is
 * right is one target per sample; it is worked out here from the case's data in float64.
 */
function rightV1step(fields: Record<string, HostTensor>, gamma: number): Expected {
  const at = (key: string, i: number) => fields[key]?.data[i]
  const v = fields['v']!
  const n = v.data.length
  const errors = Array.from({ length: n }, (_, i) => {
    const future = at('done', i) ? 0 : gamma * at('next_v', i)!
    return v.data[i]! - (at('reward', i)! + future)
  })
  const weight = (i: number) => at('weight', i) ?? 1
  const squares = errors.map((error) => error ** 2)
  const shape = [n]
  return {
    out: {
      loss: squares.reduce((sum, square, i) => sum + square * weight(i), 0) / n,
      td_error_per_sample: { shape, dtype: 'float32', data: squares },
    },
    grads: { v: { shape, dtype: 'float32', data: errors.map((error, i) => (2 * error * weight(i)) / n) } },
  }
}
