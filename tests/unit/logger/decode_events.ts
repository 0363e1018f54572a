/**
 * A decoder of TensorBoard event files that shares nothing with the writer: its own CRC-32C and its own reading of the
 * protobuf wire format, fields by number.
 */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc >>> 0
})

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0
  return ((rotated << 15) | (rotated >>> 17)) >>> 0
}

/** The records of a TFRecord file. @throws Error when a length or a checksum is wrong. */
export function readRecords(file: Buffer): Buffer[] {
  const records: Buffer[] = []
  let at = 0
  while (at < file.length) {
    const length = Number(file.readBigUInt64LE(at))
    if (crc32c(file.subarray(at, at + 8)) !== unmask(file.readUInt32LE(at + 8)))
      throw new Error('length checksum')
    const data = file.subarray(at + 12, at + 12 + length)
    if (crc32c(data) !== unmask(file.readUInt32LE(at + 12 + length))) throw new Error('data checksum')
    records.push(data)
    at += 16 + length
  }
  return records
}

/** Fields of a message by number: bigint for varints, Buffers for everything else, each in order of appearance. */
export type Fields = Map<number, (bigint | Buffer)[]>

export function readFields(message: Buffer): Fields {
  const fields: Fields = new Map()
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const key = Number(varint())
    const wire = key & 7
    let value: bigint | Buffer
    if (wire === 0) value = varint()
    else {
      const length = wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? Number(varint()) : -1
      if (length < 0) throw new Error(`wire type ${wire}`)
      value = message.subarray(at, at + length)
      at += length
    }
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value])
  }
  return fields
}

function buffers(fields: Fields | undefined, number: number): Buffer[] {
  return (fields?.get(number) ?? []).filter((value) => Buffer.isBuffer(value))
}

function inner(fields: Fields | undefined, number: number): Fields | undefined {
  const [buffer] = buffers(fields, number)
  return buffer === undefined ? undefined : readFields(buffer)
}

function text(fields: Fields | undefined, number: number): string | undefined {
  return buffers(fields, number)[0]?.toString('utf8')
}

function integer(fields: Fields | undefined, number: number): number {
  const value = fields?.get(number)?.[0]
  return typeof value === 'bigint' ? Number(BigInt.asIntN(64, value)) : 0
}

function double(fields: Fields | undefined, number: number): number {
  return buffers(fields, number)[0]?.readDoubleLE(0) ?? 0
}

export interface DecodedValue {
  tag: string
  simple?: number
  dtype?: number
  dims?: number[]
  doubles?: number[]
  strings?: string[]
  plugin?: string
  dataClass?: number
  content?: Fields
}

export interface DecodedEvent {
  time: number
  step: number
  version?: string
  values: DecodedValue[]
}

function decodeValue(value: Fields): DecodedValue {
  const tensor = inner(value, 8)
  const metadata = inner(value, 9)
  const decoded: DecodedValue = { tag: text(value, 1) ?? '' }
  const simple = buffers(value, 2)[0]
  if (simple !== undefined) decoded.simple = simple.readFloatLE(0)
  if (tensor !== undefined) {
    decoded.dtype = integer(tensor, 1)
    decoded.dims = buffers(inner(tensor, 2), 2).map((dim) => integer(readFields(dim), 1))
    decoded.doubles = buffers(tensor, 6).flatMap((packed) =>
      Array.from({ length: packed.length / 8 }, (_, i) => packed.readDoubleLE(8 * i)),
    )
    decoded.strings = buffers(tensor, 8).map((buffer) => buffer.toString('utf8'))
  }
  if (metadata !== undefined) {
    const plugin = inner(metadata, 1)
    decoded.plugin = text(plugin, 1)
    decoded.dataClass = integer(metadata, 4)
    decoded.content = inner(plugin, 2)
  }
  return decoded
}

export function decodeEvents(file: Buffer): DecodedEvent[] {
  return readRecords(file).map((record) => {
    const event = readFields(record)
    const version = text(event, 3)
    return {
      time: double(event, 1),
      step: integer(event, 2),
      ...(version === undefined ? {} : { version }),
      values: buffers(inner(event, 5), 1).map((value) => decodeValue(readFields(value))),
    }
  })
}

/** What the hparams plugin's message says. */
export function decodeHParams(content: Fields | undefined) {
  const experiment = inner(content, 2)
  const start = inner(content, 3)
  const end = inner(content, 4)
  return {
    infos: buffers(experiment, 4).map((info) => [text(readFields(info), 1), integer(readFields(info), 4)]),
    metrics: buffers(experiment, 5).map((info) => text(inner(readFields(info), 1), 2)),
    hparams: Object.fromEntries(
      buffers(start, 1).map((entry) => {
        const fields = readFields(entry)
        const value = inner(fields, 2)
        if (value?.has(2)) return [text(fields, 1), double(value, 2)]
        return [text(fields, 1), value?.has(4) ? integer(value, 4) === 1 : text(value, 3)]
      }),
    ),
    startTime: double(start, 5),
    status: integer(end, 1),
    endTime: double(end, 2),
  }
}
