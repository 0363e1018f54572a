import type { Tensor } from '@tensorflow/tfjs-core'
import * as rl from '../../ding/rl_utils/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { Comparison } from './compare.js'
import { decode, decodeAt, isGoldenTensor, numberAt, numbersOf } from './golden.js'
import { runtimes } from './runtimes.js'
import type { CaseResult } from './types.js'

type Golden = Record<string, unknown>

/** Runs a tensor function of the case's tensors in every runtime and compares its outputs. */
async function compareTensors(
  name: string,
  inputs: Record<string, HostTensor>,
  fn: (inputs: Record<string, Tensor>) => Record<string, Tensor>,
  expected: Record<string, unknown>,
): Promise<CaseResult> {
  const comparison = new Comparison(name)
  for (const { name: runtime, compute } of await runtimes()) {
    const program = compute.program(name, fn)
    const outputs = (await program.run(inputs)) as Record<string, HostTensor>
    for (const [key, value] of Object.entries(expected))
      comparison.check(`${runtime} ${key}`, outputs[key], value)
    program.dispose()
  }
  return comparison.result()
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
    const inputs = tensorsOf(golden, ['reward', 'next_value', 'done', 'value_gamma', 'gamma_list'])
    const factor = typeof golden['value_gamma'] === 'number' ? golden['value_gamma'] : undefined
    const fn = (t: Record<string, Tensor>) => ({
      out: rl.nstep_return(
        { reward: t['reward']!, next_value: t['next_value']!, done: t['done']! },
        t['gamma_list'] ?? numberAt(golden, 'gamma'),
        numberAt(golden, 'nstep'),
        t['value_gamma'] ?? factor,
      ),
    })
    return compareTensors(name, inputs, fn, { out: golden['out'] })
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
  value_rescale: (golden, name) => {
    const fn = ({ x }: Record<string, Tensor>) => ({
      value_transform: rl.value_transform(x!),
      value_inv_transform: rl.value_inv_transform(x!),
      symlog: rl.symlog(x!),
      inv_symlog: rl.inv_symlog(x!),
    })
    const keys = ['value_transform', 'value_inv_transform', 'symlog', 'inv_symlog'].filter(
      (key) => key in golden,
    )
    const expected = Object.fromEntries(keys.map((key) => [key, golden[key]]))
    return compareRescale(name, decodeAt(golden, 'x'), fn, expected)
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
  get_gae_with_default_last_value: (golden, name) => {
    const value = decodeAt(golden, 'value')
    const reward = decodeAt(golden, 'reward')
    const rows = (t: HostTensor) => {
      const width = t.data.length / t.shape[0]!
      return Array.from({ length: t.shape[0]! }, (_, i) =>
        Float32Array.from(t.data.slice(i * width, (i + 1) * width)),
      )
    }
    const rewards = rows(reward)
    const steps = rows(value).map((v, i) => ({ value: v, reward: rewards[i]! }))
    const result = rl.get_gae_with_default_last_value(
      steps,
      golden['done'] === true,
      numberAt(golden, 'gamma'),
      numberAt(golden, 'gae_lambda'),
    )
    const comparison = new Comparison(name)
    comparison.check('n_out', result.length, golden['n_out'])
    comparison.check(
      'adv',
      result.map((step) => step.adv),
      golden['adv'],
    )
    return comparison.result()
  },
}

export const returnFunctionNames: ReadonlySet<string> = new Set(Object.keys(RETURN_FUNCTIONS))

/** Runs one case of returns, value rescaling or advantages. */
export async function runReturnCase(golden: Golden, name: string): Promise<CaseResult> {
  return RETURN_FUNCTIONS[String(golden['fn'])]!(golden, name)
}

/** Value rescaling; the recorded inv_symlog was taken at x / 50, since exp(x) overflows at x. */
async function compareRescale(
  name: string,
  x: HostTensor,
  fn: (inputs: Record<string, Tensor>) => Record<string, Tensor>,
  expected: Record<string, unknown>,
): Promise<CaseResult> {
  const { inv_symlog, ...atX } = expected
  const whole = await compareTensors(name, { x }, fn, atX)
  if (inv_symlog === undefined) return whole
  const reduced: HostTensor = { ...x, data: Float32Array.from(x.data, (value) => Math.fround(value / 50)) }
  const inverse = await compareTensors(name, { x: reduced }, fn, { inv_symlog })
  return whole.maxError >= inverse.maxError ? whole : inverse
}
