import { parseArgs } from 'node:util'
import type { StudyOptions } from './types.js'

export const USAGE = `Usage: npm run test:learning -- [STUDY...] [options]
  without a name: all studies. With these options a study of continuous control does a part of itself:
  --algo NAMES       settings to run, separated by commas (sac,crossq)
  --seeds NUMBERS    seeds to run, separated by commas (0,1)
  --out FILE         finished runs, one JSON a line; read, to skip what is there, and added to (docs/results/STUDY.jsonl, the only
                     file that a page is made of)
  --fresh            run again what the file already has
  --page             run nothing: judge the finished runs, write the page
  --import FOLDER    take over the finished run in an experiment folder, as the one --algo and --seeds name
  --env-step N       a trial with fewer steps, which no page is made of
  --work FOLDER      experiments in progress, continued by the next call (ding-learning in the system's folder for temporary files)`

export interface Arguments {
  readonly names: readonly string[]
  readonly options: StudyOptions
  /** Whether any option was given. */
  readonly partial: boolean
  readonly help: boolean
}

/** Reads the command line. @throws Error for what it does not understand */
export function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      algo: { type: 'string' },
      seeds: { type: 'string' },
      out: { type: 'string' },
      fresh: { type: 'boolean' },
      page: { type: 'boolean' },
      import: { type: 'string' },
      'env-step': { type: 'string' },
      work: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const { algo, seeds, out, fresh, page, import: folder, work, help = false, ...rest } = values
  const options: StudyOptions = {
    ...(algo !== undefined && { algos: algo.split(',') }),
    ...(seeds !== undefined && { seeds: seeds.split(',').map((text) => whole(text, '--seeds')) }),
    ...(out !== undefined && { out }),
    ...(fresh !== undefined && { fresh }),
    ...(page !== undefined && { page_only: page }),
    ...(folder !== undefined && { import_from: folder }),
    ...(rest['env-step'] !== undefined && { env_step: whole(rest['env-step'], '--env-step') }),
    ...(work !== undefined && { work }),
  }
  if (
    folder !== undefined &&
    (positionals.length !== 1 || options.algos?.length !== 1 || options.seeds?.length !== 1)
  )
    throw new Error('--import takes over one run: name the study, one --algo and one of --seeds.')
  return { names: positionals, options, partial: Object.keys(options).length > 0, help }
}

function whole(text: string, option: string): number {
  if (/^\d+$/.test(text.trim())) return Number(text)
  throw new Error(`${option} has "${text}", which is no whole number.`)
}
