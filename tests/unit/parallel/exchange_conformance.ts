import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Delivery, type Exchange, ExchangeError } from '../../../ding/parallel/exchange/index.js'

/** One run of an exchange under test. */
export interface ExchangeUnderTest {
  /** A new member. */
  join(): Promise<Exchange>
  /** What was set aside, oldest first. */
  aside(): Promise<readonly { readonly id: string; readonly reason: string }[]>
  end(): Promise<void>
}

/** The queue of the exchange under test must refuse a ninth chunk of this size, and hold at least two. */
export const CHUNK_BYTES = 64 * 1024
export const QUEUE_BYTES = 8 * CHUNK_BYTES

const FOREVER = new AbortController().signal

function filled(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 255)
}

async function next(exchange: Exchange, ms = 10_000): Promise<Delivery> {
  const delivery = await exchange.trajectories.receive(AbortSignal.timeout(ms))
  if (delivery === undefined) throw new Error(`no chunk within ${ms} ms`)
  return delivery
}

/** Resolves to true when `work` is still going on after `ms`. */
async function waits(work: Promise<unknown>, ms = 250): Promise<boolean> {
  const mark = Symbol('mark')
  return (await Promise.race([work, delay(ms, mark)])) === mark
}

async function until(holds: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end; await delay(20)) if (await holds()) return
  throw new Error('it did not come true in time')
}

