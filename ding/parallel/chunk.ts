import type { Transition } from '../data/index.js'
import { decodeExact, encodeExact, isPlainRecord, type JsonValue, sizeOf } from '../utils/index.js'
import { checksum } from './checksum.js'
import {
  aligned,
  ChunkError,
  type ColumnSpec,
  columnBytes,
  layOutRows,
  readSection,
  type Section,
} from './chunk_rows.js'

/** What a chunk says of itself. */
export interface ChunkHeader {
  /** Who collected it; a collector that is started again has another name. */
  readonly collector: string
  /** Counts a collector's chunks from 0. */
  readonly sequence: number
  /** The oldest version of the parameters that acted in it. */
  readonly policy_version: number
  /** Env steps taken since the chunk before, those of dropped pieces included. */
  readonly env_steps: number
  /** Env steps of each collect that ends in this chunk. */
  readonly collects: readonly number[]
  /** Random actions, before anything was learned. */
  readonly warmup: boolean
  /** Return and length of each episode that ended. */
  readonly episodes: readonly (readonly [episode_return: number, length: number])[]
  /** For running statistics of rewards: environment, reward and end of episode (2: broken) of every env step, where they are wanted. */
  readonly rewards: readonly (readonly (readonly [env: number, reward: number, end: 0 | 1 | 2])[])[]
}

/** A chunk taken apart. */
export interface Chunk {
  readonly header: ChunkHeader
  /** Number of transitions. */
  readonly rows: number
  /** The transitions, exactly as they were. Their arrays are views of the chunk. */
  transitions(): Transition[]
}

/** The first bytes: "DCHK", layout version, header and payload sizes, checksum of both. */
const MAGIC = 0x4b484344
const VERSION = 1
const START = 24

const TEXT_FIELDS = ['collector'] as const
const COUNT_FIELDS = ['sequence', 'policy_version', 'env_steps'] as const
const LIST_FIELDS = ['collects', 'episodes', 'rewards', 'sections'] as const

/** `<collector>-<sequence>`: the same whenever the same chunk is sent. */
export function chunkId({ collector, sequence }: Pick<ChunkHeader, 'collector' | 'sequence'>): string {
  return `${collector}-${sequence}`
}

/**
 * Transitions as one block of bytes that describes itself: a header (JSON) with the layout of the columns, then the columns, little-endian, each
 * at a multiple of 8 bytes. @throws ChunkError naming the entry of a transition that cannot be sent
 */
export function encodeChunk(
  header: ChunkHeader,
  transitions: readonly Transition[],
): Uint8Array<ArrayBuffer> {
  const { sections, bytes, write } = layOutRows(transitions)
  const text = Buffer.from(JSON.stringify(encodeExact({ ...header, sections })), 'utf8')
  const payload = START + aligned(text.length)
  const chunk = new Uint8Array(payload + bytes)
  chunk.fill(0x20, START, payload)
  chunk.set(text, START)
  write(chunk.buffer, payload)
  const start = new DataView(chunk.buffer)
  start.setUint32(0, MAGIC, true)
  start.setUint16(4, VERSION, true)
  start.setUint32(8, payload - START, true)
  start.setUint32(12, bytes, true)
  start.setUint32(16, checksum(chunk.subarray(START)), true)
  return chunk
}

function refuse(what: string, cause?: unknown): never {
  throw new ChunkError(`This is no chunk of transitions that can be used: ${what}.`, { cause })
}

/** Takes a chunk apart and checks it. @throws ChunkError saying what is wrong with it */
export function decodeChunk(bytes: Uint8Array): Chunk {
  if (bytes.byteLength < START)
    refuse(`it has ${bytes.byteLength} bytes, fewer than the ${START} that one begins with`)
  const chunk = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
  const start = new DataView(chunk.buffer, chunk.byteOffset, START)
  if (start.getUint32(0, true) !== MAGIC) refuse('it does not begin with the mark "DCHK"')
  const version = start.getUint16(4, true)
  if (version !== VERSION) refuse(`it has layout version ${version}, this version of ding reads ${VERSION}`)
  const [headerBytes, payloadBytes] = [start.getUint32(8, true), start.getUint32(12, true)]
  const expected = START + headerBytes + payloadBytes
  if (chunk.byteLength !== expected)
    refuse(
      `it has ${chunk.byteLength} bytes and announces ${expected}, so it was cut off or something was added`,
    )
  if (checksum(chunk.subarray(START)) !== start.getUint32(16, true))
    refuse('its checksum is wrong, so it was damaged')
  const { sections, ...header } = parseHeader(
    Buffer.from(chunk.buffer, chunk.byteOffset + START, headerBytes).toString('utf8'),
  )
  for (const section of sections) checkSection(section, payloadBytes)
  const payload = chunk.byteOffset + START + headerBytes
  return {
    header,
    rows: sections.reduce((sum, section) => sum + section.rows, 0),
    transitions: () => sections.flatMap((section) => readSection(section, chunk.buffer, payload)),
  }
}

function parseHeader(text: string): ChunkHeader & { sections: Section[] } {
  let header: unknown
  try {
    header = decodeExact(JSON.parse(text) as JsonValue)
  } catch (cause) {
    return refuse('its header is not JSON', cause)
  }
  if (!isPlainRecord(header)) return refuse('its header is not a record')
  const record = header
  for (const key of TEXT_FIELDS)
    if (typeof record[key] !== 'string')
      refuse(`its header has ${key} = ${JSON.stringify(record[key])}, expected text`)
  for (const key of COUNT_FIELDS) {
    if (!isCount(record[key]))
      refuse(`its header has ${key} = ${JSON.stringify(record[key])}, expected a count`)
  }
  for (const key of LIST_FIELDS) if (!Array.isArray(record[key])) refuse(`its header has no list "${key}"`)
  if (typeof record['warmup'] !== 'boolean') refuse('its header does not say whether it is of the warm-up')
  return record as unknown as ChunkHeader & { sections: Section[] }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

const KINDS: readonly unknown[] = ['number', 'boolean', 'array', 'tensor', 'empty']
const DTYPES: readonly unknown[] = ['float64', 'float32', 'int32', 'uint8', 'bool']

function checkSection(section: Section, payloadBytes: number): void {
  if (!isPlainRecord(section) || !isCount(section.rows) || !Array.isArray(section.columns))
    refuse('one of its sections has no rows and columns')
  for (const column of section.columns) {
    const { path, kind, dtype, shape, at } = column as ColumnSpec
    const known =
      Array.isArray(path) &&
      path.length > 0 &&
      path.every((key) => typeof key === 'string') &&
      KINDS.includes(kind) &&
      DTYPES.includes(dtype) &&
      Array.isArray(shape) &&
      shape.every(isCount) &&
      isCount(at)
    if (!known) refuse(`the column ${JSON.stringify(column)} is not described as one`)
    if (at % 8 !== 0 || at + columnBytes({ kind, dtype, shape }, section.rows) > payloadBytes) {
      refuse(
        `the column "${path.join('.')}" of ${section.rows} rows of [${shape}] ${dtype} at byte ${at} does not lie in its ` +
          `${payloadBytes} bytes (${sizeOf(shape)} values a row)`,
      )
    }
  }
}
