import type { ObjectStore } from '@nats-io/obj'
import { ExchangeError } from '../host.js'
import type { BlobStore } from '../types.js'
import type { NatsMember } from './member.js'

/** Bytes per second that a read of a blob is given before it is begun anew: a broken one would wait forever. */
const SLOWEST_BYTES_PER_S = 1024 * 1024

/** Checkpoints in an object bucket. A blob's entry is written after its chunks, so a broken put leaves the old blob. */
export class NatsStore implements BlobStore {
  #bucket: Promise<ObjectStore> | undefined

  constructor(private readonly member: NatsMember) {}

  async put(name: string, blob: Uint8Array): Promise<void> {
    await this.member.lasting(`storing ${name}`, async () => {
      const bucket = await this.#open()
      await bucket.putBlob({ name }, blob, { timeout: this.member.config.request_timeout_s * 1000 })
    })
  }

  get(name: string): Promise<Uint8Array | undefined> {
    return this.member.lasting(`fetching ${name}`, async () => {
      const bucket = await this.#open()
      const info = await bucket.info(name)
      if (info === null || info.deleted) return undefined
      const limit = this.member.config.request_timeout_s * 1000 + (info.size / SLOWEST_BYTES_PER_S) * 1000
      const blob = await within(limit, bucket.getBlob(name), this.member)
      return blob === null ? undefined : new Uint8Array(blob)
    })
  }

  list(): Promise<readonly string[]> {
    return this.member.lasting('listing what is stored', async () => {
      const bucket = await this.#open()
      const infos = await within(this.member.config.request_timeout_s * 1000, bucket.list(), this.member)
      return infos.map(({ name }) => name).sort()
    })
  }

  async delete(name: string): Promise<void> {
    await this.member.lasting(`deleting ${name}`, async () => {
      await (await this.#open()).delete(name)
    })
  }

  /** The bucket; the stream behind it is made by the member. */
  #open(): Promise<ObjectStore> {
    const { client, modules, names } = this.member
    this.#bucket ??= new modules.obj.Objm(client).open(names.store, false).catch((error: unknown) => {
      this.#bucket = undefined
      throw error
    })
    return this.#bucket
  }
}

/** `work`, or a passing error when it takes longer than `ms` or the exchange closes. */
async function within<T>(ms: number, work: Promise<T>, member: NatsMember): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let stop: (() => void) | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new member.modules.transport.TimeoutError()), ms)
    stop = () => reject(new ExchangeError('exchange nats: closed.'))
    member.closing.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
    if (stop !== undefined) member.closing.removeEventListener('abort', stop)
  }
}
