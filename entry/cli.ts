import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { Command, CommanderError, Option } from 'commander'
import type { OverrideEntry } from '../ding/config/index.js'
import { DingError } from '../ding/utils/index.js'
import {
  type CliOptions,
  checkOptions,
  chosenConfig,
  count,
  lengthOf,
  MODES,
  override,
  runOptions,
  seededName,
  seedList,
  sharesOutput,
  trains,
} from './cli_options.js'
import { collect_demo_data, DATA_LAYOUTS } from './collect_demo_data.js'
import { configListCommand } from './config_lookup.js'
import { datasetInfoCommand } from './dataset_info.js'
import { DIST_ROLES, DIST_SECTIONS } from './dist.js'
import { distMode } from './dist_mode.js'
import { evaluate } from './evaluate.js'
import { EXIT_CODES, exitCodeOf } from './exit_codes.js'
import { flagsAsOverrides } from './flags.js'
import { explainCommand, keysHelp, registryCommand } from './inspect.js'
import { addNatsCommands } from './nats_commands.js'
import { PARALLEL_SECTIONS } from './parallel_pipeline.js'
import { resume_pipeline } from './resume_pipeline.js'
import { TRAINING, type TrainingMode } from './training_modes.js'

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

/** @param mode that of -m, where it was given */
async function runMode(options: CliOptions, mode: CliOptions['mode'] | undefined): Promise<number> {
  checkOptions(options)
  if (options.resume !== undefined) {
    const result = await resume_pipeline(options.resume, {
      ...runOptions(options),
      // checkOptions has refused the others.
      mode: mode as TrainingMode | undefined,
    })
    return result.stop_reason === 'interrupted' ? EXIT_CODES.interrupted.code : EXIT_CODES.done.code
  }
  const found = await chosenConfig(options)
  const { config } = found
  const seeds = options.seed ?? [undefined]
  for (const seed of seeds) {
    const common = { ...lengthOf(found, options), ...runOptions(options), rename: seededName(options, seed) }
    if (trains(options.mode)) {
      const { stop_reason } = await TRAINING[options.mode].start(config, seed, common)
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
      const { interrupted } = await collect_demo_data(config, seed, {
        ...common,
        name_by_seed: sharesOutput(options),
        ...(options.collectCount === undefined ? {} : { collect_count: options.collectCount }),
        ...(options.output === undefined ? {} : { expert_data_path: options.output }),
        ...(options.layout === undefined ? {} : { layout: options.layout }),
        ...(options.loadPath === undefined ? {} : { state_dict_path: options.loadPath }),
        random_policy: options.random === true,
      })
      if (interrupted) return EXIT_CODES.interrupted.code
    }
  }
  return EXIT_CODES.done.code
}

/** Sections of create_config that a mode adds where the config has none. */
const MODE_SECTIONS: Partial<Record<CliOptions['mode'], Readonly<Record<string, object>>>> = {
  parallel: PARALLEL_SECTIONS,
  dist: DIST_SECTIONS,
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
      const { config, env, policy, set, mode } = options
      const given = program.getOptionValueSource('mode') === 'cli' ? mode : undefined
      if (options.help !== true) return finish(await runMode(options, given))
      // First, so that a wrong name is all that is said.
      const keys = [config, env, policy].some((name) => name !== undefined)
        ? await keysHelp(options, set, MODE_SECTIONS[mode] ?? {})
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
    const options = program.options.flatMap(({ long }) => long ?? [])
    await program.parseAsync(flagsAsOverrides(argv, options), { from: 'user' })
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
