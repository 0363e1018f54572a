import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ControlRun } from '../../learning/control_store.js'
import { firstAt, holdsAgainst, judgeCase, parallelPage } from '../../learning/parallel_report.js'
import { PARALLEL, type ParallelCase, WAYS } from '../../learning/parallel_studies.js'

const [cartpole, pendulum] = PARALLEL as readonly [ParallelCase, ParallelCase]

function run(algo: string, seed: number, more: Partial<ControlRun> = {}): ControlRun {
  return {
    study: 'parallel',
    algo,
    seed,
    fingerprint: `f ${algo}`,
    env_step: 1000,
    train_iter: 500,
    reached: true,
    curve: [
      [0, 10],
      [900, 200],
    ],
    final_returns: [200, 180],
    seconds: 3,
    ...more,
  }
}

function fingerprints(study: ParallelCase): Map<string, string> {
  return new Map(study.settings.map(({ algo }) => [algo, `f ${algo}`]))
}

/** All runs of a case: serial ones of 1000 env steps, parallel ones as told. */
function whole(more: Partial<ControlRun> = {}): ControlRun[] {
  return cartpole.settings.flatMap(({ algo, way }) =>
    cartpole.seeds.map((seed) => run(algo, seed, way === 'serial' ? {} : more)),
  )
}

describe('the study of parallel runs', () => {
  test('has each case by the serial pipeline and over both exchanges, from configs that are shipped', () => {
    for (const { case_name, settings } of PARALLEL) {
      expect(settings.map(({ algo }) => algo)).toEqual(WAYS.map((way) => `${case_name}_${way}`))
      for (const { config } of settings)
        expect(existsSync(resolve(import.meta.dirname, `../../../configs/${config}.ts`)), config).toBe(true)
    }
    expect(pendulum.settings.map(({ env_step }) => env_step)).toEqual([20_000, 30_000, 30_000])
  })

  test('asks that all reach the stop value, within 1.5 times the env steps on the mean', () => {
    const serial = [run('a', 0), run('a', 1, { env_step: 3000 })]
    const of = (...env_steps: number[]) => env_steps.map((env_step, seed) => run('b', seed, { env_step }))
    expect(holdsAgainst(cartpole.ask, serial, of(100, 5900))).toBe(true)
    expect(holdsAgainst(cartpole.ask, serial, of(100, 5902))).toBe(false)
    const short = run('b', 1, { reached: false })
    expect(holdsAgainst(cartpole.ask, serial, [run('b', 0), short])).toBe(false)
    expect(holdsAgainst(cartpole.ask, [...serial, short], of(100))).toBe(false)
  })

  test('asks for -160 and for no more than 10 from the serial score', () => {
    const scored = (value: number) => [run('a', 0, { final_returns: [value - 1, value + 1], reached: false })]
    expect(holdsAgainst(pendulum.ask, scored(-150), scored(-160))).toBe(true)
    expect(holdsAgainst(pendulum.ask, scored(-151), scored(-160.5))).toBe(false)
    expect(holdsAgainst(pendulum.ask, scored(-140), scored(-151))).toBe(false)
    expect(holdsAgainst(pendulum.ask, scored(-160), scored(-149))).toBe(false)
  })

  test('stays open while seeds are missing, of the serial runs too, and judges none of these', () => {
    const verdicts = (runs: readonly ControlRun[]) =>
      judgeCase(cartpole, runs, fingerprints(cartpole)).ways.map(({ passed }) => passed)
    expect(verdicts(whole())).toEqual([undefined, true, true])
    expect(verdicts(whole({ env_step: 1600 }))).toEqual([undefined, false, false])
    expect(verdicts(whole().slice(1))).toEqual([undefined, undefined, undefined])
    expect(verdicts(whole().slice(0, -1))).toEqual([undefined, true, undefined])
    const old = whole().map((one) => (one.algo.endsWith('nats') ? { ...one, fingerprint: 'old' } : one))
    expect(verdicts(old)).toEqual([undefined, true, undefined])
  })

  test('finds the first evaluation of a value', () => {
    expect(firstAt(run('a', 0), 10)).toBe(0)
    expect(firstAt(run('a', 0), 11)).toBe(900)
    expect(firstAt(run('a', 0), 201)).toBeUndefined()
  })

  test('writes what was reached, how it compares, and what holds', () => {
    const runs = whole({ env_step: 1600 })
    const text = parallelPage([
      judgeCase(cartpole, runs, fingerprints(cartpole)),
      judgeCase(pendulum, [], fingerprints(pendulum)),
    ])
    expect(text).toContain('| serial_pipeline | 3 of 3 | 3 | 1000 ± 0 | 1.00 | 190.0 ± 0.0 |  |')
    expect(text).toContain(
      '| parallel_pipeline, exchange nats | 3 of 3 | 3 | 1600 ± 0 | 1.60 | 190.0 ± 0.0 | **no** |',
    )
    expect(text).toContain('| thread | 0 | 1600 | 500 | 0.313 | 900 | 200.0 | 190.0 ± 14.1 | 3 |')
    expect(text).toContain('| serial_pipeline | 0 of 3 |  | none yet |  | none yet | open |')
  })
})
