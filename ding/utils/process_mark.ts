import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** Which process something belongs to, so that others of its machine can tell whether it still runs. */
export interface ProcessMark {
  readonly host: string
  readonly pid: number
  /** When the process began, as its kernel counts: another one may have its number by now. Null where that is not told. */
  readonly began: string | null
}

/** This process. */
export function ownMark(): ProcessMark {
  return { host: hostname(), pid: process.pid, began: beganOf(process.pid) }
}

/** Whether it is a process of this machine that runs. */
export function isRunning({ host, pid, began }: ProcessMark): boolean {
  return host === hostname() && exists(pid) && began === beganOf(pid)
}

/** The mark as a part of a file's name; {@link MARK_PATTERN} finds it. */
export function markText({ host, pid, began }: ProcessMark): string {
  return `${digest(host)}-${pid}-${digest(began)}`
}

export const MARK_PATTERN = '[0-9a-f]{8}-[0-9]+-[0-9a-f]{8}'

/** Whether a mark in a file's name is of a process of this machine that has ended. */
export function hasEnded(mark: string): boolean {
  const [host, pid, began] = mark.split('-')
  if (host !== digest(hostname())) return false
  return !exists(Number(pid)) || began !== digest(beganOf(Number(pid)))
}

function digest(text: string | null): string {
  return createHash('sha256')
    .update(text ?? '')
    .digest('hex')
    .slice(0, 8)
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
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
