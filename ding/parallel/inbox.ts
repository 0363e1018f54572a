import type { Delivery, TrajectoryQueue } from './exchange/index.js'

/** Chunks that are fetched ahead, so that the learner finds one when it wants one. */
const AHEAD = 8

/** Keeps a few deliveries at hand. */
export class Inbox {
  private readonly arrived: Delivery[] = []
  private readonly ended = new AbortController()
  private wake: () => void = () => undefined
  private hasRoom: () => void = () => undefined
  private failure: unknown
  private readonly pump: Promise<void>

  constructor(private readonly queue: TrajectoryQueue) {
    this.pump = this.run().catch((error: unknown) => {
      this.failure = error
      this.wake()
    })
  }

  private async run(): Promise<void> {
    while (!this.ended.signal.aborted) {
      if (this.arrived.length >= AHEAD) await new Promise<void>((resolve) => (this.hasRoom = resolve))
      const delivery = await this.queue.receive(this.ended.signal)
      if (delivery === undefined) return
      this.arrived.push(delivery)
      this.wake()
    }
  }

  /** The next delivery, if one is at hand. @throws whatever the exchange failed with */
  take(): Delivery | undefined {
    if (this.failure !== undefined) throw this.failure
    const delivery = this.arrived.shift()
    this.hasRoom()
    return delivery
  }

  /** Resolves when a delivery is at hand, `signal` is aborted, or `timeout_ms` have passed. */
  async wait(signal: AbortSignal, timeout_ms: number): Promise<void> {
    if (this.arrived.length > 0 || this.failure !== undefined || signal.aborted) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.wake(), timeout_ms)
      this.wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', this.wake)
        resolve()
      }
      signal.addEventListener('abort', this.wake, { once: true })
    })
  }

  /** Hands over up to `count` deliveries, as long as they come without a pause. */
  async drain(count: number, take: (delivery: Delivery) => Promise<unknown>): Promise<void> {
    const never = new AbortController().signal
    for (let left = count; left > 0; left--) {
      await this.wait(never, 200)
      const delivery = this.take()
      if (delivery === undefined) return
      await take(delivery)
    }
  }

  /** Fetches no more and gives back what is at hand. */
  async close(): Promise<void> {
    this.ended.abort()
    this.hasRoom()
    await this.pump
    await Promise.allSettled(this.arrived.splice(0).map((delivery) => delivery.retry()))
  }
}
