import { describe, expect, test } from 'vitest'
import {
  create_noise_generator,
  GaussianNoise,
  get_epsilon_greedy_fn,
  OUNoise,
} from '../../../ding/rl_utils/index.js'
import { stream } from './helpers.js'

describe('get_epsilon_greedy_fn', () => {
  test.each(['exp', 'linear'] as const)('%s falls from start towards end', (type) => {
    const eps = get_epsilon_greedy_fn(0.95, 0.1, 1000, type)
    expect(eps(0)).toBeCloseTo(0.95, 12)
    let last = eps(0)
    for (let step = 50; step <= 5000; step += 50) {
      expect(eps(step)).toBeLessThanOrEqual(last)
      expect(eps(step)).toBeGreaterThanOrEqual(0.1)
      last = eps(step)
    }
    expect(eps(1e6)).toBeCloseTo(0.1, 12)
  })

  test('exp is the default; linear meets its end at decay', () => {
    expect(get_epsilon_greedy_fn(1, 0, 10)(10)).toBeCloseTo(Math.exp(-1), 12)
    expect(get_epsilon_greedy_fn(1, 0.2, 10, 'linear')(5)).toBeCloseTo(0.6, 12)
    expect(get_epsilon_greedy_fn(1, 0.2, 10, 'linear')(10)).toBe(0.2)
  })

  test('bad arguments are named', () => {
    expect(() => get_epsilon_greedy_fn(1, 0, 0)).toThrow(/decay/)
    expect(() => get_epsilon_greedy_fn(1, 0, 10, 'cosine' as never)).toThrow(/cosine/)
  })
})

describe('action noise', () => {
  test('gaussian noise has its mean and deviation', () => {
    const sample = new GaussianNoise({ mu: 2, sigma: 0.5 }).sample(20000, stream('gauss'))
    const mean = sample.reduce((a, b) => a + b, 0) / sample.length
    const variance = sample.reduce((a, b) => a + (b - mean) ** 2, 0) / sample.length
    expect(mean).toBeCloseTo(2, 1)
    expect(Math.sqrt(variance)).toBeCloseTo(0.5, 1)
    expect(() => new GaussianNoise({ sigma: -1 })).toThrow(/sigma/)
  })

  test('ou noise is a process of its own in each environment, started anew by reset', () => {
    const noise = new OUNoise({ x0: 1, sigma: 0, theta: 0.5, dt: 1 })
    const random = stream('ou')
    expect([1, 2, 3].map(() => noise.sample(1, random, 'a')[0])).toEqual([0.5, 0.25, 0.125])
    expect(noise.sample(1, random, 'b')[0]).toBe(0.5)
    noise.reset('a')
    expect(noise.sample(1, random, 'a')[0]).toBe(0.5)
    expect(noise.sample(1, random, 'b')[0]).toBe(0.25)
    noise.reset()
    expect(noise.sample(1, random, 'b')[0]).toBe(0.5)
  })

  test('ou noise is correlated in time', () => {
    const noise = new OUNoise({ sigma: 0.3 })
    const random = stream('correlated')
    const path = Array.from({ length: 500 }, () => noise.sample(1, random)[0]!)
    const lag =
      path.slice(1).reduce((sum, x, i) => sum + x * path[i]!, 0) / path.reduce((sum, x) => sum + x * x, 0)
    expect(lag).toBeGreaterThan(0.9)
  })

  test('ou noise continues from its saved state', () => {
    const noise = new OUNoise()
    const random = stream('saved')
    noise.sample(3, random, 0)
    const state = noise.state_dict()
    const at = random.state()
    const next = noise.sample(3, random, 0)
    const other = new OUNoise()
    other.load_state_dict(state)
    random.restore(at)
    expect(other.sample(3, random, 0)).toEqual(next)
    expect(() => other.load_state_dict({})).toThrow(/OUNoise/)
    expect(() => other.load_state_dict({ x: { 0: 'no' } })).toThrow(/environment 0/)
  })

  test('mean and deviation may be given for each dimension', () => {
    const unit = new GaussianNoise().sample(3, stream('each'))
    const gauss = new GaussianNoise({ mu: [1, 2, 3], sigma: [0, 1, 2] }).sample(3, stream('each'))
    expect([...gauss]).toEqual([1, Math.fround(2 + unit[1]!), Math.fround(3 + 2 * unit[2]!)])
    const ou = new OUNoise({ mu: [1, -1], sigma: [0, 0], theta: 0.5, dt: 1, x0: [0, 1] })
    expect([...ou.sample(2, stream('each'))]).toEqual([0.5, 0])
    expect(() => new GaussianNoise({ sigma: [0.1, 0.2] }).sample(3, stream('each'))).toThrow(
      /sigma of GaussianNoise has 2 values, but the action has 3/,
    )
    expect(() => new OUNoise({ mu: [0] }).sample(2, stream('each'))).toThrow(/mu of OUNoise has 1 values/)
    expect(() => new OUNoise({ sigma: [0.1, Number.NaN] })).toThrow(/sigma/)
    expect(() => new GaussianNoise({ sigma: [] })).toThrow(/empty/)
  })

  test('sizes that do not fit and unknown names are errors', () => {
    const random = stream('sizes')
    expect(() => new OUNoise({ x0: [0, 1] }).sample(3, random)).toThrow(/2 values/)
    const noise = new OUNoise()
    noise.sample(2, random)
    expect(() => noise.sample(3, random)).toThrow(/2 dimensions/)
    expect(() => new OUNoise({ dt: 0 })).toThrow(/dt/)
    expect(create_noise_generator('gauss', { sigma: 2 })).toBeInstanceOf(GaussianNoise)
    expect(create_noise_generator('ou')).toBeInstanceOf(OUNoise)
    expect(() => create_noise_generator('pink' as never)).toThrow(/pink/)
  })
})
