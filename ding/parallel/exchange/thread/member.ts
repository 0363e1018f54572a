import type { MessagePort } from 'node:worker_threads'
import { ExchangeError } from '../host.js'
import type {
  BlobStore,
  ControlBus,
  Delivery,
  Exchange,
  ParameterBoard,
  Parameters,
  TrajectoryQueue,
} from '../types.js'
import type { FromMember, Reply, ToMember } from './protocol.js'

/** Chunks that a receiver may hold unsettled. */
const WINDOW = 16

type Call<T> = T extends { readonly call: number } ? Omit<T, 'call'> : never

interface Pending {
  resolve(value: unknown): void
  reject(error: Error): void
  readonly what: string
}

/** A member's end of a {@link ThreadHub}'s port. */
export class ThreadExchange implements Exchange {
  readonly kind = 'thread'
  readonly trajectories: TrajectoryQueue
  readonly parameters: ParameterBoard
  readonly control: ControlBus
  readonly store: BlobStore
  private readonly pending = new Map<number, Pending>()
  private readonly inbox: Delivery[] = []
  private readonly takers: ((delivery: Delivery | undefined) => void)[] = []
  private readonly handlers = new Map<string, Set<(message: unknown) => void>>()
  private readonly servers = new Map<string, (message: unknown) => Promise<unknown>>()
  private serial = 0
  private receiving = false
  private closed = false

  constructor(private readonly port: MessagePort) {
    port.on('message', (message: ToMember) => this.take(message))
    port.on('close', () => this.end())
    this.trajectories = {
      publish: (chunk, id) => this.publish(chunk, id),
      receive: (signal) => this.receive(signal),
      depth: () => this.call({ op: 'depth' }) as Promise<{ messages: number; bytes: number }>,
    }
    this.parameters = {
      publish: (parameters) => this.publishParameters(parameters),
      newest: (than = Number.NEGATIVE_INFINITY) =>
        this.call({ op: 'newest', than }) as Promise<Parameters | undefined>,
      waitFor: (version, signal) => this.waitFor(version, signal),
    }
    this.control = {
      announce: (topic, message) => this.post({ op: 'announce', topic, message }),
      subscribe: (topic, handler) => this.subscribe(topic, handler),
      request: (topic, message, timeout_ms) => this.request(topic, message, timeout_ms),
      serve: (topic, handler) => this.serve(topic, handler),
    }
    this.store = {
      put: async (name, blob) => {
        await this.call({ op: 'put', name, blob: shared(blob) })
      },
      get: (name) => this.call({ op: 'get', name }) as Promise<Uint8Array | undefined>,
      list: () => this.call({ op: 'list' }) as Promise<readonly string[]>,
      delete: async (name) => {
        await this.call({ op: 'delete', name })
      },
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    // Settled once the hub has read all that was posted before.
    await this.call({ op: 'depth' }).catch(() => undefined)
    this.port.close()
    this.end()
  }

  private end(): void {
    if (this.closed) return
    this.closed = true
    for (const { reject, what } of this.pending.values()) reject(this.gone(what))
    this.pending.clear()
    for (const taker of this.takers.splice(0)) taker(undefined)
  }

  private gone(what: string): ExchangeError {
    return new ExchangeError(`The exchange "thread" is closed: ${what} cannot be done any more.`)
  }

  private post(message: FromMember, transfer: readonly ArrayBuffer[] = []): void {
    if (this.closed) throw this.gone(message.op)
    this.port.postMessage(message, transfer)
  }

  private call(message: Call<FromMember>, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    return this.start(message, transfer).reply
  }

  private start(message: Call<FromMember>, transfer: readonly ArrayBuffer[] = []) {
    const call = ++this.serial
    const reply = new Promise<unknown>((resolve, reject) => {
      this.pending.set(call, { resolve, reject, what: message.op })
    })
    try {
      this.post({ ...message, call } as FromMember, transfer)
    } catch (error) {
      this.pending.delete(call)
      return { call, reply: Promise.reject(error as Error) }
    }
    return { call, reply }
  }

  private take(message: ToMember): void {
    switch (message.is) {
      case 'reply':
        this.takeReply(message)
        return
      case 'delivery': {
        const delivery = this.delivery(message)
        const taker = this.takers.shift()
        if (taker === undefined) this.inbox.push(delivery)
        else taker(delivery)
        return
      }
      case 'announced':
        for (const handler of this.handlers.get(message.topic) ?? []) {
          try {
            handler(message.message)
          } catch (cause) {
            const why = cause instanceof Error ? cause.message : String(cause)
            process.emitWarning(`A message on ${message.topic} could not be handled: ${why}`)
          }
        }
        return
      case 'asked':
        void this.answer(message.request, message.topic, message.message)
        return
      case 'closed':
        this.end()
    }
  }

  private takeReply({ call, value, error }: Reply): void {
    const pending = this.pending.get(call)
    if (pending === undefined) return
    this.pending.delete(call)
    if (error === undefined) pending.resolve(value)
    else pending.reject(new ExchangeError(`The exchange "thread" could not do "${pending.what}": ${error}.`))
  }

  private async publish(chunk: Uint8Array, id: string): Promise<void> {
    const whole =
      chunk.buffer instanceof ArrayBuffer && chunk.byteLength === chunk.buffer.byteLength
        ? (chunk as Uint8Array<ArrayBuffer>)
        : chunk.slice()
    await this.call({ op: 'publish', chunk: whole, id }, [whole.buffer])
  }

  private receive(signal: AbortSignal): Promise<Delivery | undefined> {
    if (!this.receiving) {
      this.receiving = true
      this.post({ op: 'window', size: WINDOW })
    }
    const ready = this.inbox.shift()
    if (ready !== undefined) return Promise.resolve(ready)
    if (signal.aborted || this.closed) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const taker = (delivery: Delivery | undefined) => {
        signal.removeEventListener('abort', giveUp)
        resolve(delivery)
      }
      const giveUp = () => {
        const at = this.takers.indexOf(taker)
        if (at >= 0) this.takers.splice(at, 1)
        taker(undefined)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.takers.push(taker)
    })
  }

