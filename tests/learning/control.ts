import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { judge, outcomeOf, writePage } from './control_report.js'
import { importControl, type Prepared, prepare, runControl, type Train } from './control_runs.js'
import { appendRun, type ControlRun, present, readRuns } from './control_store.js'
import { CONTROL, type ControlStudy } from './control_studies.js'
import { mean } from './numbers.js'
import type { Outcome, Study, StudyOptions } from './types.js'

const say = (line: string) => process.stdout.write(`${line}\n`)

/** Runs what is asked for and not there yet, then judges all that is there. */
async function runStudy(study: ControlStudy, options: StudyOptions): Promise<Outcome> {
  const { env_step } = options
  const trial = env_step !== undefined
  const steps = trial ? study.settings.map((setting) => ({ ...setting, env_step })) : study.settings
  const settings = await Promise.all(steps.map((setting) => prepare(study, setting)))
  const out =
    options.out ??
    (trial ? undefined : fileURLToPath(new URL(`../../docs/results/${study.name}.jsonl`, import.meta.url)))
  const known = settings.map(({ setting }) => setting.algo)
  const unknown = options.algos?.filter((algo) => !known.includes(algo)) ?? []
  if (unknown.length > 0)
    throw new Error(`${study.name} has no ${unknown.join(', ')}; it has ${known.join(', ')}.`)
  if (options.page_only !== true) {
    for (const prepared of settings) {
      if (options.algos?.includes(prepared.setting.algo) ?? true)
        await runSetting(prepared, options.seeds ?? study.seeds, out, options)
    }
  }
  if (trial || out === undefined) return { passed: 0, failed: 0 }
  const fingerprints = new Map(settings.map(({ setting, fingerprint }) => [setting.algo, fingerprint]))
  const judged = judge(study, readRuns(out), fingerprints)
  if (options.out === undefined) writePage(study, judged)
  for (const { setting, runs, missing, passed } of judged) {
    const held = `${passed ? 'PASS' : 'FAIL'}${setting.for_comparison ? ' (for comparison, not counted)' : ''}`
    const verdict = passed === undefined ? `OPEN, seeds ${missing.join(', ')} are missing` : held
    const returns =
      runs.length === 0 ? '' : `, mean ${mean(runs.flatMap((run) => mean(run.final_returns))).toFixed(1)}`
    say(`${study.name} ${setting.algo}: ${verdict}${returns}`)
  }
  return outcomeOf(judged)
}

/** Runs the seeds of a setting that are not in the file of finished runs. @param train see {@link runControl} */
export async function runSetting(
  prepared: Prepared,
  seeds: readonly number[],
  out: string | undefined,
  options: StudyOptions,
  train?: Train,
): Promise<void> {
  const { study, setting, fingerprint } = prepared
  const work = options.work ?? join(tmpdir(), 'ding-learning')
  mkdirSync(work, { recursive: true })
  for (const seed of seeds) {
    const done = out === undefined ? [] : present(readRuns(out), study.name, setting.algo, fingerprint)
    if (options.fresh !== true && done.some((run) => run.seed === seed)) {
      say(`${study.name} ${setting.algo} seed ${seed}: done before (${out}); --fresh runs it again`)
      continue
    }
    const folder = options.import_from
    const run = await (folder === undefined
      ? runControl(prepared, seed, work, train)
      : importControl(prepared, seed, folder))
    if (out !== undefined) appendRun(out, run)
    say(lineOf(run))
  }
}

function lineOf(run: ControlRun): string {
  const reached = run.reached ? ', reached the stop value' : ''
  const time = run.seconds === null ? '' : `, ${run.seconds} s`
  return `${run.study} ${run.algo} seed ${run.seed}: return ${mean(run.final_returns).toFixed(1)} after ${run.env_step} env steps${reached}${time}`
}

/** Continuous control, held against published returns. One criterion a setting; see control_studies.ts. */
export const CONTROL_STUDIES: readonly Study[] = CONTROL.map((study) => ({
  name: study.name,
  takes_options: true,
  run: (options = {}) => runStudy(study, options),
}))
