import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { CheckpointError, makeFolder, syncFolder, writeFully } from '../utils/index.js'
import { checksum } from './checksum.js'

/** What an entry is of: a chunk as it came, or (JSON) one that was dropped by rule. */
export type EntryKind = 'chunk' | 'dropped'

const KINDS: readonly EntryKind[] = ['chunk', 'dropped']
const MAGIC = 0x4c4e4a44
const START = 16

/**
 * What the learner took in since its run state was last saved, one file beside the run state. An entry is written when its chunk is in the replay
 * buffer and on the disk before the chunk is acknowledged, so an acknowledged chunk is in the run state or in the journal, whenever the learner is
 * killed. Syncing is left to another thread and shared by all entries that wait for it.
 */
export class Journal {
  private descriptor: number | undefined
  private generation = 0
  private written = 0
  private synced: Promise<void> = Promise.resolve()
  private dirty = false
  private syncing = false
  /** Whether the file's name may not be on the disk yet. */
  private fresh = true

  /**
   * @param folder that of the run state
   * @param syncs false: entries are with the operating system, where they survive the process, but not a power failure. Enough where the queue would not survive
   *   either of them.
   */
  constructor(
    private readonly folder: string,
    private readonly syncs = true,
  ) {}

  /** Bytes since the run state was saved. */
  get bytes(): number {
    return this.written
  }

  private path(generation: number): string {
    return join(this.folder, `journal_${generation}.bin`)
  }

  /**
   * What the journal that goes with a run state holds. A torn last entry, which was never acknowledged, is cut off; the journal is then open for
   * more. @throws CheckpointError when an entry before the last is damaged
   */
  *open(generation: number): Generator<{ kind: EntryKind; bytes: Uint8Array }> {
    this.generation = generation
    if (this.syncs) makeFolder(this.folder)
    else mkdirSync(this.folder, { recursive: true })
    const path = this.path(generation)
    let at = 0
    if (existsSync(path)) {
      const file = openSync(path, 'r')
      try {
        for (let entry = readEntry(file, at); entry !== undefined; entry = readEntry(file, at)) {
          yield entry
          at += START + entry.bytes.byteLength
        }
        this.refuseHole(path, file, at)
      } finally {
        closeSync(file)
      }
    }
    this.descriptor = this.openFile()
    ftruncateSync(this.descriptor, at)
    this.written = at
  }

  /** Only the last entry can be torn: behind the end there must be no further whole one. */
  private refuseHole(path: string, file: number, end: number): void {
    const next = findMark(file, end + 1)
    if (next === undefined || readEntry(file, next) === undefined) return
    throw new CheckpointError(
      `The journal "${path}" is damaged at byte ${end}, and there are whole entries behind it. Delete it to go on from the run state alone, without ` +
        'what came in since.',
    )
  }

  private openFile(): number {
    this.fresh = true
    return openSync(this.path(this.generation), 'a')
  }

  append(kind: EntryKind, bytes: Uint8Array): void {
    this.descriptor ??= this.openFile()
    const entry = Buffer.alloc(START + bytes.byteLength)
    entry.writeUInt32LE(MAGIC, 0)
    entry.writeUInt32LE(KINDS.indexOf(kind), 4)
    entry.writeUInt32LE(bytes.byteLength, 8)
    entry.writeUInt32LE(checksum(bytes), 12)
    entry.set(bytes, START)
    writeFully(this.descriptor, entry)
    this.written += entry.length
    this.dirty = true
  }

  /** Resolves when everything appended so far is on the disk, where the journal syncs. */
  async durable(): Promise<void> {
    if (!this.syncs) return
    while (this.dirty || this.syncing) {
      if (!this.syncing) this.synced = this.sync()
      await this.synced
    }
  }

  private async sync(): Promise<void> {
    const { descriptor } = this
    this.dirty = false
    if (descriptor === undefined) return
    this.syncing = true
    try {
      // Once for each file: what is synced of a file whose name is lost is lost too.
      if (this.fresh) syncFolder(this.folder)
      this.fresh = false
      await new Promise<void>((resolve, reject) =>
        fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error))),
      )
    } finally {
      this.syncing = false
    }
  }

  /**
   * Begins the journal of the next run state. To be called with nothing in between: `save` writes the run state, which names the generation it is given.
   */
  async rotate(save: (generation: number) => void): Promise<void> {
    await this.durable()
    const before = this.generation
    save(before + 1)
    if (this.descriptor !== undefined) closeSync(this.descriptor)
    this.descriptor = undefined
    this.generation = before + 1
    this.written = 0
    for (const name of readdirSync(this.folder)) {
      const number = /^journal_(\d+)\.bin$/.exec(name)?.[1]
      if (number !== undefined && Number(number) <= before) rmSync(join(this.folder, name), { force: true })
    }
  }

  async close(): Promise<void> {
    await this.durable()
    if (this.descriptor === undefined) return
    fsyncSync(this.descriptor)
    closeSync(this.descriptor)
    this.descriptor = undefined
  }
}

/** Fills `data` with the bytes of a file from `at`. @returns the part that was filled: less than all where the file ends */
function readInto(data: Buffer, file: number, at: number): Buffer {
  let read = 0
  while (read < data.length) {
    const more = readSync(file, data, read, data.length - read, at + read)
    if (more === 0) break
    read += more
  }
  return data.subarray(0, read)
}

/** The entry at a place of a file, or undefined where there is no whole one. A journal may be larger than memory: it is read entry by entry. */
function readEntry(file: number, at: number): { kind: EntryKind; bytes: Uint8Array } | undefined {
  const start = readInto(Buffer.allocUnsafe(START), file, at)
  if (start.length < START || start.readUInt32LE(0) !== MAGIC) return undefined
  const kind = KINDS[start.readUInt32LE(4)]
  const length = start.readUInt32LE(8)
  if (kind === undefined || at + START + length > fstatSync(file).size) return undefined
  const bytes = readInto(Buffer.allocUnsafeSlow(length), file, at + START)
  return checksum(bytes) === start.readUInt32LE(12) ? { kind, bytes } : undefined
}

const WINDOW = 1024 * 1024

/** Where the mark that entries begin with is next in a file. */
function findMark(file: number, from: number): number | undefined {
  const mark = Buffer.alloc(4)
  mark.writeUInt32LE(MAGIC)
  const room = Buffer.allocUnsafe(WINDOW)
  // One that lies across two windows is whole in the second.
  for (let at = from; ; at += WINDOW - mark.length + 1) {
    const window = readInto(room, file, at)
    const found = window.indexOf(mark)
    if (found >= 0) return at + found
    if (window.length < WINDOW) return undefined
  }
}
