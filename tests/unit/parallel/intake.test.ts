import { describe, expect, test } from 'vitest'
import {
  type ChunkHeader,
  cadenceOf,
  type Delivery,
  encodeChunk,
  Intake,
  NaiveReplayBuffer,
  RandomStream,
  type ReplayBuffer,
  type Transition,
} from '../../../ding/index.js'
import { goalStep, her, rowsOf } from '../data/her_helpers.js'
import { cartpoleRow, header, parallelConfig, SILENT } from './fixtures.js'

async function intakeOf(buffer: ReplayBuffer, max_staleness: number | null = null): Promise<Intake> {
  return new Intake({
    buffer,
    journal: undefined,
    cadence: cadenceOf(await parallelConfig()),
    max_staleness,
    logger: SILENT,
    observe: {},
    normalises: { obs: false, reward: false },
  })
}

function delivered(own: Partial<ChunkHeader>, rows: readonly Transition[]): Delivery {
  const done = () => Promise.resolve()
  const chunk = encodeChunk({ ...header, env_steps: rows.length, collects: [rows.length], ...own }, rows)
  return { chunk, id: 'chunk', deliveries: 1, ack: done, retry: done, setAside: done }
}

test('episodes of two collectors stay apart, though both count their environments from 0', async () => {
  const { buffer } = her()
  const intake = await intakeOf(buffer)
  // The second number tells the collectors' episodes apart.
  const parts: [collector: string, sequence: number, rows: Transition[]][] = [
    ['a.0', 0, [goalStep(0, 1, 0), goalStep(0, 1, 1)]],
    ['b.0', 0, [goalStep(0, 2, 0), goalStep(0, 2, 1, true)]],
    ['a.0', 1, [goalStep(0, 1, 2, true)]],
  ]
  const counts: number[] = []
  for (const [collector, sequence, rows] of parts) {
    expect(await intake.take(delivered({ collector, sequence }, rows), 3)).toBe('accepted')
    counts.push(buffer.count())
  }
  // Transitions of finished episodes.
  expect(counts).toEqual([0, 2, 5])
  const relabelled = rowsOf(buffer.sample(200, 0)).filter(({ goal }) => goal !== null)
  expect(relabelled.length).toBeGreaterThan(100)
  expect(relabelled.filter(({ goal, episode }) => goal?.[1] !== episode)).toEqual([])
})

describe('beyond max_staleness', () => {
  test('chunks are dropped, but not those of the warm-up, which no parameters acted in', async () => {
    const options = { random: RandomStream.fromSeed(0) }
    const buffer = new NaiveReplayBuffer({ replay_buffer_size: 10 } as never, options)
    const intake = await intakeOf(buffer, 2)
    // The header's parameters are version 3.
    const rows = [cartpoleRow(0), cartpoleRow(1)]
    const outcomes = [
      await intake.take(delivered({ sequence: 0, warmup: true }, rows), 9),
      await intake.take(delivered({ sequence: 1 }, rows), 9),
    ]
    expect(outcomes).toEqual(['accepted_part', 'stale'])
    expect(buffer.count()).toBe(2)
    expect(intake.counts).toMatchObject({ warmup_transitions: 2, stale_chunks: 1, stale_transitions: 2 })
  })
})
