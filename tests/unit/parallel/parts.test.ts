import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  CheckpointError,
  cadenceOf,
  decodeState,
  encodeState,
  Journal,
  type RoleStatus,
  renderStatus,
  SampleRate,
  SeenChunks,
  StatusBoard,
} from '../../../ding/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { parallelConfig } from './fixtures.js'

describe('the rate of samples per insert', () => {
  /** The most that one side can do while the other rests, from inserts of 10 and batches of 4. */
  function burst(rate: SampleRate, side: 'insert' | 'sample', most = 1000): number {
    let n = 0
    while (n < most && (side === 'insert' ? rate.mayInsert(4) : rate.maySample(4))) {
      if (side === 'insert') rate.insert(10)
      else rate.sample(4)
      n++
    }
    return n
  }

  test('with equal limits insert and sample take turns, exactly in proportion', () => {
    const rate = new SampleRate({ min: 2, max: 2 })
    for (let round = 0; round < 5; round++) {
      expect(burst(rate, 'insert')).toBe(1)
      expect(burst(rate, 'sample')).toBe(5)
    }
    // 5 inserts of 10.
    expect(rate.samples).toBe(2 * 50)
  })

  test('with a range each side may be ahead within it', () => {
    const rate = new SampleRate({ min: 1, max: 4 })
    expect(burst(rate, 'insert')).toBe(1)
    expect(burst(rate, 'sample')).toBe(10)
    // 40 samples: the minimum of 1 is met by up to 40 inserted transitions.
    expect(burst(rate, 'insert')).toBe(4)
    expect(rate.samples).toBe(40)
  })

  test('min 0 never holds collectors back, max Infinity never the learner', () => {
    expect(burst(new SampleRate({ min: 0, max: 1 }), 'insert')).toBe(1000)
    expect(burst(new SampleRate({ min: 0, max: Number.POSITIVE_INFINITY }), 'sample')).toBe(1000)
  })

  test('one side can always go on, whatever the sizes', () => {
    for (const limits of [
      { min: 0.3, max: 0.3 },
      { min: 1.7, max: 2.1 },
      { min: 0, max: 0.01 },
    ]) {
      const rate = new SampleRate(limits)
      for (let i = 0; i < 500; i++) {
        expect(rate.maySample(7) || rate.mayInsert(7)).toBe(true)
        if (rate.maySample(7)) rate.sample(7)
        else rate.insert(3)
      }
    }
  })

  test('what is waived is not made up for, and the state comes back', () => {
    const rate = new SampleRate({ min: 1, max: 1 })
    rate.insert(100)
    rate.waive()
    expect(rate.maySample(1)).toBe(false)
    rate.insert(8)
    const copy = new SampleRate({ min: 1, max: 1 })
    copy.load_state_dict(rate.state_dict())
    expect([copy.maySample(8), copy.maySample(9)]).toEqual([true, false])
  })
})

describe('seen chunks', () => {
  test('each is new once, in any order, also after a restart', () => {
    const seen = new SeenChunks()
    expect([0, 2, 1, 2, 5, 0].map((n) => seen.add('a', n))).toEqual([true, true, true, false, true, false])
    const copy = new SeenChunks()
    copy.load_state_dict(seen.state_dict())
    expect([copy.has('a', 1), copy.has('a', 3), copy.has('a', 5), copy.has('b', 0)]).toEqual([
      true,
      false,
      true,
      false,
    ])
    expect(copy.add('a', 3)).toBe(true)
    expect(copy.count).toBe(5)
  })
})

describe('the journal', () => {
  const entries = (journal: Journal, generation: number) =>
    [...journal.open(generation)].map(({ kind, bytes }) => `${kind} ${Buffer.from(bytes).toString()}`)

  test('gives back what was appended, without a torn end, and goes on behind it', async () => {
    const folder = temporaryFolder()
    const journal = new Journal(folder)
    expect(entries(journal, 0)).toEqual([])
    journal.append('chunk', Buffer.from('one'))
    journal.append('dropped', Buffer.from('two'))
    await journal.durable()
    const file = join(folder, 'journal_0.bin')
    const whole = readFileSync(file)
    await journal.close()
    for (let cut = 1; cut < 19; cut++) {
      writeFileSync(file, whole.subarray(0, whole.length - cut))
      const again = new Journal(folder)
      expect(entries(again, 0), `${cut} bytes short`).toEqual(['chunk one'])
      again.append('chunk', Buffer.from('three'))
      await again.close()
      expect(entries(new Journal(folder), 0)).toEqual(['chunk one', 'chunk three'])
    }
  })

  test('damage before the end is an error, not a loss', async () => {
    const folder = temporaryFolder()
    const journal = new Journal(folder)
    entries(journal, 0)
    for (const text of ['one', 'two']) journal.append('chunk', Buffer.from(text))
    await journal.close()
    const file = join(folder, 'journal_0.bin')
    const bytes = readFileSync(file)
    bytes[17] = 0
    writeFileSync(file, bytes)
    expect(() => entries(new Journal(folder), 0)).toThrow(CheckpointError)
  })

  test('a new run state begins a new one, and the old ones go', async () => {
    const folder = temporaryFolder()
    const journal = new Journal(folder)
    entries(journal, 0)
    journal.append('chunk', Buffer.from('before'))
    const saved: number[] = []
    await journal.rotate((generation) => saved.push(generation))
    journal.append('chunk', Buffer.from('after'))
    expect(journal.bytes).toBe(16 + 5)
    await journal.close()
    expect(saved).toEqual([1])
    expect(readdirSync(folder)).toEqual(['journal_1.bin'])
    expect(entries(new Journal(folder), 1)).toEqual(['chunk after'])
  })
})

