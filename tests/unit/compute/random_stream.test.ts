import { describe, expect, it } from 'vitest'
import { RandomStream } from '../../../ding/compute/random/stream.js'
import { CheckpointError, type JsonValue, UsageError } from '../../../ding/utils/index.js'

const N = 100_000

function stream(seed = 7): RandomStream {
  return RandomStream.fromSeed(seed)
}

/** Pearson's statistic of observed counts against equal expectations. */
function chiSquare(counts: ArrayLike<number>): number {
  const list = Array.from(counts)
  const expected = list.reduce((a, b) => a + b, 0) / list.length
  return list.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

/** A bound that a chi-square variable of k degrees exceeds about once in 30 000 times (4 standard deviations). */
function chiBound(degrees: number): number {
  return degrees + 4 * Math.sqrt(2 * degrees) + 5
}

function moments(x: ArrayLike<number>): { mean: number; variance: number; skew: number; kurtosis: number } {
  const list = Array.from(x)
  const mean = list.reduce((a, b) => a + b, 0) / list.length
  const central = (p: number) => list.reduce((a, b) => a + (b - mean) ** p, 0) / list.length
  const variance = central(2)
  return { mean, variance, skew: central(3) / variance ** 1.5, kurtosis: central(4) / variance ** 2 }
}

describe('the generator', () => {
  it('gives the reference outputs of xoshiro128** from state 1, 2, 3, 4', () => {
    const s = stream()
    s.restore({ ...(s.state() as Record<string, JsonValue>), words: [1, 2, 3, 4] })
    expect(Array.from({ length: 10 }, () => s.nextUint32())).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ])
  })

  it('gives the same numbers for a seed on every machine', () => {
    const s = stream(0)
    expect([s.nextUint32(), s.nextUint32()]).toEqual([1410160232, 1925873006])
    expect([s.child('a').nextUint32(), s.child(0).nextUint32()]).toEqual([2820369927, 2910364834])
    expect(RandomStream.fromSeed(5n).nextUint32()).toBe(RandomStream.fromSeed(5).nextUint32())
  })

  it('refuses a seed that is no integer', () => {
    for (const seed of [0.5, Number.NaN, 2 ** 53])
      expect(() => RandomStream.fromSeed(seed)).toThrow(UsageError)
  })
})

describe('children', () => {
  it('depend on the path of names and not on draws made before', () => {
    const fresh = stream().child('collector').child(3)
    const used = stream()
    used.normal(1000)
    const parent = used.child('collector')
    parent.uniform(17)
    expect(parent.child(3).integers(8, 0, 1000)).toEqual(fresh.integers(8, 0, 1000))
  })

  it('differ by name, by number against string, by path and by seed', () => {
    const s = stream()
    const streams = [s, s.child('a'), s.child('b'), s.child(1), s.child('1'), s.child('a').child('b')]
    streams.push(s.child('ab'), s.child('b').child('a'), stream(8).child('a'))
    expect(new Set(streams.map((each) => each.nextUint32())).size).toBe(streams.length)
  })

  it('are not correlated with each other or with the parent', () => {
    const s = stream()
    const series = [s, ...Array.from({ length: 6 }, (_, i) => s.child(i))].map((each) => each.normal(20_000))
    for (const [i, a] of series.entries()) {
      for (const b of series.slice(i + 1)) {
        const product = a.reduce((sum, x, j) => sum + x * b[j]!, 0) / a.length
        expect(Math.abs(product)).toBeLessThan(4.5 / Math.sqrt(a.length))
      }
    }
  })

  it('have starting values that are themselves uniform', () => {
    const s = stream()
    const counts = new Float64Array(20)
    for (let i = 0; i < 20_000; i++) counts[Math.floor(s.child(i).nextFloat() * 20)]! += 1
    expect(chiSquare(counts)).toBeLessThan(chiBound(19))
  })
})

