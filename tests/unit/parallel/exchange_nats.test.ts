import { setTimeout as delay } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

  it('brakes collectors by the number of chunks that are not acknowledged, however small they are', async () => {
    const config: NatsConfig = { ...defaultsOf(natsSchema), servers: [server.url], queue_chunks: 4 }
    const collector = await NatsExchange.open(config, 'brake')
    const learner = await NatsExchange.open(config, 'brake')
    let accepted = 0
    const publishing = (async () => {
      for (let i = 0; i < 6; i++, accepted++) await collector.trajectories.publish(Uint8Array.of(i), `c-${i}`)
    })()
    const { signal } = new AbortController()
    const first = await learner.trajectories.receive(signal)
    while (accepted < 4) await delay(5)
    // The learner has chunks, and still the queue takes no fifth.
    await delay(200)
    expect([accepted, (await learner.trajectories.depth()).messages]).toEqual([4, 4])
    await first?.ack()
    for (let i = 1; i < 6; i++) {
      const next = await learner.trajectories.receive(signal)
      expect(next?.chunk[0]).toBe(i)
      await next?.ack()
    }
    await publishing
    await collector.close()
    await learner.close()
    await cleanRun(config, 'brake')
  })

  it('keeps the last versions of the parameters, and the server counts no room for those before', async () => {
    const config: NatsConfig = { ...defaultsOf(natsSchema), servers: [server.url] }
    const learner = await NatsExchange.open(config, 'room')
    const collector = await NatsExchange.open(config, 'room')
    const connection = await connect({ servers: server.url })
    const manager = await jetstreamManager(connection)
    const blob = (version: number) => new Uint8Array(600_000).fill(version)
    const publish = async (first: number, last: number) => {
      for (let version = first; version <= last; version++)
        await learner.parameters.publish({ version, blob: blob(version) })
      return (await manager.getAccountInfo()).storage
    }
    const few = await publish(1, 8)
    const many = await publish(9, 40)
    expect(few).toBeGreaterThan(600_000)
    expect(many - few).toBeLessThan(600_000)
    expect(await collector.parameters.newest()).toEqual({ version: 40, blob: blob(40) })
    await Promise.all([learner.close(), collector.close(), connection.close()])
    await cleanRun(config, 'room')
  })
})
