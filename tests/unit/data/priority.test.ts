import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { RandomStream } from '../../../ding/compute/index.js'
import { DistinctDraw } from '../../../ding/data/distinct.js'
import { MinSegmentTree, PriorityIndex, SumSegmentTree } from '../../../ding/data/index.js'
import { deque, ints, step } from './helpers.js'

const leaves = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1e3, noNaN: true })), {
  minLength: 1,
  maxLength: 16,
})

describe('segment trees', () => {
  it('reduce any range like a loop does', () => {
    fc.assert(
      fc.property(leaves, fc.nat(16), fc.nat(16), (values, a, b) => {
        const sum = new SumSegmentTree(16)
        const min = new MinSegmentTree(16)
        for (const [i, value] of values.entries()) {
          sum.set(i, value)
          min.set(i, value)
        }
        const [start, end] = a < b ? [a, b] : [b, a]
        const part = values.slice(start, end)
        expect(sum.reduce(start, end)).toBeCloseTo(
          part.reduce((x, y) => x + y, 0),
          8,
        )
        expect(min.reduce(start, end)).toBe(Math.min(Number.POSITIVE_INFINITY, ...part))
        const loaded = new SumSegmentTree(16)
        loaded.load(Float64Array.from(values))
        expect(loaded.nodes).toEqual(sum.nodes)
      }),
      { seed: 2 },
    )
  })

  it('find the leaf under any share of the total, and never one that is zero', () => {
    fc.assert(
      fc.property(leaves, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        fc.pre(values.some((value) => value > 0))
        const tree = new SumSegmentTree(16)
        tree.load(Float64Array.from(values))
        const leaf = tree.find(share * tree.root)
        expect(values[leaf]).toBeGreaterThan(0)
        const before = values.slice(0, leaf).reduce((x, y) => x + y, 0)
        const slack = 1e-9 * tree.root
        expect(before).toBeLessThanOrEqual(share * tree.root + slack)
        expect(before + values[leaf]!).toBeGreaterThanOrEqual(share * tree.root - slack)
      }),
      { seed: 3 },
    )
    expect(() => new SumSegmentTree(4).find(0)).toThrow(/nothing but zeros/)
    expect(() => new SumSegmentTree(6)).toThrow(/power of two/)
  })
})

describe('PriorityIndex', () => {
  const options = { alpha: 0.7, beta: 0.4, betaStep: 0.1, maxIncludesEps: false }

  it('weighs as the paper says: (N P(i))^-beta over the largest weight', () => {
    const index = new PriorityIndex(5, options)
    const priorities = [0.5, 2, 1, 4]
    for (const [row, priority] of priorities.entries()) index.insert(row, priority)
    const powers = priorities.map((p) => p ** 0.7)
    const total = powers.reduce((x, y) => x + y, 0)
    const raw = powers.map((p) => (4 * (p / total)) ** -0.4)
    const out = new Float32Array(4)
    index.weights(Int32Array.of(0, 1, 2, 3), 4, out)
    for (let i = 0; i < 4; i++) expect(out[i]).toBeCloseTo(raw[i]! / Math.max(...raw), 6)
    for (let i = 0; i < 10; i++) index.anneal()
    expect(index.beta).toBe(1)
  })

  it('draws one row from each equal share: every row with its probability', () => {
    const index = new PriorityIndex(4, { ...options, alpha: 1 })
    for (const [row, priority] of [1, 2, 3, 2].entries()) index.insert(row, priority)
    const rows = new Int32Array(8)
    const random = RandomStream.fromSeed(1)
    for (let i = 0; i < 20; i++) {
      index.draw(rows, random)
      expect([...rows]).toEqual([0, 1, 1, 2, 2, 2, 3, 3])
    }
    index.draw(rows, random, [1, 3])
    expect(new Set(rows)).toEqual(new Set([1, 2]))
  })

  it('adds the eps to reports, starts new entries at the maximum, and keeps a pushed zero alive', () => {
    for (const maxIncludesEps of [false, true]) {
      const index = new PriorityIndex(4, { ...options, maxIncludesEps })
      index.insert(0, undefined)
      expect(index.priorities[0]).toBe(1)
      index.update(0, 3)
      index.insert(1, undefined)
      expect(index.priorities[0]).toBe(3 + 1e-5)
      expect(index.priorities[1]).toBe(maxIncludesEps ? 3 + 1e-5 : 3)
      index.insert(2, 0)
      expect(index.priorities[2]).toBe(1e-5)
      index.remove(0)
      expect(index.min.root).toBe(1e-5 ** 0.7)
      expect(index.priorities[0]).toBeNaN()
    }
  })
})

