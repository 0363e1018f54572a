import type { Tensor } from '@tensorflow/tfjs-core'
import { backward, Parameter } from '../../ding/compute/index.js'
import * as rl from '../../ding/rl_utils/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { argumentsOf, criterionOf, gammaOf, type Kwargs, transformsOf } from './di_td_arguments.js'
import { type GoldenTensor, isGoldenTensor, isRecord, numberAt, numbersOf } from './golden.js'
import { runtimes } from './runtimes.js'
import type { CaseResult } from './types.js'

/** The fields of DI-engine's namedtuple, each a tensor or absent. Which are present depends on the function. */
type Fields = Record<string, Tensor>
type Outputs = { loss: Tensor } & Record<string, Tensor>

const oneStepOptions = (kwargs: Kwargs) => ({ criterion: criterionOf(kwargs) })
const nstepOptions = (kwargs: Kwargs): rl.NstepOptions => ({
  nstep: kwargs['nstep'] as number | undefined,
  cum_reward: kwargs['cum_reward'] as boolean | undefined,
  criterion: criterionOf(kwargs),
})
const rescaleOptions = (kwargs: Kwargs): rl.RescaleOptions => ({
  ...nstepOptions(kwargs),
  ...transformsOf(kwargs),
})
const numberGamma = (kwargs: Kwargs) => numberAt(kwargs, 'gamma')
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
  ...rescaleOptions(kwargs),
  lambda_n_step_td: numberAt(kwargs, 'lambda_n_step_td'),
  lambda_supervised_loss: numberAt(kwargs, 'lambda_supervised_loss'),
  margin_function: numberAt(kwargs, 'margin_function'),
  lambda_one_step_td: kwargs['lambda_one_step_td'] as number | undefined,
})

/** A td error by DI-engine's name, from its namedtuple's fields and keyword arguments. */
const TD_FUNCTIONS: Record<
  string,
  (fields: never, kwargs: Kwargs) => { loss: Tensor; td_error_per_sample?: Tensor }
> = {
  q_1step_td_error: (d: rl.Q1stepTdData, k) => rl.q_1step_td_error(d, numberGamma(k), oneStepOptions(k)),
  m_q_1step_td_error: (d: rl.MQ1stepTdData, k) =>
    rl.m_q_1step_td_error(d, numberGamma(k), numberAt(k, 'tau'), numberAt(k, 'alpha'), oneStepOptions(k)),
  q_v_1step_td_error: (d: rl.QV1stepTdData, k) => rl.q_v_1step_td_error(d, numberGamma(k), oneStepOptions(k)),
  v_1step_td_error: (d: rl.V1stepTdData, k) => rl.v_1step_td_error(d, numberGamma(k), oneStepOptions(k)),
  v_nstep_td_error: (d: rl.VNstepTdData, k) => rl.v_nstep_td_error(d, gammaOf(d, k), nstepOptions(k)),
  q_nstep_td_error: (d: rl.QNstepTdData, k) => rl.q_nstep_td_error(d, gammaOf(d, k), nstepOptions(k)),
  bdq_nstep_td_error: (d: rl.QNstepTdData, k) => rl.bdq_nstep_td_error(d, gammaOf(d, k), nstepOptions(k)),
  q_nstep_td_error_with_rescale: (d: rl.QNstepTdData, k) =>
    rl.q_nstep_td_error_with_rescale(d, gammaOf(d, k), rescaleOptions(k)),
  q_nstep_sql_td_error: (d: rl.QNstepTdData, k) =>
    rl.q_nstep_sql_td_error(d, gammaOf(d, k), numberAt(k, 'alpha'), nstepOptions(k)),
  dqfd_nstep_td_error: (d: rl.DqfdNstepTdData, k) => rl.dqfd_nstep_td_error(d, gammaOf(d, k), dqfdOptions(k)),
  dqfd_nstep_td_error_with_rescale: (d: rl.DqfdNstepTdData, k) =>
    rl.dqfd_nstep_td_error_with_rescale(d, gammaOf(d, k), dqfdOptions(k)),
  td_lambda_error: (d: rl.TdLambdaData, k) =>
    rl.td_lambda_error(d, {
      gamma: k['gamma'] as number | undefined,
      lambda_: k['lambda_'] as number | undefined,
    }),
  dist_1step_td_error: (d: rl.Dist1stepTdData, k) => rl.dist_1step_td_error(d, numberGamma(k), support(k)),
  dist_nstep_td_error: (d: rl.DistNstepTdData, k) =>
    rl.dist_nstep_td_error(d, gammaOf(d, k), { ...support(k), nstep: k['nstep'] as number | undefined }),
  qrdqn_nstep_td_error: (d: rl.QrdqnNstepTdData, k) =>
    rl.qrdqn_nstep_td_error(d, gammaOf(d, k), quantileOptions(k)),
  iqn_nstep_td_error: (d: rl.IqnNstepTdData, k) =>
    rl.iqn_nstep_td_error(d, gammaOf(d, k), quantileOptions(k)),
  fqf_nstep_td_error: (d: rl.FqfNstepTdData, k) =>
    rl.fqf_nstep_td_error(d, gammaOf(d, k), quantileOptions(k)),
  fqf_calculate_fraction_loss: (d: rl.FqfFractionData) => ({ loss: rl.fqf_calculate_fraction_loss(d) }),
}

export const tdFunctionNames: ReadonlySet<string> = new Set(Object.keys(TD_FUNCTIONS))

/**
 * The inverse of the value rescaling takes 1 / (2 eps) = 50 times a difference near 1 in DI-engine's float32: an error of up to 5e-6 in the target (its
 * derivative h' makes up for the square in the inverse), so of 1e-5 |u| in u^2. Numbers of these functions are held to a scale of 1 at least, where
 * that is within the tolerance. Ours has no such difference.
 */
const leastScaleOf = (fn: string) => (fn.endsWith('_with_rescale') ? [1] : [])

/** What a td case must give: its outputs, and the gradient of the loss to some of its fields. */
interface Expected {
  readonly out: Record<string, unknown>
  readonly grads: Record<string, GoldenTensor>
}

/** Runs one td case, outputs and gradients, in every runtime. */
export async function runTdCase(golden: Record<string, unknown>, name: string): Promise<CaseResult> {
  const fn = String(golden['fn'])
  const { fields, kwargs, note } = argumentsOf(golden)
  const { out, grads } = expectedOf(golden, fields)
  const td = TD_FUNCTIONS[fn] as (fields: Fields, kwargs: Kwargs) => Outputs
  const least = leastScaleOf(fn)
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
    const compare = (what: string, actual: unknown, expected: unknown) => {
      const found = actual === undefined ? undefined : [...numbersOf(actual), ...least]
      comparison.check(`${runtime} ${what}`, found, [...numbersOf(expected), ...least])
      here.check(what, found, [...numbersOf(expected), ...least])
    }
    for (const [key, value] of Object.entries(out)) compare(key, result[key], value)
    for (const [field, value] of Object.entries(grads))
      compare(`grad ${field}`, parameters[field]!.grad, value)
    seen.push(`${runtime} ${here.result().maxError.toExponential(1)}`)
    program.dispose()
  }
  return comparison.result([seen.join(', '), note].filter(Boolean).join('; '))
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
    return rightV1step(fields, numberGamma(kwargs))
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
