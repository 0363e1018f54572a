// Judges the finished runs of a study of continuous control and writes docs/results/<name>.md and .svg.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type ControlRun, present } from './control_store.js'
import type { ControlSetting, ControlStudy, Criterion } from './control_studies.js'
import { deviation, mean } from './numbers.js'
import { linePlot } from './plot.js'
import { type Outcome, openOf } from './types.js'

/** A setting with its finished runs. */
export interface Judged {
  readonly setting: ControlSetting
  readonly runs: readonly ControlRun[]
  /** Seeds of the study that have not been run. */
  readonly missing: readonly number[]
  /** undefined while seeds are missing. */
  readonly passed: boolean | undefined
}

/** @param fingerprints the present one of each setting, by algo */
export function judge(
  study: ControlStudy,
  runs: readonly ControlRun[],
  fingerprints: ReadonlyMap<string, string>,
): Judged[] {
  return study.settings.map((setting) => {
    const own = present(runs, study.name, setting.algo, fingerprints.get(setting.algo) ?? '')
    const counted = own.filter(({ seed }) => study.seeds.includes(seed))
    const missing = study.seeds.filter((seed) => !counted.some((run) => run.seed === seed))
    return {
      setting,
      runs: counted,
      missing,
      passed: missing.length > 0 ? undefined : holds(setting.criterion, counted),
    }
  })
}

/** How many of the settings that are asked for hold. */
export function outcomeOf(judged: readonly Judged[]): Outcome {
  const asked = judged.filter(({ setting }) => setting.for_comparison !== true)
  const count = (value: boolean) => asked.filter(({ passed }) => passed === value).length
  return { passed: count(true), failed: count(false), open: openOf(asked) }
}

export function holds(criterion: Criterion, runs: readonly ControlRun[]): boolean {
  if (criterion.kind === 'reached') return runs.every(({ reached }) => reached)
  return mean(finals(runs)) >= bound(criterion, runs.length)
}

/** What the mean over seeds must come to. */
function bound(criterion: Exclude<Criterion, { kind: 'reached' }>, seeds: number): number {
  return criterion.kind === 'mean'
    ? criterion.at_least
    : criterion.mean - (2 * criterion.std) / Math.sqrt(seeds)
}

function finals(runs: readonly ControlRun[]): number[] {
  return runs.map(({ final_returns }) => mean(final_returns))
}

/** The mean return at an env step, between evaluations by a straight line; behind the last one, as there. */
export function valueAt(curve: readonly (readonly [number, number])[], step: number): number {
  const after = curve.findIndex(([at]) => at >= step)
  const last = curve[curve.length - 1]
  if (last === undefined) return Number.NaN
  if (after === -1) return last[1]
  const [x1, y1] = curve[after] as readonly [number, number]
  const [x0, y0] = curve[after - 1] ?? [x1, y1]
  return x1 === x0 ? y1 : y0 + ((y1 - y0) * (step - x0)) / (x1 - x0)
}

const POINTS = 80

/** The curves of a study's settings. @param end of the x axis, in env steps */
export function plotOf(
  study: ControlStudy,
  judged: readonly Judged[],
  end = Math.max(...study.settings.map(({ env_step }) => env_step)),
): string {
  const x = Array.from({ length: POINTS + 1 }, (_, i) => (i * end) / POINTS)
  const series = judged
    .filter(({ runs }) => runs.length > 0)
    .flatMap(({ setting: { algo, colour, criterion }, runs }) => {
      const at = x.map((step) => runs.map(({ curve }) => valueAt(curve, step)))
      const name = `${algo}: mean of ${runs.length} seed${runs.length === 1 ? '' : 's'}, least to most`
      const own = {
        name,
        colour,
        mean: at.map(mean),
        low: at.map((values) => Math.min(...values)),
        high: at.map((values) => Math.max(...values)),
      }
      if (criterion.kind !== 'published') return [own]
      const published = { name: `${algo} published`, colour, dashed: true, mean: x.map(() => criterion.mean) }
      return [own, published]
    })
  return linePlot({
    title: study.title,
    x_label: 'environment steps',
    y_label: 'mean return of an evaluation',
    x,
    series,
    y_min: study.y[0],
    y_max: study.y[1],
  })
}

