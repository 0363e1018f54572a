import type { Tensor } from '@tensorflow/tfjs-core'
import * as rl from '../../ding/rl_utils/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { decode, decodeAt, isGoldenTensor, numberAt, numbersOf } from './golden.js'
import { runtimes } from './runtimes.js'
import type { CaseResult } from './types.js'

type Golden = Record<string, unknown>

/**
 * Runs a tensor function of the case's tensors in every runtime and compares its outputs.
 * @param least scale that an output is held to at least, where the comparison's own is too small for what is known of the rounding
 */
async function compareTensors(
  name: string,
  inputs: Record<string, HostTensor>,
  fn: (inputs: Record<string, Tensor>) => Record<string, Tensor>,
  expected: Record<string, unknown>,
  { least = {}, note }: { least?: Record<string, number>; note?: string } = {},
): Promise<CaseResult> {
  const comparison = new Comparison(name)
  for (const { name: runtime, compute } of await runtimes()) {
    const program = compute.program(name, fn)
    const outputs = (await program.run(inputs)) as Record<string, HostTensor>
    for (const [key, value] of Object.entries(expected)) {
      const scale = least[key] === undefined ? [] : [least[key]]
      comparison.check(
        `${runtime} ${key}`,
        [...numbersOf(outputs[key]), ...scale],
        [...numbersOf(value), ...scale],
      )
    }
    program.dispose()
  }
  return comparison.result(note)
}

/** One discount for each sample: a tensor or a list, as `gamma_list` or as `gamma`. */
function discountsOf(golden: Golden): HostTensor | undefined {
  const given = golden['gamma_list'] ?? golden['gamma']
  if (given === null || given === undefined || typeof given === 'number') return undefined
  const numbers = numbersOf(given)
  return { dtype: 'float32', shape: [numbers.length], data: Float32Array.from(numbers) }
}

function tensorsOf(golden: Golden, keys: readonly string[]): Record<string, HostTensor> {
  const tensors: Record<string, HostTensor> = {}
  for (const key of keys) {
    const value = golden[key]
    if (isGoldenTensor(value)) tensors[key] = decode(value)
  }
  return tensors
}

const RETURN_FUNCTIONS: Record<string, (golden: Golden, name: string) => Promise<CaseResult> | CaseResult> = {
  nstep_return: (golden, name) => {
    const inputs = tensorsOf(golden, ['reward', 'next_value', 'done'])
    const discounts = discountsOf(golden)
    const given = golden['value_gamma']
    // DI-engine takes no notice of value_gamma beside a list of discounts.
    const ignored = discounts !== undefined && given !== null && given !== undefined
    if (discounts !== undefined) inputs['discounts'] = discounts
    else if (isGoldenTensor(given)) inputs['value_gamma'] = decode(given)
    const factor = typeof given === 'number' && !ignored ? given : undefined
    const fn = (t: Record<string, Tensor>) => ({
      out: rl.nstep_return(
        { reward: t['reward']!, next_value: t['next_value']!, done: t['done']! },
        t['discounts'] ?? numberAt(golden, 'gamma'),
        numberAt(golden, 'nstep'),
        t['value_gamma'] ?? factor,
      ),
    })
    const note = ignored ? 'value_gamma left out, as DI-engine does where gamma is a list' : undefined
    return compareTensors(name, inputs, fn, { out: golden['out'] }, { note })
  },
  generalized_lambda_returns: (golden, name) => {
    const inputs = tensorsOf(golden, ['bootstrap_values', 'rewards', 'gammas', 'lambda_', 'done'])
    const fn = (t: Record<string, Tensor>) => ({
      out: rl.generalized_lambda_returns(
        t['bootstrap_values']!,
        t['rewards']!,
        t['gammas'] ?? numberAt(golden, 'gammas'),
        t['lambda_'] ?? numberAt(golden, 'lambda_'),
        t['done'],
      ),
    })
    return compareTensors(name, inputs, fn, { out: golden['out'] })
  },
  // The same without the first value: what generalized_lambda_returns calls.
  multistep_forward_view: (golden, name) => {
    const later = decodeAt(golden, 'bootstrap_values')
    const [rows = 0, ...row] = later.shape
    const first = new Float32Array(later.data.length / rows)
    const values = { dtype: 'float32', shape: [rows + 1, ...row], data: [...first, ...later.data] }
    const whole = { ...golden, bootstrap_values: values }
    return RETURN_FUNCTIONS['generalized_lambda_returns']!(whole, name)
  },
  value_rescale: (golden, name) => {
    const eps = typeof golden['eps'] === 'number' ? golden['eps'] : 1e-2
    const fn = ({ x }: Record<string, Tensor>) => ({
      value_transform: rl.value_transform(x!, eps),
      value_inv_transform: rl.value_inv_transform(x!, eps),
      symlog: rl.symlog(x!),
      inv_symlog: rl.inv_symlog(x!),
    })
    const keys = ['value_transform', 'value_inv_transform', 'symlog', 'inv_symlog'].filter(
      (key) => key in golden,
    )
    const expected = Object.fromEntries(keys.map((key) => [key, golden[key]]))
    return compareRescale(name, decodeAt(golden, 'x'), fn, expected, eps)
  },
  gae: (golden, name) => {
    const data = tensorsOf(golden, ['value', 'next_value', 'reward', 'done', 'traj_flag'])
    const before = numbersOf(data['next_value'])
    const comparison = new Comparison(name)
    comparison.check(
      'adv',
      rl.gae(data as unknown as rl.GaeData, numberAt(golden, 'gamma'), numberAt(golden, 'lambda_')),
      golden['adv'],
    )
    comparison.check('next_value left as it was', data['next_value'], before)
    return comparison.result()
  },
  get_gae: (golden, name) => {
    const { last_value, ...rest } = golden
    const last = Float32Array.from(numbersOf(last_value))
    return compareSteps(rest, name, (steps, gamma, lambda) => rl.get_gae(steps, last, gamma, lambda))
  },
  get_gae_with_default_last_value: (golden, name) =>
    compareSteps(golden, name, (steps, gamma, lambda) =>
      rl.get_gae_with_default_last_value(steps, golden['done'] === true, gamma, lambda),
    ),
}

