import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../fixtures/configs.js'
import { readArguments } from '../../learning/arguments.js'
import { holds, judge, outcomeOf, page, valueAt } from '../../learning/control_report.js'
import { differencesOf, readCurve } from '../../learning/control_runs.js'
import { appendRun, type ControlRun, fingerprintOf, present, readRuns } from '../../learning/control_store.js'
import { CONTROL, type ControlSetting, type ControlStudy } from '../../learning/control_studies.js'
import { linePlot } from '../../learning/plot.js'

const RUN: ControlRun = {
  study: 'small',
  algo: 'sac',
  seed: 0,
  fingerprint: 'f0',
  env_step: 100,
  train_iter: 90,
  reached: false,
  curve: [
    [10, -100],
    [50, 0],
  ],
  final_returns: [8, 12],
  seconds: 3,
}

const STUDY: ControlStudy = {
  name: 'small',
  title: 'A small study',
  seeds: [0, 1],
  final_episodes: 2,
  settings: [
    {
      algo: 'sac',
      config: 'a/sac_config',
      env_step: 100,
      criterion: { kind: 'mean', at_least: 5 },
      colour: '#000',
    },
    { algo: 'td3', config: 'a/td3_config', env_step: 100, criterion: { kind: 'reached' }, colour: '#000' },
  ],
  y: [-100, 100],
  notes: [],
}
const FINGERPRINTS = new Map([
  ['sac', 'f0'],
  ['td3', 'f1'],
])

describe('the studies', () => {
  test('name configs that are shipped, and no algo twice', () => {
    for (const { settings } of CONTROL) {
      expect(new Set(settings.map(({ algo }) => algo)).size).toBe(settings.length)
      for (const { config } of settings)
        expect(existsSync(resolve(import.meta.dirname, `../../../configs/${config}.ts`)), config).toBe(true)
    }
  })

  test('hold a mean, a share of published runs, or every run reaching its stop', () => {
    const runs = [RUN, { ...RUN, seed: 1, final_returns: [0, 2] }]
    expect(holds({ kind: 'mean', at_least: 5.5 }, runs)).toBe(true)
    expect(holds({ kind: 'mean', at_least: 5.6 }, runs)).toBe(false)
    // 5.5 against 10 less 2 * std / sqrt(2).
    expect(holds({ kind: 'published', mean: 10, std: 3.2 }, runs)).toBe(true)
    expect(holds({ kind: 'published', mean: 10, std: 3.1 }, runs)).toBe(false)
    expect(
      holds(
        { kind: 'reached' },
        runs.map((run) => ({ ...run, reached: true })),
      ),
    ).toBe(true)
    expect(holds({ kind: 'reached' }, [{ ...RUN, reached: true }, RUN])).toBe(false)
  })

  test('stay open while seeds are missing, and count runs of the present fingerprint alone', () => {
    const other = { ...RUN, seed: 1, fingerprint: 'old' }
    const [sac, td3] = judge(STUDY, [RUN, other], FINGERPRINTS)
    expect([sac?.runs.length, sac?.missing, sac?.passed]).toEqual([1, [1], undefined])
    expect([td3?.runs.length, td3?.missing, td3?.passed]).toEqual([0, [0, 1], undefined])
    const [whole] = judge(STUDY, [RUN, { ...other, fingerprint: 'f0' }], FINGERPRINTS)
    expect(whole?.passed).toBe(true)
  })

  test('count what is asked for, and say which settings were fixed with results in sight', () => {
    const [sac, td3] = STUDY.settings as [ControlSetting, ControlSetting]
    const study: ControlStudy = {
      ...STUDY,
      settings: [
        { ...sac, second_try: 'the first had failed' },
        { ...sac, algo: 'low', criterion: { kind: 'mean', at_least: 99 }, for_comparison: true },
        td3,
      ],
    }
    const both = (algo: string) => [0, 1].map((seed) => ({ ...RUN, algo, seed }))
    const judged = judge(study, [...both('sac'), ...both('low')], new Map([...FINGERPRINTS, ['low', 'f0']]))
    expect(judged.map(({ passed }) => passed)).toEqual([true, false, undefined])
    expect(outcomeOf(judged)).toEqual({ passed: 1, failed: 0, open: 1 })
    const text = page(study, judged)
    expect(text).toContain('were fixed before the first run, but for sac: the first had failed. The return')
    expect(text).toContain('| no, for comparison |')
    expect(page(STUDY, [])).toContain('were fixed before the first run. The return')
  })

  test('write a page that says how many seeds were done', () => {
    const text = page(STUDY, judge(STUDY, [{ ...RUN, imported: true }], FINGERPRINTS))
    expect(text).toContain('| sac | 1 of 2 | 10.0 ± 0.0 | mean at least 5 | open |')
    expect(text).toContain('| td3 | 0 of 2 | none yet | every run reaches the stop value | open |')
    expect(text).toContain('| sac | 0 | 100 | 90 | 10.0 ± 2.8 | 0.0 | taken over |')
  })
})

