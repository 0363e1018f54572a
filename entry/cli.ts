import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { collect_demo_data } from './collect_demo_data.js'
import { findConfig } from './config_lookup.js'
import { evaluate } from './evaluate.js'
import { EXIT_CODES, exitCodeOf } from './exit_codes.js'
import { explainCommand, registryCommand } from './inspect.js'
import type { PipelineOptions } from './prepare.js'
import { resume_pipeline, serial_pipeline } from './serial_pipeline.js'
import { DingError, UsageError } from '../ding/utils/index.js'

interface CliOptions {
  mode: 'serial' | 'eval' | 'collect'
  config?: string
  env?: string
  policy?: string
  seed?: number[]
  expName?: string
  trainIter?: number
  envStep?: number
  set: [string, string][]
  loadPath?: string
  replayPath?: string
  resume?: string
  collectCount: number
  output?: string
  quiet?: boolean
}

function seedList(value: string, before: number[] | undefined): number[] {
  const seed = Number(value)
  if (!Number.isSafeInteger(seed) || seed < 0) throw new InvalidArgumentError('A seed is a whole number >= 0.')
  return [...(before ?? []), seed]
}

function count(value: string): number {
  const n = Number(value)
  if (!Number.isFinite(n) || n <= 0 || !Number.isInteger(n)) throw new InvalidArgumentError('Expected a whole number > 0.')
  return n
}

function override(value: string, before: [string, string][] | undefined): [string, string][] {
  const at = value.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('Expected KEY=VALUE, for example policy.learn.batch_size=128.')
  return [...(before ?? []), [value.slice(0, at), value.slice(at + 1)]]
}

