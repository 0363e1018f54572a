import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { d4rl_config } from '../../../configs/d4rl/index.js'
import {
  beatsDataAndCloning,
  dropAfterSwitch,
  holdsOnline,
  judgePart,
  offlinePage,
  onlinePage,
} from '../../learning/offline_report.js'
import type { OfflineRecord } from '../../learning/offline_runs.js'
import {
  OFFLINE,
  OFFLINE_TO_ONLINE,
  type OfflinePart,
  type OnlinePart,
} from '../../learning/offline_studies.js'

function run(algo: string, seed: number, value: number, more: Partial<OfflineRecord> = {}): OfflineRecord {
  return {
    study: 'offline',
    algo,
    seed,
    fingerprint: 'f',
    env_step: 0,
    train_iter: 100,
    reached: false,
    curve: [
      [0, -100],
      [100, value],
    ],
    final_returns: [value - 1, value + 1],
    seconds: 2,
    data: { return_mean: -50, transitions: 10 },
    ...more,
  }
}

const SETTINGS = [
  { algo: 'cql', config: 'a', colour: '#000' },
  { algo: 'bc', config: 'b', colour: '#111' },
]
const PART: OfflinePart = {
  name: 'small',
  title: 'Small data',
  data: { paths: ['x.h5'], data_type: 'd4rl', action_scale: 1, origin: 'made up' },
  seeds: [0, 1],
  updates: 100,
  eval_freq: 10,
  final_episodes: 2,
  settings: SETTINGS,
  judged: ['cql'],
  random_return: -200,
  y: [-100, 0],
  notes: ['A note.'],
}
const { updates: _updates, judged: _judged, ...shared } = PART
const ONLINE: OnlinePart = {
  ...shared,
  settings: [{ algo: 'cql', config: 'a', colour: '#000' }],
  offline_iterations: 50,
  online_iterations: 50,
}

/** Two phases: evaluations at 0, 50 (the switch), 60 and 100. */
function phases(seed: number, at: number, lowest: number, end: number): OfflineRecord {
  return run('cql', seed, end, {
    curve: [
      [0, -200],
      [50, at],
      [60, lowest],
      [100, end],
    ],
    switch: { train_iter: 50, returns: [at, at] },
  })
}

describe('the studies of learning from data', () => {
  test('name configs that are shipped, every part once, and judge policies that are run beside bc', () => {
    const parts = [...OFFLINE, ...OFFLINE_TO_ONLINE]
    for (const { settings } of parts) {
      for (const { config } of settings) {
        if (typeof config === 'string')
          expect(existsSync(resolve(import.meta.dirname, `../../../configs/${config}.ts`)), config).toBe(true)
        else expect(d4rl_config(config.policy, config.task)).toHaveLength(2)
      }
    }
    expect(new Set(OFFLINE.map(({ name }) => name)).size).toBe(OFFLINE.length)
    for (const { judged, settings } of OFFLINE) {
      const algos = settings.map(({ algo }) => algo)
      expect(algos).toEqual(expect.arrayContaining([...judged, 'bc']))
    }
  })

  test('ask for a mean clearly above the data, above random play and above cloning', () => {
    const bc = (a: number, b: number) => [run('bc', 0, a), run('bc', 1, b)]
    const cql = (a: number, b: number) => [run('cql', 0, a), run('cql', 1, b)]
    expect(beatsDataAndCloning(cql(-20, -24), bc(-30, -30), -200)).toBe(true)
    // Mean -22, standard error 14: not clearly above -50.
    expect(beatsDataAndCloning(cql(-8, -36.2), bc(-60, -60), -200)).toBe(false)
    // Standard error 2: clearly above random play of -27, not of -26.
    expect(beatsDataAndCloning(cql(-20, -24), bc(-30, -30), -27)).toBe(true)
    expect(beatsDataAndCloning(cql(-20, -24), bc(-30, -30), -26)).toBe(false)
    expect(beatsDataAndCloning(cql(-31, -31), bc(-30, -30), -200)).toBe(false)
    // Means 8 apart, standard errors 2 and 3, together 3.6; with 2 and 4 they are 4.5.
    expect(beatsDataAndCloning(cql(-20, -24), bc(-27, -33), -200)).toBe(true)
    expect(beatsDataAndCloning(cql(-20, -24), bc(-26, -34), -200)).toBe(false)
  })

  test('ask for no collapse after the switch in any seed, and for a clear gain', () => {
    expect(dropAfterSwitch(phases(0, -100, -120, -50))).toBe(-20)
    expect(holdsOnline([phases(0, -100, -125, -50), phases(1, -100, -90, -60)], -200)).toBe(true)
    expect(holdsOnline([phases(0, -100, -126, -50), phases(1, -100, -90, -60)], -200)).toBe(false)
    expect(holdsOnline([phases(0, -100, -100, -101), phases(1, -100, -90, -60)], -200)).toBe(false)
  })

  test('stay open while seeds are missing, of bc too, and write pages that say so', () => {
    const done = [run('cql', 0, -20), run('cql', 1, -21), run('bc', 0, -30)]
    const of = (runs: readonly OfflineRecord[]) => (algo: string) => runs.filter((one) => one.algo === algo)
    const open = judgePart(PART, of(done))
    expect(open.settings.map(({ passed, missing }) => [passed, missing])).toEqual([
      [undefined, []],
      [undefined, [1]],
    ])
    const whole = judgePart(PART, of([...done, run('bc', 1, -30)]))
    expect(whole.settings.map(({ passed }) => passed)).toEqual([true, undefined])
    const text = offlinePage([open, whole])
    expect(text).toContain('| cql | 2 of 2 | -20.5 ± 0.7 | open |')
    expect(text).toContain('| cql | 2 of 2 | -20.5 ± 0.7 | yes |')
    expect(text).toContain('| bc | 1 of 2 | -30.0 ± 0.0 |  |')
    expect(text).toContain('`x.h5`, made up: 10 transitions, mean return -50.0.')
    const online = judgePart(ONLINE, of([phases(0, -100, -110, -50), phases(1, -100, -90, -60)]))
    expect(onlinePage([online])).toContain('| cql | 2 of 2 | -100.0 ± 0.0 | -55.0 ± 7.1 | -10.0 | yes |')
  })
})