describe('finished runs', () => {
  test('are kept one a line; the last of a seed counts', () => {
    const path = join(temporaryFolder(), 'runs.jsonl')
    expect(readRuns(path)).toEqual([])
    appendRun(path, RUN)
    appendRun(path, { ...RUN, algo: 'td3' })
    appendRun(path, { ...RUN, env_step: 101 })
    expect(readRuns(path)).toHaveLength(3)
    expect(present(readRuns(path), 'small', 'sac', 'f0')).toEqual([{ ...RUN, env_step: 101 }])
    expect(present(readRuns(path), 'small', 'sac', 'f1')).toEqual([])
    writeFileSync(path, '{"study"')
    expect(() => readRuns(path)).toThrow(/Line 1/)
  })

  test('have a fingerprint of config, steps, stop and final evaluation', () => {
    const setting = { env_step: 10, criterion: { kind: 'reached' } } as const
    const of = (episodes: number, change: object, config: unknown = { a: 1 }) =>
      fingerprintOf({ final_episodes: episodes }, { ...setting, ...change }, [config, {}])
    const all = [
      of(1, {}),
      of(2, {}),
      of(1, { env_step: 11 }),
      of(1, { criterion: { kind: 'mean', at_least: 1 } }),
      of(1, {}, { a: 2 }),
    ]
    expect(new Set(all).size).toBe(5)
    expect(of(1, {})).toBe(all[0])
  })

  test('from a folder must have the keys of the config, and may have more', () => {
    const own = { policy: { learn: { lr: 1, sizes: [1, 2] } } }
    expect(differencesOf(own, { policy: { learn: { lr: 1, sizes: [1, 2], more: 3 } } }, 'main')).toEqual([])
    expect(differencesOf(own, { policy: { learn: { lr: 2 } } }, 'main')).toEqual([
      'main.policy.learn.lr: 2 there, 1 here',
      'main.policy.learn.sizes: nothing there, [1,2] here',
    ])
  })

  test('have the last evaluation of each env step', () => {
    const path = join(temporaryFolder(), 'metrics.jsonl')
    const row = (tag: string, step: number, value: number) =>
      JSON.stringify({ kind: 'scalar', tag, step, value })
    const tag = 'evaluator_step/eval_episode_return_mean'
    writeFileSync(path, [row(tag, 5, 1), row('other', 5, 9), row(tag, 2, 3), row(tag, 5, 2)].join('\n'))
    expect(readCurve(path)).toEqual([
      [2, 3],
      [5, 2],
    ])
  })
})

test('curves are straight between evaluations and level outside', () => {
  expect([0, 10, 30, 50, 80].map((step) => valueAt(RUN.curve, step))).toEqual([-100, -100, -50, 0, 0])
})

test('a plot may start below 0', () => {
  const series = [{ name: 'one', colour: '#000', mean: [-10, 0] }]
  const svg = linePlot({ title: '', x_label: '', y_label: '', x: [0, 10], y_min: -10, y_max: 0, series })
  expect(svg).toContain('points="60.0,390.0 742.0,40.0"')
  expect(svg).toContain('>-10</text>')
})

describe('the command line', () => {
  test('reads parts of studies', () => {
    const { names, options, partial } = readArguments([
      'pendulum',
      '--algo',
      'sac,td3',
      '--seeds',
      '0,1',
      '--out',
      'x',
    ])
    expect([names, options, partial]).toEqual([
      ['pendulum'],
      { algos: ['sac', 'td3'], seeds: [0, 1], out: 'x' },
      true,
    ])
    expect(readArguments(['cqn']).partial).toBe(false)
  })

  test('refuses what it cannot do', () => {
    expect(() => readArguments(['pendulum', '--seeds', '0,x'])).toThrow(/--seeds has "x"/)
    expect(() => readArguments(['pendulum', '--import', 'folder', '--algo', 'sac'])).toThrow(/one of --seeds/)
    expect(() => readArguments(['--nothing'])).toThrow()
  })
})
