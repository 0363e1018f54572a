import { crc32 } from '@node-rs/crc32'
import { throughNativeGate } from '../compute/index.js'

/** CRC-32 of bytes that are this thread's own. */
export function checksum(bytes: Uint8Array): number {
  return throughNativeGate(() => crc32(bytes))
}
