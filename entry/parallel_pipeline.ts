import { basename, resolve } from 'node:path'
import { configToJson } from '../ding/config/index.js'
import {
  cadenceOf,
  checkConfig,
  commanderConfig,
  EXCHANGE_REGISTRY,
  type Exchange,
  type ExchangeHost,
  InlineSpawner,
  listenForInterrupt,
  localLogger,
  ROLES,
  type RoleHandle,
  type RoleSpec,
  type RunResult,
  type RunSpec,
  type Spawner,
  StatusBoard,
  Supervisor,
  serveLogs,
  ThreadSpawner,
  UsageError,
} from '../ding/index.js'
import type { PipelineInput, PipelineOptions } from './compile_input.js'
import { refuseOtherRun, sayLearnerIsHere } from './other_run.js'
import { resultOf, startProgress, watchStatus, whenLearning } from './parallel_report.js'
import { type PreparedRun, prepareRun } from './prepare.js'
import { opening, summary } from './summary.js'

/** Options of parallel runs. Parts cannot be handed over: every role makes its own, from the config. */
export interface ParallelOptions
  extends Omit<PipelineOptions, 'env_setting' | 'model' | 'lr_schedule' | 'dynamic_seed' | 'rebind'> {
  /** All roles in this thread, for tests and for finding faults. */
  readonly inline?: boolean
  /** Told of every role that has been started. */
  readonly on_role?: (spec: RoleSpec, handle: RoleHandle) => void
}

/** What a parallel run has where the config says nothing. */
export const PARALLEL_SECTIONS = { commander: { type: 'solo' }, exchange: { type: 'thread' } } as const

const NOT_HERE = ['env_setting', 'model', 'lr_schedule', 'dynamic_seed', 'rebind'] as const

/** @throws UsageError for what cannot be handed to roles in other threads */
function refuseParts(options: object): void {
  const given = NOT_HERE.find((name) => (options as Record<string, unknown>)[name] !== undefined)
  if (given === undefined) return
  throw new UsageError(
    `parallel_pipeline takes no option "${given}": its roles run in threads of their own and make their parts from the config. ` +
      'Register a class under a name (import_names) and name it in the config, or use serial_pipeline.',
  )
}

/**
 * Trains an off-policy policy with collecting, learning and evaluating at the same time: a learner, `policy.other.commander.collector_num` collectors and an
 * evaluator, each in a worker thread. The config is the serial pipeline's; `create_config.exchange` chooses what carries data between the roles.
 *
 * @param input `[main_config, create_config]`, or the path of a config file
 * @param seed the root of every random stream; with one collector and equal limits of samples_per_insert the same seed gives the same run
 * @returns what every entry returns
 */
export async function parallel_pipeline(
  input: PipelineInput,
  seed?: number,
  options: ParallelOptions = {},
): Promise<RunResult> {
  refuseParts(options)
  const prepared = await prepareRun(input, seed, {
    ...options,
    save: true,
    create_defaults: PARALLEL_SECTIONS,
    only_data: true,
  })
  try {
    return await runHere(prepared, options)
  } finally {
    await prepared.close()
  }
}

/** The exchange that a config names. @param exp_dir whose base name is the run's */
export function exchangeHost(config: PreparedRun['config'], exp_dir: string): ExchangeHost {
  const {
    type,
    import_names: _names,
    ...settings
  } = config.main_config.policy.other['exchange'] as Record<string, unknown>
  return new (EXCHANGE_REGISTRY.get(String(type)))(settings as never, { run: basename(resolve(exp_dir)) })
}

async function runHere(prepared: PreparedRun, options: ParallelOptions): Promise<RunResult> {
  checkConfig(prepared.config)
  cadenceOf(prepared.config)
  const host = exchangeHost(prepared.config, prepared.exp_dir)
  const exchange = await host.connect()
  try {
    return await supervise(prepared, options, host, exchange)
  } finally {
    await exchange.close()
    await host.close()
  }
}

async function supervise(
  prepared: PreparedRun,
  options: ParallelOptions,
  host: ExchangeHost,
  exchange: Exchange,
): Promise<RunResult> {
  const { config, exp_dir, limits, logger } = prepared
  const settings = commanderConfig(config)
  const { resumes: resume } = prepared
  const after_version = await refuseOtherRun(exchange, exp_dir, resume)
  const run: RunSpec = { exp_dir: resolve(exp_dir), limits, resume, after_version }
  const spawner: Spawner =
    options.inline === true
      ? new InlineSpawner(host, config, run)
      : new ThreadSpawner({
          worker: new URL(import.meta.url.replace(/parallel_pipeline\.(\w+)$/, 'parallel_worker.$1')),
          exchange: String(config.create_config.exchange?.type),
          host,
          config,
          run,
        })
  const board = new StatusBoard()
  const supervisor = new Supervisor({ spawner, exchange, settings, logger, board, on_start: options.on_role })
  const interrupt = listenForInterrupt((signal) => {
    logger.info(`${signal}: stopping, then saving.`)
    void supervisor.interrupt()
  }, options.signal)
  const ends = [
    sayLearnerIsHere(exchange),
    serveLogs(exchange, localLogger(logger, { console: options.verbose === true })),
    resume ? whenLearning(exchange, prepared.resumed) : () => {},
  ]
  const view = watchStatus(prepared, exchange, board, settings.status_seconds)
  try {
    const { description } = await prepared.container.getAsync(ROLES.compute)
    const { collector_num } = settings
    logger.info(opening(config, exp_dir, limits, description))
    logger.info(`In parallel over "${exchange.kind}": a learner, ${collector_num} collectors, an evaluator.`)
    startProgress(prepared)
    logger.text('config', `\`\`\`json\n${configToJson(config)}\`\`\``, 0)
    const start = logger.now()
    const report = await supervisor.run()
    await view.end()
    const result = await resultOf(prepared, exchange, report)
    logger.progress.stop()
    logger.info(summary(result, config, limits, (logger.now() - start) / 1000))
    return result
  } finally {
    view.stop()
    supervisor.close()
    for (const end of ends) end()
    interrupt.release()
  }
}
