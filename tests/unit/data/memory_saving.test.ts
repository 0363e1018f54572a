import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Batch, ReplayBuffer, Transition } from '../../../ding/data/index.js'
import { CheckpointError, loadState, saveState } from '../../../ding/utils/index.js'
import { advanced, deque, naive } from './helpers.js'

const folder = mkdtempSync(join(tmpdir(), 'ding-memory-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const kinds = {
  naive: (optimize_memory_usage: boolean, replay_buffer_size: number, seed = 0) =>
    naive({ optimize_memory_usage, replay_buffer_size }, seed),
  deque: (optimize_memory_usage: boolean, replay_buffer_size: number, seed = 0) =>
    deque({ optimize_memory_usage, replay_buffer_size, max_use: 3 }, seed),
  advanced: (optimize_memory_usage: boolean, replay_buffer_size: number, seed = 0) =>
    advanced({ optimize_memory_usage, replay_buffer_size, max_use: 3 }, seed),
}

type Made = ReturnType<(typeof kinds)[keyof typeof kinds]>

/** Observations in the forms that environments give them. */
const FORMS: Record<string, (...numbers: number[]) => Transition[string]> = {
  vectors: (...numbers) => Float32Array.from(numbers, (n) => n / 3),
  bytes: (...numbers) => Uint8Array.from(numbers),
  numbers: (a = 0, b = 0, c = 0) => (a * 100 + b * 10 + c) / 7,
  records: (a = 0, b = 0, c = 0) => ({
    image: new Uint8Array(70).fill(a + 1),
    at: { x: b / 3, y: Int32Array.of(c) },
  }),
}

type What = 'step' | 'terminated' | 'truncated' | 'lost' | 'stays'

/** Steps of three environments in the order of their happening; `lost` ones never reach the buffer. */
function play(
  events: readonly { env: number; what: What }[],
  form: (...numbers: number[]) => Transition[string],
) {
  const at = [0, 1, 2].map(() => ({ episode: 0, step: 0 }))
  const list: Transition[] = []
  for (const [i, { env, what }] of events.entries()) {
    const own = at[env]!
    const next = what === 'stays' ? own.step : own.step + 1
    if (what !== 'lost') {
      list.push({
        obs: form(env, own.episode, own.step),
        next_obs: form(env, own.episode, next),
        action: i % 4,
        reward: i / 2,
        done: what === 'terminated',
        collect_iter: i,
      })
    }
    own.step = next
    if (what === 'terminated' || what === 'truncated')
      Object.assign(own, { episode: own.episode + 1, step: 0 })
  }
  return list
}

const EVENTS = fc.array(
  fc.record({
    env: fc.integer({ min: 0, max: 2 }),
    what: fc.constantFrom<What>('step', 'step', 'step', 'step', 'terminated', 'truncated', 'lost', 'stays'),
  }),
  { minLength: 1, maxLength: 60 },
)

/** The batch as text, with its keys in order. */
function text(batch: Batch | null): string {
  const sorted = (_: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  return JSON.stringify(batch, sorted)
}

describe.each(Object.entries(kinds))('%s buffer', (kind, make) => {
  it.each(Object.keys(FORMS))('gives the batches of an ordinary buffer, whatever happens: %s', (name) => {
    fc.assert(
      fc.property(
        EVENTS,
        fc.integer({ min: 1, max: 25 }),
        fc.integer({ min: 1, max: 7 }),
        (events, size, push) => {
          const list = play(events, FORMS[name]!)
          const [plain, saving] = [make(false, size), make(true, size)]
          for (let i = 0; i < list.length; i += push) {
            for (const { buffer } of [plain, saving]) buffer.push(list.slice(i, i + push))
            const most = Math.max(1, Math.min(5, plain.buffer.count()))
            expect(text(saving.buffer.sample(most, 0))).toBe(text(plain.buffer.sample(most, 0)))
          }
        },
      ),
      { numRuns: 60, seed: 1 },
    )
  })

  it('continues bit for bit from a file', () => {
    const events = Array.from({ length: 90 }, (_, i) => ({
      env: (i * i) % 3,
      what: (i % 11 === 0 ? 'terminated' : i % 17 === 0 ? 'truncated' : 'step') as What,
    }))
    for (const [name, form] of Object.entries(FORMS)) {
      const list = play(events, form)
      const work = ({ buffer }: Made, from: number, to: number) =>
        Array.from({ length: to - from }, (_, i) => {
          buffer.push(list.slice(3 * (from + i), 3 * (from + i) + 3))
          return text(buffer.sample(3, 0))
        })
      const straight = make(true, 20, 5)
      const expected = work(straight, 0, 30)
      const broken = make(true, 20, 5)
      const first = work(broken, 0, 14)
      const path = join(folder, `${kind}_${name}.safetensors`)
      saveState(path, { buffer: broken.buffer.state_dict(), random: broken.random.state() })
      const resumed = make(true, 20, 99)
      const { tree } = loadState(path)
      resumed.buffer.push(list.slice(40, 50))
      resumed.buffer.load_state_dict(tree.buffer as never)
      resumed.random.restore(tree.random as never)
      expect([...first, ...work(resumed, 14, 30)]).toEqual(expected)
      expect(JSON.stringify(resumed.buffer.state_dict())).toBe(JSON.stringify(straight.buffer.state_dict()))
      expect((resumed.buffer as ReplayBuffer & { memory_bytes: number }).memory_bytes).toBe(
        straight.buffer.memory_bytes,
      )
    }
  })

  it('data goes through a file, into an ordinary buffer and back', () => {
    const list = play(
      Array.from({ length: 30 }, (_, i) => ({ env: i % 2, what: i % 9 === 8 ? 'terminated' : 'step' })),
      FORMS['records']!,
    )
    const { buffer } = make(true, 16)
    buffer.push(list)
    const path = join(folder, `${kind}_data.safetensors`)
    buffer.save_data(path)
    const [plain, saving] = [make(false, 16), make(true, 16)]
    for (const made of [plain, saving]) made.buffer.load_data(path)
    expect(saving.buffer.count()).toBe(16)
    expect(text(saving.buffer.sample(16, 0))).toBe(text(plain.buffer.sample(16, 0)))
  })

  it.each([true, false])('what it saves leaves no arrays behind (optimize_memory_usage: %s)', (saves) => {
    const { buffer } = make(saves, 16)
    buffer.push(play(Array(16).fill({ env: 0, what: 'step' }), FORMS['vectors']!))
    const sizes = [2, 3, 4, 5]
    const batches = sizes.map((size) => buffer.sample(size, 0)!)
    const arrays = batches.map(({ obs, next_obs }) => [obs, next_obs])
    buffer.save_data(join(folder, `${kind}_left.safetensors`))
    // As many sizes as keep their arrays: another one would take the place of the first.
    for (const [i, size] of sizes.entries()) {
      const { obs, next_obs } = buffer.sample(size, 0)!
      expect(obs).toBe(arrays[i]![0])
      expect(next_obs).toBe(arrays[i]![1])
    }
  })

  it('refuses a state of the other kind', () => {
    const list = play([{ env: 0, what: 'step' }], FORMS['vectors']!)
    const [plain, saving] = [make(false, 4), make(true, 4)]
    for (const { buffer } of [plain, saving]) buffer.push(list)
    expect(() => saving.buffer.load_state_dict(plain.buffer.state_dict())).toThrow(
      /without optimize_memory_usage/,
    )
    expect(() => plain.buffer.load_state_dict(saving.buffer.state_dict())).toThrow(
      /with optimize_memory_usage/,
    )
    const { data, ...rest } = saving.buffer.state_dict()
    const apart_row = { dtype: 'int32' as const, shape: [0], data: new Int32Array(0) }
    expect(() =>
      saving.buffer.load_state_dict({ ...rest, data: { ...(data as object), apart_row } }),
    ).toThrow(CheckpointError)
    expect(saving.buffer.count()).toBe(1)
  })
})

it('n-step data and batches of other sizes in turn are right too', () => {
  const form = FORMS['vectors']!
  const list: Transition[] = Array.from({ length: 40 }, (_, t) => ({
    obs: form(0, 0, t),
    next_obs: form(0, 0, Math.min(t + 3, 40)),
    action: 0,
    reward: Float32Array.of(t, t + 1, t + 2),
    done: t > 36,
  }))
  const [plain, saving] = [kinds.naive(false, 15), kinds.naive(true, 15)]
  for (const { buffer } of [plain, saving]) buffer.push(list)
  for (const size of [3, 15, 1, 3, 7, 4, 15])
    expect(text(saving.buffer.sample(size, 0))).toBe(text(plain.buffer.sample(size, 0)))
})

it('what is pushed may be written over afterwards', () => {
  const { buffer } = kinds.naive(true, 4)
  const next_obs = Float32Array.of(1, 2)
  buffer.push({ obs: Float32Array.of(0, 0), next_obs, action: 0, reward: 0, done: false })
  next_obs.fill(9)
  expect(Array.from((buffer.sample(1, 0)!['next_obs'] as { data: Float32Array }).data)).toEqual([1, 2])
})

it('-0 and 0 are not the same, nor are values that only print alike', () => {
  const { buffer } = kinds.naive(true, 4)
  const rest = { action: 0, reward: 0, done: false }
  buffer.push([
    { obs: Float32Array.of(1), next_obs: Float32Array.of(-0), ...rest },
    { obs: Float32Array.of(0), next_obs: Float32Array.of(2), ...rest },
  ])
  const { obs, next_obs } = buffer.sample(2, 0) as unknown as Record<string, { data: Float32Array }>
  const of = (value: number) => next_obs!.data[obs!.data.indexOf(value)]!
  expect(Object.is(of(1), -0)).toBe(true)
})

it('refuses transitions whose obs and next_obs differ in form, and stores nothing', () => {
  const { buffer } = kinds.naive(true, 4)
  const rest = { action: 0, reward: 0, done: false }
  const good = { obs: new Float32Array(2), next_obs: new Float32Array(2), ...rest }
  const odd = { ...good, next_obs: new Float32Array(3) }
  expect(() => buffer.push([good, odd])).toThrow(
    /"next_obs" of transition 1 .* is float32 \[3\], expected float32 \[2\]/,
  )
  expect(() => buffer.push([{ obs: good.obs, ...rest } as Transition])).toThrow(
    /"next_obs" of transition 0 .* missing/,
  )
  expect(() => buffer.push([{ next_obs: good.obs, ...rest } as Transition])).toThrow(/"obs" is missing/)
  expect(buffer.count()).toBe(0)
  buffer.push({ ...good, obs: new Uint8Array(5), next_obs: new Uint8Array(5) })
  expect(buffer.count()).toBe(1)
})

it('saves nearly half of the memory of images', () => {
  const image = (t: number) => new Uint8Array(84 * 84).fill(t)
  const list: Transition[] = Array.from({ length: 200 }, (_, t) => ({
    obs: image(t),
    next_obs: image(t + 1),
    action: 0,
    reward: 0,
    done: t % 50 === 49,
  }))
  const [plain, saving] = [kinds.naive(false, 200), kinds.naive(true, 200)]
  for (const { buffer } of [plain, saving]) buffer.push(list)
  expect(plain.buffer.memory_bytes).toBe(200 * (2 * 84 * 84 + 12))
  expect(saving.buffer.memory_bytes).toBe(200 * (84 * 84 + 12 + 4) + 84 * 84)
})