describe('PriorityIndex, cleared or loaded', () => {
  const options = { alpha: 1, beta: 0.5, betaStep: 0.25, maxIncludesEps: false }
  const filled = () => {
    const index = new PriorityIndex(4, options)
    for (const [row, priority] of [2, 1, 3].entries()) index.insert(row, priority)
    index.update(0, 8)
    index.anneal()
    return index
  }

  it('removed rows are not there after loading, for the largest weight neither', () => {
    const index = filled()
    index.remove(1)
    const loaded = new PriorityIndex(4, options)
    loaded.load_state_dict(index.state_dict(3))
    expect([loaded.min.root, loaded.sum.root]).toEqual([3, 11 + 1e-5])
    const out = new Float32Array(2)
    loaded.weights(Int32Array.of(0, 2), 2, out)
    expect(out[0]).toBeCloseTo((8 / 3) ** -0.75, 5)
    expect(out[1]).toBe(1)
  })

  it('clear forgets the entries and the maximum, and beta goes on', () => {
    const index = filled()
    index.clear()
    expect([index.sum.root, index.min.root, index.maximum, index.beta]).toEqual([
      0,
      Number.POSITIVE_INFINITY,
      1,
      0.75,
    ])
    expect(Array.from(index.priorities)).toEqual(Array(4).fill(Number.NaN))
    index.insert(2, undefined)
    expect([index.sum.root, index.min.root]).toEqual([1, 1])
  })
})

test('the weights of a deque buffer become fully correcting over so many sample calls', () => {
  const { buffer } = deque({
    replay_buffer_size: 4,
    priority: true,
    priority_IS_weight: true,
    priority_power_factor: 1,
    IS_weight_power_factor: 0.5,
    IS_weight_anneal_train_iter: 2,
  })
  buffer.push([
    { ...step(0), priority: 1 },
    { ...step(1), priority: 4 },
  ])
  // The second of two draws is from the upper half, which is the second row's: (1 / 4)^beta with beta 0.5, 0.75, 1, 1.
  const weights = [0, 1, 2, 3].map((iteration) => ints(buffer.sample(2, iteration), 'IS')[1])
  for (const [i, expected] of [0.5, 4 ** -0.75, 0.25, 0.25].entries())
    expect(weights[i]).toBeCloseTo(expected, 6)
})

describe('DistinctDraw', () => {
  it('draws distinct numbers, every one equally often, and the same after any history', () => {
    const draw = new DistinctDraw(64)
    const random = RandomStream.fromSeed(4)
    const out = new Int32Array(5)
    const counts = Array.from({ length: 40 }, () => 0)
    for (let i = 0; i < 2000; i++) {
      draw.fill(out, 40, random)
      expect(new Set(out).size).toBe(5)
      for (const n of out) counts[n]!++
    }
    for (const count of counts) expect(Math.abs(count - 250)).toBeLessThan(70)
    const state = random.state()
    draw.fill(out, 40, random)
    const fresh = new Int32Array(5)
    random.restore(state)
    new DistinctDraw(64).fill(fresh, 40, random)
    expect(fresh).toEqual(out)
    const all = new Int32Array(40)
    draw.fill(all, 40, random)
    expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i))
  })
})
