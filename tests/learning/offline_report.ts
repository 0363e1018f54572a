// Judges the finished runs of the studies of learning from data and writes their pages and plots below docs/results.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { valueAt } from './control_report.js'
import { deviation, mean } from './numbers.js'
import type { OfflineRecord } from './offline_runs.js'
import type { OfflinePart, OfflineSetting, OnlinePart } from './offline_studies.js'
import { linePlot, type Series } from './plot.js'

/** A setting with its finished runs. */
export interface JudgedOffline {
  readonly setting: OfflineSetting
  readonly runs: readonly OfflineRecord[]
  /** Seeds that have not been run. */
  readonly missing: readonly number[]
  /** undefined while seeds are missing, its own or those that it is compared with, and where nothing is asked. */
  readonly passed: boolean | undefined
}

export interface JudgedPart<P extends OfflinePart | OnlinePart = OfflinePart | OnlinePart> {
  readonly part: P
  readonly settings: readonly JudgedOffline[]
}

/** Share of the way back to random play that no evaluation after the switch may fall below the one at the switch. */
const COLLAPSE = 0.25

const ends = (runs: readonly OfflineRecord[]): number[] => runs.map((run) => mean(run.final_returns))

const dataReturn = (runs: readonly OfflineRecord[]): number => mean(runs.map((run) => run.data.return_mean))

const standardError = (values: readonly number[]): number => deviation(values) / Math.sqrt(values.length)

/** Clearly above the data, above random play and above behaviour cloning: by two standard errors over seeds each. */
export function beatsDataAndCloning(
  runs: readonly OfflineRecord[],
  cloning: readonly OfflineRecord[],
  random_return: number,
): boolean {
  const [own, cloned] = [ends(runs), ends(cloning)]
  const floor = Math.max(dataReturn(runs), random_return)
  const gain = mean(own) - mean(cloned)
  return (
    mean(own) - 2 * standardError(own) > floor &&
    gain > 2 * Math.hypot(standardError(own), standardError(cloned))
  )
}

/** The lowest evaluation after the switch, less the one at the switch. */
export function dropAfterSwitch({ curve, switch: at }: OfflineRecord): number {
  const iter = at?.train_iter ?? 0
  const later = curve.filter(([x]) => x > iter).map(([, value]) => value)
  return Math.min(...later) - valueAt(curve, iter)
}

/** What the online phase has added to the return, by the final evaluation. */
const gain = (run: OfflineRecord): number => mean(run.final_returns) - mean(run.switch?.returns ?? [])

/** No seed collapses after the switch, and the mean gain is above 0 by two standard errors. */
export function holdsOnline(runs: readonly OfflineRecord[], random_return: number): boolean {
  const gains = runs.map(gain)
  const stable = runs.every(
    (run) =>
      -dropAfterSwitch(run) <= COLLAPSE * (valueAt(run.curve, run.switch?.train_iter ?? 0) - random_return),
  )
  return stable && mean(gains) - 2 * standardError(gains) > 0
}

/** @param of the present runs of a setting, by its name */
export function judgePart<P extends OfflinePart | OnlinePart>(
  part: P,
  of: (algo: string) => readonly OfflineRecord[],
): JudgedPart<P> {
  const counted = (algo: string) => of(algo).filter(({ seed }) => part.seeds.includes(seed))
  const missing = (algo: string) =>
    part.seeds.filter((seed) => !counted(algo).some((run) => run.seed === seed))
  const verdict = (algo: string): boolean | undefined => {
    if (missing(algo).length > 0) return undefined
    if ('online_iterations' in part) return holdsOnline(counted(algo), part.random_return)
    if (!part.judged.includes(algo) || missing('bc').length > 0) return undefined
    return beatsDataAndCloning(counted(algo), counted('bc'), part.random_return)
  }
  return {
    part,
    settings: part.settings.map((setting) => ({
      setting,
      runs: counted(setting.algo),
      missing: missing(setting.algo),
      passed: verdict(setting.algo),
    })),
  }
}

const POINTS = 80

function plotOf({ part, settings }: JudgedPart): string {
  const end = 'online_iterations' in part ? part.offline_iterations + part.online_iterations : part.updates
  const x = Array.from({ length: POINTS + 1 }, (_, i) => (i * end) / POINTS)
  const drawn = settings.filter(({ runs }) => runs.length > 0)
  const series: Series[] = drawn.map(({ setting: { algo, colour }, runs }) => {
    const at = x.map((iter) => runs.map(({ curve }) => valueAt(curve, iter)))
    return {
      name: `${algo}: mean of ${runs.length} seed${runs.length === 1 ? '' : 's'}, least to most`,
      colour,
      mean: at.map(mean),
      low: at.map((values) => Math.min(...values)),
      high: at.map((values) => Math.max(...values)),
    }
  })
  const all = drawn.flatMap(({ runs }) => runs)
  if (all.length > 0) {
    const value = dataReturn(all)
    series.push({ name: 'mean return of the data', colour: '#000', dashed: true, mean: x.map(() => value) })
  }
  return linePlot({
    title: part.title,
    x_label: 'training iterations',
    y_label: 'mean return of an evaluation',
    x,
    series,
    y_min: part.y[0],
    y_max: part.y[1],
  })
}