describe('distributions', () => {
  it('nextFloat is uniform in [0, 1) with 53 bits', () => {
    const s = stream()
    const counts = new Float64Array(100)
    let fine = false
    for (let i = 0; i < N; i++) {
      const x = s.nextFloat()
      counts[Math.floor(x * 100)]! += 1
      fine ||= (x * 2 ** 53) % 2 === 1
    }
    expect(fine).toBe(true)
    expect(chiSquare(counts)).toBeLessThan(chiBound(99))
  })

  it('uniform stays below 1 in float32 and is uniform, and successive pairs are too', () => {
    const x = stream().uniform(N)
    const pairs = new Float64Array(256)
    for (let i = 0; i < N; i += 2) pairs[Math.floor(x[i]! * 16) * 16 + Math.floor(x[i + 1]! * 16)]! += 1
    expect(Math.max(...x.subarray(0, 50_000), ...x.subarray(50_000))).toBeLessThan(1)
    expect(chiSquare(pairs)).toBeLessThan(chiBound(255))
    expect(moments(x).variance).toBeCloseTo(1 / 12, 2)
  })

  it('normal has the moments and the cells of the normal distribution, tail included', () => {
    const x = stream().normal(4 * N)
    const { mean, variance, skew, kurtosis } = moments(x)
    const error = 4 / Math.sqrt(x.length)
    expect(Math.abs(mean)).toBeLessThan(error)
    expect(Math.abs(variance - 1)).toBeLessThan(error * Math.sqrt(2))
    expect(Math.abs(skew)).toBeLessThan(error * Math.sqrt(6))
    expect(Math.abs(kurtosis - 3)).toBeLessThan(error * Math.sqrt(24))
    // P(Z <= z) at these edges, from the standard normal table.
    const table: [number, number][] = [
      [-3.5, 0.00023262907903552504],
      [-2.5, 0.006209665325776132],
      [-1.5, 0.06680720126885807],
      [-1, 0.15865525393145707],
      [-0.5, 0.3085375387259869],
      [0, 0.5],
      [0.5, 0.6914624612740131],
      [1, 0.8413447460685429],
      [1.5, 0.9331927987311419],
      [2.5, 0.9937903346742238],
      [3.5, 0.9997673709209645],
      [Infinity, 1],
    ]
    let statistic = 0
    for (const [i, [edge, below]] of table.entries()) {
      const [last, lastBelow] = table[i - 1] ?? [-Infinity, 0]
      const expected = x.length * (below - lastBelow)
      const seen = x.reduce((n, v) => n + (v > last && v <= edge ? 1 : 0), 0)
      statistic += (seen - expected) ** 2 / expected
    }
    expect(statistic).toBeLessThan(chiBound(table.length - 1))
  })

  it('nextNormal, nextFloat32 and the filled arrays are one sequence', () => {
    const [a, b] = [stream(), stream()]
    expect(Array.from({ length: 500 }, () => Math.fround(a.nextNormal()))).toEqual(Array.from(b.normal(500)))
    expect(Array.from({ length: 50 }, () => a.nextFloat32())).toEqual(
      Array.from(b.uniform(new Float32Array(50))),
    )
    expect(Array.from({ length: 50 }, () => a.nextInt(-5, 6))).toEqual(Array.from(b.integers(50, -5, 6)))
  })

  it('integers are unbiased for ranges that are no power of two', () => {
    for (const [low, high] of [
      [0, 3],
      [-5, 6],
      [100, 1100],
    ] as const) {
      const counts = new Float64Array(high - low)
      for (const x of stream(high).integers(N, low, high)) counts[x - low]! += 1
      expect(chiSquare(counts)).toBeLessThan(chiBound(high - low - 1))
    }
  })

  it('nextInt spans whole ranges up to 2^32 and knows the range of one', () => {
    const s = stream()
    expect(s.nextInt(4, 5)).toBe(4)
    const draws = Array.from({ length: 2000 }, () => s.nextInt(0, 2 ** 32))
    expect(Math.max(...draws)).toBeGreaterThan(0.99 * 2 ** 32)
    expect(draws.every((x) => Number.isInteger(x) && x >= 0 && x < 2 ** 32)).toBe(true)
    for (const [low, high] of [
      [0, 0],
      [1, 0],
      [0.5, 2],
      [0, 2 ** 32 + 1],
    ] as const) {
      expect(() => s.nextInt(low, high)).toThrow(UsageError)
    }
    expect(() => s.integers(1, 0, 2 ** 32)).toThrow(/int32/)
  })
})

