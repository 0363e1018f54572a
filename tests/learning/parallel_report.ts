// Judges the finished runs of the study of parallel runs and writes docs/results/parallel.md and a plot of each case.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Judged, judge, plotOf } from './control_report.js'
import type { ControlRun } from './control_store.js'
import { deviation, mean } from './numbers.js'
import { type Ask, COMMANDER, type ParallelCase, type ParallelSetting, type Way } from './parallel_studies.js'

/** A setting with its finished runs; `passed` is undefined while runs are missing, and for the serial pipeline, of which nothing is asked. */
export interface JudgedWay extends Judged {
  readonly setting: ParallelSetting
}

export interface JudgedCase {
  readonly study: ParallelCase
  readonly ways: readonly JudgedWay[]
}

function finals(runs: readonly ControlRun[]): number[] {
  return runs.map(({ final_returns }) => mean(final_returns))
}

function steps(runs: readonly ControlRun[]): number[] {
  return runs.map(({ env_step }) => env_step)
}

/** Whether parallel runs are as good as the serial ones of the same seeds. */
export function holdsAgainst(
  ask: Ask,
  serial: readonly ControlRun[],
  parallel: readonly ControlRun[],
): boolean {
  if (ask.kind === 'env_steps')
    return (
      [...serial, ...parallel].every(({ reached }) => reached) &&
      mean(steps(parallel)) <= ask.times * mean(steps(serial))
    )
  const score = mean(finals(parallel))
  return score >= ask.at_least && Math.abs(score - mean(finals(serial))) <= ask.within
}

/** @param fingerprints the present one of each setting, by its name */
export function judgeCase(
  study: ParallelCase,
  runs: readonly ControlRun[],
  fingerprints: ReadonlyMap<string, string>,
): JudgedCase {
  const judged = judge(study, runs, fingerprints)
  const serial = judged.find((_, i) => study.settings[i]?.way === 'serial')
  const ways = study.settings.map((setting, i) => {
    const own = judged[i] as Judged
    const open = own.missing.length > 0 || serial === undefined || serial.missing.length > 0
    const passed =
      open || setting.way === 'serial' ? undefined : holdsAgainst(study.ask, serial.runs, own.runs)
    return { ...own, setting, passed }
  })
  return { study, ways }
}

/** The env step of the first evaluation of at least `value` while a run trained; undefined when there was none. */
export function firstAt({ curve }: ControlRun, value: number): number | undefined {
  return curve.find(([, seen]) => seen >= value)?.[0]
}

const WAY_NAMES: Readonly<Record<Way, string>> = {
  serial: 'serial_pipeline',
  thread: 'parallel_pipeline, exchange thread',
  nats: 'parallel_pipeline, exchange nats',
}

function askText(ask: Ask): string {
  return ask.kind === 'env_steps'
    ? `every parallel run reaches the stop value, and the mean of the env steps of the runs is at most ${ask.times} times the serial runs'`
    : `the mean of the parallel runs' final evaluations is at least ${ask.at_least}, and within ${ask.within} of the serial runs'`
}

function verdict({ setting, passed, missing }: JudgedWay): string {
  if (passed !== undefined) return passed ? 'yes' : '**no**'
  return setting.way === 'serial' && missing.length === 0 ? '' : 'open'
}

function plusMinus(values: readonly number[], digits: number): string {
  return values.length === 0
    ? 'none yet'
    : `${mean(values).toFixed(digits)} ± ${deviation(values).toFixed(digits)}`
}

function summaryRow(study: ParallelCase, way: JudgedWay, serial: JudgedWay | undefined): string {
  const { setting, runs } = way
  const ratio =
    runs.length === 0 || serial === undefined || serial.runs.length === 0
      ? ''
      : (mean(steps(runs)) / mean(steps(serial.runs))).toFixed(2)
  const reached = study.ask.kind === 'env_steps' ? `${runs.filter(({ reached }) => reached).length}` : ''
  return `| ${WAY_NAMES[setting.way]} | ${runs.length} of ${study.seeds.length} | ${reached} | ${plusMinus(steps(runs), 0)} | ${ratio} | ${plusMinus(finals(runs), 1)} | ${verdict(way)} |`
}