interface Step {
  readonly [key: string]: unknown
  readonly value: Float32Array
  readonly reward: Float32Array
}

/** Advantages of the recorded columns as transitions. */
function compareSteps(
  golden: Golden,
  name: string,
  advantages: (steps: Step[], gamma: number, lambda: number) => readonly { readonly adv: unknown }[],
): CaseResult {
  const rows = (t: HostTensor) => {
    const width = t.data.length / t.shape[0]!
    return Array.from({ length: t.shape[0]! }, (_, i) =>
      Float32Array.from(t.data.slice(i * width, (i + 1) * width)),
    )
  }
  const rewards = rows(decodeAt(golden, 'reward'))
  const steps = rows(decodeAt(golden, 'value')).map((value, i) => ({ value, reward: rewards[i]! }))
  const result = advantages(steps, numberAt(golden, 'gamma'), numberAt(golden, 'gae_lambda'))
  const comparison = new Comparison(name)
  comparison.check('n_out', result.length, golden['n_out'])
  comparison.check(
    'adv',
    result.map(({ adv }) => adv),
    golden['adv'],
  )
  return comparison.result()
}

export const returnFunctionNames: ReadonlySet<string> = new Set(Object.keys(RETURN_FUNCTIONS))

/** Runs one case of returns, value rescaling or advantages. */
export async function runReturnCase(golden: Golden, name: string): Promise<CaseResult> {
  return RETURN_FUNCTIONS[String(golden['fn'])]!(golden, name)
}

/**
 * Value rescaling; the recorded inv_symlog was taken at x / 50, since exp(x) overflows at x. DI-engine's inverse of the value transform takes
 * 1 / (2 eps) times a difference near 1 in float32, an error of up to 2^-24 a / eps where the result is a^2 - 1: within the tolerance of a scale of
 * 0.01 / eps.
 */
async function compareRescale(
  name: string,
  x: HostTensor,
  fn: (inputs: Record<string, Tensor>) => Record<string, Tensor>,
  expected: Record<string, unknown>,
  eps: number,
): Promise<CaseResult> {
  const { inv_symlog, ...atX } = expected
  const least = { value_inv_transform: 0.01 / eps }
  const whole = await compareTensors(name, { x }, fn, atX, { least })
  if (inv_symlog === undefined) return whole
  const reduced: HostTensor = { ...x, data: Float32Array.from(x.data, (value) => Math.fround(value / 50)) }
  const inverse = await compareTensors(name, { x: reduced }, fn, { inv_symlog })
  return whole.maxError >= inverse.maxError ? whole : inverse
}
