import { writeFileAtomic } from '../../utils/index.js'
import type { Frame } from './types.js'

/** The bytes of a PNG file of a picture. */
export async function encodePng({ width, height, data }: Frame): Promise<Uint8Array> {
  const { encode } = await import('fast-png')
  return encode({ width, height, data, channels: 4, depth: 8 })
}

/** Writes a picture as a PNG file, whole or not at all. Missing folders are made. */
export async function writePng(path: string, frame: Frame): Promise<void> {
  writeFileAtomic(path, await encodePng(frame))
}
