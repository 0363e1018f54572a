import { crc32c } from '@node-rs/crc32'

/** TFRecord's mask over CRC-32C, so that a checksum of data that holds checksums stays useful. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** Frames a record: u64 length, its masked CRC-32C, the data, the data's masked CRC-32C; all little-endian. */
export function tfrecord(data: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(data.length + 16)
  frame.writeUInt32LE(data.length, 0)
  frame.writeUInt32LE(0, 4)
  frame.writeUInt32LE(masked(frame.subarray(0, 8)), 8)
  frame.set(data, 12)
  frame.writeUInt32LE(masked(data), 12 + data.length)
  return frame
}
