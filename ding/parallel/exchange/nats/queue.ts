import type { Consumer, JsMsg } from '@nats-io/jetstream'
import { ExchangeError } from '../host.js'
import type { Delivery, TrajectoryQueue } from '../types.js'
import type { Report } from './connect.js'
import type { NatsMember } from './member.js'
import { assertOpen, Backoff, explained, hasCode, isPassing, pause, SERVER_CODES } from './persist.js'
import { consumerWish } from './streams.js'

/** What a message's headers may take of the largest payload. */
const HEADER_BYTES = 4096
/** One question to the server for chunks lasts this long when there are none. */
const FETCH_MS = 5_000
/** Waits of a collector before a full queue: short at first, since a learner takes many chunks a second. */
const FULL_FIRST_MS = 10
const FULL_MOST_MS = 500
const RETRY_DELAY_MS = 500
const MOST_REASON = 500

/** Headers of a chunk that was set aside. */
export const ASIDE_HEADERS = { id: 'Ding-Id', reason: 'Ding-Reason', deliveries: 'Ding-Deliveries' } as const

/** A chunk that this member has and the server waits for. */
interface Held {
  readonly id: string
  /** The latest copy: its reply subject is where acknowledgements go. */
  message: JsMsg
  settled: boolean
}

type Taker = (delivery: Delivery | undefined | ExchangeError) => void

/** The work queue of a run: a JetStream stream of which every message is gone once it is acknowledged. */
export class NatsQueue implements TrajectoryQueue {
  readonly #held = new Map<string, Held>()
  readonly #ready: Held[] = []
  readonly #takers: Taker[] = []
  #pumping = false
  #extending: ReturnType<typeof setInterval> | undefined
  #roomMade: (() => void) | undefined

  constructor(
    private readonly member: NatsMember,
    private readonly report: Report,
  ) {
    member.closing.addEventListener('abort', () => this.#end(), { once: true })
  }

  async publish(chunk: Uint8Array, id: string): Promise<void> {
    const { member } = this
    this.#checkSize(chunk, id)
    const full = new Backoff(FULL_FIRST_MS, FULL_MOST_MS)
    const options = {
      msgID: id,
      timeout: member.config.request_timeout_s * 1000,
      expect: { streamName: member.names.queue },
    }
    for (;;) {
      const accepted = await member.lasting(`publishing chunk ${id}`, async () => {
        try {
          await member.client.publish(member.names.queueSubject, chunk, options)
          return true
        } catch (error) {
          if (hasCode(error, SERVER_CODES.full, member.modules)) return false
          throw error
        }
      })
      if (accepted) return
      await pause(full.next(), member.closing)
    }
  }

  /** @throws ExchangeError for a chunk that no amount of waiting would get into the queue */
  #checkSize(chunk: Uint8Array, id: string): void {
    const { config, connection } = this.member
    const payload = (connection.info?.max_payload ?? 1024 * 1024) - HEADER_BYTES
    const bytes = chunk.byteLength
    if (bytes > payload) {
      throw new ExchangeError(
        `exchange nats: chunk ${id} has ${bytes} bytes, the server takes ${payload}. Set max_payload: 8MB in the server's config, or make chunks smaller.`,
      )
    }
    if (bytes + HEADER_BYTES > config.queue_bytes) {
      throw new ExchangeError(
        `exchange nats: chunk ${id} has ${bytes} bytes, the whole queue holds ${config.queue_bytes}. Raise exchange.queue_bytes.`,
      )
    }
  }

  receive(signal: AbortSignal): Promise<Delivery | undefined> {
    const failure = this.member.failure()
    if (failure !== undefined) return Promise.reject(failure)
    if (!this.#pumping && !this.member.closing.aborted) this.#start()
    const ready = this.#ready.shift()
    if (ready !== undefined) return Promise.resolve(this.#deliver(ready))
    if (signal.aborted || this.member.closing.aborted) return Promise.resolve(undefined)
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        const at = this.#takers.indexOf(taker)
        if (at >= 0) this.#takers.splice(at, 1)
        resolve(undefined)
      }
      const taker: Taker = (given) => {
        signal.removeEventListener('abort', giveUp)
        if (given instanceof ExchangeError) reject(given)
        else resolve(given)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#takers.push(taker)
    })
  }

  depth(): Promise<{ messages: number; bytes: number }> {
    const { manager, names } = this.member
    return this.member.lasting('asking for the depth of the queue', async () => {
      const { state } = await manager.streams.info(names.queue)
      return { messages: state.messages, bytes: state.bytes }
    })
  }

  /** Gives back what was not settled, so that the next learner gets it at once. To be called before the connection closes. */
  release(): void {
    for (const { message, settled } of this.#held.values()) if (!settled) message.nak()
    this.#held.clear()
    this.#ready.length = 0
  }

  #start(): void {
    this.#pumping = true
    this.#extending = setInterval(() => this.#extend(), (this.member.config.ack_wait_s * 1000) / 3)
    void this.#pump()
  }

  /** Tells the server that the chunks held here are being worked on. */
  #extend(): void {
    if (this.member.connection.isClosed()) return
    for (const { message, settled } of this.#held.values()) if (!settled) message.working()
  }