function criterionText(criterion: Criterion, seeds: number): string {
  if (criterion.kind === 'reached') return 'every run reaches the stop value'
  const value = bound(criterion, seeds).toFixed(0)
  return criterion.kind === 'mean'
    ? `mean at least ${value}`
    : `mean at least ${value} (published ${criterion.mean} ± ${criterion.std}, less two standard errors of ${seeds} runs)`
}

const VERDICTS = new Map<boolean | undefined, string>([
  [true, 'yes'],
  [false, 'no'],
  [undefined, 'open'],
])

function summaryRow({ seeds }: ControlStudy, { setting, runs, passed }: Judged): string {
  const values = finals(runs)
  const result =
    runs.length === 0 ? 'none yet' : `${mean(values).toFixed(1)} ± ${deviation(values).toFixed(1)}`
  const verdict = `${VERDICTS.get(passed)}${setting.for_comparison ? ', for comparison' : ''}`
  return `| ${setting.algo} | ${runs.length} of ${seeds.length} | ${result} | ${criterionText(setting.criterion, seeds.length)} | ${verdict} |`
}

function runRow(run: ControlRun): string {
  const best = Math.max(...run.curve.map(([, value]) => value))
  const time = run.imported ? 'taken over' : run.seconds === null ? 'in pieces' : `${run.seconds}`
  return `| ${run.algo} | ${run.seed} | ${run.env_step} | ${run.train_iter} | ${mean(run.final_returns).toFixed(1)} ± ${deviation(run.final_returns).toFixed(1)} | ${best.toFixed(1)} | ${time} |`
}

/** Which settings were fixed with results of theirs in sight. */
function secondTries(settings: readonly ControlSetting[]): string {
  const tried = settings.filter(({ second_try }) => second_try !== undefined)
  if (tried.length === 0) return ''
  return `, but for ${tried.map(({ algo, second_try }) => `${algo}: ${second_try}`).join('; ')}`
}

export function page(study: ControlStudy, judged: readonly Judged[]): string {
  const { name, title, seeds, final_episodes, settings, notes } = study
  const configs = settings.map(({ algo, config, changes = {}, env_step }) => {
    const changed = Object.entries(changes).map(([key, value]) => ` with \`${key}\` ${value}`)
    return `${algo}: \`configs/${config}.ts\`${changed.join('')}, ${env_step} env steps`
  })
  return `# ${title}

Made by \`npm run test:learning -- ${name}\` from [${name}.jsonl](${name}.jsonl), which has every evaluation and every final return. Criteria, seeds (${seeds.join(', ')}) and settings
were fixed before the first run${secondTries(settings)}. The return of a run is the mean of ${final_episodes} episodes with its last weights, the actor's mode and starts that training never
evaluated.

${configs.map((line) => `* ${line}`).join('\n')}

| | seeds done | mean ± standard deviation over seeds | criterion | holds |
|---|---|---|---|---|
${judged.map((one) => summaryRow(study, one)).join('\n')}

![Mean return over environment steps](${name}.svg)

| | seed | env steps | updates | return: mean ± deviation over episodes | best evaluation | seconds |
|---|---|---|---|---|---|---|
${judged.flatMap(({ runs }) => runs.map(runRow)).join('\n')}

Seconds are wall clock on a machine that did other work at the same time.

${notes.join('\n\n')}
`
}

/** Writes the page and the plot below docs/results. */
export function writePage(study: ControlStudy, judged: readonly Judged[]): void {
  const to = (ending: string) =>
    fileURLToPath(new URL(`../../docs/results/${study.name}.${ending}`, import.meta.url))
  writeFileSync(to('md'), page(study, judged))
  writeFileSync(to('svg'), plotOf(study, judged))
}
