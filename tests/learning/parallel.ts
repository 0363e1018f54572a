import { fileURLToPath } from 'node:url'
import { parallel_pipeline } from 'ding'
import { NatsServer, NO_NATS_SERVER } from '../unit/parallel/nats_server.js'
import { runSetting } from './control.js'
import { type Prepared, prepare, type Train } from './control_runs.js'
import { fingerprintOf, readRuns } from './control_store.js'
import { mean } from './numbers.js'
import { judgeCase, writeParallelPage } from './parallel_report.js'
import { COMMANDER, PARALLEL, type ParallelCase, type ParallelSetting, type Way } from './parallel_studies.js'
import { type Outcome, openOf, type Study, type StudyOptions } from './types.js'

const say = (line: string) => process.stdout.write(`${line}\n`)

interface PreparedWay extends Prepared {
  readonly setting: ParallelSetting
}

/** Parallel runs depend on what is added to the config, too. */
async function prepareWay(study: ParallelCase, setting: ParallelSetting): Promise<PreparedWay> {
  const prepared = await prepare(study, setting)
  if (setting.way === 'serial') return { ...prepared, setting }
  const added = { exchange: setting.way, commander: COMMANDER }
  return { ...prepared, setting, fingerprint: fingerprintOf(study, setting, [prepared.fingerprint, added]) }
}

/** With a server of its own for each run over NATS, gone with all it held when the run has ended. */
function trainOver(way: Exclude<Way, 'serial'>): Train {
  return async ([main, create], seed, options) => {
    const server = way === 'nats' ? await NatsServer.start() : undefined
    const exchange = server === undefined ? { type: 'thread' } : { type: 'nats', servers: [server.url] }
    try {
      return await parallel_pipeline([main, { ...create, commander: COMMANDER, exchange }], seed, options)
    } finally {
      await server?.stop()
    }
  }
}

/** Runs what is asked for and not there yet, then judges all that is there. */
async function runStudy(options: StudyOptions): Promise<Outcome> {
  const { env_step, import_from } = options
  if (import_from !== undefined) throw new Error('parallel takes over no runs: leave --import out.')
  const trial = env_step !== undefined
  const cases = await Promise.all(
    PARALLEL.map(async (study) => {
      const settings = study.settings.map((setting) => (trial ? { ...setting, env_step } : setting))
      return { study, settings: await Promise.all(settings.map((setting) => prepareWay(study, setting))) }
    }),
  )
  // A case may be named instead of all its settings.
  const known = cases.flatMap(({ study, settings }) => [
    study.case_name,
    ...settings.map(({ setting }) => setting.algo),
  ])
  const unknown = options.algos?.filter((algo) => !known.includes(algo)) ?? []
  if (unknown.length > 0)
    throw new Error(`parallel has no ${unknown.join(', ')}; it has ${known.join(', ')}.`)
  const out =
    options.out ??
    (trial ? undefined : fileURLToPath(new URL('../../docs/results/parallel.jsonl', import.meta.url)))
  if (options.page_only !== true) {
    for (const { study, settings } of cases)
      for (const prepared of settings) {
        const { algo } = prepared.setting
        if (options.algos?.some((name) => name === algo || name === study.case_name) ?? true)
          await runWay(prepared, out, options)
      }
  }
  if (trial || out === undefined) return { passed: 0, failed: 0 }
  const runs = readRuns(out)
  const judged = cases.map(({ study, settings }) =>
    judgeCase(study, runs, new Map(settings.map(({ setting, fingerprint }) => [setting.algo, fingerprint]))),
  )
  writeParallelPage(judged)
  const ways = judged.flatMap((one) => one.ways)
  for (const { setting, runs: own, missing, passed } of ways) {
    const open =
      missing.length > 0 ? `OPEN, seeds ${missing.join(', ')} are missing` : 'nothing asked, or open'
    const numbers =
      own.length === 0
        ? ''
        : `, mean ${mean(own.map((run) => run.env_step)).toFixed(0)} env steps, return ${mean(own.map((run) => mean(run.final_returns))).toFixed(1)}`
    say(`parallel ${setting.algo}: ${passed === undefined ? open : passed ? 'PASS' : 'FAIL'}${numbers}`)
  }
  const count = (value: boolean) => ways.filter(({ passed }) => passed === value).length
  return { passed: count(true), failed: count(false), open: openOf(ways) }
}

async function runWay(prepared: PreparedWay, out: string | undefined, options: StudyOptions): Promise<void> {
  const { way, algo } = prepared.setting
  if (way === 'nats' && NO_NATS_SERVER !== '') {
    say(`parallel ${algo}: skipped, ${NO_NATS_SERVER}`)
    return
  }
  const train = way === 'serial' ? undefined : trainOver(way)
  await runSetting(prepared, options.seeds ?? prepared.study.seeds, out, options, train)
}

/** The same configs by the serial and the parallel pipeline, over both exchanges. Options name a setting, cartpole_dqn_nats, or a case, cartpole_dqn. */
export const parallel: Study = {
  name: 'parallel',
  takes_options: true,
  run: (options = {}) => runStudy(options),
}
