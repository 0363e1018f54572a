import { existsSync, mkdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
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

/** The place of a run. */
export interface ClaimedExperiment {
  readonly exp_name: string
  /** The topmost folder that was made for it, itself or one around it; undefined where it was there already. */
  readonly made?: string
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
): ClaimedExperiment {
  for (const exp_name of candidates(name, options.clock ?? (() => new Date()))) {
    const folder = join(workDir, exp_name)
    const made = options.create ? makeFolder(folder) : undefined
    if (made !== undefined) return { exp_name, made }
    if (!options.renew || (!options.create && !existsSync(folder))) return { exp_name }
  }
  return { exp_name: name }
}

/** Takes back what was made for a run: its folder, and those around it that hold nothing else. */
export function removeExperiment(folder: string, made: string): void {
  rmSync(folder, { recursive: true, force: true })
  for (let around = resolve(folder); around !== made; ) {
    around = dirname(around)
    try {
      rmdirSync(around)
    } catch {
      // Another run is in it.
      return
    }
  }
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory()
}

/** Makes a folder and its parents. @returns the topmost that was made; undefined when the folder existed */
function makeFolder(folder: string): string | undefined {
  if (isFolder(folder)) return undefined
  try {
    const around = mkdirSync(dirname(folder), { recursive: true })
    mkdirSync(folder)
    return resolve(around ?? folder)
  } catch (cause) {
    // Another run may have made it in the meantime.
    if (isFolder(folder)) return undefined
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`exp_name: the experiment folder cannot be made: ${reason}`, {
      cause,
      path: 'exp_name',
    })
  }
}
