import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ConfigError } from '../utils/index.js'
import type { Problems } from './problems.js'

/** Tells the time. */
export type Clock = () => Date

/** Reports a name that would leave the working directory, or that not every file system takes. */
export function checkExperimentName(name: string, problems: Problems): void {
  const parts = name.split('/')
  const usable = (part: string) =>
    part !== '' &&
    part !== '.' &&
    part !== '..' &&
    part.length <= 200 &&
    !/[<>:"\\|?*\p{Cc}]/u.test(part) &&
    !/[. ]$/.test(part)
  if (parts.every(usable)) return
  problems.add(
    'exp_name',
    `is ${JSON.stringify(name)}, expected a relative path inside the working directory, such as "cartpole_dqn" or "group/run".`,
  )
}

/** `yymmdd_hhmmss` in local time. */
function stamp(date: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const day = [date.getFullYear() % 100, date.getMonth() + 1, date.getDate()].map(two).join('')
  return `${day}_${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join('')}`
}

function* candidates(name: string, clock: Clock): Generator<string> {
  yield name
  const dated = `${name}_${stamp(clock())}`
  yield dated
  for (let i = 2; ; i++) yield `${dated}_${i}`
}

/**
 * The name of the experiment's folder below `workDir`: `name`, or with `renew` the first of `name_<date>`,
 * `name_<date>_2`, ... that does not exist. With `create` the folder is made, so that no other run gets the same.
 * @throws ConfigError when the folder cannot be made.
 */
export function claimExperiment(
  workDir: string,
  name: string,
  options: { create: boolean; renew: boolean; clock?: Clock | undefined },
): string {
  for (const candidate of candidates(name, options.clock ?? (() => new Date()))) {
    const folder = join(workDir, candidate)
    const isNew = options.create ? makeFolder(folder) : !existsSync(folder)
    if (isNew || !options.renew) return candidate
  }
  return name
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory()
}

/** Makes a folder and its parents; false when it existed. */
function makeFolder(folder: string): boolean {
  if (isFolder(folder)) return false
  try {
    mkdirSync(dirname(folder), { recursive: true })
    mkdirSync(folder)
    return true
  } catch (cause) {
    // Another run may have made it in the meantime.
    if (isFolder(folder)) return false
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`exp_name: the experiment folder cannot be made: ${reason}`, {
      cause,
      path: 'exp_name',
    })
  }
}
