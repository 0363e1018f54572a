// `npx tsx scripts/make_offline_data.ts TASK`: random, medium, medium-replay, medium-expert and expert data of our own in D4RL's layout, with a
// manifest. Ctrl-C at any time; the same command goes on.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { DingError } from 'ding'
import { makeOfflineData } from './offline_data.js'
import { TASKS } from './offline_tasks.js'

const USAGE = `make_offline_data TASK [options]

Tasks: ${Object.keys(TASKS).join(', ')}

  --out DIR           folder of the files (data/TASK)
  --work DIR          folder of the training run; can be removed afterwards (experiments/offline_data/TASK)
  --policy NAME       sac (default) or crossq
  --seed N            0
  --steps N           env steps of the training
  --check-every N     updates between evaluations, each with a checkpoint
  --rows N            transitions in a file, at least
  --quiet             nothing on the console

Defaults of steps, check-every, rows:
${Object.entries(TASKS)
  .map(([name, { steps, check_every, rows }]) => `  ${name.padEnd(14)} ${steps}, ${check_every}, ${rows}`)
  .join('\n')}
`

function count(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`"${text}" is no whole number >= 0.`)
  return value
}

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  const string = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      out: string,
      work: string,
      policy: string,
      seed: string,
      steps: string,
      'check-every': string,
      rows: string,
      quiet: flag,
      help: { ...flag, short: 'h' },
    },
  })
  const [name] = positionals
  const task = name === undefined ? undefined : TASKS[name]
  if (values.help === true || name === undefined || task === undefined || positionals.length > 1) {
    process.stdout.write(USAGE)
    return values.help === true ? 0 : 2
  }
  const done = await makeOfflineData(task, {
    out: values.out ?? join('data', name),
    work: values.work ?? join('experiments', 'offline_data', name),
    policy: values.policy ?? 'sac',
    seed: count(values.seed, 0),
    steps: count(values.steps, task.steps),
    check_every: count(values['check-every'], task.check_every),
    rows: count(values.rows, task.rows),
    console: values.quiet === true ? 'quiet' : 'auto',
  })
  if (!done && values.quiet !== true) process.stdout.write('Interrupted. The same command goes on.\n')
  return done ? 0 : 130
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof DingError ? error.message : String(error)}\n`)
  process.exitCode = 2
}
