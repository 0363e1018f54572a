import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Transition } from '../../../ding/data/index.js'
import { BUFFER_REGISTRY } from '../../../ding/registry/index.js'
import { CheckpointError, loadState, saveState } from '../../../ding/utils/index.js'
import { goalEpisode, goalStep, her, type Row, rowsOf, sameGoal } from './her_helpers.js'

const folder = mkdtempSync(join(tmpdir(), 'ding-her-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const key = ({ env_id, episode, step }: Pick<Row, 'env_id' | 'episode' | 'step'>) =>
  `${env_id}/${episode}/${step}`

/** Every transition that many batches show. */
function seen(buffer: ReturnType<typeof her>['buffer'], batches = 40): Set<string> {
  const all = new Set<string>()
  for (let i = 0; i < batches; i++) for (const row of rowsOf(buffer.sample(32, 0))) all.add(key(row))
  return all
}

it('is registered, keeps no priorities, relabels goals', () => {
  const { keeps_priority, relabels_goals } = BUFFER_REGISTRY.get('her')
  expect({ keeps_priority, relabels_goals }).toEqual({ keeps_priority: false, relabels_goals: true })
})

describe('which transitions', () => {
  it('none of an episode before it has ended', () => {
    const { buffer, logger } = her()
    buffer.push(goalEpisode(0, 0, 4).slice(0, 3))
    expect(buffer.count()).toBe(0)
    expect(buffer.sample(1, 0)).toBeNull()
    expect(logger.lines.at(-1)).toMatch(/0 transitions of finished episodes \(3 in all\) for a batch of 1/)
    buffer.push(goalStep(0, 0, 3, true))
    expect(buffer.count()).toBe(4)
    expect(seen(buffer)).toEqual(new Set(['0/0/0', '0/0/1', '0/0/2', '0/0/3']))
  })

  it('of several environments whose steps alternate', () => {
    const { buffer } = her()
    const [a, b] = [goalEpisode(0, 0, 3), goalEpisode(1, 0, 5)]
    for (let step = 0; step < 5; step++) buffer.push([...a.slice(step, step + 1), ...b.slice(step, step + 1)])
    buffer.push(goalEpisode(2, 0, 9).slice(0, 6))
    expect(buffer.count()).toBe(8)
    for (const row of Array.from({ length: 20 }, () => rowsOf(buffer.sample(20, 0))).flat()) {
      if (row.goal === null) continue
      expect(row.goal.slice(0, 2)).toEqual([row.env_id, row.episode])
      expect(row.goal[2]).toBeGreaterThan(row.step)
    }
  })

  it('none of an episode of which a row was overwritten, finished or running', () => {
    const { buffer } = her({ replay_buffer_size: 10 })
    buffer.push([...goalEpisode(0, 0, 4), ...goalEpisode(0, 1, 4)])
    buffer.push(goalEpisode(0, 2, 4).slice(0, 3))
    // The first row of episode 0 is gone: all of it is.
    expect(seen(buffer)).toEqual(new Set(['0/1/0', '0/1/1', '0/1/2', '0/1/3']))
    buffer.push(goalStep(0, 2, 3, true))
    expect(buffer.count()).toBe(8)
    const long = her({ replay_buffer_size: 10 }).buffer
    long.push(goalEpisode(0, 0, 12))
    expect(long.count()).toBe(0)
    long.push(goalEpisode(0, 1, 2))
    expect(seen(long)).toEqual(new Set(['0/1/0', '0/1/1']))
  })

  it('none of an episode that broke off', () => {
    const { buffer } = her()
    buffer.push([goalStep(0, 0, 0), goalStep(0, 0, 1)])
    buffer.push(goalEpisode(0, 1, 2))
    // Steps without their beginning, as after a lost piece.
    buffer.push([goalStep(0, 2, 2), goalStep(0, 2, 3, true)])
    expect(seen(buffer)).toEqual(new Set(['0/1/0', '0/1/1']))
  })

  it('all alike often', () => {
    const { buffer } = her({ replay_buffer_size: 64 })
    buffer.push([...goalEpisode(0, 0, 7), ...goalEpisode(1, 0, 3)])
    const counts = new Map<string, number>()
    for (let i = 0; i < 100; i++)
      for (const row of rowsOf(buffer.sample(100, 0))) counts.set(key(row), (counts.get(key(row)) ?? 0) + 1)
    expect(counts.size).toBe(10)
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  it('without replacement each at most once, and none when there are too few', () => {
    const { buffer } = her({ replace: false })
    buffer.push(goalEpisode(0, 0, 8))
    expect(new Set(rowsOf(buffer.sample(8, 0)).map(key)).size).toBe(8)
    expect(buffer.sample(9, 0)).toBeNull()
    expect(() => buffer.sample(0, 0)).toThrow(/batch of 0/)
  })
})

describe('relabelling', () => {
  it("SB3's share of a batch: trunc((1 - 1 / (n + 1)) size), the last rows", () => {
    for (const [n, size, virtual] of [
      [4, 10, 8],
      [4, 256, 204],
      [1, 7, 3],
      [0, 5, 0],
      [9, 30, 27],
    ] as const) {
      const { buffer } = her({ n_sampled_goal: n })
      buffer.push(goalEpisode(0, 0, 6))
      const rows = rowsOf(buffer.sample(size, 0))
      expect(rows.map(({ goal }) => goal !== null)).toEqual(rows.map((_, i) => i >= size - virtual))
    }
  })

  it.each([
    ['future', ({ step }: Row, length: number) => ({ from: step + 1, to: length })],
    ['final', (_: Row, length: number) => ({ from: length, to: length })],
    ['episode', (_: Row, length: number) => ({ from: 1, to: length })],
  ] as const)(
    '%s: goals that the episode achieves there, every one of them',
    (goal_selection_strategy, allowed) => {
      const { buffer } = her({ goal_selection_strategy })
      const lengths = [1, 4, 6]
      for (const [episode, length] of lengths.entries()) buffer.push(goalEpisode(0, episode, length))
      const goals = new Map<string, Set<number>>()
      for (const row of Array.from({ length: 60 }, () => rowsOf(buffer.sample(40, 0))).flat()) {
        if (row.goal === null) continue
        expect(row.goal[1]).toBe(row.episode)
        goals.set(key(row), (goals.get(key(row)) ?? new Set()).add(row.goal[2]))
      }
      for (const [episode, length] of lengths.entries()) {
        for (let step = 0; step < length; step++) {
          const { from, to } = allowed({ step } as Row, length)
          const expected = Array.from({ length: to - from + 1 }, (_, i) => from + i)
          expect([...goals.get(`0/${episode}/${step}`)!].sort((a, b) => a - b)).toEqual(expected)
        }
      }
    },
  )

  it('the goal is in obs and next_obs, the reward is that of reaching it, done stays', () => {
    const { buffer } = her()
    const steps = goalEpisode(0, 0, 3)
    buffer.push([...steps.slice(0, 2), { ...steps[2]!, done: true }])
    const rows = Array.from({ length: 10 }, () => rowsOf(buffer.sample(20, 0))).flat()
    for (const { goal, next_goal, reward, step, done } of rows) {
      expect(next_goal).toEqual(goal === null ? [-1, -1, -1] : goal)
      expect(reward).toBe(goal !== null && goal[2] === step + 1 ? 0 : -1)
      expect(done).toBe(step === 2 ? 1 : 0)
    }
    expect(rows.some(({ reward }) => reward === 0)).toBe(true)
  })

  it('compute_reward sees the next achieved goal, the new goal, and the info of the step where it is kept', () => {
    const calls: [number, number, unknown][] = []
    const reward = (achieved: unknown, desired: unknown, info: unknown) => {
      calls.push([(achieved as Float32Array)[2]!, (desired as Float32Array)[2]!, info])
      return 0.5
    }
    const steps = goalEpisode(0, 0, 3).map((step, i) => ({
      ...step,
      info: { weight: i, at: Float32Array.of(i) },
    }))
    const plain = her({ goal_selection_strategy: 'final' }, 0, reward).buffer
    expect(plain.episode_marks).toEqual({ info: false })
    plain.push(steps)
    plain.sample(10, 0)
    expect(calls).toHaveLength(8)
    for (const [, desired, info] of calls) expect([desired, info]).toEqual([3, {}])
    calls.length = 0
    const keeping = her({ copy_info_dict: true }, 0, reward).buffer
    expect(keeping.episode_marks).toEqual({ info: true })
    keeping.push(steps as unknown as Transition[])
    keeping.sample(10, 0)
    for (const [achieved, , info] of calls)
      expect(info).toEqual({ weight: achieved - 1, at: Float32Array.of(achieved - 1) })
    expect(() => keeping.push(goalEpisode(0, 1, 2))).toThrow(/has no "info", which copy_info_dict needs/)
    calls.length = 0
    const path = join(folder, 'infos.safetensors')
    keeping.save_data(path)
    const again = her({ copy_info_dict: true }, 0, reward).buffer
    again.load_data(path)
    again.sample(10, 0)
    expect(calls.length).toBeGreaterThan(0)
    for (const [achieved, , info] of calls)
      expect(info).toEqual({ weight: achieved - 1, at: Float32Array.of(achieved - 1) })
    const without = join(folder, 'without_infos.safetensors')
    plain.save_data(without)
    expect(() => again.load_data(without)).toThrow(/has no "info", which copy_info_dict needs/)
    expect(again.count()).toBe(3)
  })

  it('goals that are numbers, and bytes', () => {
    const numbers = her({ goal_selection_strategy: 'final', n_sampled_goal: 9 }, 0, (a, d) =>
      a === d ? 0 : -1,
    ).buffer
    const bytes = her({ goal_selection_strategy: 'final', n_sampled_goal: 9 }).buffer
    for (let step = 0; step < 3; step++) {
      const at = (place: number): Transition => ({ achieved_goal: place, desired_goal: 99 })
      const many = (place: number): Transition => ({
        achieved_goal: Uint8Array.of(place),
        desired_goal: Uint8Array.of(99),
      })
      const rest = { action: 0, reward: -1, done: false, episode: { env_id: 0, step, end: step === 2 } }
      numbers.push({ ...rest, obs: at(step), next_obs: at(step + 1) })
      bytes.push({ ...rest, obs: many(step), next_obs: many(step + 1) })
    }
    for (const buffer of [numbers, bytes]) {
      const batch = buffer.sample(10, 0) as never as Record<
        string,
        Record<string, { data: ArrayLike<number> }>
      >
      expect(Array.from(batch['obs']!['desired_goal']!.data).slice(1)).toEqual(Array(9).fill(3))
      const steps = Array.from(batch['obs']!['achieved_goal']!.data).slice(1)
      const { data } = (batch as never as Record<string, { data: ArrayLike<number> }>)['reward']!
      expect(Array.from(data).slice(1)).toEqual(steps.map((step) => (step === 2 ? 0 : -1)))
    }
  })
})

describe('state', () => {
  it.each([
    ['', {}],
    [' with infos', { copy_info_dict: true }],
    [' without next_obs', { optimize_memory_usage: true }],
  ] as const)('continues bit for bit from a file%s', (_, cfg) => {
    const make = (seed: number) =>
      her(
        { replay_buffer_size: 23, ...cfg },
        seed,
        (a, d, info) => sameGoal(a, d, info) + Number(info['bonus'] ?? 0),
      )
    const stream = Array.from({ length: 30 }, (_, i) => goalEpisode(i % 3, i, 1 + ((i * 5) % 7))).flat()
    const steps = stream.map((step, i) => ({ ...step, info: { bonus: i / 8, tag: Int32Array.of(i) } }))
    const work = ({ buffer }: ReturnType<typeof her>, from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => {
        buffer.push(steps.slice(3 * (from + i), 3 * (from + i) + 3) as Transition[])
        return JSON.stringify(buffer.sample(5, 0))
      })
    const straight = make(7)
    const expected = work(straight, 0, 30)
    const broken = make(7)
    const first = work(broken, 0, 13)
    const path = join(folder, `state${Object.keys(cfg).join()}.safetensors`)
    saveState(path, { buffer: broken.buffer.state_dict(), random: broken.random.state() })
    const resumed = make(99)
    const { tree } = loadState(path)
    resumed.buffer.push(steps.slice(0, 20) as Transition[])
    resumed.buffer.load_state_dict(tree.buffer as never)
    resumed.random.restore(tree.random as never)
    expect([...first, ...work(resumed, 13, 30)]).toEqual(expected)
    expect(JSON.stringify(resumed.buffer.state_dict())).toBe(JSON.stringify(straight.buffer.state_dict()))
  })

  it('data alone goes through a file, episodes included', () => {
    const { buffer } = her({ replay_buffer_size: 10 })
    buffer.push([...goalEpisode(0, 0, 4), ...goalEpisode(1, 0, 4), ...goalEpisode(0, 1, 3).slice(0, 2)])
    const path = join(folder, 'data.safetensors')
    buffer.save_data(path)
    const other = her({ replay_buffer_size: 20 }).buffer
    other.load_data(path)
    expect(other.count()).toBe(8)
    expect(seen(other)).toEqual(seen(buffer))
    other.push(goalStep(0, 1, 2, true))
    expect(other.count()).toBe(11)
  })

  it('refuses a state whose episodes are not those of its data', () => {
    const { buffer } = her()
    buffer.push(goalEpisode(0, 0, 4))
    const state = buffer.state_dict()
    const whole = { dtype: 'int32' as const, shape: [2], data: Int32Array.of(0, 1) }
    expect(() => buffer.load_state_dict({ ...state, whole })).toThrow(CheckpointError)
    expect(() => her().buffer.load_state_dict({ ...state, whole: 3 })).toThrow(/"whole" is 3/)
  })

  it('clear forgets all', () => {
    const { buffer } = her()
    buffer.push(goalEpisode(0, 0, 4))
    buffer.clear()
    expect(buffer.count()).toBe(0)
    buffer.push(goalEpisode(0, 1, 2))
    expect(seen(buffer)).toEqual(new Set(['0/1/0', '0/1/1']))
  })
})

it('whatever is pushed: only whole finished episodes of the buffer are sampled, with goals of their own', () => {
  const event = fc.record({
    env: fc.integer({ min: 0, max: 2 }),
    what: fc.constantFrom('step', 'step', 'step', 'end', 'break'),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), fc.integer({ min: 3, max: 20 }), (events, size) => {
      const { buffer } = her({ replay_buffer_size: size })
      const at = [0, 1, 2].map(() => ({ episode: 0, step: 0 }))
      const log: { id: string; episode: string; end: boolean }[] = []
      for (const { env, what } of events) {
        const own = at[env]!
        if (what !== 'break') {
          buffer.push(goalStep(env, own.episode, own.step, what === 'end'))
          log.push({
            id: `${env}/${own.episode}/${own.step}`,
            episode: `${env}/${own.episode}`,
            end: what === 'end',
          })
          own.step++
        }
        if (what !== 'step') Object.assign(own, { episode: own.episode + 1, step: 0 })
      }
      const kept = log.slice(-size)
      const lost = new Set(log.slice(0, Math.max(0, log.length - size)).map(({ episode }) => episode))
      const ended = new Set(kept.filter(({ end }) => end).map(({ episode }) => episode))
      const valid = kept.filter(({ episode }) => ended.has(episode) && !lost.has(episode))
      expect(buffer.count()).toBe(valid.length)
      if (valid.length === 0) return
      const ids = new Set(valid.map(({ id }) => id))
      for (const row of rowsOf(buffer.sample(20, 0))) {
        expect(ids).toContain(key(row))
        if (row.goal !== null) expect(ids).toContain(`${row.goal[0]}/${row.goal[1]}/${row.goal[2] - 1}`)
      }
    }),
    { numRuns: 200, seed: 4 },
  )
})

describe('refuses', () => {
  const push = (change: (step: Transition) => Transition) => () =>
    her().buffer.push(change(goalStep(0, 0, 0)))
  it.each<[string, (step: Transition) => Transition, RegExp]>([
    [
      'no episode',
      ({ obs, next_obs, reward }) => ({ obs: obs!, next_obs: next_obs!, reward: reward! }),
      /transition 0 .* has no "episode" \{env_id, step, end\}/,
    ],
    ['n-step rewards', (step) => ({ ...step, reward: Float32Array.of(1, 2) }), /Set policy.nstep to 1/],
    ['n-step discounts', (step) => ({ ...step, value_gamma: 0.9 }), /Set policy.nstep to 1/],
    [
      'plain observations',
      (step) => ({ ...step, obs: new Float32Array(2) }),
      /without "achieved_goal".*Use a goal environment/,
    ],
    [
      'goals of two forms',
      (step) => ({ ...step, obs: { ...(step['obs'] as Transition), desired_goal: new Float32Array(2) } }),
      /achieved_goal float32 \[3\] but the desired_goal float32 \[2\]/,
    ],
  ])('%s', (_, change, message) => {
    expect(push(change)).toThrow(message)
  })

  it('rewards that are no numbers', () => {
    const { buffer } = her({}, 0, () => Number.NaN)
    buffer.push(goalEpisode(0, 0, 3))
    expect(() => buffer.sample(5, 0)).toThrow(/compute_reward gave NaN/)
  })

  it('to be made without compute_reward', () => {
    const Buffer = BUFFER_REGISTRY.get('her')
    expect(() => new Buffer({ replay_buffer_size: 4 } as never, { random: {} as never })).toThrow(
      /was given no compute_reward/,
    )
  })
})
