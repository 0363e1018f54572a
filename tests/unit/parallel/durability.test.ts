import { statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  BUFFER_REGISTRY,
  cadenceOf,
  chunkId,
  type Delivery,
  encodeChunk,
  Intake,
  Journal,
  loadState,
  RandomStream,
  type ReplayBuffer,
  type StateTree,
  saveState,
  ThreadExchangeHost,
} from '../../../ding/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { cartpoleRow, header, parallelConfig, SILENT } from './fixtures.js'

const CHUNKS = 40
const ROWS = 3
const never = new AbortController().signal

/** What a learner consists of as far as data is concerned. */
interface Life {
  readonly exchange: Awaited<ReturnType<ThreadExchangeHost['connect']>>
  readonly buffer: ReplayBuffer
  readonly journal: Journal
  readonly intake: Intake
}

async function begin(
  host: ThreadExchangeHost,
  folder: string,
  max_staleness: number | null = null,
): Promise<Life> {
  const buffer = new (BUFFER_REGISTRY.get('naive'))({ replay_buffer_size: 1000 } as never, {
    random: RandomStream.fromSeed(0),
  })
  const journal = new Journal(folder)
  const intake = new Intake({
    buffer,
    journal,
    cadence: cadenceOf(await parallelConfig()),
    max_staleness,
    logger: SILENT,
    observe: {},
    normalises: { obs: false, reward: false },
  })
  let generation = 0
  try {
    const { tree, meta } = loadState(join(folder, 'state.safetensors'))
    generation = meta['journal'] as number
    buffer.load_state_dict(tree['buffer'] as StateTree)
    intake.load_state_dict(tree['intake'] as StateTree)
  } catch {
    // The first life has nothing to go on from.
  }
  for (const { kind, bytes } of journal.open(generation)) intake.replay(kind, bytes)
  return { exchange: await host.connect(), buffer, journal, intake }
}

async function save({ buffer, journal, intake }: Life, folder: string): Promise<void> {
  await journal.rotate((generation) => {
    const tree = { buffer: buffer.state_dict(), intake: intake.state_dict() }
    saveState(join(folder, 'state.safetensors'), tree, { journal: generation })
  })
}

/** First entries of the observations in the buffer, sorted. */
function contents(buffer: ReplayBuffer): number[] {
  const path = join(temporaryFolder(), 'data.safetensors')
  buffer.save_data(path)
  const { tree } = loadState(path)
  const text = JSON.stringify(tree, (_key, value: unknown) =>
    ArrayBuffer.isView(value) ? [...(value as unknown as Float32Array)] : value,
  )
  const data = JSON.parse(text) as unknown
  const find = (value: unknown): number[] | undefined => {
    if (typeof value !== 'object' || value === null) return undefined
    const record = value as Record<string, unknown>
    const obs = record['obs'] as { data?: number[] } | undefined
    if (obs?.data !== undefined) return obs.data
    for (const part of Object.values(record)) {
      const found = find(part)
      if (found !== undefined) return found
    }
    return undefined
  }
  return (find(data) ?? []).filter((_, i) => i % 4 === 0).sort((a, b) => a - b)
}

function chunkOf(collector: string, sequence: number, first: number): { chunk: Uint8Array; id: string } {
  const own = { ...header, collector, sequence, env_steps: ROWS, collects: [ROWS] }
  const rows = Array.from({ length: ROWS }, (_, i) => cartpoleRow(first + i))
  return { chunk: encodeChunk(own, rows), id: chunkId(own) }
}