  private delivery(message: Extract<ToMember, { is: 'delivery' }>): Delivery {
    const { delivery, chunk, id, deliveries } = message
    const settle = async (as: 'ack' | 'retry' | 'set_aside', reason = '') => {
      await this.call({ op: 'settle', delivery, as, reason })
    }
    return {
      chunk,
      id,
      deliveries,
      ack: () => settle('ack'),
      retry: () => settle('retry'),
      setAside: (reason) => settle('set_aside', reason),
    }
  }

  private async publishParameters({ version, blob }: Parameters): Promise<void> {
    await this.call({ op: 'publish_parameters', version, blob: shared(blob) })
  }

  private async waitFor(version: number, signal: AbortSignal): Promise<Parameters | undefined> {
    if (signal.aborted) return undefined
    const { call, reply } = this.start({ op: 'wait_for', version })
    const giveUp = () => {
      const pending = this.pending.get(call)
      this.pending.delete(call)
      if (!this.closed) this.post({ op: 'cancel', call })
      pending?.resolve(undefined)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      return (await reply) as Parameters | undefined
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }

  private subscribe(topic: string, handler: (message: unknown) => void): () => void {
    let handlers = this.handlers.get(topic)
    if (handlers === undefined) {
      handlers = new Set()
      this.handlers.set(topic, handlers)
      this.post({ op: 'subscribe', topic })
    }
    const own = (message: unknown) => handler(message)
    handlers.add(own)
    return () => {
      handlers.delete(own)
      if (handlers.size > 0 || this.handlers.get(topic) !== handlers) return
      this.handlers.delete(topic)
      if (!this.closed) this.post({ op: 'unsubscribe', topic })
    }
  }

  private async request(topic: string, message: unknown, timeout_ms: number): Promise<unknown> {
    const { call, reply } = this.start({ op: 'request', topic, message })
    const timer = setTimeout(() => {
      this.takeReply({
        is: 'reply',
        call,
        value: undefined,
        error: `no answer on "${topic}" within ${timeout_ms} ms`,
      })
    }, timeout_ms)
    try {
      return await reply
    } finally {
      clearTimeout(timer)
    }
  }

  private serve(topic: string, handler: (message: unknown) => Promise<unknown>): () => void {
    if (this.servers.has(topic)) throw new ExchangeError(`This member serves "${topic}" already.`)
    this.servers.set(topic, handler)
    this.post({ op: 'serve', topic })
    return () => {
      if (this.servers.get(topic) !== handler) return
      this.servers.delete(topic)
      if (!this.closed) this.post({ op: 'unserve', topic })
    }
  }

  private async answer(request: number, topic: string, message: unknown): Promise<void> {
    let value: unknown
    let error: string | undefined
    try {
      const handler = this.servers.get(topic)
      if (handler === undefined) error = 'it is not served any more'
      else value = await handler(message)
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause)
    }
    if (!this.closed) this.post({ op: 'answer', request, value, error })
  }
}

/** A copy in memory that all threads share: handing it on costs nothing, to however many. */
function shared(blob: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(blob.byteLength))
  copy.set(blob)
  return copy
}