const VERDICTS = new Map<boolean | undefined, string>([
  [true, 'yes'],
  [false, 'no'],
  [undefined, 'open'],
])

const spread = (values: readonly number[]): string =>
  values.length === 0 ? 'none yet' : `${mean(values).toFixed(1)} ± ${deviation(values).toFixed(1)}`

function dataLine({ part, settings }: JudgedPart): string {
  const [run] = settings.flatMap(({ runs }) => runs)
  const facts =
    run === undefined
      ? ''
      : `: ${run.data.transitions} transitions, mean return ${run.data.return_mean.toFixed(1)}`
  return `Data: \`${part.data.paths[0]}\`, ${part.data.origin}${facts}.`
}

function offlineSection(judged: JudgedPart<OfflinePart>): string {
  const { part, settings } = judged
  const asked =
    part.judged.length === 0
      ? 'Nothing is asked of these runs.'
      : `Criterion, for ${part.judged.join(' and ')}: the mean over seeds less two standard errors is above the mean return of the data and that of random play (${part.random_return}), and the mean is above that of bc by two standard errors of their difference.`
  const rows = settings.map(({ setting: { algo }, runs, passed }) => {
    const verdict = part.judged.includes(algo) ? VERDICTS.get(passed) : ''
    return `| ${algo} | ${runs.length} of ${part.seeds.length} | ${spread(ends(runs))} | ${verdict} |`
  })
  return `## ${part.title}

${dataLine(judged)} ${part.updates} updates; the return of a run is the mean of ${part.final_episodes} episodes. ${asked}

| | seeds done | mean ± standard deviation over seeds | holds |
|---|---|---|---|
${rows.join('\n')}

![Mean return over training iterations](offline_${part.name}.svg)

${runTable(settings)}

${part.notes.join('\n\n')}
`
}

function onlineSection(judged: JudgedPart<OnlinePart>): string {
  const { part, settings } = judged
  const rows = settings.map(({ setting: { algo }, runs, passed }) => {
    const before = spread(runs.map((run) => mean(run.switch?.returns ?? [])))
    const drops = runs.map(dropAfterSwitch)
    const drop = drops.length === 0 ? 'none yet' : Math.min(...drops).toFixed(1)
    return `| ${algo} | ${runs.length} of ${part.seeds.length} | ${before} | ${spread(ends(runs))} | ${drop} | ${VERDICTS.get(passed)} |`
  })
  return `## ${part.title}

${dataLine(judged)} ${part.offline_iterations} updates from the data, then ${part.online_iterations} env steps; returns before and after the online phase are means of ${part.final_episodes}
episodes from the same starts. Criteria: in no seed does an evaluation after the switch fall below the one at the switch by more than ${COLLAPSE * 100} % of the way back
to random play (${part.random_return}); the mean gain over seeds less two standard errors is above 0.

| | seeds done | at the switch | at the end | lowest evaluation after the switch, less that at the switch: worst seed | hold |
|---|---|---|---|---|---|
${rows.join('\n')}

![Mean return over training iterations](offline_to_online_${part.name}.svg)

${runTable(settings)}

${part.notes.join('\n\n')}
`
}

function runTable(settings: readonly JudgedOffline[]): string {
  const rows = settings.flatMap(({ setting, runs }) =>
    runs.map((run) => {
      const before = run.switch === undefined ? '' : ` ${mean(run.switch.returns).toFixed(1)} |`
      const best = Math.max(...run.curve.map(([, value]) => value)).toFixed(1)
      return `| ${setting.algo} | ${run.seed} |${before} ${spread(run.final_returns)} | ${best} | ${run.seconds ?? 'in pieces'} |`
    }),
  )
  const online = settings.some(({ runs }) => runs.some((run) => run.switch !== undefined))
  return `| | seed |${online ? ' at the switch |' : ''} return: mean ± deviation over episodes | best evaluation | seconds |
|---|---|---|---|---|${online ? '---|' : ''}
${rows.join('\n')}`
}

/** @param later what was asked for after the first run */
function introduction(title: string, study: string, later = ''): string {
  return `# ${title}

Made by \`npm run test:learning -- ${study}\` from [${study}.jsonl](${study}.jsonl), which has every evaluation and every final return. Criteria, seeds and settings were fixed before
the first run${later}. Returns are those of the last weights, from starts that training never evaluated. Seconds are wall clock on a machine that did other work at the same time.
`
}

export function offlinePage(parts: readonly JudgedPart<OfflinePart>[]): string {
  const later =
    '; that the return must be above random play too, and above bc by two standard errors, was asked for later'
  return [introduction('Learning from data alone', 'offline', later), ...parts.map(offlineSection)].join('\n')
}

export function onlinePage(parts: readonly JudgedPart<OnlinePart>[]): string {
  return [
    introduction('From data to the environment', 'offline_to_online'),
    ...parts.map(onlineSection),
  ].join('\n')
}

/** Writes a study's page and plots below docs/results. */
export function writeOfflinePage(study: string, text: string, parts: readonly JudgedPart[]): void {
  const to = (name: string) => fileURLToPath(new URL(`../../docs/results/${name}`, import.meta.url))
  writeFileSync(to(`${study}.md`), text)
  for (const judged of parts) writeFileSync(to(`${study}_${judged.part.name}.svg`), plotOf(judged))
}