/** What every exchange must do, whatever it is made of. */
export function exchangeConformance(name: string, make: () => Promise<ExchangeUnderTest>): void {
  describe(name, () => {
    let run: ExchangeUnderTest
    let members: Exchange[]

    beforeEach(async () => {
      run = await make()
      members = []
    })
    afterEach(async () => {
      for (const member of members) await member.close()
      await run.end()
    })

    async function join(): Promise<Exchange> {
      const member = await run.join()
      members.push(member)
      return member
    }

    describe('chunks', () => {
      it('arrive whole, in order, with their ids, and are gone after their acknowledgement', async () => {
        const [collector, learner] = [await join(), await join()]
        for (let i = 0; i < 3; i++) await collector.trajectories.publish(filled(1000 + i, i), `c-${i}`)
        expect(await learner.trajectories.depth()).toMatchObject({ messages: 3 })
        for (let i = 0; i < 3; i++) {
          const delivery = await next(learner)
          expect([delivery.id, delivery.deliveries]).toEqual([`c-${i}`, 1])
          expect(Buffer.from(delivery.chunk).equals(Buffer.from(filled(1000 + i, i)))).toBe(true)
          await delivery.ack()
        }
        expect(await collector.trajectories.depth()).toMatchObject({ messages: 0, bytes: 0 })
      })

      it('wait for a receiver that comes later, and receivers for chunks', async () => {
        const collector = await join()
        await collector.trajectories.publish(filled(10, 0), 'c-0')
        const learner = await join()
        expect((await next(learner)).id).toBe('c-0')
        const coming = next(learner)
        await delay(50)
        await collector.trajectories.publish(filled(10, 1), 'c-1')
        expect((await coming).id).toBe('c-1')
      })

      it('end a wait for them when the signal is aborted, before or during it', async () => {
        const learner = await join()
        expect(await learner.trajectories.receive(AbortSignal.abort())).toBeUndefined()
        const stop = new AbortController()
        const coming = learner.trajectories.receive(stop.signal)
        expect(await waits(coming, 50)).toBe(true)
        stop.abort()
        expect(await coming).toBeUndefined()
      })

      it('make their publishers wait while the queue is full, and none is lost', async () => {
        const [collector, learner] = [await join(), await join()]
        const total = 24
        let published = 0
        const publishing = (async () => {
          for (let i = 0; i < total; i++) {
            await collector.trajectories.publish(filled(CHUNK_BYTES, i), `c-${i}`)
            published++
          }
        })()
        expect(await waits(publishing, 700)).toBe(true)
        expect(published).toBeGreaterThanOrEqual(2)
        expect(published).toBeLessThanOrEqual(QUEUE_BYTES / CHUNK_BYTES)
        const depth = await learner.trajectories.depth()
        expect(depth.bytes).toBeGreaterThanOrEqual(published * CHUNK_BYTES)
        const seen: string[] = []
        while (seen.length < total) {
          const delivery = await next(learner)
          seen.push(delivery.id)
          await delivery.ack()
        }
        await publishing
        expect(seen.sort()).toEqual(Array.from({ length: total }, (_, i) => `c-${i}`).sort())
      })

      it('come again after retry, with their deliveries counted', async () => {
        const [collector, learner] = [await join(), await join()]
        await collector.trajectories.publish(filled(10, 0), 'c-0')
        await (await next(learner)).retry()
        const again = await next(learner)
        expect([again.id, again.deliveries]).toEqual(['c-0', 2])
        await again.ack()
        expect(await learner.trajectories.depth()).toMatchObject({ messages: 0 })
      })

      it('are set aside with the reason, whatever is in it, and come no more', async () => {
        const [collector, learner] = [await join(), await join()]
        await collector.trajectories.publish(filled(10, 0), 'c-0')
        await collector.trajectories.publish(filled(10, 1), 'c-1')
        const reason = 'magic number 0x00 \u2014 expected "DING"\nat byte 0: not a chunk'
        await (await next(learner)).setAside(reason)
        const other = await next(learner)
        expect(other.id).toBe('c-1')
        await other.ack()
        expect(await learner.trajectories.receive(AbortSignal.timeout(300))).toBeUndefined()
        expect(await run.aside()).toMatchObject([{ id: 'c-0', reason }])
        expect(await learner.trajectories.depth()).toMatchObject({ messages: 0 })
      })

      it('are settled once', async () => {
        const [collector, learner] = [await join(), await join()]
        await collector.trajectories.publish(filled(10, 0), 'c-0')
        const delivery = await next(learner)
        await delivery.ack()
        await expect(delivery.ack()).rejects.toThrow(ExchangeError)
        await expect(delivery.retry()).rejects.toThrow(ExchangeError)
      })

      it('that a learner held when it left go to the next one', async () => {
        const [collector, first] = [await join(), await join()]
        for (let i = 0; i < 3; i++) await collector.trajectories.publish(filled(10, i), `c-${i}`)
        await (await next(first)).ack()
        await next(first)
        await first.close()
        const second = await join()
        const seen = [await next(second), await next(second)]
        expect(seen.map(({ id }) => id).sort()).toEqual(['c-1', 'c-2'])
        for (const delivery of seen) await delivery.ack()
        expect(await second.trajectories.depth()).toMatchObject({ messages: 0 })
      })

      it('are shared by several receivers, each going to one', async () => {
        const [collector, a, b] = [await join(), await join(), await join()]
        const seen: string[] = []
        const stop = new AbortController()
        const take = async (learner: Exchange): Promise<void> => {
          for (;;) {
            const delivery = await learner.trajectories.receive(stop.signal)
            if (delivery === undefined) return
            seen.push(delivery.id)
            await delivery.ack()
          }
        }
        const taking = [take(a), take(b)]
        for (let i = 0; i < 40; i++) await collector.trajectories.publish(filled(100, i), `c-${i}`)
        await until(() => seen.length >= 40)
        await delay(100)
        stop.abort()
        await Promise.all(taking)
        expect(new Set(seen).size).toBe(40)
        expect(seen.length).toBe(40)
      })

      it('begin where numbers of eight bytes can be read in place', async () => {
        const [collector, learner] = [await join(), await join()]
        for (let i = 0; i < 8; i++) {
          await collector.trajectories.publish(filled(17 + i, i), `some-collector-${'x'.repeat(i)}`)
          const delivery = await next(learner)
          expect(delivery.chunk.byteOffset % 8).toBe(0)
          await delivery.ack()
        }
      })

      it('of another byte offset than 0 arrive as they were', async () => {
        const [collector, learner] = [await join(), await join()]
        const whole = filled(300, 3)
        const expected = Buffer.from(whole.subarray(100, 200))
        await collector.trajectories.publish(whole.subarray(100, 200), 'c-0')
        const delivery = await next(learner)
        expect(Buffer.from(delivery.chunk).equals(expected)).toBe(true)
        await delivery.ack()
      })
    })

    describe('parameters', () => {
      it('are there by version: none, the newest, and only when newer', async () => {
        const [learner, collector] = [await join(), await join()]
        expect(await collector.parameters.newest()).toBeUndefined()
        await learner.parameters.publish({ version: 0, blob: filled(100, 0) })
        expect((await collector.parameters.newest())?.version).toBe(0)
        await learner.parameters.publish({ version: 1, blob: filled(200, 1) })
        const newest = await collector.parameters.newest(0)
        expect(newest?.version).toBe(1)
        expect(Buffer.from(newest!.blob).equals(Buffer.from(filled(200, 1)))).toBe(true)
        expect(await collector.parameters.newest(1)).toBeUndefined()
      })

      it('of several megabytes arrive whole, and so do empty ones', async () => {
        const [learner, collector] = [await join(), await join()]
        const blob = filled(5_000_003, 7)
        await learner.parameters.publish({ version: 1, blob })
        expect(Buffer.from((await collector.parameters.newest())!.blob).equals(Buffer.from(blob))).toBe(true)
        await learner.parameters.publish({ version: 2, blob: new Uint8Array(0) })
        expect(await collector.parameters.newest(1)).toMatchObject({ version: 2 })
        expect((await collector.parameters.newest())!.blob.byteLength).toBe(0)
      })

      it('do not go back: an older version published late has no effect', async () => {
        const learner = await join()
        await learner.parameters.publish({ version: 5, blob: filled(10, 5) })
        await learner.parameters.publish({ version: 4, blob: filled(10, 4) })
        expect(await learner.parameters.newest()).toMatchObject({ version: 5 })
      })

      it('are waited for, and the wait ends when the signal is aborted', async () => {
        const [learner, collector] = [await join(), await join()]
        const coming = collector.parameters.waitFor(2, FOREVER)
        await learner.parameters.publish({ version: 1, blob: filled(10, 1) })
        expect(await waits(coming, 100)).toBe(true)
        await learner.parameters.publish({ version: 2, blob: filled(10, 2) })
        await learner.parameters.publish({ version: 3, blob: filled(10, 3) })
        expect((await coming)!.version).toBeGreaterThanOrEqual(2)
        expect((await collector.parameters.waitFor(1, FOREVER))?.version).toBe(3)
        const stop = new AbortController()
        const never = collector.parameters.waitFor(9, stop.signal)
        expect(await waits(never, 50)).toBe(true)
        stop.abort()
        expect(await never).toBeUndefined()
      })

      it('reach many readers during a stream of versions, each whole', async () => {
        const learner = await join()
        const readers = [await join(), await join(), await join()]
        const last = 25
        const reading = readers.map(async (reader) => {
          let version = -1
          while (version < last) {
            const found = await reader.parameters.waitFor(version + 1, FOREVER)
            expect(found!.version).toBeGreaterThan(version)
            version = found!.version
            expect(found!.blob.every((byte) => byte === version)).toBe(true)
          }
        })
        for (let version = 0; version <= last; version++)
          await learner.parameters.publish({
            version,
            blob: new Uint8Array(600_000 + version * 1000).fill(version),
          })
        await Promise.all(reading)
      })
    })

    describe('messages', () => {
      it('reach everyone who subscribes to their topic, until they end it', async () => {
        const [a, b, c] = [await join(), await join(), await join()]
        const seen: unknown[] = []
        const end = b.control.subscribe('status.x', (message) => seen.push(['b', message]))
        c.control.subscribe('status.x', (message) => seen.push(['c', message]))
        c.control.subscribe('other', (message) => seen.push(['wrong', message]))
        // A subscription is on its way while the first announcements are.
        await until(() => {
          if (seen.length < 2) a.control.announce('status.x', { hello: [1, 'two', null] })
          return seen.length >= 2
        })
        const message = { hello: [1, 'two', null] }
        expect(seen).toContainEqual(['b', message])
        expect(seen).toContainEqual(['c', message])
        await delay(100)
        end()
        await delay(100)
        seen.length = 0
        a.control.announce('status.x', 2)
        await until(() => seen.length > 0)
        await delay(50)
        expect(seen).toEqual([['c', 2]])
      })

      it('that a handler throws on do not end its subscription', async () => {
        const [a, b] = [await join(), await join()]
        const seen: unknown[] = []
        b.control.subscribe('x', (message) => {
          seen.push(message)
          throw new Error('handler')
        })
        await b.parameters.newest()
        a.control.announce('x', 1)
        a.control.announce('x', 2)
        await until(() => seen.length === 2)
        expect(seen).toEqual([1, 2])
      })

      it('that ask are answered by one of those who serve the topic', async () => {
        const [a, b, c] = [await join(), await join(), await join()]
        const served: string[] = []
        const serve = (member: Exchange, who: string): (() => void) =>
          member.control.serve('evaluate', async (message) => {
            served.push(who)
            return { who, twice: Number(message) * 2 }
          })
        serve(b, 'b')
        const end = serve(c, 'c')
        await Promise.all([b.parameters.newest(), c.parameters.newest()])
        for (let i = 0; i < 30; i++) {
          const answer = (await a.control.request('evaluate', i, 5000)) as { twice: number }
          expect(answer.twice).toBe(2 * i)
        }
        expect(served.length).toBe(30)
        expect(new Set(served)).toEqual(new Set(['b', 'c']))
        end()
        await c.parameters.newest()
        served.length = 0
        for (let i = 0; i < 5; i++) await a.control.request('evaluate', i, 5000)
        expect(served).toEqual(['b', 'b', 'b', 'b', 'b'])
      })

      it('that ask fail by name when nobody answers, when nobody serves, and when the handler throws', async () => {
        const [a, b] = [await join(), await join()]
        await expect(a.control.request('nobody', 1, 200)).rejects.toThrow(ExchangeError)
        b.control.serve('silent', () => new Promise(() => {}))
        b.control.serve('broken', async () => {
          throw new Error('the environment fell over')
        })
        await b.parameters.newest()
        await expect(a.control.request('silent', 1, 300)).rejects.toThrow(ExchangeError)
        const broken = a.control.request('broken', 1, 5000)
        await expect(broken).rejects.toThrow(ExchangeError)
        await expect(broken).rejects.toThrow(/the environment fell over/)
      })
    })

    describe('blobs', () => {
      it('are stored by name, replaced, listed and deleted', async () => {
        const [a, b] = [await join(), await join()]
        expect(await b.store.get('ckpt/best')).toBeUndefined()
        expect(await b.store.list()).toEqual([])
        await a.store.put('ckpt/best', filled(1_300_000, 1))
        await a.store.put('other name', filled(5, 2))
        expect([...(await b.store.list())].sort()).toEqual(['ckpt/best', 'other name'])
        expect(Buffer.from((await b.store.get('ckpt/best'))!).equals(Buffer.from(filled(1_300_000, 1)))).toBe(
          true,
        )
        await b.store.put('ckpt/best', filled(10, 3))
        expect(Buffer.from((await a.store.get('ckpt/best'))!).equals(Buffer.from(filled(10, 3)))).toBe(true)
        await a.store.put('empty', new Uint8Array(0))
        expect((await b.store.get('empty'))?.byteLength).toBe(0)
        await a.store.delete('ckpt/best')
        await a.store.delete('never there')
        expect(await b.store.get('ckpt/best')).toBeUndefined()
        expect([...(await b.store.list())].sort()).toEqual(['empty', 'other name'])
      })
    })

    describe('a member', () => {
      it('that has left does nothing more, and can leave twice', async () => {
        const [a, b] = [await join(), await join()]
        await a.trajectories.publish(filled(10, 0), 'c-0')
        const receiving = b.trajectories.receive(FOREVER)
        await (await receiving)!.ack()
        const waiting = b.trajectories.receive(FOREVER)
        await b.close()
        await b.close()
        expect(await waiting).toBeUndefined()
        await expect(b.trajectories.publish(filled(10, 0), 'c-1')).rejects.toThrow(ExchangeError)
        await expect(b.parameters.newest()).rejects.toThrow(ExchangeError)
        await expect(b.store.list()).rejects.toThrow(ExchangeError)
        expect(await a.trajectories.depth()).toMatchObject({ messages: 0 })
      })
    })
  })
}
