import { type ActionNoise, GaussianNoise, get_epsilon_greedy_fn, OUNoise } from '../../ding/rl_utils/index.js'
import { Comparison } from './compare.js'
import { numberAt, numbersOf } from './golden.js'
import type { CaseResult } from './types.js'

type Golden = Record<string, unknown>

export const explorationFunctionNames: ReadonlySet<string> = new Set([
  'get_epsilon_greedy_fn',
  'GaussianNoise',
  'OUNoise',
])

/** Runs one case of an exploration schedule or of action noise. */
export function runExplorationCase(golden: Golden, name: string): CaseResult {
  if (golden['fn'] === 'get_epsilon_greedy_fn') {
    const type = golden['type'] as 'exp' | 'linear'
    const fn = get_epsilon_greedy_fn(
      numberAt(golden, 'start'),
      numberAt(golden, 'end'),
      numberAt(golden, 'decay'),
      type,
    )
    // Schedules are float64 on both sides.
    const comparison = new Comparison(name, 1e-12)
    comparison.check('eps', numbersOf(golden['step']).map(fn), golden['eps'])
    return comparison.result()
  }
  const draws = (golden['draws'] as unknown[]).map((draw) => Float32Array.from(numbersOf(draw)))
  const recorded = (golden['out'] as unknown[]).map(numbersOf)
  const comparison = new Comparison(name)
  /** A recorded argument, or DI-engine's default. */
  const argument = (key: string, byDefault: number) => (key in golden ? numberAt(golden, key) : byDefault)
  if (golden['fn'] === 'GaussianNoise') {
    const noise = new GaussianNoise({ mu: argument('mu', 0), sigma: argument('sigma', 1) })
    sampleAll(noise, draws).forEach((sample, k) => {
      comparison.check(`call ${k}`, sample, recorded[k])
    })
    return comparison.result()
  }
  const x0 = golden['x0'] ?? 0
  const start = typeof x0 === 'number' ? recorded[0]!.map(() => x0) : numbersOf(x0)
  const noise = new OUNoise({
    mu: argument('mu', 0),
    sigma: argument('sigma', 0.3),
    theta: argument('theta', 0.15),
    dt: argument('dt', 0.01),
    x0: start,
  })
  // DI-engine's OUNoise returns the increment of the process, a defect on record. Ours returns its state, so the recorded
  // increments must add up to it.
  const state = start.slice()
  sampleAll(noise, draws).forEach((sample, k) => {
    recorded[k]!.forEach((increment, i) => {
      state[i]! += increment
    })
    comparison.check(`state after call ${k}`, sample, state)
  })
  return comparison.result('recorded increments added up (defect on record)')
}

function sampleAll(noise: ActionNoise, draws: readonly Float32Array[]): Float32Array[] {
  return draws.map((draw) => noise.sample(draw.length, { normal: () => draw.slice() }))
}
