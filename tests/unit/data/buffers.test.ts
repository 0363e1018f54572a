import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { ReplayBuffer } from '../../../ding/data/index.js'
import { BUFFER_REGISTRY } from '../../../ding/registry/index.js'
import { CheckpointError, loadState, NumericError, saveState } from '../../../ding/utils/index.js'
import { advanced, deque, ints, naive, numbersIn, step, steps } from './helpers.js'

const folder = mkdtempSync(join(tmpdir(), 'ding-buffer-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const kinds = {
  naive: (seed?: number, size = 8) => naive({ replay_buffer_size: size }, seed),
  advanced: (seed?: number, size = 8) =>
    advanced({ replay_buffer_size: size, max_use: 5, max_staleness: 15 }, seed),
  deque: (seed?: number, size = 8) => deque({ replay_buffer_size: size, max_use: 5 }, seed),
  'deque with priority': (seed?: number, size = 8) =>
    deque({ replay_buffer_size: size, priority: true, priority_IS_weight: true }, seed),
}

it('the buffers are registered under the names of DI-engine', () => {
  for (const name of ['naive', 'advanced', 'deque', 'episode']) expect(BUFFER_REGISTRY.has(name)).toBe(true)
  expect(BUFFER_REGISTRY.get('priority')).toBe(BUFFER_REGISTRY.get('advanced'))
})

describe.each(Object.entries(kinds))('%s buffer', (_, make) => {
  it('keeps the latest transitions, whole', () => {
    const { buffer } = make()
    buffer.push(steps(0, 5))
    buffer.push(step(5))
    expect(buffer.count()).toBe(6)
    buffer.push(steps(6, 11))
    expect(buffer.count()).toBe(8)
    const seen = new Set<number>()
    for (let i = 0; i < 4; i++) {
      const batch = buffer.sample(8, 10)
      const rows = numbersIn(batch)
      for (const n of rows) seen.add(n)
      expect(ints(batch, 'action')).toEqual(rows.map((n) => n % 3))
      expect(ints(batch, 'done')).toEqual(rows.map((n) => (n % 4 === 3 ? 1 : 0)))
      expect(ints(batch, 'reward')).toEqual(rows.map((n) => Math.fround(n / 10)))
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('takes a push that is longer than the buffer', () => {
    const { buffer } = make()
    buffer.push(steps(0, 21))
    expect(buffer.count()).toBe(8)
    expect(Math.min(...numbersIn(buffer.sample(8, 20)))).toBeGreaterThanOrEqual(13)
  })

  it('gives null, and the reason in the log, when there is too little', () => {
    const { buffer, logger } = make()
    expect(buffer.sample(1, 0)).toBeNull()
    buffer.push(steps(0, 3))
    expect(buffer.sample(4, 0)).toBeNull()
    expect(logger.lines.at(-1)).toMatch(/no batch: 3 transitions for a batch of 4/)
    expect(() => buffer.sample(0, 0)).toThrow(/batch of 0, expected a whole number > 0/)
    expect(() => buffer.sample(1.5, 0)).toThrow(/batch of 1.5/)
  })

  it('stores nothing of a push in which one transition does not fit', () => {
    const { buffer } = make()
    buffer.push(steps(0, 2))
    const before = JSON.stringify(buffer.state_dict())
    expect(() => buffer.push([step(2), { ...step(3), obs: new Float32Array(3) }])).toThrow(
      /"obs" of transition 1/,
    )
    expect(JSON.stringify(buffer.state_dict())).toBe(before)
  })

  it('continues bit for bit from a saved state', () => {
    const straight = make(7)
    const interrupted = make(7)
    const path = join(folder, 'state.safetensors')
    const work = ({ buffer }: { buffer: ReplayBuffer }, from: number, to: number) => {
      const trace: unknown[] = []
      for (let i = from; i < to; i++) {
        buffer.push(steps(3 * i, 3 * i + 3))
        const batch = buffer.sample(3, 3 * i)
        trace.push(JSON.stringify(batch))
        if (batch?.replay_unique_id !== undefined) {
          buffer.update({
            replay_buffer_idx: ints(batch, 'replay_buffer_idx'),
            replay_unique_id: ints(batch, 'replay_unique_id'),
            priority: numbersIn(batch).map((n) => (n * 7) % 5),
          })
        }
      }
      return trace
    }
    const expected = work(straight, 0, 12)
    const first = work(interrupted, 0, 6)
    saveState(path, { buffer: interrupted.buffer.state_dict(), random: interrupted.random.state() })
    const resumed = make(99)
    const { tree } = loadState(path)
    resumed.buffer.push(steps(100, 104))
    resumed.buffer.load_state_dict(tree.buffer as never)
    resumed.random.restore(tree.random as never)
    expect([...first, ...work(resumed, 6, 12)]).toEqual(expected)
    expect(JSON.stringify(resumed.buffer.state_dict())).toBe(JSON.stringify(straight.buffer.state_dict()))
  })

  it('refuses a state of another size or kind', () => {
    const { buffer } = make()
    buffer.push(steps(0, 4))
    expect(() => buffer.load_state_dict(make(0, 16).buffer.state_dict())).toThrow(
      /replay_buffer_size 8, the saved one 16/,
    )
    expect(() => buffer.load_state_dict({})).toThrow(CheckpointError)
    expect(() => buffer.load_state_dict({ ...buffer.state_dict(), tail: 9 })).toThrow(/"tail" is 9/)
    expect(buffer.count()).toBe(4)
  })

  it('saves its data alone and takes it back, oldest first', () => {
    const { buffer } = make()
    buffer.push(steps(0, 11))
    const path = join(folder, 'data.safetensors')
    buffer.save_data(path)
    const other = make()
    other.buffer.push(steps(50, 53))
    other.buffer.load_data(path)
    expect(other.buffer.count()).toBe(8)
    other.buffer.push(step(11))
    other.buffer.save_data(path)
    expect(numbersIn(loadState(path).tree.data as never)).toEqual([4, 5, 6, 7, 8, 9, 10, 11])
    saveState(path, { a: 1 })
    expect(() => other.buffer.load_data(path)).toThrow(/holds no replay data/)
    make().buffer.save_data(path)
    other.buffer.load_data(path)
    expect(other.buffer.count()).toBe(0)
  })

  it('starts anew after clear', () => {
    const { buffer } = make()
    buffer.push(steps(0, 11))
    buffer.clear()
    expect(buffer.count()).toBe(0)
    expect(buffer.sample(1, 0)).toBeNull()
    buffer.push([{ other: 1 }, { other: 2 }])
    expect(ints(buffer.sample(2, 0), 'other').sort()).toEqual([1, 2])
  })
})

describe('naive buffer', () => {
  it('draws without replacement, each subset alike, or with replacement on request', () => {
    const { buffer } = naive({ replay_buffer_size: 100 })
    buffer.push(steps(0, 6))
    const counts = Array.from({ length: 6 }, () => 0)
    for (let i = 0; i < 600; i++) {
      const rows = numbersIn(buffer.sample(3, 0))
      expect(new Set(rows).size).toBe(3)
      for (const n of rows) counts[n]!++
    }
    for (const count of counts) expect(Math.abs(count - 300)).toBeLessThan(60)
    const again = naive({ replace: true })
    expect(again.buffer.sample(2, 0)).toBeNull()
    again.buffer.push(steps(0, 2))
    expect(numbersIn(again.buffer.sample(50, 0))).toHaveLength(50)
  })
})

describe.each([
  ['advanced', () => advanced({ replay_buffer_size: 4, alpha: 1 })],
  [
    'deque',
    () =>
      deque({ replay_buffer_size: 4, priority: true, priority_IS_weight: true, priority_power_factor: 1 }),
  ],
] as const)('priorities of the %s buffer', (_, make) => {
  it('reach the sampler at every report', () => {
    const { buffer } = make()
    buffer.push(steps(0, 4))
    for (let favourite = 0; favourite < 4; favourite++) {
      const rows = [0, 1, 2, 3]
      buffer.update({
        replay_buffer_idx: { dtype: 'int32', shape: [4], data: Int32Array.from(rows) },
        replay_unique_id: rows,
        priority: {
          dtype: 'float32',
          shape: [4],
          data: Float32Array.from(rows, (row) => (row === favourite ? 100 : 0)),
        },
      })
      const drawn = numbersIn(buffer.sample(4, 0))
      expect(drawn.filter((n) => n === favourite).length).toBeGreaterThanOrEqual(3)
    }
  })

  it('pass over entries that were overwritten since', () => {
    const { buffer } = make()
    buffer.push(steps(0, 4))
    buffer.push(steps(4, 6))
    const before = buffer.priorities!.priorities.slice()
    buffer.update({
      replay_buffer_idx: [0, 1, 9, -1],
      replay_unique_id: [0, 1, 9, -1],
      priority: [9, 9, 9, 9],
    })
    expect(buffer.priorities!.priorities).toEqual(before)
    buffer.update({ replay_buffer_idx: [0, 2], replay_unique_id: [4, 2], priority: [9, 8] })
    expect([...buffer.priorities!.priorities]).toEqual([9 + 1e-5, 1, 8 + 1e-5, 1])
  })

  it('are checked before any is taken', () => {
    const { buffer } = make()
    buffer.push(steps(0, 4))
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() =>
        buffer.update({ replay_buffer_idx: [0, 1], replay_unique_id: [0, 1], priority: [5, bad] }),
      ).toThrow(NumericError)
      expect(() => buffer.push([step(4), { ...step(5), priority: bad }])).toThrow(/priority of transition 1/)
    }
    expect(() => buffer.update({ replay_buffer_idx: [0], replay_unique_id: [0], priority: [1, 2] })).toThrow(
      /2 priorities for 1 rows/,
    )
    expect([...buffer.priorities!.priorities]).toEqual([1, 1, 1, 1])
    expect(buffer.count()).toBe(4)
  })

  it('may come with the transitions, and are not stored', () => {
    const { buffer } = make()
    buffer.push([{ ...step(0), priority: 0.5 }, step(1)])
    expect([...buffer.priorities!.priorities.subarray(0, 2)]).toEqual([0.5, 1])
    const batch = buffer.sample(2, 0)
    expect(batch).not.toHaveProperty('priority')
    expect(() => buffer.push({ ...step(2), IS: 1 })).toThrow(/has the key "IS", which the buffer itself adds/)
  })

  it('leave the stored transitions alone: bookkeeping is in the batch only', () => {
    const { buffer } = make()
    const transition = step(0)
    buffer.push([transition, step(1)])
    const batch = buffer.sample(2, 3)
    expect(Object.keys(batch!)).toEqual(
      expect.arrayContaining(['IS', 'replay_buffer_idx', 'replay_unique_id', 'use', 'staleness']),
    )
    expect(Object.keys(transition)).toEqual(Object.keys(step(0)))
    expect(Object.keys(buffer.state_dict().data as object)).toEqual(Object.keys(step(0)))
    expect(ints(batch, 'staleness')).toEqual(numbersIn(batch).map((n) => 3 - n))
  })
})

describe('limits', () => {
  it('removes a transition once it was used max_use times', () => {
    for (const { buffer } of [advanced({ max_use: 2 }), deque({ max_use: 2 })]) {
      buffer.push(steps(0, 6))
      const used = Array.from({ length: 6 }, () => 0)
      for (let batch = buffer.sample(2, 0); batch !== null; batch = buffer.sample(2, 0)) {
        const rows = numbersIn(batch)
        for (const n of rows) used[n]!++
        expect(ints(batch, 'use')).toEqual(rows.map((n) => used[n]))
      }
      expect(buffer.count()).toBeLessThan(2)
      expect(used.filter((n) => n === 2).length).toBeGreaterThanOrEqual(5)
    }
  })

  it('removes a transition once it is max_staleness iterations old', () => {
    for (const make of [
      () => advanced({ replay_buffer_size: 6, max_staleness: 4 }),
      () => deque({ replay_buffer_size: 6, max_staleness: 4 }),
    ]) {
      const { buffer } = make()
      buffer.push(steps(0, 6))
      for (let i = 0; i < 30; i++) {
        const batch = buffer.sample(2, i + 5)
        expect(buffer.count()).toBe(4)
        for (const n of numbersIn(batch)) expect(n).toBeGreaterThan(i + 1)
        expect(Math.max(...ints(batch, 'staleness'))).toBeLessThan(4)
        buffer.push(step(6 + i))
      }
      expect(buffer.sample(1, 1000)).toBeNull()
      expect(buffer.count()).toBe(0)
      buffer.push(steps(1000, 1003))
      expect(numbersIn(buffer.sample(3, 1002)).sort()).toEqual([1000, 1001, 1002])
    }
  })

  it('needs sample_min_limit_ratio times the batch', () => {
    const cfg = advanced().buffer
    expect(cfg.count()).toBe(0)
    const controller = {
      push_sample_rate_limit: { max: Number.POSITIVE_INFINITY, min: 0 },
      window_seconds: 30,
      window_count: 1000,
    }
    const { buffer } = advanced({ thruput_controller: { ...controller, sample_min_limit_ratio: 2 } })
    buffer.push(steps(0, 7))
    expect(buffer.sample(4, 0)).toBeNull()
    buffer.push(step(7))
    expect(buffer.sample(4, 0)).not.toBeNull()
  })

  it('keeps pushing and sampling in step by counts', () => {
    const limited = (min: number, max: number) =>
      advanced({
        thruput_controller: {
          push_sample_rate_limit: { min, max },
          window_seconds: 30,
          window_count: 1000,
          sample_min_limit_ratio: 1,
        },
      })
    const slow = limited(0.5, Number.POSITIVE_INFINITY)
    slow.buffer.push(steps(0, 4))
    expect(slow.buffer.sample(4, 0)).not.toBeNull()
    expect(slow.buffer.sample(4, 0)).not.toBeNull()
    expect(slow.buffer.sample(4, 0)).toBeNull()
    expect(slow.logger.lines.at(-1)).toMatch(/push\/sample would be 0\.3333, below min 0\.5/)
    slow.buffer.push(steps(4, 6))
    expect(slow.buffer.sample(4, 0)).not.toBeNull()
    const full = limited(0, 2)
    full.buffer.push(steps(0, 40))
    expect(full.buffer.count()).toBe(40)
    full.buffer.sample(20, 0)
    full.buffer.push(step(40))
    expect(full.buffer.count()).toBe(40)
    expect(full.logger.lines.at(-1)).toMatch(/1 transitions were thrown away.*above max 2/)
    full.buffer.sample(20, 0)
    full.buffer.push(step(40))
    expect(full.buffer.count()).toBe(41)
  })
})

describe('deque buffer', () => {
  it('without priority draws distinct transitions with IS 1, also when entries are missing between others', () => {
    const { buffer } = deque({ replay_buffer_size: 10, max_use: 1 })
    buffer.push(steps(0, 10))
    const first = numbersIn(buffer.sample(4, 0))
    const second = buffer.sample(6, 0)
    expect([...first, ...numbersIn(second)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(ints(second, 'IS')).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('caps reported priorities', () => {
    const { buffer } = deque({ priority: true, priority_max_limit: 10 })
    buffer.push(steps(0, 2))
    buffer.update({ replay_buffer_idx: [0], replay_unique_id: [0], priority: [1e6] })
    expect(buffer.priorities!.maximum).toBe(10 + 1e-5)
    expect(ints(buffer.sample(2, 0), 'IS')).toEqual([1, 1])
    expect(buffer.priorities!.beta).toBe(0.4)
  })
})

describe('reports', () => {
  it('of the advanced buffer come every print_freq samples', () => {
    const { buffer, logger } = advanced({
      monitor: { sampled_data_attr: { average_range: 2, print_freq: 3 }, periodic_thruput: { seconds: 60 } },
    })
    buffer.push(steps(0, 4))
    for (let i = 0; i < 7; i++) buffer.sample(4, 10 + i)
    expect(logger.series('buffer_iter/use_avg')).toHaveLength(2)
    expect(logger.series('buffer_iter/use_avg')[0]).toBe(2.5)
    expect(logger.series('buffer_iter/priority_max')).toEqual([1, 1])
    expect(logger.values.filter((row) => row.tag === 'buffer_iter/beta').map((row) => row.step)).toEqual([
      12, 15,
    ])
    expect(logger.tables[0]?.title).toBe('buffer at iteration 12')
  })

  it('on throughput come by the clock of the logger', () => {
    const { buffer, logger } = naive()
    buffer.push(steps(0, 4))
    logger.time = 61_000
    buffer.sample(2, 0)
    expect(logger.values).toEqual([
      { tag: 'buffer_sec/pushed_in', value: 4, step: 61 },
      { tag: 'buffer_sec/sampled_out', value: 2, step: 61 },
      { tag: 'buffer_sec/removed', value: 0, step: 61 },
      { tag: 'buffer_sec/current_have', value: 4, step: 61 },
    ])
  })

  it('of the deque buffer come every train_iter_per_log iterations', () => {
    const { buffer, logger } = deque({ priority: true, train_iter_per_log: 10 })
    buffer.push(steps(0, 4))
    for (let i = 0; i < 25; i++) buffer.sample(2, i)
    expect(
      logger.values.filter((row) => row.tag === 'buffer_iter/buffer_data_count').map((row) => row.step),
    ).toEqual([0, 10, 20])
    expect(logger.series('buffer_iter/priority_avg')).toEqual([1, 1, 1])
  })
})
