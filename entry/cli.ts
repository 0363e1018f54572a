import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { inspect } from 'node:util'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { type OverrideEntry, TOTAL_CONFIG } from '../ding/config/index.js'
import { DingError, UsageError } from '../ding/utils/index.js'
import { collect_demo_data, DATA_LAYOUTS, type DataLayout } from './collect_demo_data.js'
import { configListCommand, type FoundConfig, findConfig } from './config_lookup.js'
import { datasetInfoCommand } from './dataset_info.js'
import { DIST_ROLES, type DistRole } from './dist.js'
import { distMode } from './dist_mode.js'
import { evaluate } from './evaluate.js'
import { EXIT_CODES, exitCodeOf } from './exit_codes.js'
import { BARE, flagsAsOverrides } from './flags.js'
import { explainCommand, keysHelp, registryCommand } from './inspect.js'
import { addNatsCommands } from './nats_commands.js'
import { parallel_pipeline } from './parallel_pipeline.js'
import type { PipelineOptions } from './prepare.js'
import { resume_pipeline } from './resume_pipeline.js'
import { serial_pipeline } from './serial_pipeline.js'
import { serial_pipeline_offline } from './serial_pipeline_offline.js'
import { serial_pipeline_offline_to_online } from './serial_pipeline_offline_to_online.js'

/** The modes that train, and what each starts. */
const TRAINING = {
  serial: serial_pipeline,
  serial_offline: serial_pipeline_offline,
  serial_offline_to_online: serial_pipeline_offline_to_online,
  parallel: parallel_pipeline,
} as const
const MODES = [...(Object.keys(TRAINING) as (keyof typeof TRAINING)[]), 'eval', 'collect', 'dist'] as const

function trains(mode: (typeof MODES)[number]): mode is keyof typeof TRAINING {
  return Object.hasOwn(TRAINING, mode)
}

interface CliOptions {
  mode: (typeof MODES)[number]
  config?: string
  env?: string
  policy?: string
  seed?: number[]
  expName?: string
  trainIter?: number
  envStep?: number
  set: OverrideEntry[]
  loadPath?: string
  replayPath?: string
  resume?: string
  collectCount?: number
  output?: string
  layout?: DataLayout
  random?: boolean
  role?: DistRole
  nats?: string
  id?: string
  quiet?: boolean
  verbose?: boolean
  help?: boolean
}

function seedList(value: string, before: number[] | undefined): number[] {
  const seed = Number(value)
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new InvalidArgumentError('A seed is a whole number >= 0.')
  return [...(before ?? []), seed]
}

function count(value: string): number {
  const n = Number(value)
  if (!Number.isFinite(n) || n <= 0 || !Number.isInteger(n))
    throw new InvalidArgumentError('Expected a whole number > 0.')
  return n
}

/** A flag without a value is true itself, not the text: no path and no number. */
function override(text: string, before: OverrideEntry[] | undefined): OverrideEntry[] {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('Expected KEY=VALUE, for example policy.learn.batch_size=128.')
  const value = text.slice(at + 1)
  return [...(before ?? []), [text.slice(0, at), value === BARE ? true : value]]
}

