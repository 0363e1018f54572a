import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { writeFileAtomic } from './atomic_file.js'
import { UsageError } from './errors.js'

/** In the folder that is held. */
export const LOCK_FILE = '.lock'

/** Who holds a folder. */
interface Holder {
  readonly host: string
  readonly pid: number
  /** When the process began, as its kernel counts: another one may have its number by now. Null where that is not told. */
  readonly began: string | null
  /** Among the holders of one process. */
  readonly serial: number
}

let serial = 0
const held = new Set<number>()

/**
 * Takes a folder for this process: whoever asks while it is held is refused. What a process that is gone has left, also one that was killed, is taken over.
 * Machines that share a folder are not kept apart, because one cannot tell whether the other's process still lives.
 * @returns gives the folder back; another call does nothing
 * @throws UsageError when a process of this machine, or another call in this one, holds the folder
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, LOCK_FILE)
  const own: Holder = { host: hostname(), pid: process.pid, began: beganOf(process.pid), serial: serial++ }
  const text = JSON.stringify(own)
  if (!make(path, text)) {
    refuse(folder, read(path))
    writeFileAtomic(path, text)
  }
  // Of several that take over at once the last one has it.
  refuse(folder, read(path), own)
  held.add(own.serial)
  return () => {
    if (!held.delete(own.serial)) return
    if (isSame(read(path), own)) rmSync(path, { force: true })
  }
}

/** @returns false when the file is there already */
function make(path: string, text: string): boolean {
  let descriptor: number
  try {
    descriptor = openSync(path, 'wx')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  try {
    writeSync(descriptor, text)
  } finally {
    closeSync(descriptor)
  }
  return true
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

function refuse(folder: string, holder: Holder | undefined, own?: Holder): void {
  if (holder === undefined || isSame(holder, own) || !isAlive(holder)) return
  const who = holder.pid === process.pid ? 'this process' : `process ${holder.pid}`
  throw new UsageError(
    `A run of ${who} is at work in ${folder}: two runs in one folder would overwrite each other's files. ` +
      'Wait for it or end it, or give this run another exp_name.',
  )
}

function isSame(a: Holder | undefined, b: Holder | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return false
  if (holder.pid === process.pid && holder.began === beganOf(process.pid)) return held.has(holder.serial)
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return holder.began === beganOf(holder.pid)
}

/** Boot and clock ticks since then, on Linux. */
function beganOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may have spaces; the 22nd field is the 20th after it.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return ticks === undefined ? null : `${boot} ${ticks}`
  } catch {
    return null
  }
}
