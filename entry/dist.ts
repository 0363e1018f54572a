import { hostname } from 'node:os'
import { configToJson } from '../ding/config/index.js'
import {
  type CollectorReport,
  cadenceOf,
  checkConfig,
  commanderConfig,
  EXCHANGE_REGISTRY,
  type Exchange,
  listenForInterrupt,
  localLogger,
  ROLES,
  type RoleStatus,
  type RunResult,
  runCollector,
  runEvaluator,
  runLearner,
  StatusBoard,
  serveLogs,
  TOPICS,
  UsageError,
} from '../ding/index.js'
import type { PipelineInput } from './compile_input.js'
import { refuseOtherRun, sayLearnerIsHere } from './other_run.js'
import { exchangeHost, PARALLEL_SECTIONS, type ParallelOptions } from './parallel_pipeline.js'
import { resultOf, startProgress, watchStatus, whenLearning } from './parallel_report.js'
import { type PreparedRun, prepareRun } from './prepare.js'
import { opening, summary } from './summary.js'

/** The roles that can join a run from any machine. */
export const DIST_ROLES = ['learner', 'collector', 'evaluator'] as const
export type DistRole = (typeof DIST_ROLES)[number]

/** What a run over machines has where the config says nothing. */
export const DIST_SECTIONS = { ...PARALLEL_SECTIONS, exchange: { type: 'nats' } } as const

export interface DistOptions extends Omit<ParallelOptions, 'inline' | 'on_role' | 'resume'> {
  readonly role: DistRole
  /** Addresses of NATS servers, instead of those of the config; several with commas. */
  readonly nats?: string
  /** Name of a collector in logs and status: collector by default. */
  readonly id?: string
}

/** What the learner gives is the run's result; collectors say how much they sent. */
export type DistResult =
  | { readonly role: 'learner'; readonly result: RunResult }
  | { readonly role: 'collector'; readonly report: CollectorReport }
  | { readonly role: 'evaluator' }

/**
 * Joins a run as one of its roles, from any machine that reaches the run's exchange, at any time; every role is given the same config. The learner keeps
 * the experiment folder, and goes on from the run state that it finds there: started again with the same command it continues.
 * @param input `[main_config, create_config]`, or the path of a config file
 * @throws UsageError for an exchange that reaches no other machine, a second learner, or a run on the server that is not the one in the folder;
 *   ConfigError, ExchangeError as joining the exchange does
 */
export async function dist(
  input: PipelineInput,
  seed: number | undefined,
  options: DistOptions,
): Promise<DistResult> {
  const { nats, overrides = [], role } = options
  const prepared = await prepareRun(input, seed, {
    ...options,
    overrides: [...overrides, ...(nats === undefined ? [] : addressed(nats))],
    save: role === 'learner',
    goes_on: true,
    create_defaults: DIST_SECTIONS,
    only_data: true,
  })
  try {
    return await take(prepared, options)
  } finally {
    await prepared.close()
  }
}

function addressed(nats: string): [string, unknown][] {
  const servers = nats
    .split(',')
    .map((server) => server.trim())
    .filter((server) => server !== '')
  return [
    ['policy.other.exchange.type', 'nats'],
    ['policy.other.exchange.servers', servers],
  ]
}

async function take(prepared: PreparedRun, options: DistOptions): Promise<DistResult> {
  const { config, exp_dir, logger } = prepared
  const type = String(config.create_config.exchange?.type)
  if (EXCHANGE_REGISTRY.get(type).reaches_machines !== true) {
    throw new UsageError(
      `The exchange "${type}" of the config stays within one process, so no role can join it from elsewhere. Give --nats URL, or ` +
        "exchange: { type: 'nats' } in create_config.",
    )
  }
  checkConfig(config)
  cadenceOf(config)
  const host = exchangeHost(config, exp_dir)
  const exchange = await host.connect()
  const stop = new AbortController()
  const interrupt = listenForInterrupt((signal) => {
    logger.info(`${signal}: leaving the run in order.`)
    stop.abort()
  }, options.signal)
  try {
    if (options.role === 'learner') {
      return { role: 'learner', result: await learn(prepared, exchange, options, stop.signal) }
    }
    logger.info(
      `Joined the run of ${config.main_config.exp_name} over "${exchange.kind}" as ${options.role}, on ${hostname()}.`,
    )
    if (options.role === 'evaluator') {
      await runEvaluator(exchange, config, { signal: stop.signal, exp_dir })
      return { role: 'evaluator' }
    }
    const report = await runCollector(exchange, config, options.id ?? 'collector', {
      signal: stop.signal,
      exp_dir,
      waits_for_learner: true,
    })
    logger.info(`${report.member}: ${report.env_steps} env steps in ${report.chunks} chunks.`)
    return { role: 'collector', report }
  } finally {
    interrupt.release()
    await exchange.close()
    await host.close()
  }
}

/** The learner, with what the commander of a run on one machine does beside it: the log, the status, the result. */
async function learn(
  prepared: PreparedRun,
  exchange: Exchange,
  options: DistOptions,
  signal: AbortSignal,
): Promise<RunResult> {
  const { config, exp_dir, limits, logger, container, resumes: resume } = prepared
  const settings = commanderConfig(config)
  await refuseOtherRun(exchange, exp_dir, resume)
  const board = new StatusBoard()
  const ends = [
    sayLearnerIsHere(exchange),
    listenForRoles(exchange, board, settings.heartbeat_seconds * settings.missed_heartbeats),
    serveLogs(exchange, localLogger(logger, { console: options.verbose === true })),
    resume ? whenLearning(exchange, prepared.resumed) : () => {},
  ]
  const view = watchStatus(prepared, exchange, board, settings.status_seconds)
  try {
    const { description } = await container.getAsync(ROLES.compute)
    logger.info(opening(config, exp_dir, limits, description))
    logger.info(
      `Learner of a run over "${exchange.kind}"${resume ? ', going on from its run state' : ''}; collectors and evaluators join with the same config.`,
    )
    startProgress(prepared)
    logger.text('config', `\`\`\`json\n${configToJson(config)}\`\`\``, 0)
    const start = logger.now()
    const report = await runLearner(exchange, config, {
      signal,
      exp_dir,
      limits,
      resume,
      comes_back: true,
      logger: localLogger(logger, { console: options.verbose === true }),
    })
    await view.end()
    const result = await resultOf(prepared, exchange, report)
    logger.progress.stop()
    logger.info(summary(result, config, limits, (logger.now() - start) / 1000))
    return result
  } finally {
    view.stop()
    for (const end of ends) end()
  }
}

/** Shows roles that are heard, and forgets those that have not been for `seconds`. */
function listenForRoles(exchange: Exchange, board: StatusBoard, seconds: number): () => void {
  const heard = new Map<string, number>()
  const end = exchange.control.subscribe(TOPICS.status, (message) => {
    const status = message as RoleStatus
    const now = performance.now() / 1000
    heard.set(status.member, now)
    board.hear(status, now)
    for (const [member, last] of heard) {
      if (now - last <= seconds && !(member === status.member && status.state === 'done')) continue
      heard.delete(member)
      board.forget(member)
    }
  })
  return end
}
