/** A chunk in the hub: waiting, or handed out and not yet settled. */
interface Entry {
  readonly chunk: Uint8Array
  readonly id: string
  deliveries: number
}

/** Someone who takes chunks, up to `window` of them at a time. */
interface Receiver {
  window: number
  readonly held: Map<number, Entry>
  deliver(delivery: number, entry: Readonly<Entry>): void
}

export interface QueueLimits {
  readonly queue_chunks: number
  readonly queue_bytes: number
}

/** How many chunks that were set aside are kept, with their reasons. */
const KEPT_ASIDE = 100

/**
 * The bounded queue of chunks. A chunk counts against the bounds until it is settled. Publishers beyond them wait in the order in which they came.
 */
export class ChunkQueue {
  readonly aside: { readonly id: string; readonly reason: string; readonly chunk: Uint8Array }[] = []
  private readonly waiting: Entry[] = []
  private readonly publishers: { readonly entry: Entry; readonly admitted: () => void }[] = []
  private readonly receivers: Receiver[] = []
  private messages = 0
  private bytes = 0
  private serial = 0
  private turn = 0

  constructor(private readonly limits: QueueLimits) {}

  /** @param admitted called once the queue holds the chunk */
  publish(chunk: Uint8Array, id: string, admitted: () => void): void {
    this.publishers.push({ entry: { chunk, id, deliveries: 0 }, admitted })
    this.move()
  }

  /** Makes a receiver that is handed chunks from now on. */
  receiver(window: number, deliver: Receiver['deliver']): Receiver {
    const receiver: Receiver = { window, held: new Map(), deliver }
    this.receivers.push(receiver)
    this.move()
    return receiver
  }

  /** The receiver is gone: what it held is handed out again, before anything else. */
  dismiss(receiver: Receiver): void {
    const at = this.receivers.indexOf(receiver)
    if (at >= 0) this.receivers.splice(at, 1)
    this.waiting.unshift(...receiver.held.values())
    receiver.held.clear()
    this.move()
  }

  /** @returns false when the receiver does not hold that delivery */
  settle(receiver: Receiver, delivery: number, as: 'ack' | 'retry' | 'set_aside', reason: string): boolean {
    const entry = receiver.held.get(delivery)
    if (entry === undefined) return false
    receiver.held.delete(delivery)
    if (as === 'retry') this.waiting.push(entry)
    else {
      this.messages--
      this.bytes -= entry.chunk.byteLength
      if (as === 'set_aside') {
        this.aside.push({ id: entry.id, reason, chunk: entry.chunk })
        if (this.aside.length > KEPT_ASIDE) this.aside.shift()
      }
    }
    this.move()
    return true
  }

  depth(): { messages: number; bytes: number } {
    return { messages: this.messages, bytes: this.bytes }
  }

  /** Admits publishers while there is room (always one, however large), then hands out what waits. */
  private move(): void {
    for (let next = this.publishers[0]; next !== undefined; next = this.publishers[0]) {
      const { entry, admitted } = next
      const full =
        this.messages >= this.limits.queue_chunks ||
        this.bytes + entry.chunk.byteLength > this.limits.queue_bytes
      if (full && this.messages > 0) break
      this.publishers.shift()
      this.messages++
      this.bytes += entry.chunk.byteLength
      this.waiting.push(entry)
      admitted()
    }
    while (this.waiting.length > 0) {
      const receiver = this.nextReceiver()
      if (receiver === undefined) return
      const entry = this.waiting.shift() as Entry
      entry.deliveries++
      const delivery = ++this.serial
      receiver.held.set(delivery, entry)
      receiver.deliver(delivery, entry)
    }
  }

  /** Receivers with room, in turn. */
  private nextReceiver(): Receiver | undefined {
    for (let i = 0; i < this.receivers.length; i++) {
      const receiver = this.receivers[(this.turn + i) % this.receivers.length] as Receiver
      if (receiver.held.size >= receiver.window) continue
      this.turn = (this.turn + i + 1) % this.receivers.length
      return receiver
    }
    return undefined
  }
}

export type { Receiver }
