import { afterEach, describe, expect, test } from 'vitest'
import { type Delivery, type Exchange, ExchangeError, ThreadExchangeHost } from '../../../ding/index.js'

const open: ThreadExchangeHost[] = []
afterEach(async () => {
  for (const host of open.splice(0)) await host.close()
})

function hub(limits: { queue_chunks?: number; queue_bytes?: number } = {}): ThreadExchangeHost {
  const host = new ThreadExchangeHost({ queue_chunks: 4, queue_bytes: 1000, ...limits })
  open.push(host)
  return host
}

const never = new AbortController().signal
const bytes = (n: number, length = 8) => new Uint8Array(length).fill(n)
const turns = async (n = 10) => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve))
}

async function take(exchange: Exchange): Promise<Delivery> {
  return (await exchange.trajectories.receive(never)) as Delivery
}

describe('the exchange on threads', () => {
  test('hands chunks on in order, whole, once acknowledged never again', async () => {
    const host = hub()
    const [sender, receiver] = [await host.connect(), await host.connect()]
    for (const n of [1, 2, 3]) await sender.trajectories.publish(bytes(n), `c-${n}`)
    const got = [await take(receiver), await take(receiver), await take(receiver)]
    expect(got.map(({ id, chunk, deliveries }) => [id, [...chunk], deliveries])).toEqual(
      [1, 2, 3].map((n) => [`c-${n}`, [...bytes(n)], 1]),
    )
    for (const delivery of got) await delivery.ack()
    expect(await sender.trajectories.depth()).toEqual({ messages: 0, bytes: 0 })
    await expect(got[0]?.ack()).rejects.toThrow(ExchangeError)
  })

  test('a full queue holds publishers back, by chunks and by bytes, and loses nothing', async () => {
    for (const limits of [{ queue_chunks: 2 }, { queue_bytes: 16 }]) {
      const host = hub(limits)
      const [sender, receiver] = [await host.connect(), await host.connect()]
      let accepted = 0
      const sent = [1, 2, 3, 4, 5].map((n) =>
        sender.trajectories.publish(bytes(n), `c-${n}`).then(() => accepted++),
      )
      await turns()
      expect(accepted).toBe(2)
      const first = await take(receiver)
      await turns()
      // What is handed out counts until it is settled.
      expect(accepted).toBe(2)
      await first.ack()
      await turns()
      expect(accepted).toBe(3)
      const rest: string[] = []
      for (let i = 0; i < 4; i++) {
        const delivery = await take(receiver)
        rest.push(delivery.id)
        await delivery.ack()
      }
      await Promise.all(sent)
      expect(rest).toEqual(['c-2', 'c-3', 'c-4', 'c-5'])
    }
  })

  test('one chunk larger than the bound passes alone', async () => {
    const host = hub({ queue_bytes: 4 })
    const [sender, receiver] = [await host.connect(), await host.connect()]
    await sender.trajectories.publish(bytes(1, 100), 'c-0')
    expect((await take(receiver)).chunk).toHaveLength(100)
  })

  test('what a receiver held when it died is handed out again, before the rest', async () => {
    const host = hub()
    const [sender, dying, next] = [await host.connect(), await host.connect(), await host.connect()]
    for (const n of [1, 2, 3]) await sender.trajectories.publish(bytes(n), `c-${n}`)
    await (await take(dying)).ack()
    expect((await take(dying)).id).toBe('c-2')
    await dying.close()
    const again = [await take(next), await take(next)]
    expect(again.map(({ id, deliveries, chunk }) => [id, deliveries, chunk[0]])).toEqual([
      ['c-2', 2, 2],
      ['c-3', 2, 3],
    ])
  })

  test('retry hands a chunk out later; set aside keeps it with its reason', async () => {
    const host = hub()
    const exchange = await host.connect()
    await exchange.trajectories.publish(bytes(1), 'c-1')
    await exchange.trajectories.publish(bytes(2), 'c-2')
    await (await take(exchange)).retry()
    const second = await take(exchange)
    expect(second.id).toBe('c-2')
    await second.setAside('damaged')
    expect(await take(exchange)).toMatchObject({ id: 'c-1', deliveries: 2 })
    expect(host.hub.aside).toMatchObject([{ id: 'c-2', reason: 'damaged' }])
  })

  test('receive ends with its signal, and takes nothing then', async () => {
    const exchange = await hub().connect()
    const stop = new AbortController()
    const waiting = exchange.trajectories.receive(stop.signal)
    stop.abort()
    expect(await waiting).toBeUndefined()
    await exchange.trajectories.publish(bytes(1), 'c-1')
    expect((await take(exchange)).id).toBe('c-1')
  })

  test('of the parameters the newest wins, and whoever waits for a version gets it or a newer one', async () => {
    const host = hub()
    const [learner, collector] = [await host.connect(), await host.connect()]
    expect(await collector.parameters.newest()).toBeUndefined()
    const waiting = collector.parameters.waitFor(2, never)
    await learner.parameters.publish({ version: 1, blob: bytes(1) })
    await learner.parameters.publish({ version: 3, blob: bytes(3) })
    expect(await waiting).toMatchObject({ version: 3 })
    await learner.parameters.publish({ version: 2, blob: bytes(2) })
    expect([...((await collector.parameters.newest(2))?.blob ?? [])]).toEqual([...bytes(3)])
    expect(await collector.parameters.newest(3)).toBeUndefined()
    const stop = new AbortController()
    const late = collector.parameters.waitFor(9, stop.signal)
    stop.abort()
    expect(await late).toBeUndefined()
  })

  test('messages reach those who listen; requests one server each, with errors and without an answer', async () => {
    const host = hub()
    const [a, b, c] = [await host.connect(), await host.connect(), await host.connect()]
    const heard: unknown[] = []
    const end = b.control.subscribe('news', (message) => heard.push(message))
    await b.store.list()
    a.control.announce('news', { n: 1 })
    a.control.announce('other', { n: 2 })
    await turns()
    end()
    a.control.announce('news', { n: 3 })
    await turns()
    expect(heard).toEqual([{ n: 1 }])

    b.control.serve('job', async (n) => ['b', n])
    const endC = c.control.serve('job', async (n) => ['c', n])
    await c.store.list()
    const answers = [await a.control.request('job', 1, 1000), await a.control.request('job', 2, 1000)]
    expect(new Set(answers.map((answer) => (answer as string[])[0]))).toEqual(new Set(['b', 'c']))
    endC()
    b.control.serve('broken', async () => {
      throw new Error('not today')
    })
    b.control.serve('slow', () => new Promise(() => undefined))
    await Promise.all([b.store.list(), c.store.list()])
    await expect(a.control.request('broken', null, 1000)).rejects.toThrow(/not today/)
    await expect(a.control.request('nobody', null, 1000)).rejects.toThrow(/nobody serves it/)
    await expect(a.control.request('slow', null, 20)).rejects.toThrow(/within 20 ms/)
    const gone = a.control.request('slow', null, 5000)
    await turns()
    await b.close()
    await expect(gone).rejects.toThrow(/has gone/)
  })

  test('blobs are there whole or not at all', async () => {
    const { store } = await hub().connect()
    await store.put('a', bytes(1))
    await store.put('b', bytes(2))
    expect((await store.get('a'))?.[0]).toBe(1)
    expect(await store.list()).toEqual(['a', 'b'])
    await store.delete('a')
    expect(await store.get('a')).toBeUndefined()
  })

  test('after a close everything is refused or ends, and a second close is harmless', async () => {
    const host = hub()
    const exchange = await host.connect()
    const waiting = exchange.trajectories.receive(never)
    await exchange.close()
    await exchange.close()
    expect(await waiting).toBeUndefined()
    await expect(exchange.store.list()).rejects.toThrow(/closed/)
  })
})
