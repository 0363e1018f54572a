import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { problem } from './problems.js'

const HDF5_SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1')

/** The beginning of a file and its size. @throws DatasetError when it is missing, empty, or cannot be read. */
export function readStart(path: string, bytes: number): { start: Buffer; size: number } {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw new Error('it is not a file')
    const start = Buffer.alloc(bytes)
    const got = readSync(descriptor, start, 0, bytes, 0)
    if (got === 0) throw new Error('the file is empty')
    return { start: start.subarray(0, got), size: stat.size }
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw problem(
      path,
      missing ? 'there is no such file' : `cannot be read: ${(cause as Error).message}`,
      'Check policy.collect.data_path; it is taken from the current folder.',
      cause,
    )
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/** Whether a file begins as HDF5 does: at byte 0, or after a user block of 512, 1024, 2048 ... bytes. */
export function isHdf5Start(start: Buffer): boolean {
  for (let at = 0; at + 8 <= start.length; at = at === 0 ? 512 : at * 2) {
    if (start.subarray(at, at + 8).equals(HDF5_SIGNATURE)) return true
  }
  return false
}
