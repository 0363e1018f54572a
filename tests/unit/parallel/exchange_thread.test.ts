import { ThreadExchangeHost } from '../../../ding/parallel/exchange/index.js'
import { exchangeConformance, QUEUE_BYTES } from './exchange_conformance.js'

exchangeConformance('exchange thread', async () => {
  const host = new ThreadExchangeHost({ queue_chunks: 8, queue_bytes: QUEUE_BYTES })
  return {
    join: () => host.connect(),
    aside: async () => host.hub.aside,
    end: () => host.close(),
  }
})
