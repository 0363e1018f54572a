import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { threadId } from 'node:worker_threads'
import { hasEnded, MARK_PATTERN, markText, ownMark } from './process_mark.js'

/** Longest single write: the kernel refuses 2 GiB and more at once. */
const MAX_WRITE = 1 << 28

let serial = 0

const TEMPORARY = new RegExp(`^\\..*\\.(${MARK_PATTERN})\\.[0-9]+\\.[0-9]+\\.tmp$`)

/** A free name in the folder of `path`, by which {@link replaceFile} knows whose it is and whether it can go. */
export function temporaryOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${markText(ownMark())}.${threadId}.${serial++}.tmp`)
}

/** A view of any typed array's bytes. */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** Writes all bytes at the descriptor's position, in as many calls as it takes. */
export function writeFully(descriptor: number, data: ArrayBufferView): void {
  const bytes = bytesOf(data)
  let offset = 0
  while (offset < bytes.length) {
    offset += writeSync(descriptor, bytes, offset, Math.min(bytes.length - offset, MAX_WRITE))
  }
}

/** Syncs a folder's entries where the platform can (Windows cannot open a folder). */
export function syncFolder(folder: string): void {
  let descriptor: number
  try {
    descriptor = openSync(folder, 'r')
  } catch {
    return
  }
  try {
    fsyncSync(descriptor)
  } catch {
    // Some file systems refuse to sync a folder; the rename is still atomic there.
  } finally {
    closeSync(descriptor)
  }
}

/** Makes a folder, with those above it that are missing, so that they survive a power failure. */
export function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true })
  if (first === undefined) return
  for (let made = resolve(folder); ; made = dirname(made)) {
    syncFolder(dirname(made))
    if (made === resolve(first) || made === dirname(made)) return
  }
}

/**
 * Removes the temporary files that killed processes of this machine have left in a folder. The names say whose they are; those of other machines,
 * which may share the folder, stay.
 */
function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    const mark = TEMPORARY.exec(name)?.[1]
    if (mark === undefined || !hasEnded(mark)) continue
    try {
      rmSync(join(folder, name), { force: true })
    } catch {
      // Another user's, perhaps. What is to be written is not.
    }
  }
}

/**
 * Makes the file `path` by letting `write` fill a temporary file of the same folder, which is synced and then renamed.
 * Whoever opens `path` sees the old content or the whole new one. Missing folders are made, temporary files of killed processes removed.
 * @throws whatever the file system or `write` throws, after removing the temporary file.
 */
export function replaceFile(path: string, write: (descriptor: number) => void): void {
  const folder = dirname(path)
  makeFolder(folder)
  removeLeftovers(folder)
  const temporary = temporaryOf(path)
  try {
    fill(temporary, write)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncFolder(folder)
}

/** Makes a file on the disk. @throws the first that goes wrong; it is closed all the same */
function fill(path: string, write: (descriptor: number) => void): void {
  const descriptor = openSync(path, 'w')
  try {
    write(descriptor)
    fsyncSync(descriptor)
  } catch (error) {
    try {
      closeSync(descriptor)
    } catch {
      // The first error says more.
    }
    throw error
  }
  closeSync(descriptor)
}

/** Writes `data` to `path` atomically and durably; text as UTF-8. Missing folders are made. */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data
  replaceFile(path, (descriptor) => writeFully(descriptor, bytes))
}