describe('parameters as bytes', () => {
  const tree = {
    model: {
      'a.weight': { dtype: 'float32' as const, shape: [2, 2], data: Float32Array.of(1, -0, Number.NaN, 4) },
      bits: { dtype: 'bool' as const, shape: [3], data: Uint8Array.of(1, 0, 1) },
      count: { dtype: 'int32' as const, shape: [1], data: Int32Array.of(-5) },
    },
    normalisation: { mean: [0.1, Number.POSITIVE_INFINITY], nothing: null },
  }

  test('come back exactly, also from memory that threads share', () => {
    const blob = encodeState(tree, { env_step: 12, finished: false })
    expect(decodeState(blob)).toEqual({ tree, meta: { env_step: 12, finished: false } })
    const shared = new Uint8Array(new SharedArrayBuffer(blob.length))
    shared.set(blob)
    expect(decodeState(shared).tree).toEqual(tree)
  })

  test('damage is refused', () => {
    const blob = encodeState(tree)
    expect(() => decodeState(blob.slice(0, 40))).toThrow(CheckpointError)
    expect(() => decodeState(blob.slice(0, -1))).toThrow(/checksum/)
    expect(() => decodeState(new Uint8Array(64))).toThrow(/"DPRM"/)
  })
})

describe('the cadence of a config', () => {
  test("is the serial pipeline's: a collect is worth update_per_collect batches", async () => {
    const cadence = cadenceOf(await parallelConfig({ collector_num: 1 }))
    expect(cadence).toMatchObject({ lock_step: true, limits: { min: 1, max: 1 }, publish_freq: 10 })
    expect(cadence.worth({ rows: 8, collects: [8], warmup: false })).toBe(4 * 16)
    expect(cadence.worth({ rows: 8, collects: [8], warmup: true })).toBe(0)
    expect(cadenceOf(await parallelConfig({})).lock_step).toBe(false)
  })

  test('explicit limits count transitions; the other one is filled in', async () => {
    const cadence = cadenceOf(await parallelConfig({ samples_per_insert: { min: 0 } }))
    // 4 updates of 16 rows for 8 transitions.
    expect(cadence.limits).toEqual({ min: 0, max: 8 })
    expect(cadence.worth({ rows: 5, collects: [8], warmup: false })).toBe(5)
  })

  test('contradictions are refused with their paths', async () => {
    const given = async (commander: Record<string, unknown>) => cadenceOf(await parallelConfig(commander))
    await expect(given({ samples_per_insert: { min: 9, max: 2 } })).rejects.toThrow(
      /samples_per_insert.min is 9, above max/,
    )
    await expect(given({ lock_step: true })).rejects.toThrow(/lock_step is true, but .*collector_num is 2/)
    await expect(
      given({ collector_num: 1, lock_step: true, samples_per_insert: { min: 0, max: 2 } }),
    ).rejects.toThrow(/limits of samples_per_insert differ/)
  })
})

describe('the status', () => {
  const learner = (progress: number, train_iter: number): RoleStatus => ({
    role: 'learner',
    member: 'learner.0',
    state: 'working',
    progress,
    version: 9,
    details: { train_iter, env_step: 2 * train_iter, buffer: 50, samples_per_insert: 4, eval_value: null },
  })
  const collector: RoleStatus = {
    role: 'collector',
    member: 'collector0.1',
    state: 'working',
    progress: 10,
    version: 6,
    details: { env_step: 10 },
  }

  test('gives rates, lag and replacements, in JSON and in text', () => {
    const board = new StatusBoard()
    board.hear(learner(0, 0), 100)
    board.hear(collector, 100)
    board.look({ messages: 0, bytes: 0 }, 100)
    board.hear(learner(20, 40), 102)
    board.hear({ ...collector, progress: 70 }, 102)
    board.restarts['collector0'] = 1
    const status = board.look({ messages: 3, bytes: 4096 }, 104)
    expect(status).toMatchObject({
      train_iter_per_second: 10,
      env_step_per_second: 20,
      restarts: { collector0: 1 },
    })
    expect(status.roles.map(({ lag, per_second }) => [lag, per_second])).toEqual([
      [0, 5],
      [3, 15],
    ])
    expect(JSON.parse(JSON.stringify(status))).toEqual(status)
    const text = renderStatus(status)
    expect(text).toContain('train iter 40 (10/s), env step 80 (20/s), version 9')
    expect(text).toContain('queue: 3 chunks, 4 KiB')
    expect(text).toContain('collectors: 1 (1 at work), 15/s, lag 3 versions')
    expect(text).toContain('replaced: collector0 1 times')
  })
})
