import { afterAll, beforeAll, describe, expect } from 'vitest'
import { defaultsOf } from '../../../ding/config/index.js'
import {
  cleanRun,
  inspectRun,
  type NatsConfig,
  NatsExchange,
  natsSchema,
} from '../../../ding/parallel/exchange/index.js'
import { exchangeConformance, QUEUE_BYTES } from './exchange_conformance.js'
import { NatsServer, NO_NATS_SERVER, natsTitle } from './nats_server.js'

describe.skipIf(NO_NATS_SERVER !== '')(natsTitle('exchange nats'), () => {
  let server: NatsServer
  let runs = 0

  beforeAll(async () => {
    server = await NatsServer.start()
  })
  afterAll(() => server.stop())

  for (const storage of ['file', 'memory'] as const) {
    exchangeConformance(`conformance, ${storage} storage`, async () => {
      const run = `run ${runs++}`
      const config: NatsConfig = {
        ...defaultsOf(natsSchema),
        servers: [server.url],
        storage,
        queue_bytes: QUEUE_BYTES,
        prefetch: 2,
      }
      return {
        join: () => NatsExchange.open(config, run),
        aside: async () => (await inspectRun(config, run)).aside,
        end: async () => {
          expect(await cleanRun(config, run)).toHaveLength(4)
        },
      }
    })
  }
})
