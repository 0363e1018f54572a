import type { Msg, Subscription } from '@nats-io/transport-node'
import { ExchangeError } from '../host.js'
import type { ControlBus } from '../types.js'
import type { Report } from './connect.js'
import type { NatsMember } from './member.js'
import { assertOpen, explained, isPassing, pause } from './persist.js'

/** An answer, or the message of the error that the handler threw. */
type Reply = { readonly value: unknown } | { readonly error: string }

/** Those who serve a topic share its requests under this name. */
const QUEUE = 'servers'

/** Small messages over NATS without storage: what is said while nobody listens is lost. */
export class NatsControl implements ControlBus {
  constructor(
    private readonly member: NatsMember,
    private readonly report: Report,
  ) {}

  announce(topic: string, message: unknown): void {
    assertOpen(this.member, `announcing ${topic}`)
    this.member.connection.publish(this.member.names.announce(topic), JSON.stringify(message) ?? 'null')
  }

  subscribe(topic: string, handler: (message: unknown) => void): () => void {
    assertOpen(this.member, `subscribing to ${topic}`)
    const subscription = this.member.connection.subscribe(this.member.names.announce(topic), {
      callback: (error, message) => {
        if (error !== null) return this.report(`subscription to ${topic} ended: ${error.message}`)
        try {
          handler(message.json())
        } catch (cause) {
          this.report(`a message on ${topic} could not be handled: ${textOf(cause)}`)
        }
      },
    })
    return end(subscription)
  }

  async request(topic: string, message: unknown, timeout_ms: number): Promise<unknown> {
    const until = performance.now() + timeout_ms
    const payload = JSON.stringify(message) ?? 'null'
    const subject = this.member.names.request(topic)
    for (;;) {
      assertOpen(this.member, `a request on ${topic}`)
      const left = until - performance.now()
      if (left <= 0) break
      try {
        const answer = await this.member.connection.request(subject, payload, { timeout: Math.max(1, left) })
        const reply: Reply = answer.json()
        if ('error' in reply)
          throw new ExchangeError(`exchange: a request on ${topic} failed: ${reply.error}`)
        return reply.value
      } catch (error) {
        // Nobody serves it at the moment, or the server is away: somebody may come within the time.
        if (!isPassing(error, this.member.modules))
          throw explained(`a request on ${topic}`, error, this.member.modules)
        await pause(Math.min(100, Math.max(0, until - performance.now())), this.member.closing)
      }
    }
    throw new ExchangeError(`exchange: nobody answered a request on ${topic} within ${timeout_ms} ms.`)
  }

  serve(topic: string, handler: (message: unknown) => Promise<unknown>): () => void {
    assertOpen(this.member, `serving ${topic}`)
    const subscription = this.member.connection.subscribe(this.member.names.request(topic), {
      queue: QUEUE,
      callback: (error, message) => {
        if (error !== null) this.report(`serving ${topic} ended: ${error.message}`)
        else void this.#answer(topic, message, handler)
      },
    })
    return end(subscription)
  }

  async #answer(topic: string, message: Msg, handler: (message: unknown) => Promise<unknown>): Promise<void> {
    let reply: Reply
    try {
      reply = { value: (await handler(message.json())) ?? null }
    } catch (cause) {
      reply = { error: textOf(cause) }
    }
    try {
      if (!this.member.connection.isClosed()) message.respond(JSON.stringify(reply))
    } catch (cause) {
      this.report(`the answer to a request on ${topic} could not be sent: ${textOf(cause)}`)
    }
  }
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function end(subscription: Subscription): () => void {
  return () => {
    if (!subscription.isClosed()) subscription.unsubscribe()
  }
}
