import { basename, resolve } from 'node:path'
import type { Command } from 'commander'
import { cleanRun, inspectRun, type NatsConfig, type RunOnServer, UsageError } from '../ding/index.js'
import { compileInput } from './compile_input.js'

interface NatsOptions {
  config: string
  nats?: string
  run?: string
  expName?: string
  yes?: boolean
}

/** The exchange of a config, and the run's name. */
async function settings(options: NatsOptions): Promise<{ config: NatsConfig; run: string }> {
  const { nats, run, expName } = options
  const { config, exp_dir } = await compileInput(options.config, undefined, {
    save: false,
    ...(expName === undefined ? {} : { exp_name: expName }),
    overrides: [
      ['policy.other.exchange.type', 'nats'],
      ...(nats === undefined ? [] : [['policy.other.exchange.servers', nats.split(',')] as const]),
      ...(run === undefined ? [] : [['policy.other.exchange.run', run] as const]),
    ],
    create_defaults: { exchange: { type: 'nats' } },
  })
  return {
    config: config.main_config.policy.other['exchange'] as unknown as NatsConfig,
    run: basename(resolve(exp_dir)),
  }
}

/** Chunks that were set aside and are shown one by one. */
const SHOWN = 10

function describe({ run, queue, streams, aside }: RunOnServer): string {
  if (streams.length === 0) return `Nothing of the run ${run} is on the server.\n`
  const lines = [
    `run ${run}: ${queue?.messages ?? 0} chunks (${queue?.bytes ?? 0} bytes) in the queue`,
    ...streams.map(({ name, bytes }) => `  ${name}: ${bytes} bytes`),
    ...(aside.length > SHOWN ? [`  set aside: ${aside.length} chunks, of which the latest are`] : []),
    ...aside
      .slice(-SHOWN)
      .map(
        ({ id, reason, deliveries, bytes }) =>
          `  set aside: ${id}, ${bytes} bytes, handed out ${deliveries} times: ${reason}`,
      ),
  ]
  return `${lines.join('\n')}\n`
}

/** `ding nats status` and `ding nats clean`: runs on a NATS server, from the outside. */
export function addNatsCommands(program: Command): void {
  const nats = program.command('nats').description('runs on a NATS server: what they hold, and removing it')
  const common = (name: string, about: string): Command =>
    nats
      .command(name)
      .description(about)
      .requiredOption('-c, --config <file>', 'config file of the run')
      .option('--nats <url>', 'server, instead of the one of the config')
      .option('--run <name>', 'name of the run, instead of its experiment folder')
      .option('--exp-name <name>', 'experiment folder, instead of exp_name of the config')
      .exitOverride()
  common('status', 'print what a run holds on the server, and which chunks were set aside and why').action(
    async (options: NatsOptions) => {
      const { config, run } = await settings(options)
      process.stdout.write(describe(await inspectRun(config, run)))
    },
  )
  common('clean', 'remove all that a finished run holds on the server: chunks, parameters, checkpoints')
    .option('--yes', 'also where chunks are still in the queue')
    .action(async (options: NatsOptions) => {
      const { config, run } = await settings(options)
      const { queue } = await inspectRun(config, run)
      if ((queue?.messages ?? 0) > 0 && options.yes !== true) {
        throw new UsageError(
          `${queue?.messages} chunks of the run ${run} are in the queue and would be lost. Add --yes to remove them too.`,
        )
      }
      const removed = await cleanRun(config, run)
      process.stdout.write(
        removed.length === 0
          ? `Nothing of the run ${run} is on the server.\n`
          : `Removed ${removed.join(', ')}.\n`,
      )
    })
}
