import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  get_gae,
  get_gae_with_default_last_value,
  get_nstep_return_data,
  get_train_sample,
} from '../../../ding/rl_utils/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'

type Step = Record<string, unknown>

/** Transitions whose observations name them: obs = [i], next_obs = [i + 1]. */
function trajectory(
  rewards: readonly number[],
  done: readonly boolean[],
  truncated?: readonly boolean[],
): Step[] {
  return rewards.map((reward, i) => ({
    obs: Float32Array.of(i),
    next_obs: Float32Array.of(i + 1),
    action: i % 3,
    reward,
    done: done[i]!,
    ...(truncated && { truncated: truncated[i]! }),
  }))
}

const piece = fc
  .array(
    fc.record({
      reward: fc.float({ min: -5, max: 5, noNaN: true }),
      done: fc.boolean(),
      truncated: fc.boolean(),
    }),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .map((steps) =>
    trajectory(
      steps.map((s) => s.reward),
      steps.map((s) => s.done && !s.truncated),
      steps.map((s) => s.truncated),
    ),
  )

/** The value of an observation in these tests: any function of it will do. */
const worthOf = (obs: unknown) => Math.sin((obs as Float32Array)[0]!) + 2

/** The return from `start` on by walking the trajectory: at most n rewards, then the value unless terminal. */
function walk(steps: readonly Step[], start: number, n: number, gamma: number): number {
  let sum = 0
  let factor = 1
  for (let i = start; ; i++) {
    const step = steps[i]!
    sum += factor * (step['reward'] as number)
    factor *= gamma
    if (step['done'] === true) return sum
    if (step['truncated'] === true || i - start + 1 === n || i === steps.length - 1)
      return sum + factor * worthOf(step['next_obs'])
  }
}

describe('get_nstep_return_data', () => {
  test('gives the return that walking the trajectory gives, stored as rewards or as their sum', () => {
    fc.assert(
      fc.property(piece, fc.integer({ min: 2, max: 6 }), (steps, nstep) => {
        const gamma = 0.9
        const rewards = get_nstep_return_data(steps, nstep, { gamma })
        const sums = get_nstep_return_data(steps, nstep, { gamma, cum_reward: true })
        steps.forEach((_, i) => {
          const expected = walk(steps, i, nstep, gamma)
          const row = rewards[i]!['reward'] as Float32Array
          expect(row).toHaveLength(nstep)
          const sum = row.reduce((total, r, j) => total + gamma ** j * r, 0)
          for (const [step, total] of [
            [rewards[i]!, sum],
            [sums[i]!, sums[i]!['reward'] as number],
          ] as const) {
            const future =
              step['done'] === true ? 0 : (step['value_gamma'] as number) * worthOf(step['next_obs'])
            expect(total + future).toBeCloseTo(expected, 4)
          }
        })
      }),
      { seed: 2, numRuns: 100 },
    )
  })

  test('value_gamma at the end of a cut piece has the power of the rewards that are there', () => {
    const steps = trajectory([1, 1, 1, 1, 1], [false, false, false, false, false])
    const out = get_nstep_return_data(steps, 3, { gamma: 0.9 })
    const expected = [0.729, 0.729, 0.729, 0.81, 0.9]
    out.forEach((step, i) => {
      expect(step['value_gamma']).toBeCloseTo(expected[i]!, 12)
    })
  })

  test('a done inside the window cuts the sum', () => {
    const out = get_nstep_return_data(trajectory([1, 2, 4], [false, true, false]), 3, { gamma: 0.5 })
    expect(out[0]).toMatchObject({
      reward: Float32Array.of(1, 2, 0),
      done: true,
      next_obs: Float32Array.of(2),
      value_gamma: 0.25,
    })
  })

  test('nstep 1 leaves the transitions as they are; no call changes its input', () => {
    const steps = trajectory([1, 2, 3], [false, false, true])
    const before = structuredClone(steps)
    expect(get_nstep_return_data(steps, 1)).toEqual(before)
    get_nstep_return_data(steps, 2)
    get_train_sample(steps, 2)
    expect(steps).toEqual(before)
    expect(get_nstep_return_data(steps, 2, { correct_terminate_gamma: false })[0]).not.toHaveProperty(
      'value_gamma',
    )
  })

  test('transitions without next_obs stay without', () => {
    const steps = trajectory([1, 2], [false, false])
    for (const step of steps) delete step['next_obs']
    expect(get_nstep_return_data(steps, 2)[0]).not.toHaveProperty('next_obs')
  })

  test('a reward per agent gains an axis; a vector reward is refused', () => {
    const agents = (a: number, b: number): HostTensor => ({
      dtype: 'float32',
      shape: [2, 1],
      data: Float32Array.of(a, b),
    })
    const steps = [agents(1, 2), agents(3, 4)].map((reward) => ({ reward, done: false }))
    expect(get_nstep_return_data(steps, 3)[0]!.reward).toEqual({
      dtype: 'float32',
      shape: [2, 3],
      data: Float32Array.of(1, 3, 0, 2, 4, 0),
    })
    expect(() => get_nstep_return_data([{ reward: Float32Array.of(1, 2), done: false }], 2)).toThrow(
      /scalar reward/,
    )
    expect(() => get_nstep_return_data(steps, 0)).toThrow(/nstep/)
  })
})

describe('get_train_sample', () => {
  const steps = trajectory([1, 2, 3, 4, 5], [false, false, false, false, false])
  const rewards = (samples: readonly Step[]) =>
    samples.map((s) => Array.from((s['reward'] as HostTensor).data))

  test('cuts into pieces with a leading time axis', () => {
    const [first] = get_train_sample(steps, 2, 'drop')
    expect(first!['obs']).toEqual({ dtype: 'float32', shape: [2, 1], data: Float32Array.of(0, 1) })
    expect(first!['action']).toEqual({ dtype: 'int32', shape: [2], data: Int32Array.of(0, 1) })
    expect(first!['done']).toEqual({ dtype: 'bool', shape: [2], data: Uint8Array.of(0, 0) })
    expect(first!['null']).toEqual({ dtype: 'bool', shape: [2], data: Uint8Array.of(0, 0) })
  })

  test('the three ways with what is left over', () => {
    expect(rewards(get_train_sample(steps, 2, 'drop'))).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(rewards(get_train_sample(steps, 2, 'last'))).toEqual([
      [1, 2],
      [3, 4],
      [4, 5],
    ])
    const padded = get_train_sample(steps, 3, 'null_padding')
    expect(rewards(padded)).toEqual([
      [1, 2, 3],
      [4, 5, 0],
    ])
    expect(padded[1]!['null']).toMatchObject({ data: Uint8Array.of(0, 0, 1) })
    expect(padded[1]!['done']).toMatchObject({ data: Uint8Array.of(0, 0, 1) })
    expect(rewards(get_train_sample(steps.slice(0, 2), 3, 'last'))).toEqual([[1, 2, 0]])
    expect(get_train_sample(steps.slice(0, 2), 3, 'drop')).toEqual([])
  })

  test('records and a null transition of the caller', () => {
    const nested: Step[] = steps
      .slice(0, 1)
      .map((step) => ({ ...step, obs: { a: Float32Array.of(7), b: 1 } }))
    const [sample] = get_train_sample(nested, 2, 'null_padding')
    expect(sample!['obs']).toEqual({
      a: { dtype: 'float32', shape: [2, 1], data: Float32Array.of(7, 0) },
      b: { dtype: 'float32', shape: [2], data: Float32Array.of(1, 0) },
    })
    const [given] = get_train_sample(nested, 2, 'last', { ...nested[0]!, reward: -1 })
    expect(rewards([given!])).toEqual([[1, -1]])
  })

  test.each([
    [false, Uint8Array.of(0, 1)],
    [0, Float32Array.of(0, 1)],
    [Uint8Array.of(0), Uint8Array.of(0, 1)],
    [{ dtype: 'bool', shape: [1], data: Uint8Array.of(0) }, Uint8Array.of(0, 1)],
    [{ dtype: 'float32', shape: [], data: Float32Array.of(0) }, Float32Array.of(0, 1)],
  ])('padding is done, in the form of the others: %j', (done, expected) => {
    const [sample] = get_train_sample([{ ...steps[0]!, done }], 2, 'null_padding')
    expect((sample!['done'] as HostTensor).data).toEqual(expected)
  })

  test('unroll_len 1 gives the transitions; bad arguments are named', () => {
    expect(get_train_sample(steps, 1)).toEqual(steps)
    expect(() => get_train_sample(steps, 0)).toThrow(/unroll_len/)
    expect(() => get_train_sample(steps, 2, 'first' as never)).toThrow(/last_fn_type/)
    expect(() => get_train_sample([{ reward: 1 }, { obs: 1 }] as Step[], 2)).toThrow(/reward is missing/)
  })
})

describe('get_gae', () => {
  const steps = [1, 2, 3].map((value, i) => ({ value, reward: 10 * (i + 1), done: false }))

  test('with a last value, and with the last transition as one', () => {
    const whole = get_gae(steps, 4, 0.5, 1).map((s) => s.adv)
    expect(whole).toEqual([
      10 + 0.5 * (20 + 0.5 * (30 + 0.5 * 4)) - 1,
      20 + 0.5 * (30 + 0.5 * 4) - 2,
      30 + 2 - 3,
    ])
    expect(get_gae_with_default_last_value(steps, false, 0.5, 1).map((s) => s.adv)).toEqual(
      get_gae(steps.slice(0, 2), 3, 0.5, 1).map((s) => s.adv),
    )
    expect(get_gae_with_default_last_value(steps, true, 0.5, 1).map((s) => s.adv)).toEqual(
      get_gae(steps, 0, 0.5, 1).map((s) => s.adv),
    )
    expect(get_gae_with_default_last_value([], true, 0.5, 1)).toEqual([])
  })

  test('an earlier done cuts the sum; agents share a scalar reward', () => {
    const cut = steps.map((s, i) => ({ ...s, done: i === 1 }))
    expect(get_gae(cut, 4, 0.5, 1)[0]!.adv).toBe(10 + 0.5 * 20 - 1)
    const agents = steps.map((s) => ({ ...s, value: Float32Array.of(s.value, 0) }))
    const adv = get_gae(agents, Float32Array.of(4, 0), 0.5, 1)[2]!.adv
    expect(adv).toEqual(Float32Array.of(29, 30))
  })
})
