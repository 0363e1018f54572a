import type { KV } from '@nats-io/kv'
import { crc32 } from '@node-rs/crc32'
import { patiently } from '../../patience.js'
import { ExchangeError } from '../host.js'
import type { ParameterBoard, Parameters } from '../types.js'
import type { NatsMember } from './member.js'
import { Backoff, hasCode, pause, SERVER_CODES } from './persist.js'

/** Key of the entry that says which version is the newest, and where its parts are. */
const CURRENT = 'current'
const PART_BYTES = 512 * 1024
/** Parts that are on their way at the same time. */
const AT_ONCE = 8
/**
 * Places that versions take in turn, so that a reader may be in the middle of one while the next three are written. Writing over a key frees the old
 * value's room; purging keys of their own would not, as nats-server 2.9.10 counts it (its pull request 3876): its account is full after some thousand versions.
 */
const SLOTS = 4
/** How often those who wait look by themselves, for the case that they missed the word of a new version. */
const LOOK_MS = 3_000
/** Reads of one version. */
const MOST_READS = 20

interface Pointer {
  readonly version: number
  readonly bytes: number
  readonly parts: number
  readonly crc: number
}

/**
 * Parameters in a key-value bucket: parts of 512 KiB below `slot<n>.`, then the entry `current`, so that readers see a version whole or not at
 * all. New versions are announced; reading is by direct gets, which need no state on the server for each collector.
 */
export class NatsParameters implements ParameterBoard {
  #bucket: Promise<KV> | undefined
  #latest: Parameters | undefined
  #announced = Number.NEGATIVE_INFINITY
  #listening = false
  readonly #wakers = new Set<() => void>()

  constructor(private readonly member: NatsMember) {
    member.onRestore(async () => {
      if (this.#latest !== undefined) await this.#write(this.#latest)
    })
  }

  async publish(parameters: Parameters): Promise<void> {
    const { connection, names } = this.member
    const newest = await this.member.lasting(`publishing parameters ${parameters.version}`, () =>
      this.#write(parameters),
    )
    if (!newest) return
    this.#latest = parameters
    connection.publish(names.parametersSubject, String(parameters.version))
  }

  newest(than = Number.NEGATIVE_INFINITY): Promise<Parameters | undefined> {
    return this.member.lasting('reading parameters', () => this.#read(than))
  }

  async waitFor(version: number, signal: AbortSignal): Promise<Parameters | undefined> {
    this.#listen()
    for (;;) {
      if (signal.aborted) return undefined
      const found = await patiently(this.newest(version - 1), signal, 0)
      if (found !== undefined || signal.aborted) return found
      await this.#word(version, signal)
    }
  }

  /** @returns false when there is this version already, or a newer one */
  async #write({ version, blob }: Parameters): Promise<boolean> {
    const { modules } = this.member
    const bucket = await this.#open()
    const before = await bucket.get(CURRENT)
    const old = before === null || before.operation !== 'PUT' ? undefined : before.json<Pointer>()
    if (old !== undefined && old.version >= version) return false
    const partBytes = Math.min(
      PART_BYTES,
      (this.member.connection.info?.max_payload ?? PART_BYTES * 2) - 16 * 1024,
    )
    const parts = Math.ceil(blob.byteLength / partBytes)
    for (let first = 0; first < parts; first += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, parts - first) }, (_, i) => first + i)
      await Promise.all(
        some.map((i) => bucket.put(partKey(version, i), blob.subarray(i * partBytes, (i + 1) * partBytes))),
      )
    }
    const pointer: Pointer = { version, bytes: blob.byteLength, parts, crc: crc32(blob) }
    try {
      if (before === null) await bucket.create(CURRENT, JSON.stringify(pointer))
      else await bucket.update(CURRENT, JSON.stringify(pointer), before.revision)
    } catch (error) {
      if (!hasCode(error, SERVER_CODES.overtaken, modules)) throw error
      // Another learner, or our own try whose answer got lost.
      const now = await bucket.get(CURRENT)
      if (now === null || now.json<Pointer>().version < version) return this.#write({ version, blob })
    }
    return true
  }

  async #read(than: number): Promise<Parameters | undefined> {
    const bucket = await this.#open()
    const backoff = new Backoff(10, 500)
    let [tries, version] = [0, Number.NaN]
    while (tries < MOST_READS) {
      const entry = await bucket.get(CURRENT)
      if (entry === null || entry.operation !== 'PUT') return undefined
      const pointer = entry.json<Pointer>()
      if (pointer.version <= than) return undefined
      if (pointer.version !== version) {
        version = pointer.version
        tries = 0
        backoff.reset()
      }
      const blob = await gather(bucket, pointer)
      if (blob !== undefined) return { version: pointer.version, blob }
      // Overtaken by newer versions while reading, or a replica that is behind.
      tries++
      await pause(backoff.next(), this.member.closing)
    }
    throw new ExchangeError(
      `exchange nats: the newest parameters in ${this.member.names.parameters} are damaged: parts are missing or changed.`,
    )
  }

  #open(): Promise<KV> {
    const { client, modules, names } = this.member
    this.#bucket ??= new modules.kv.Kvm(client)
      .open(names.parameters, { allow_direct: true })
      .catch((error: unknown) => {
        this.#bucket = undefined
        throw error
      })
    return this.#bucket
  }

  #listen(): void {
    if (this.#listening) return
    this.#listening = true
    this.member.connection.subscribe(this.member.names.parametersSubject, {
      callback: (error, message) => {
        // Without permission to listen, looking now and then does it.
        if (error === null) this.#announced = Math.max(this.#announced, Number(message.string()))
        for (const wake of this.#wakers) wake()
      },
    })
  }

  /** Resolves when a version of at least `version` was announced, when it is time to look again, or at the end. */
  async #word(version: number, signal: AbortSignal): Promise<void> {
    const before = this.#announced
    const { closing } = this.member
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        const news = this.#announced >= version && this.#announced > before
        if (news || signal.aborted || closing.aborted) done()
      }
      const done = (): void => {
        clearTimeout(timer)
        this.#wakers.delete(wake)
        signal.removeEventListener('abort', wake)
        closing.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(done, LOOK_MS * (0.75 + Math.random() / 2))
      this.#wakers.add(wake)
      signal.addEventListener('abort', wake)
      closing.addEventListener('abort', wake)
      wake()
    })
  }
}

function partKey(version: number, part: number): string {
  return `slot${version % SLOTS}.${part}`
}

/** The blob of a version, or undefined when parts of it are gone or not of it. */
async function gather(bucket: KV, pointer: Pointer): Promise<Uint8Array | undefined> {
  const blob = new Uint8Array(pointer.bytes)
  let at = 0
  for (let first = 0; first < pointer.parts; first += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, pointer.parts - first) }, (_, i) => first + i)
    const entries = await Promise.all(some.map((i) => bucket.get(partKey(pointer.version, i))))
    for (const entry of entries) {
      if (entry === null || entry.operation !== 'PUT' || at + entry.value.byteLength > blob.byteLength)
        return undefined
      blob.set(entry.value, at)
      at += entry.value.byteLength
    }
  }
  return at === blob.byteLength && crc32(blob) === pointer.crc ? blob : undefined
}