describe('permutation, subset, shuffle and choice', () => {
  it('every order of four things is equally likely', () => {
    const s = stream()
    const counts = new Map<string, number>()
    for (let i = 0; i < 24_000; i++) {
      const key = s.permutation(4).join('')
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    expect(counts.size).toBe(24)
    expect(chiSquare([...counts.values()])).toBeLessThan(chiBound(23))
  })

  it('every ordered pair out of forty is equally likely in the sparse path', () => {
    const s = stream()
    const counts = new Float64Array(1600)
    for (let i = 0; i < 80_000; i++) {
      const [a, b] = s.subset(40, 2)
      counts[a! * 40 + b!]! += 1
    }
    const pairs = counts.filter((_, i) => i % 41 !== 0)
    expect(pairs.length).toBe(1560)
    expect(chiSquare(counts.filter((_, i) => i % 41 === 0).fill(1))).toBe(0)
    expect(pairs.reduce((a, b) => a + b)).toBe(80_000)
    expect(chiSquare(pairs)).toBeLessThan(chiBound(1559))
  })

  it('the sparse and the dense path give the same subset', () => {
    const [a, b] = [stream(), stream()]
    const sparse = a.subset(10_000, 624)
    const dense = b.subset(10_000, 626)
    expect(sparse).toEqual(dense.slice(0, 624))
    expect(new Set(sparse).size).toBe(624)
  })

  it('a small subset of a huge range is quick, and the edges hold', () => {
    const s = stream()
    expect(new Set(s.subset(2 ** 31, 100)).size).toBe(100)
    expect(s.subset(5, 0)).toHaveLength(0)
    expect(s.permutation(0)).toHaveLength(0)
    expect(Array.from(s.permutation(1000)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 1000 }, (_, i) => i),
    )
    expect(() => s.subset(3, 4)).toThrow(UsageError)
    expect(() => s.subset(3.5, 1)).toThrow(UsageError)
  })

  it('shuffle keeps the elements and moves each to every place', () => {
    const s = stream()
    const places = new Float64Array(5)
    for (let i = 0; i < 10_000; i++) places[s.shuffle(['a', 'b', 'c', 'd', 'e']).indexOf('a')]! += 1
    expect(chiSquare(places)).toBeLessThan(chiBound(4))
    expect(Array.from(s.shuffle(Float32Array.of(1, 2, 3))).sort()).toEqual([1, 2, 3])
  })

  it('choice takes every element and refuses an empty array', () => {
    const s = stream()
    const seen = new Set(Array.from({ length: 200 }, () => s.choice(['x', 'y', 'z'])))
    expect(seen.size).toBe(3)
    expect(() => s.choice([])).toThrow(UsageError)
  })
})

describe('state', () => {
  it('survives JSON and continues bit for bit, in the middle of any kind of draw, children included', () => {
    const s = stream(123)
    s.normal(333)
    s.nextFloat()
    const saved = JSON.stringify(s.state())
    const draw = (r: RandomStream) => [
      r.normal(100),
      r.uniform(3),
      r.subset(100, 3),
      r.nextFloat(),
      r.child('x').nextUint32(),
    ]
    const expected = draw(s)
    const other = stream(999)
    other.restore(JSON.parse(saved))
    expect(draw(other)).toEqual(expected)
  })

  it('refuses what is no state', () => {
    const s = stream()
    const state = s.state() as Record<string, JsonValue>
    const bad: JsonValue[] = [
      null,
      3,
      [],
      {},
      { ...state, words: [1, 2, 3] },
      { ...state, words: [0, 0, 0, 0] },
    ]
    bad.push({ ...state, words: [1, 2, 3, 0.5] }, { ...state, key: 'ff' }, { ...state, generator: 'mt19937' })
    for (const each of bad) expect(() => s.restore(each)).toThrow(CheckpointError)
    expect(s.state()).toEqual(state)
  })
})
