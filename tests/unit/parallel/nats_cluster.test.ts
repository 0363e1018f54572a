import { setTimeout as delay } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cleanRun, defaultsOf, type NatsConfig, NatsExchange, natsSchema } from '../../../ding/index.js'
import { NatsCluster, NO_NATS_SERVER, natsTitle } from './nats_server.js'

const RUN = 'cluster'

describe.skipIf(NO_NATS_SERVER !== '')(natsTitle('the exchange nats on a cluster of three'), () => {
  let cluster: NatsCluster

  beforeAll(async () => {
    cluster = await NatsCluster.start(3)
  })

  afterAll(async () => {
    await cluster.stop()
  })

  const config = (): NatsConfig => ({
    ...defaultsOf(natsSchema),
    servers: cluster.urls,
    num_replicas: 3,
    queue_chunks: 4096,
    request_timeout_s: 2,
    ack_wait_s: 5,
  })
  const join = () => NatsExchange.open(config(), RUN, () => {})

  /** The server that leads the queue's replicas; after a loss they take a while to agree. */
  async function leaderOf(stream: string): Promise<string> {
    const connection = await connect({ servers: cluster.urls })
    try {
      for (;;) {
        const info = await jetstreamManager(connection, { checkAPI: false })
          .then((manager) => manager.streams.info(stream))
          .catch(() => undefined)
        const { leader, replicas = [] } = info?.cluster ?? {}
        const whole = replicas.length === 2 && replicas.every(({ current }) => current)
        if (leader !== undefined && whole) return leader
        await delay(100)
      }
    } finally {
      await connection.close()
    }
  }

  it('loses no accepted chunk, no parameters and no checkpoint while its leader is killed, one after the other', async () => {
    const [collector, learner] = await Promise.all([join(), join()])
    const [accepted, learned] = [new Set<string>(), new Set<string>()]
    const stop = new AbortController()
    const publishing = (async () => {
      for (let i = 0; !stop.signal.aborted; i++) {
        await collector.trajectories.publish(new Uint8Array(20_000).fill(i), `c-${i}`)
        accepted.add(`c-${i}`)
        await delay(5)
      }
    })()
    // Until nothing has come for a while: what was on its way at a loss is delivered again after ack_wait_s.
    const learnWhile = async (signal: () => AbortSignal) => {
      for (;;) {
        const delivery = await learner.trajectories.receive(signal())
        if (delivery === undefined) return
        await delivery.ack()
        learned.add(delivery.id)
      }
    }
    const learning = learnWhile(() => stop.signal)
    let version = 0
    for (let round = 0; round < 2; round++) {
      const leader = await leaderOf(`ding-${RUN}-queue`)
      await learner.parameters.publish({ version: ++version, blob: new Uint8Array(700_000).fill(version) })
      await learner.store.put('checkpoint', new Uint8Array(300_000).fill(version))
      await cluster.server(leader).kill()
      const before = accepted.size
      // Two of three go on by themselves.
      while (accepted.size < before + 20) await delay(20)
      expect((await collector.parameters.newest())?.blob).toEqual(new Uint8Array(700_000).fill(version))
      expect(await collector.store.get('checkpoint')).toEqual(new Uint8Array(300_000).fill(version))
      await cluster.server(leader).up()
    }
    stop.abort()
    await Promise.all([publishing, learning])
    await learnWhile(() => AbortSignal.timeout(8000))
    expect([...accepted].filter((id) => !learned.has(id))).toEqual([])
    expect(await learner.parameters.newest()).toMatchObject({ version: 2 })
    await Promise.all([collector.close(), learner.close()])
    expect(await cleanRun(config(), RUN)).toHaveLength(4)
  }, 240_000)
})
