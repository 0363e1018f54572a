import type { MessagePort } from 'node:worker_threads'
import { type ConfigOf, schema } from '../../../config/index.js'
import { EXCHANGE_REGISTRY } from '../../../registry/index.js'
import type { ExchangeHost, RunIdentity, Ticket } from '../host.js'
import type { Exchange } from '../types.js'
import { ThreadHub } from './hub.js'
import { ThreadExchange } from './member.js'

export const threadExchangeConfig = schema({
  queue_chunks: {
    doc: 'Chunks that may be on their way to the learner; collectors wait when there are as many.',
    format: 'positive_int',
    default: 8,
  },
  queue_bytes: {
    doc: 'Bytes that may be on their way to the learner.',
    format: 'positive_int',
    default: 64 * 1024 * 1024,
  },
})

/** Roles as worker threads of this process; chunks are transferred, parameters lie in shared memory. Nothing to install. */
@EXCHANGE_REGISTRY.register('thread')
export class ThreadExchangeHost implements ExchangeHost {
  static readonly config = threadExchangeConfig
  readonly hub: ThreadHub

  constructor(cfg: ConfigOf<typeof threadExchangeConfig>, _identity?: RunIdentity) {
    this.hub = new ThreadHub(cfg)
  }

  static async join(ticket: unknown): Promise<Exchange> {
    return new ThreadExchange(ticket as MessagePort)
  }

  async connect(): Promise<Exchange> {
    return new ThreadExchange(this.hub.admit())
  }

  ticket(): Ticket {
    const port = this.hub.admit()
    return { data: port, transfer: [port] }
  }

  async close(): Promise<void> {
    this.hub.close()
  }
}
