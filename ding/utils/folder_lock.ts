import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryOf } from './atomic_file.js'
import { UsageError } from './errors.js'
import { isRunning, ownMark, type ProcessMark } from './process_mark.js'

/** In the folder that is held. */
export const LOCK_FILE = '.lock'

/** Who holds a folder. */
interface Holder extends ProcessMark {
  /** Among the holders of one process. */
  readonly serial: number
}

let serial = 0
const held = new Set<number>()

/**
 * Takes a folder for this process: whoever asks while it is held is refused. What a process that is gone has left, also one that was killed, is taken over;
 * of several that would take it over at once, one gets it.
 * Machines that share a folder are not kept apart, because one cannot tell whether the other's process still lives.
 * @returns gives the folder back; another call does nothing
 * @throws UsageError when a process of this machine, or another call in this one, holds the folder
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, LOCK_FILE)
  const own: Holder = { ...ownMark(), serial: serial++ }
  // From here on another call in this process sees a lock with this number as held.
  held.add(own.serial)
  try {
    while (!make(path, own)) {
      refuse(folder, read(path))
      takeAway(folder, path)
    }
  } catch (error) {
    held.delete(own.serial)
    throw error
  }
  return () => {
    if (!held.delete(own.serial)) return
    if (isSame(read(path), own)) rmSync(path, { force: true })
  }
}

/** Makes the lock with what it says in place, so that nobody reads half of it. @returns false when there is one already */
function make(path: string, holder: Holder): boolean {
  const text = JSON.stringify(holder)
  const whole = temporaryOf(path)
  writeFileSync(whole, text)
  try {
    return isFree(() => linkSync(whole, path))
  } catch {
    // A file system without links. Whoever reads the file before it is written takes it over, which the look at it tells.
    return isFree(() => writeFileSync(path, text, { flag: 'wx' })) && isSame(read(path), holder)
  } finally {
    rmSync(whole, { force: true })
  }
}

/** Does what needs a free name. @returns false when the name is taken */
function isFree(make: () => void): boolean {
  try {
    make()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Takes away a lock that nobody holds. Where another has taken it over since it was looked at, it is put back. */
function takeAway(folder: string, path: string): void {
  const aside = temporaryOf(path)
  try {
    renameSync(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const holder = read(aside)
  try {
    if (holder !== undefined && isHeld(holder)) isFree(() => linkSync(aside, path))
  } catch {
    renameSync(aside, path)
  }
  rmSync(aside, { force: true })
  refuse(folder, holder)
}

/** Undefined for a file that is gone or holds something else, as after a power failure. */
function read(path: string): Holder | undefined {
  try {
    const { host, pid, began, serial } = JSON.parse(readFileSync(path, 'utf8')) as Holder
    return { host, pid, began, serial }
  } catch {
    return undefined
  }
}

function refuse(folder: string, holder: Holder | undefined): void {
  if (holder === undefined || !isHeld(holder)) return
  const who = holder.pid === process.pid ? 'this process' : `process ${holder.pid}`
  throw new UsageError(
    `A run of ${who} is at work in ${folder}: two runs in one folder would overwrite each other's files. ` +
      'Wait for it or end it, or give this run another exp_name.',
  )
}

function isSame(a: Holder | undefined, b: Holder | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function isHeld(holder: Holder): boolean {
  return isRunning(holder) && (holder.pid !== process.pid || held.has(holder.serial))
}
