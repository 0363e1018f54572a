import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Parameters } from '../types.js'
import type { FromMember, ToMember } from './protocol.js'
import { ChunkQueue, type QueueLimits, type Receiver } from './queue.js'

/** One who takes part, as the hub sees it. */
interface Member {
  readonly port: MessagePort
  readonly subscribed: Set<string>
  readonly served: Set<string>
  receiver: Receiver | undefined
}

interface Question {
  readonly asker: Member
  readonly call: number
  readonly server: Member
}

/**
 * The middle of a run on threads: queue, parameters, messages and blobs in the memory of one thread that does no computing, so that it always
 * answers. Chunks come in by transfer; the queue keeps its own until the learner has acknowledged them, so a learner that dies loses none.
 */
export class ThreadHub {
  private readonly queue: ChunkQueue
  private readonly members = new Set<Member>()
  private readonly blobs = new Map<string, Uint8Array>()
  private readonly waits: { readonly member: Member; readonly call: number; readonly version: number }[] = []
  private readonly questions = new Map<number, Question>()
  private newest: Parameters | undefined
  private serial = 0
  private turn = 0

  constructor(limits: QueueLimits) {
    this.queue = new ChunkQueue(limits)
  }

  /** A port for a new member; it is to be given to `ThreadExchange`, in this thread or another. */
  admit(): MessagePort {
    const { port1, port2 } = new MessageChannel()
    const member: Member = { port: port1, subscribed: new Set(), served: new Set(), receiver: undefined }
    this.members.add(member)
    port1.on('message', (message: FromMember) => this.take(member, message))
    port1.on('close', () => this.leave(member))
    return port2
  }

  /** Chunks that can never be used, with their reasons: the latest hundred. */
  get aside(): ChunkQueue['aside'] {
    return this.queue.aside
  }

  close(): void {
    for (const member of this.members) {
      this.post(member, { is: 'closed' })
      member.port.close()
      this.leave(member)
    }
  }

  private leave(member: Member): void {
    if (!this.members.delete(member)) return
    if (member.receiver !== undefined) this.queue.dismiss(member.receiver)
    for (let i = this.waits.length - 1; i >= 0; i--)
      if (this.waits[i]?.member === member) this.waits.splice(i, 1)
    for (const [id, { asker, call, server }] of this.questions) {
      if (server === member) this.reply(asker, call, undefined, 'the one that was asked has gone')
      if (server === member || asker === member) this.questions.delete(id)
    }
  }

  private post(member: Member, message: ToMember): void {
    member.port.postMessage(message)
  }

  private reply(member: Member, call: number, value?: unknown, error?: string): void {
    this.post(member, { is: 'reply', call, value, error })
  }

  private take(member: Member, message: FromMember): void {
    switch (message.op) {
      case 'publish':
        this.queue.publish(message.chunk, message.id, () => this.reply(member, message.call))
        return
      case 'window':
        if (member.receiver === undefined) this.startReceiving(member, message.size)
        return
      case 'settle': {
        const { receiver } = member
        const held =
          receiver !== undefined && this.queue.settle(receiver, message.delivery, message.as, message.reason)
        this.reply(member, message.call, undefined, held ? undefined : 'this delivery is settled already')
        return
      }
      case 'depth':
        this.reply(member, message.call, this.queue.depth())
        return
      case 'publish_parameters':
        this.publishParameters(message)
        this.reply(member, message.call)
        return
      case 'newest': {
        const newer = this.newest !== undefined && this.newest.version > message.than
        this.reply(member, message.call, newer ? this.newest : undefined)
        return
      }
      case 'wait_for':
        if (this.newest !== undefined && this.newest.version >= message.version)
          this.reply(member, message.call, this.newest)
        else this.waits.push({ member, call: message.call, version: message.version })
        return
      case 'cancel': {
        const at = this.waits.findIndex((wait) => wait.member === member && wait.call === message.call)
        if (at >= 0) this.waits.splice(at, 1)
        return
      }
      default:
        this.takeMessage(member, message)
    }
  }

  private takeMessage(member: Member, message: Exclude<FromMember, { op: 'publish' | 'settle' }>): void {
    switch (message.op) {
      case 'announce':
        for (const other of this.members) {
          if (other.subscribed.has(message.topic))
            this.post(other, { is: 'announced', topic: message.topic, message: message.message })
        }
        return
      case 'subscribe':
        member.subscribed.add(message.topic)
        return
      case 'unsubscribe':
        member.subscribed.delete(message.topic)
        return
      case 'serve':
        member.served.add(message.topic)
        return
      case 'unserve':
        member.served.delete(message.topic)
        return
      case 'request':
        this.ask(member, message.call, message.topic, message.message)
        return
      case 'answer': {
        const question = this.questions.get(message.request)
        this.questions.delete(message.request)
        if (question !== undefined) this.reply(question.asker, question.call, message.value, message.error)
        return
      }
      case 'put':
        this.blobs.set(message.name, message.blob)
        this.reply(member, message.call)
        return
      case 'get':
        this.reply(member, message.call, this.blobs.get(message.name))
        return
      case 'delete':
        this.blobs.delete(message.name)
        this.reply(member, message.call)
        return
      case 'list':
        this.reply(member, message.call, [...this.blobs.keys()])
    }
  }

  private startReceiving(member: Member, window: number): void {
    member.receiver = this.queue.receiver(window, (delivery, { chunk, id, deliveries }) =>
      this.post(member, { is: 'delivery', delivery, chunk, id, deliveries }),
    )
  }

  private publishParameters({ version, blob }: Parameters): void {
    if (this.newest !== undefined && this.newest.version >= version) return
    this.newest = { version, blob }
    for (let i = 0; i < this.waits.length; ) {
      const wait = this.waits[i] as (typeof this.waits)[number]
      if (wait.version > version) i++
      else {
        this.waits.splice(i, 1)
        this.reply(wait.member, wait.call, this.newest)
      }
    }
  }

  /** Of several that serve a topic, each is asked in turn. */
  private ask(asker: Member, call: number, topic: string, message: unknown): void {
    const servers = [...this.members].filter(({ served }) => served.has(topic))
    const server = servers[this.turn++ % Math.max(1, servers.length)]
    if (server === undefined) {
      this.reply(asker, call, undefined, 'nobody serves it')
      return
    }
    const request = ++this.serial
    this.questions.set(request, { asker, call, server })
    this.post(server, { is: 'asked', request, topic, message })
  }
}
