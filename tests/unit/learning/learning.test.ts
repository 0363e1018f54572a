import { describe, expect, test } from 'vitest'
import { asJson } from '../../learning/cqn_report.js'
import { CONFIGURATIONS, type CqnRun, SEEDS } from '../../learning/cqn_runs.js'
import { compare, judge, pick, summaries } from '../../learning/cqn_summary.js'
import { deviation, median, standardError } from '../../learning/numbers.js'
import { linePlot } from '../../learning/plot.js'

/** Runs of the 'dataset' term whose every evaluation gave this return. */
function runsAt(value: number, seeds = SEEDS): CqnRun[] {
  return CONFIGURATIONS.flatMap(({ name, updates }) =>
    seeds.map((seed) => ({
      configuration: name,
      setting: 'dataset' as const,
      seed,
      curve: [0, ...Array<number>(updates / 1000).fill(value)],
      final_returns: [value],
      q_at_end: 0,
    })),
  )
}

describe('the numbers', () => {
  test('deviation is the sample deviation, standardError that of a difference of means', () => {
    expect(deviation([1, 3])).toBeCloseTo(Math.SQRT2)
    expect(deviation([7])).toBe(0)
    expect(standardError([1, 3], [0, 2, 4])).toBeCloseTo(Math.sqrt(2 / 2 + 4 / 3))
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  test('ahead and behind are differences of more than one standard error', () => {
    expect(compare([10, 12], [0, 2]).verdict).toBe('ahead')
    expect(compare([0, 2], [10, 12]).verdict).toBe('behind')
    expect(compare([0, 2], [1, 2]).verdict).toBe('level')
  })
})

describe('the criterion of the cqn study', () => {
  const passes = (runs: CqnRun[]) => judge(summaries(runs)).map(({ passed }) => passed)

  test("holds for returns above AgileRL's, fails for returns below", () => {
    expect(passes(runsAt(500))).toEqual([true, true, true])
    expect(passes(runsAt(20))).toEqual([false, false, false])
  })

  test('fails when seeds are missing', () => {
    expect(passes(runsAt(500, SEEDS.slice(1)))).toEqual([false, false, false])
  })

  test('leaves out the evaluation of the untrained network', () => {
    expect(pick(summaries(runsAt(100)), 'cqn_yaml', 'dataset').over_updates).toEqual(SEEDS.map(() => 100))
  })

  test("AgileRL's curves have as many evaluations as ours", () => {
    for (const { name, updates } of CONFIGURATIONS)
      expect(pick(summaries([]), name, 'agilerl').curve.mean).toHaveLength(updates / 1000 + 1)
  })
})

test('a plot maps the origin and the far corner to the edges of its axes, and escapes names', () => {
  const svg = linePlot({
    title: 'a < b',
    x_label: 'x',
    y_label: 'y',
    x: [0, 10],
    y_max: 5,
    series: [{ name: 'one', colour: '#000', mean: [0, 5], low: [0, 4], high: [0, 9] }],
  })
  expect(svg).toContain('points="60.0,390.0 742.0,40.0"')
  expect(svg).toContain('<polygon points="60.0,390.0 742.0,40.0 742.0,110.0 60.0,390.0"')
  expect(svg).toContain('a &lt; b')
  const short = { name: 'short', colour: '#000', mean: [] }
  expect(() => linePlot({ title: '', x_label: '', y_label: '', x: [0], y_max: 1, series: [short] })).toThrow(
    /short/,
  )
})

test('JSON keeps its value and breaks lists of numbers at the width of a line', () => {
  const value = { a: Array.from({ length: 60 }, (_, i) => i * 1.5), b: [{ c: 'x', d: null }] }
  const text = asJson(value)
  expect(JSON.parse(text)).toEqual(value)
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110)
})