describe('a learner that is killed at random moments', () => {
  test.each([0, 1, 2, 3, 4])(
    'has every transition exactly once at the end (%i)',
    async (seed) => {
      const random = RandomStream.fromSeed(seed)
      const copies = random.child('copies').uniform(CHUNKS)
      const settles = random.child('settles').uniform(CHUNKS)
      // At which deliveries it is killed, how, and when it saves. There are as many deliveries as chunks at least, so all of it happens.
      const order = random.child('order').permutation(CHUNKS)
      const kills = new Set(order.slice(0, 4))
      const torn = new Set(order.slice(4, 6))
      const saves = new Set(order.slice(6, 11))
      const host = new ThreadExchangeHost({ queue_chunks: 6, queue_bytes: 1e9 })
      const folder = temporaryFolder()
      const sender = await host.connect()
      // Two collectors; some chunks are sent twice, as a sender does that did not hear of its success.
      const sending = (async () => {
        for (let n = 0; n < CHUNKS; n++) {
          const make = () => chunkOf(`collector${n % 2}.0`, Math.floor(n / 2), n * ROWS)
          for (let copy = (copies[n] as number) < 0.2 ? 2 : 1; copy > 0; copy--) {
            const { chunk, id } = make()
            await sender.trajectories.publish(chunk, id)
          }
        }
      })()
      let life = await begin(host, folder)
      let killed = 0
      let done = false
      void sending.then(() => {
        done = true
      })
      for (let n = 0; ; ) {
        const { messages } = await sender.trajectories.depth()
        if (done && messages === 0) break
        const stop = new AbortController()
        setTimeout(() => stop.abort(), 5)
        const delivery = await life.exchange.trajectories.receive(stop.signal)
        if (delivery === undefined) {
          await life.intake.settle()
          continue
        }
        const at = n++
        if (torn.has(at)) await takeHalf(life, folder, delivery)
        else await life.intake.take(delivery, 3)
        if (torn.has(at) || kills.has(at)) {
          // SIGKILL: what was in memory is gone, and the port closes without a word.
          killed++
          ;(life.exchange as unknown as { port: { close(): void } }).port.close()
          await new Promise((resolve) => setImmediate(resolve))
          life = await begin(host, folder)
          continue
        }
        if (saves.has(at)) await save(life, folder)
        if ((settles[at % CHUNKS] as number) < 0.5) await life.intake.settle()
      }
      await life.intake.settle()
      expect(killed).toBe(kills.size + torn.size)
      expect(contents(life.buffer)).toEqual(Array.from({ length: CHUNKS * ROWS }, (_, i) => i))
      expect(life.intake.env_step).toBe(CHUNKS * ROWS)
      expect(life.intake.counts.transitions).toBe(CHUNKS * ROWS)
      // And once more from the disk alone.
      const again = await begin(host, folder)
      expect(contents(again.buffer)).toEqual(contents(life.buffer))
      await host.close()
    },
    20_000,
  )

  /** Takes in a chunk whose entry in the journal is then half written: it is not acknowledged. */
  async function takeHalf({ intake, journal }: Life, folder: string, delivery: Delivery): Promise<void> {
    await intake.settle()
    const { generation } = journal as unknown as { generation: number }
    const before = journal.bytes
    const mute: Delivery = { ...delivery, ack: () => new Promise(() => undefined) }
    await intake.take(mute, 3)
    const length = journal.bytes - before
    // A copy of a chunk that was there already has no entry.
    if (length === 0) return
    const file = join(folder, `journal_${generation}.bin`)
    truncateSync(file, statSync(file).size - Math.ceil(length / 2))
  }
})

describe('chunks that cannot be used', () => {
  test('are set aside with their reason, and the run goes on', async () => {
    const host = new ThreadExchangeHost({ queue_chunks: 10, queue_bytes: 1e9 })
    const life = await begin(host, temporaryFolder())
    const good = chunkOf('a.0', 0, 0)
    const misfit = encodeChunk({ ...header, collector: 'a.0', sequence: 1 }, [
      { ...cartpoleRow(1), obs: Float32Array.of(1) },
    ])
    const broken = chunkOf('a.0', 2, 6).chunk.slice(0, -4)
    for (const [chunk, id] of [
      [good.chunk, good.id],
      [misfit, 'a.0-1'],
      [broken, 'a.0-2'],
    ] as const)
      await life.exchange.trajectories.publish(chunk, id)
    const outcomes: string[] = []
    for (let i = 0; i < 3; i++)
      outcomes.push(await life.intake.take((await life.exchange.trajectories.receive(never)) as Delivery, 3))
    await life.intake.settle()
    expect(outcomes).toEqual(['accepted', 'set_aside', 'set_aside'])
    expect(host.hub.aside.map(({ id }) => id)).toEqual(['a.0-1', 'a.0-2'])
    expect(host.hub.aside[0]?.reason).toMatch(/obs/)
    expect(host.hub.aside[1]?.reason).toMatch(/cut off/)
    expect(contents(life.buffer)).toEqual([0, 1, 2])
    await host.close()
  })

  test('beyond max_staleness are dropped and counted, also after a restart', async () => {
    const host = new ThreadExchangeHost({ queue_chunks: 10, queue_bytes: 1e9 })
    const folder = temporaryFolder()
    const life = await begin(host, folder, 2)
    for (let n = 0; n < 3; n++) {
      const { chunk, id } = chunkOf('a.0', n, n * ROWS)
      await life.exchange.trajectories.publish(chunk, id)
    }
    const outcomes: string[] = []
    // The chunks are of version 3.
    for (const version of [4, 5, 6])
      outcomes.push(
        await life.intake.take((await life.exchange.trajectories.receive(never)) as Delivery, version),
      )
    await life.intake.settle()
    expect(outcomes).toEqual(['accepted', 'accepted', 'stale'])
    expect(life.intake.counts).toMatchObject({ transitions: 6, stale_chunks: 1, stale_transitions: 3 })
    // Its env steps were taken all the same.
    expect(life.intake.env_step).toBe(9)
    const again = await begin(host, folder, 2)
    expect(again.intake.counts).toMatchObject({ transitions: 6, stale_chunks: 1 })
    expect([again.intake.env_step, again.intake.seen.count]).toEqual([9, 3])
    await host.close()
  })
})