  /** Takes chunks from the server whenever more than half of the room for them is free. */
  async #pump(): Promise<void> {
    const { member } = this
    const { prefetch } = member.config
    const backoff = new Backoff(50, 2_000)
    let consumer: Consumer | undefined
    while (!member.closing.aborted) {
      if (this.#held.size > prefetch / 2) {
        await new Promise<void>((resolve) => {
          this.#roomMade = resolve
        })
        continue
      }
      try {
        consumer ??= await this.#consumer()
        await this.#fetch(consumer, prefetch + 1 - this.#held.size)
        backoff.reset()
      } catch (error) {
        if (member.closing.aborted) return
        consumer = undefined
        if (!isPassing(error, member.modules) && !hasCode(error, SERVER_CODES.missing, member.modules))
          this.report(explained('taking chunks from the queue', error, member.modules).message)
        await pause(backoff.next(), member.closing)
      }
    }
  }

  #consumer(): Promise<Consumer> {
    const { member } = this
    const { client, config, manager, modules, names } = member
    return member.lasting('joining the queue', async () => {
      await manager.consumers.add(names.queue, consumerWish(names, config, modules))
      return client.consumers.get(names.queue, names.consumer)
    })
  }

  async #fetch(consumer: Consumer, count: number): Promise<void> {
    const messages = await consumer.fetch({ max_messages: count, expires: FETCH_MS })
    const stop = (): void => messages.stop()
    // The server's own end of the question can get lost with the connection.
    const limit = setTimeout(stop, 3 * FETCH_MS)
    this.member.closing.addEventListener('abort', stop, { once: true })
    try {
      for await (const message of messages) this.#take(message)
    } finally {
      clearTimeout(limit)
      this.member.closing.removeEventListener('abort', stop)
    }
  }

  #take(message: JsMsg): void {
    const id = message.headers?.get('Nats-Msg-Id') || `message-${message.seq}`
    const held = this.#held.get(id)
    if (held !== undefined) {
      // Handed out again although it is here, as after a restart of the server.
      held.message = message
      return
    }
    const fresh: Held = { id, message, settled: false }
    this.#held.set(id, fresh)
    const taker = this.#takers.shift()
    if (taker === undefined) this.#ready.push(fresh)
    else taker(this.#deliver(fresh))
  }

  #deliver(held: Held): Delivery {
    const once = (how: string): void => {
      assertOpen(this.member, `${how} of chunk ${held.id}`)
      if (held.settled) throw new ExchangeError(`exchange nats: chunk ${held.id} is settled already.`)
      held.settled = true
    }
    return {
      // A copy of its own: what came is a piece of the connection's buffer, at any offset.
      chunk: new Uint8Array(held.message.data),
      id: held.id,
      deliveries: held.message.info.deliveryCount,
      ack: async () => {
        once('acknowledgement')
        await this.#acknowledge(held)
      },
      retry: async () => {
        once('return')
        held.message.nak(RETRY_DELAY_MS)
        this.#forget(held)
      },
      setAside: async (reason) => {
        once('setting aside')
        await this.#putAside(held, reason)
        await this.#acknowledge(held)
      },
    }
  }

  /** Resolves when the server has confirmed that the chunk is gone from the queue. */
  async #acknowledge(held: Held): Promise<void> {
    const { manager, modules, names } = this.member
    await this.member.lasting(`acknowledging chunk ${held.id}`, async () => {
      try {
        await this.member.ask(replyOf(held.message), '+ACK')
      } catch (error) {
        if (this.member.closing.aborted) throw error
        try {
          await manager.consumers.info(names.queue, names.consumer)
        } catch (cause) {
          // The queue itself ended, as memory storage does with its server; nothing is left to acknowledge.
          if (hasCode(cause, SERVER_CODES.missing, modules)) return
        }
        throw error
      }
    })
    this.#forget(held)
  }

  #forget(held: Held): void {
    if (this.#held.get(held.id) === held) this.#held.delete(held.id)
    this.#roomMade?.()
  }

  async #putAside({ id, message }: Held, reason: string): Promise<void> {
    const { client, config, modules, names } = this.member
    const headers = modules.transport.headers()
    headers.set(ASIDE_HEADERS.id, id)
    headers.set(ASIDE_HEADERS.deliveries, String(message.info.deliveryCount))
    headers.set(ASIDE_HEADERS.reason, encodeURIComponent(reason.slice(0, MOST_REASON)))
    await this.member.lasting(`setting chunk ${id} aside`, () =>
      client.publish(names.asideSubject, message.data, {
        msgID: id,
        timeout: config.request_timeout_s * 1000,
        headers,
      }),
    )
  }

  #end(): void {
    clearInterval(this.#extending)
    this.#roomMade?.()
    const failure = this.member.failure()
    for (const taker of this.#takers.splice(0)) taker(failure)
  }
}

/** The subject that a message is acknowledged on. The client's type does not show it. */
function replyOf(message: JsMsg): string {
  const { reply } = message as JsMsg & { readonly reply?: unknown }
  if (typeof reply === 'string' && reply !== '') return reply
  throw new ExchangeError(`exchange nats: message ${message.seq} of the queue has no subject to answer on.`)
}
