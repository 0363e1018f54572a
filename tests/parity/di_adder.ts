import { get_nstep_return_data, get_train_sample, type LastFnType } from '../../ding/rl_utils/index.js'
import { Comparison } from './compare.js'
import { decode, isGoldenTensor, isRecord, numberAt, numbersOf } from './golden.js'
import type { CaseResult } from './types.js'

type Golden = Record<string, unknown>
type Step = Record<string, unknown>

export const adderFunctionNames: ReadonlySet<string> = new Set(['get_nstep_return_data', 'get_train_sample'])

/** Runs one adder case on its trajectory. */
export function runAdderCase(golden: Golden, trajectories: unknown, name: string): CaseResult {
  const key = String(golden['traj'])
  const recorded = isRecord(trajectories) ? trajectories[key] : undefined
  if (!Array.isArray(recorded)) throw new Error(`The file has no trajectory "${key}".`)
  const steps = (recorded as Golden[]).map(decodeStep)
  return golden['fn'] === 'get_nstep_return_data'
    ? nstepCase(golden, steps, name)
    : trainSampleCase(golden, steps, name)
}

function decodeStep(step: Golden): Step {
  return Object.fromEntries(
    Object.entries(step).map(([key, value]) => [key, isGoldenTensor(value) ? decode(value) : value]),
  )
}

interface NstepSettings {
  readonly nstep: number
  readonly gamma: number
  readonly cum_reward: boolean
}

/**
 * What an n-step transition must be, straight from the trajectory: DI-engine's `value_gamma` is one power short in the last
 * nstep transitions, and it sums on over a `done` inside the window. Both are defects on record; where they bite the
 * recorded numbers are replaced by these.
 */
function rightNstep(
  steps: readonly Step[],
  start: number,
  { nstep, gamma, cum_reward }: NstepSettings,
): Step {
  let end = start
  while (end + 1 < Math.min(start + nstep, steps.length) && steps[end]!['done'] !== true) end++
  const window = steps.slice(start, end + 1).map((step) => numbersOf(step['reward']))
  const agents = window[0]!.map((_, agent) => window.map((rewards) => rewards[agent]!))
  const reward = cum_reward
    ? agents.map((rewards) => rewards.reduce((sum, r, j) => sum + gamma ** j * r, 0))
    : agents.flatMap((rewards) => [...rewards, ...Array<number>(nstep - rewards.length).fill(0)])
  const last = steps[end]!
  return { reward, next_obs: last['next_obs'], done: last['done'], value_gamma: gamma ** window.length }
}

function doneInside(steps: readonly Step[], start: number, nstep: number): boolean {
  return steps.slice(start, Math.min(start + nstep, steps.length) - 1).some((step) => step['done'] === true)
}

function nstepCase(golden: Golden, steps: readonly Step[], name: string): CaseResult {
  const settings: NstepSettings = {
    nstep: numberAt(golden, 'nstep'),
    gamma: numberAt(golden, 'gamma'),
    cum_reward: golden['cum_reward'] === true,
  }
  const { nstep } = settings
  const result = get_nstep_return_data(steps, nstep, {
    ...settings,
    correct_terminate_gamma: golden['correct_terminate_gamma'] !== false,
  })
  const expected = golden['out'] as Golden[]
  const comparison = new Comparison(name)
  comparison.check('length', result.length, expected.length)
  let mended = 0
  result.forEach((step, i) => {
    const right = rightNstep(steps, i, settings)
    const wrong = nstep > 1 && doneInside(steps, i, nstep)
    const short = nstep > 1 && i >= steps.length - nstep
    if (wrong || short) mended++
    for (const [key, recorded] of Object.entries(expected[i]!)) {
      if (recorded === null) {
        comparison.record(
          `step ${i}: ${key} must be absent`,
          step[key] === undefined ? 0 : Number.POSITIVE_INFINITY,
        )
      } else {
        const replaced = key in right && (wrong || (short && key === 'value_gamma'))
        comparison.check(`step ${i} ${key}`, step[key], replaced ? right[key] : recorded)
      }
    }
  })
  return comparison.result(
    mended > 0 ? `${mended} transitions against the right value (defect on record)` : undefined,
  )
}

function trainSampleCase(golden: Golden, steps: readonly Step[], name: string): CaseResult {
  const nstep = numberAt(golden, 'after_nstep')
  const unroll = numberAt(golden, 'unroll_len')
  const gamma = typeof golden['gamma'] === 'number' ? golden['gamma'] : 0.9
  const settings: NstepSettings = { nstep, gamma, cum_reward: golden['cum_reward'] === true }
  const result = get_train_sample(
    get_nstep_return_data(steps, nstep, settings),
    unroll,
    golden['last_fn_type'] as LastFnType,
  )
  const expected = golden['out'] as Golden[]
  const comparison = new Comparison(name)
  comparison.check('n_out', result.length, golden['n_out'])
  const whole = Math.floor(steps.length / unroll)
  expected.forEach((piece, p) => {
    const shortPiece = p >= whole
    const first =
      shortPiece && golden['last_fn_type'] === 'last' && whole > 0 ? steps.length - unroll : p * unroll
    for (const [key, recorded] of Object.entries(piece)) {
      // With unroll_len 1 a piece is a transition, else each key holds a list over time.
      const times = unroll === 1 ? [recorded] : (recorded as unknown[])
      const want = times.flatMap((value, j) => {
        // Padding copies the residual's first transition, whose next_obs may be a mended one.
        const padded = first + j >= steps.length && key === 'next_obs'
        const source = padded ? first : first + j
        const mend =
          nstep > 1 && source < steps.length && (key === 'value_gamma' || doneInside(steps, source, nstep))
        const right = mend ? rightNstep(steps, source, settings)[key] : undefined
        return numbersOf(right ?? value)
      })
      comparison.check(`sample ${p} ${key}`, result[p]?.[key], want)
    }
  })
  return comparison.result()
}
