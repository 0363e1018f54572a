import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { appendRun, present, readRuns } from './control_store.js'
import { mean } from './numbers.js'
import { type JudgedPart, judgePart, offlinePage, onlinePage, writeOfflinePage } from './offline_report.js'
import {
  findData,
  type OfflineRecord,
  type PreparedOffline,
  prepareOffline,
  runOffline,
} from './offline_runs.js'
import { OFFLINE, OFFLINE_TO_ONLINE, type OfflinePart, type OnlinePart } from './offline_studies.js'
import { type Outcome, openOf, type Study, type StudyOptions } from './types.js'

const say = (line: string) => process.stdout.write(`${line}\n`)

type Part = OfflinePart | OnlinePart

/** A trial of few updates: those before the switch, and as many env steps after it. */
function shortened<P extends Part>(part: P, updates: number): P {
  return 'online_iterations' in part
    ? { ...part, offline_iterations: updates, online_iterations: updates }
    : { ...part, updates }
}

/** Runs what is asked for and not there yet, then judges all that is there. */
async function runStudy<P extends Part>(
  study: string,
  parts: readonly P[],
  page: (parts: readonly JudgedPart<P>[]) => string,
  options: StudyOptions,
): Promise<Outcome> {
  const { env_step, import_from } = options
  if (import_from !== undefined) throw new Error(`${study} takes over no runs: leave --import out.`)
  const trial = env_step !== undefined
  const taken = trial ? parts.map((part) => shortened(part, env_step)) : parts
  const settings = await Promise.all(
    taken.flatMap((part) => part.settings.map((setting) => prepareOffline(study, part, setting))),
  )
  // A part may be named instead of all its settings.
  const wanted = ({ name, part }: PreparedOffline) =>
    options.algos?.some((algo) => algo === name || algo === part.name) ?? true
  const known = settings.flatMap(({ name, part }) => [name, part.name])
  const unknown = options.algos?.filter((algo) => !known.includes(algo)) ?? []
  if (unknown.length > 0)
    throw new Error(`${study} has no ${unknown.join(', ')}; it has ${[...new Set(known)].join(', ')}.`)
  const out =
    options.out ??
    (trial ? undefined : fileURLToPath(new URL(`../../docs/results/${study}.jsonl`, import.meta.url)))
  if (options.page_only !== true)
    for (const prepared of settings.filter(wanted)) await runSetting(prepared, out, options)
  if (trial || out === undefined) return { passed: 0, failed: 0 }
  const runs = readRuns(out)
  const judged = taken.map((part) =>
    judgePart(part, (algo) => {
      const prepared = settings.find((one) => one.part === part && one.setting.algo === algo)
      if (prepared === undefined) return []
      return present(runs, study, prepared.name, prepared.fingerprint) as OfflineRecord[]
    }),
  )
  if (options.out === undefined) writeOfflinePage(study, page(judged), judged)
  const verdicts = judged.flatMap(({ settings }) => settings.map(({ passed }) => passed))
  for (const { part, settings } of judged) {
    for (const { setting, passed, missing } of settings) {
      const open =
        missing.length > 0 ? `OPEN, seeds ${missing.join(', ')} are missing` : 'nothing asked, or open'
      say(`${study} ${part.name}_${setting.algo}: ${passed === undefined ? open : passed ? 'PASS' : 'FAIL'}`)
    }
  }
  const count = (value: boolean) => verdicts.filter((passed) => passed === value).length
  return {
    passed: count(true),
    failed: count(false),
    open: openOf(judged.flatMap(({ settings }) => settings)),
  }
}

async function runSetting(
  prepared: PreparedOffline,
  out: string | undefined,
  options: StudyOptions,
): Promise<void> {
  const { study, part, name, fingerprint } = prepared
  const data = findData(part.data)
  if (data === undefined) {
    say(`${study} ${name}: skipped, there is no ${part.data.paths.join(' or ')}: ${part.data.origin}`)
    return
  }
  const work = options.work ?? join(tmpdir(), 'ding-learning')
  mkdirSync(work, { recursive: true })
  for (const seed of options.seeds ?? part.seeds) {
    const done = out === undefined ? [] : present(readRuns(out), study, name, fingerprint)
    if (options.fresh !== true && done.some((run) => run.seed === seed)) {
      say(`${study} ${name} seed ${seed}: done before (${out}); --fresh runs it again`)
      continue
    }
    const run = await runOffline(prepared, seed, data, work)
    if (out !== undefined) appendRun(out, run)
    const before = run.switch === undefined ? '' : `, ${mean(run.switch.returns).toFixed(1)} at the switch`
    say(
      `${study} ${name} seed ${seed}: return ${mean(run.final_returns).toFixed(1)}${before}, data ${run.data.return_mean.toFixed(1)}` +
        `${run.seconds === null ? '' : `, ${run.seconds} s`}`,
    )
  }
}

/** Learning from data: alone, and then on. Options of the command line name settings by part and policy, agilerl_cql; --env-step means updates. */
export const OFFLINE_STUDIES: readonly Study[] = [
  {
    name: 'offline',
    takes_options: true,
    run: (options = {}) => runStudy('offline', OFFLINE, offlinePage, options),
  },
  {
    name: 'offline_to_online',
    takes_options: true,
    run: (options = {}) => runStudy('offline_to_online', OFFLINE_TO_ONLINE, onlinePage, options),
  },
]