function packageVersion(): string {
  const file = [
    new URL('../../package.json', import.meta.url),
    new URL('../package.json', import.meta.url),
  ].find((url) => {
    try {
      return (JSON.parse(readFileSync(url, 'utf8')) as { name: string }).name === 'ding'
    } catch {
      return false
    }
  })
  return file === undefined
    ? 'unknown'
    : (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function runOptions(options: CliOptions): PipelineOptions {
  return {
    overrides: options.set,
    ...(options.expName === undefined ? {} : { exp_name: options.expName }),
    ...(options.trainIter === undefined ? {} : { max_train_iter: options.trainIter }),
    ...(options.envStep === undefined ? {} : { max_env_step: options.envStep }),
    console: options.quiet === true ? 'quiet' : 'auto',
    verbose: options.verbose === true,
  }
}

/**
 * Name of the experiment of a seed from the command line: `..._seed0` becomes `..._seed<N>`; of several seeds, other names
 * get it appended. A name that was given (--exp-name, total_config.json) stays as it is for a single seed.
 */
function seededName(options: CliOptions, seed: number | undefined): PipelineOptions['rename'] {
  const { config, expName, seed: seeds = [] } = options
  if (seed === undefined) return undefined
  if (seeds.length > 1) return (name) => `${name.replace(/_seed\d+$/, '')}_seed${seed}`
  if (expName !== undefined || (config !== undefined && basename(config) === TOTAL_CONFIG)) return undefined
  return (name) => name.replace(/_seed\d+$/, `_seed${seed}`)
}

/** Options that one mode alone has. */
const ONLY_IN: readonly [key: keyof CliOptions, flag: string, modes: readonly CliOptions['mode'][]][] = [
  ['trainIter', '--train-iter', ['serial', 'serial_offline', 'serial_offline_to_online', 'parallel', 'dist']],
  ['envStep', '--env-step', ['serial', 'serial_offline_to_online', 'parallel', 'dist']],
  ['loadPath', '--load-path', ['eval', 'collect']],
  ['replayPath', '--replay-path', ['eval']],
  ['collectCount', '--collect-count', ['collect']],
  ['output', '--output', ['collect']],
  ['layout', '--layout', ['collect']],
  ['random', '--random', ['collect']],
  ['role', '--role', ['dist']],
  ['nats', '--nats', ['dist']],
  ['id', '--id', ['dist']],
]

/** @throws UsageError for options that would have no effect */
function checkOptions(options: CliOptions): void {
  for (const [key, flag, modes] of ONLY_IN) {
    if (options[key] !== undefined && !modes.includes(options.mode)) {
      throw new UsageError(
        `${flag} has no meaning with -m ${options.mode}: it is for ${modes.join(' and ')}.`,
      )
    }
  }
  if (options.mode === 'dist' && options.role === undefined) {
    throw new UsageError(
      `-m dist joins a run as one of its roles: add --role ${DIST_ROLES.join(', --role ')}.`,
    )
  }
  const { config, env, policy, resume, seed } = options
  if (config !== undefined && (env !== undefined || policy !== undefined)) {
    throw new UsageError(
      '-c names a config file, -e and -p name one that comes with ding: give one or the other.',
    )
  }
  if (resume === undefined) return
  if (!trains(options.mode)) {
    throw new UsageError('--resume continues a training run: leave -m out.')
  }
  if (config !== undefined || env !== undefined || policy !== undefined) {
    throw new UsageError('--resume takes the config from the experiment folder: leave -c, -e and -p out.')
  }
  if (seed !== undefined) {
    throw new UsageError('--resume continues with the seed of the run: leave -s out.')
  }
}

/** @throws UsageError for a dataset where none is learned from */
async function chosenConfig({ config, env, policy, mode }: CliOptions): Promise<FoundConfig> {
  if (config !== undefined) return { config }
  const found = await findConfig(env, policy)
  if (found.offline !== undefined && mode === 'serial')
    throw new UsageError(`${env} is a dataset, and -m serial learns from none: add -m serial_offline.`)
  return found
}

/** A dataset's run has its published length, unless --train-iter says another. */
function lengthOf({ offline }: FoundConfig, { mode }: CliOptions): PipelineOptions {
  if (mode !== 'serial_offline' || offline?.train_iter === undefined) return {}
  return { max_train_iter: offline.train_iter }
}

async function runMode(options: CliOptions): Promise<number> {
  checkOptions(options)
  if (options.resume !== undefined) {
    const result = await resume_pipeline(options.resume, runOptions(options))
    return result.stop_reason === 'interrupted' ? EXIT_CODES.interrupted.code : EXIT_CODES.done.code
  }
  const found = await chosenConfig(options)
  const { config } = found
  const seeds = options.seed ?? [undefined]
  for (const seed of seeds) {
    const common = { ...lengthOf(found, options), ...runOptions(options), rename: seededName(options, seed) }
    if (trains(options.mode)) {
      const { stop_reason } = await TRAINING[options.mode](config, seed, common)
      if (stop_reason === 'interrupted') return EXIT_CODES.interrupted.code
    } else if (options.mode === 'dist') {
      return distMode(config, options, common)
    } else if (options.mode === 'eval') {
      await evaluate(config, seed, {
        ...common,
        ...(options.loadPath === undefined ? {} : { load_path: options.loadPath }),
        ...(options.replayPath === undefined ? {} : { replay_path: options.replayPath }),
      })
    } else {
      await collect_demo_data(config, seed, {
        ...common,
        ...(options.collectCount === undefined ? {} : { collect_count: options.collectCount }),
        ...(options.output === undefined ? {} : { expert_data_path: options.output }),
        ...(options.layout === undefined ? {} : { layout: options.layout }),
        ...(options.loadPath === undefined ? {} : { state_dict_path: options.loadPath }),
        random_policy: options.random === true,
      })
    }
  }
  return EXIT_CODES.done.code
}

function buildProgram(finish: (code: number) => void): Command {
  const program = new Command('ding')
  program
    .description('Train, evaluate and inspect reinforcement-learning policies described by a config.')
    .version(packageVersion(), '-v, --version')
    .addOption(new Option('-m, --mode <mode>', 'what to do').choices(MODES).default('serial'))
    .option('-c, --config <file>', 'config file: TypeScript, JavaScript, JSON or YAML')
    .option(
      '-e, --env <name>',
      'with -p instead of -c: use the config that comes with ding for this environment or D4RL dataset',
    )
    .option('-p, --policy <name>', 'with -e instead of -c: ... and this policy')
    .addOption(
      new Option(
        '-s, --seed <seeds...>',
        'seeds, each a run of its own (default: that of the config, else 0)',
      ).argParser(seedList),
    )
    .option('--exp-name <name>', 'experiment folder, instead of exp_name of the config')
    .option('--train-iter <n>', 'stop after this many training iterations', count)
    .option('--env-step <n>', 'stop after this many environment steps', count)
    .addOption(
      new Option('--set <key=value>', 'override a key of the config, as --key value; may be repeated')
        .argParser(override)
        .default([], 'none'),
    )
    .option('--resume <dir>', 'continue the run in this experiment folder, bit for bit')
    .option('--load-path <file>', 'eval, collect: checkpoint to load (default: ckpt_best of the experiment)')
    .option('--replay-path <dir>', 'eval: folder for each episode as an animated GIF and as JSON')
    .addOption(
      new Option('--collect-count <n>', 'collect: transitions to collect (default: 1000)').argParser(count),
    )
    .option('--output <file>', 'collect: file to write the transitions to (default: expert_data.hdf5)')
    .addOption(
      new Option('--layout <name>', 'collect: layout of the file (default: by its ending)').choices(
        DATA_LAYOUTS,
      ),
    )
    .option('--random', 'collect: act at random instead of by a checkpoint')
    .addOption(new Option('--role <role>', 'dist: the role to join a run as').choices(DIST_ROLES))
    .option(
      '--nats <url>',
      'dist: NATS server of the run, or several with commas (default: that of the config)',
    )
    .option('--id <name>', 'dist: name of a collector in logs and status')
    .option(
      '--verbose',
      'print the tables of learner, collector and evaluator too, and where an error came from',
    )
    .option('--quiet', 'no progress on the console; the log files are written all the same')
    .addHelpText('after', () => {
      const codes = Object.values(EXIT_CODES).map(
        ({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`,
      )
      return `
Examples:
  ding -c configs/cartpole/cartpole_dqn_config.ts            train, see the results in ./cartpole_dqn_seed0
  ding -e cartpole -p dqn -s 0 1 2                           the config that comes with ding, three seeds
  ding -c my.ts --policy.learn.batch_size 128                any key of the config is a flag (--set policy.learn.batch_size=128 is the same)
  ding -c my.yaml --policy.learn.with_lagrange --help        every key with its value, type, source and meaning
  ding -p cql --help                                         ... of a policy
  ding -m eval -c my.ts --load-path runs/x/ckpt/ckpt_best.safetensors
  ding --resume cartpole_dqn_seed0                           go on where a run stopped
  ding -m collect -c my.ts --random --output data.hdf5       record a dataset
  ding -m serial_offline -c my_offline.ts                    learn from a dataset
  ding -m serial_offline_to_online -c my_finetune.ts         ... and go on in the environment
  ding -m serial_offline -e halfcheetah-medium-v2 -p cql --policy.collect.data_path ~/.d4rl/datasets/halfcheetah_medium-v2.hdf5
  ding -m dist --role collector -c my.ts --nats nats://host:4222   join a run from any machine; see docs/guides
  ding dataset info data.hdf5                                what is in a dataset
  ding -m parallel -c my.ts                                  the same config, collecting, learning and evaluating at once
  ding registry policy                                       what can be named in a config
  ding config list                                           what -e and -p take
  ding config explain dqn                                    every key of a policy (or environment): type, default, meaning

Keys can also be set by environment variables: DING__POLICY__LEARN__BATCH_SIZE=128.

Exit codes:
${codes.join('\n')}`
    })
    .option('-h, --help', 'this help; with -c, -p or -e also every key of that config, policy or environment')
    .action(async (options: CliOptions) => {
      if (options.help !== true) return finish(await runMode(options))
      const { config, env, policy, set } = options
      // First, so that a wrong name is all that is said.
      const keys = [config, env, policy].some((name) => name !== undefined)
        ? await keysHelp(options, set)
        : ''
      program.outputHelp()
      process.stdout.write(keys)
    })
  program
    .command('registry')
    .argument('[name]', 'a registry; all of them when left out')
    .description('list what is registered under a name')
    .option('--import <module...>', 'modules to import first: your own registrations')
    .action(async (name: string | undefined, options: { import?: string[] }) => {
      process.stdout.write(await registryCommand(name, options.import ?? []))
    })
  const dataset = program.command('dataset').description('look into datasets')
  dataset
    .command('info')
    .argument('<file>', 'a dataset: HDF5, safetensors, JSON lines, or the folder of a Minari dataset')
    .option('--data-type <layout>', 'layout of the file, instead of finding out')
    .option('--env-id <name>', 'environment of the data, for reference scores')
    .description('print layout, sizes, episodes, returns, and what looks wrong')
    .action(async (file: string, options: { dataType?: string; envId?: string }) => {
      const { dataType: data_type, envId: env_id } = options
      const given = {
        ...(data_type === undefined ? {} : { data_type }),
        ...(env_id === undefined ? {} : { env_id }),
      }
      process.stdout.write(`${(await datasetInfoCommand(file, given)).trimEnd()}\n`)
    })
  const config = program.command('config').description('look into configs')
  config
    .command('explain')
    .argument('<target>', 'a config file, or the name of a policy or an environment')
    .argument('[key]', 'only this key and what is below it, for example policy.learn')
    .option('--set <key=value>', 'override a key first', override)
    .option('--import <module...>', 'modules to import first: your own registrations')
    .description('print keys, types, defaults, docs, and where each value came from')
    .action(
      async (
        target: string,
        key: string | undefined,
        options: { set?: OverrideEntry[]; import?: string[] },
      ) => {
        process.stdout.write(await explainCommand(target, key, options.set ?? [], options.import ?? []))
      },
    )
  config
    .command('list')
    .description('list the configs that come with ding: what -e and -p take')
    .action(async () => {
      process.stdout.write(await configListCommand())
    })
  addNatsCommands(program)
  // Options after a subcommand are the subcommand's. The subcommands have their own help; that of the program is an option like others.
  return program.enablePositionalOptions().helpOption(false)
}

/** Commands within commands too report their errors instead of ending the process. */
function throwAtAllLevels(command: Command): void {
  command.exitOverride()
  for (const inner of command.commands) throwAtAllLevels(inner)
}

/** Runs the command line. @returns the exit code; errors are printed, never thrown. */
export async function main(argv: readonly string[]): Promise<number> {
  let code: number = EXIT_CODES.done.code
  try {
    const program = buildProgram((c) => {
      code = c
    })
    throwAtAllLevels(program)
    await program.parseAsync(flagsAsOverrides(argv), { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? EXIT_CODES.done.code : EXIT_CODES.usage.code
    process.stderr.write(`${describeError(error, argv.includes('--verbose'))}\n`)
    return exitCodeOf(error)
  }
}

/** Mistakes of a user get their message; defects, and whatever `--verbose` is asked for, the stack with its causes. */
function describeError(error: unknown, verbose: boolean): string {
  if (error instanceof DingError && !verbose) return `${error.name}: ${error.message}`
  return error instanceof Error ? inspect(error) : String(error)
}