function packageVersion(): string {
  const file = [new URL('../../package.json', import.meta.url), new URL('../package.json', import.meta.url)].find((url) => {
    try {
      return (JSON.parse(readFileSync(url, 'utf8')) as { name: string }).name === 'ding'
    } catch {
      return false
    }
  })
  return file === undefined ? 'unknown' : (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function runOptions(options: CliOptions): PipelineOptions {
  return {
    overrides: options.set,
    ...(options.expName === undefined ? {} : { exp_name: options.expName }),
    ...(options.trainIter === undefined ? {} : { max_train_iter: options.trainIter }),
    ...(options.envStep === undefined ? {} : { max_env_step: options.envStep }),
    console: options.quiet === true ? 'quiet' : 'auto',
  }
}

/** Name of the experiment of one of several seeds: `..._seed0` becomes `..._seed<N>`, other names get it appended. */
function seededName(seeds: readonly number[], seed: number): PipelineOptions['rename'] {
  if (seeds.length < 2) return undefined
  return (name) => `${name.replace(/_seed\d+$/, '')}_seed${seed}`
}

async function runMode(options: CliOptions): Promise<number> {
  if (options.resume !== undefined) {
    if (options.mode !== 'serial') throw new UsageError('--resume continues a training run: use it with -m serial.')
    if (options.config !== undefined) throw new UsageError('--resume takes the config from the experiment folder: leave -c out.')
    const result = await resume_pipeline(options.resume, runOptions(options))
    return result.stop_reason === 'interrupted' ? EXIT_CODES.interrupted.code : EXIT_CODES.done.code
  }
  const config = options.config ?? findConfig(options.env, options.policy)
  const seeds = options.seed ?? [0]
  for (const seed of seeds) {
    const common = { ...runOptions(options), rename: seededName(seeds, seed) }
    if (options.mode === 'serial') {
      const { stop_reason } = await serial_pipeline(config, seed, common)
      if (stop_reason === 'interrupted') return EXIT_CODES.interrupted.code
    } else if (options.mode === 'eval') {
      await evaluate(config, seed, {
        ...common,
        ...(options.loadPath === undefined ? {} : { load_path: options.loadPath }),
        ...(options.replayPath === undefined ? {} : { replay_path: options.replayPath }),
      })
    } else {
      await collect_demo_data(config, seed, {
        ...common,
        collect_count: options.collectCount,
        ...(options.output === undefined ? {} : { expert_data_path: options.output }),
        ...(options.loadPath === undefined ? {} : { state_dict_path: options.loadPath }),
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
    .addOption(new Option('-m, --mode <mode>', 'what to do').choices(['serial', 'eval', 'collect']).default('serial'))
    .option('-c, --config <file>', 'config file: TypeScript, JavaScript, JSON or YAML')
    .option('-e, --env <name>', 'with -p instead of -c: use the config that comes with ding for this environment')
    .option('-p, --policy <name>', 'with -e instead of -c: ... and this policy')
    .addOption(new Option('-s, --seed <seeds...>', 'seeds, each a run of its own (default: 0)').argParser(seedList))
    .option('--exp-name <name>', 'experiment folder, instead of exp_name of the config')
    .option('--train-iter <n>', 'stop after this many training iterations', count)
    .option('--env-step <n>', 'stop after this many environment steps', count)
    .addOption(new Option('--set <key=value>', 'override a key of the config; may be repeated').argParser(override).default([], 'none'))
    .option('--resume <dir>', 'continue the run in this experiment folder, bit for bit')
    .option('--load-path <file>', 'eval, collect: checkpoint to load (default: ckpt_best of the experiment)')
    .option('--replay-path <dir>', 'eval: where the environments write their replays, if they can')
    .addOption(new Option('--collect-count <n>', 'collect: transitions to collect').argParser(count).default(1000))
    .option('--output <file>', 'collect: file to write the transitions to')
    .option('--quiet', 'no progress on the console; the log files are written all the same')
    .addHelpText('after', () => {
      const codes = Object.values(EXIT_CODES).map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`)
      return `
Examples:
  ding -c configs/cartpole/cartpole_dqn_config.ts            train, see the results in ./cartpole_dqn_seed0
  ding -e cartpole -p dqn -s 0 1 2                           the config that comes with ding, three seeds
  ding -c my.ts --set policy.learn.batch_size=128            change a key without touching the file
  ding -m eval -c my.ts --load-path runs/x/ckpt/ckpt_best.safetensors
  ding --resume cartpole_dqn_seed0                           go on where a run stopped
  ding registry policy                                       what can be named in a config
  ding config explain dqn                                    every key of a policy: type, default, meaning

Exit codes:
${codes.join('\n')}`
    })
    .action(async (options: CliOptions) => finish(await runMode(options)))
  program
    .command('registry')
    .argument('[name]', 'a registry; all of them when left out')
    .description('list what is registered under a name')
    .option('--import <module...>', 'modules to import first: your own registrations')
    .action(async (name: string | undefined, options: { import?: string[] }) => {
      process.stdout.write(await registryCommand(name, options.import ?? []))
    })
  const config = program.command('config').description('look into configs')
  config
    .command('explain')
    .argument('<target>', 'a config file, or the name of a policy')
    .argument('[key]', 'only this key and what is below it, for example policy.learn')
    .option('--set <key=value>', 'override a key first', override)
    .description('print keys, types, defaults, docs, and where each value came from')
    .action(async (target: string, key: string | undefined, options: { set?: [string, string][] }) => {
      process.stdout.write(await explainCommand(target, key, options.set ?? []))
    })
  return program.exitOverride()
}

/** Runs the command line. @returns the exit code; errors are printed, never thrown. */
export async function main(argv: readonly string[]): Promise<number> {
  let code: number = EXIT_CODES.done.code
  try {
    const program = buildProgram((c) => {
      code = c
    })
    for (const command of program.commands) command.exitOverride()
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.done.code : EXIT_CODES.usage.code
    const known = error instanceof DingError
    process.stderr.write(known ? `${error.name}: ${error.message}\n` : `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    return exitCodeOf(error)
  }
}