/** What of a run's evaluations is worth telling: where the stop value was reached, or when the threshold was first seen. */
function evaluationText({ ask }: ParallelCase, run: ControlRun): string {
  const at = ask.kind === 'env_steps' ? run.curve.at(-1)?.[0] : firstAt(run, ask.at_least)
  return at === undefined || (ask.kind === 'env_steps' && !run.reached) ? 'never' : String(at)
}

function runRow(study: ParallelCase, { setting }: JudgedWay, run: ControlRun): string {
  const { seed, env_step, train_iter, curve, final_returns, seconds } = run
  const best = Math.max(...curve.map(([, value]) => value)).toFixed(1)
  return `| ${setting.way} | ${seed} | ${env_step} | ${train_iter} | ${(train_iter / env_step).toFixed(3)} | ${evaluationText(study, run)} | ${best} | ${mean(final_returns).toFixed(1)} ± ${deviation(final_returns).toFixed(1)} | ${seconds ?? 'in pieces'} |`
}

function section({ study, ways }: JudgedCase): string {
  const serial = ways.find(({ setting }) => setting.way === 'serial')
  const [{ config } = { config: '' }] = study.settings
  const limits = [...new Set(study.settings.map(({ env_step }) => env_step))]
  const [reached, at] =
    study.ask.kind === 'env_steps'
      ? ['reached', 'evaluation that reached it is of env step']
      : ['', `first evaluation of ${study.ask.at_least} is of env step`]
  return `## ${study.title}

\`configs/${config}.ts\`, at most ${limits.join(' env steps (serial) and ')}${limits.length > 1 ? ' (parallel)' : ' env steps'}. Criterion: ${askText(study.ask)}.

| | seeds done | ${reached} | env steps | times serial's | return of the last weights | holds |
|---|---|---|---|---|---|---|
${ways.map((way) => summaryRow(study, way, serial)).join('\n')}

Mean ± standard deviation over seeds.

![Mean return over environment steps](${fileOf(study)}.svg)

| | seed | env steps | updates | updates an env step | ${at} | best evaluation | return: mean ± deviation over episodes | seconds |
|---|---|---|---|---|---|---|---|---|
${ways.flatMap((way) => way.runs.map((run) => runRow(study, way, run))).join('\n')}

${study.notes.join('\n\n')}
`
}

export function parallelPage(cases: readonly JudgedCase[]): string {
  const [first] = cases
  return `# Learning in parallel: as the serial pipeline does?

Made by \`npm run test:learning -- parallel\` from [parallel.jsonl](parallel.jsonl), which has every evaluation and every final return. Criteria, seeds
(${first?.study.seeds.join(', ')}) and settings were fixed before the first run. The same config is trained by \`serial_pipeline\`, and by \`parallel_pipeline\` over threads and over a
\`nats-server\` on this machine, with what a user has who sets nothing: ${COMMANDER.collector_num} collectors, each with \`collector_env_num\` environments, and the
[proportion](../guides/one_to_many.md#in-proportion) of updates to env steps that the serial pipeline has. The order in which the collectors' chunks come in is left to chance, so
parallel runs do not repeat: the numbers of another time are others. The return of the last weights is the mean of ${first?.study.final_episodes} episodes from starts that training never evaluated.

${cases.map(section).join('\n')}
Seconds are wall clock, with starting threads and without the final evaluation, on two cores that did other work at the same time: they say little about what running in
parallel saves. [Benchmarks](benchmarks.md) do.
`
}

/** The longest run's end; the limit while there is none. */
function endOf({ ways }: JudgedCase): number {
  const ends = ways.flatMap(({ runs }) => steps(runs))
  return ends.length === 0 ? Math.max(...ways.map(({ setting }) => setting.env_step)) : Math.max(...ends)
}

function fileOf({ case_name }: ParallelCase): string {
  return `parallel_${case_name}`
}

/** Writes the page and the plots below docs/results. */
export function writeParallelPage(cases: readonly JudgedCase[]): void {
  const to = (name: string) => fileURLToPath(new URL(`../../docs/results/${name}`, import.meta.url))
  writeFileSync(to('parallel.md'), parallelPage(cases))
  for (const one of cases)
    writeFileSync(to(`${fileOf(one.study)}.svg`), plotOf(one.study, one.ways, endOf(one)))
}
