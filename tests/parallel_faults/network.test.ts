import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { NatsServer, NO_NATS_SERVER } from '../unit/parallel/nats_server.js'
import { Cluster } from './cluster.js'
import { SplitNetwork } from './namespaces.js'

const ROUNDS = Number(process.env['DING_FAULT_ROUNDS'] ?? 1)
const PATIENCE = 60_000

/** It takes its time. */
const long = process.env['DING_FAULT_ROUNDS'] === undefined ? 'long: npm run test:faults' : NO_NATS_SERVER
const network = long === '' ? SplitNetwork.make() : long
const title = 'collectors beyond a link that is cut'

describe.skipIf(typeof network === 'string')(
  typeof network === 'string' ? `${title} [skipped: ${network}]` : title,
  () => {
    let server: NatsServer | undefined
    let cluster: Cluster | undefined

    afterEach(async () => {
      cluster?.remove()
      await server?.stop()
    })
    afterAll(() => {
      if (typeof network !== 'string') network.remove()
    })

    it(
      'go on when it is healed, and no transition is lost or learned twice',
      async () => {
        if (typeof network === 'string') return
        server = await NatsServer.start({ host: network.here })
        cluster = new Cluster(server, 2, { wrapper: network.wrapper, exchange: { allow_insecure: true } })
        cluster.start()
        const observer = await cluster.member()
        await cluster.progress(observer, 150, PATIENCE)
        for (let round = 0; round < ROUNDS; round++) {
          network.cut()
          // Shorter than it takes to notice, in the first round; then long enough for connections to be given up.
          await delay(round % 2 === 0 ? 3_000 : 20_000)
          network.heal()
          await cluster.progress(observer, 150, PATIENCE)
        }
        await observer.close()
        expect(await cluster.finish()).toBe(130)
        const account = await cluster.account()
        expect(account).toMatchObject({ twice: [], missing: [] })
        expect(account.learned).toBeGreaterThan(300)
        expect(cluster.roles.map(({ starts }) => starts)).toEqual([1, 1, 1, 1])
      },
      (1 + ROUNDS) * 2 * PATIENCE,
    )
  },
)
