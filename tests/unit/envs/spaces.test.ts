import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RandomStream } from '../../../ding/compute/index.js'
import {
  Box,
  coerceToSpace,
  Dict,
  Discrete,
  MultiBinary,
  MultiDiscrete,
  type Space,
  spaceFromJSON,
  Tuple,
} from '../../../ding/envs/index.js'

const bound = fc.oneof(
  fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 50 })).map(([a, d]) => [a, a + d]),
  fc.constant([-Infinity, Infinity]),
  fc.constant([0, Infinity]),
  fc.constant([-Infinity, 3]),
)
const { space } = fc.letrec<{ space: Space; leaf: Space }>((tie) => ({
  leaf: fc.oneof(
    fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: -3, max: 3 }))
      .map(([n, start]) => new Discrete(n, start)),
    fc.array(bound, { minLength: 1, maxLength: 4 }).map(
      (bounds) =>
        new Box(
          bounds.map((b) => b[0] as number),
          bounds.map((b) => b[1] as number),
        ),
    ),
    fc.integer({ min: 1, max: 5 }).map((n) => new Box(0, 255, [n, 2], 'uint8')),
    fc.integer({ min: 1, max: 5 }).map((n) => new Box(-n, n, [n], 'int32')),
    fc
      .array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 })
      .map((nvec) => new MultiDiscrete(nvec)),
    fc.integer({ min: 1, max: 6 }).map((n) => new MultiBinary(n)),
  ),
  space: fc.oneof(
    { depthSize: 'small' },
    tie('leaf'),
    fc
      .dictionary(
        fc.string({ minLength: 1, maxLength: 4 }).filter((k) => !k.includes('__')),
        tie('space'),
        {
          minKeys: 1,
          maxKeys: 3,
        },
      )
      .map((parts) => new Dict({ ...parts })),
    fc.array(tie('space'), { minLength: 1, maxLength: 3 }).map((parts) => new Tuple(parts)),
  ),
}))

describe('every space', () => {
  it('contains its samples, which survive flattening, and survives JSON', () => {
    fc.assert(
      fc.property(space, fc.integer(), (s, seed) => {
        const value = s.sample(RandomStream.fromSeed(seed))
        expect(s.explain(value)).toBeNull()
        const flat = s.flatten(value)
        expect(flat).toHaveLength(s.flatdim)
        expect(s.unflatten(flat)).toEqual(value)
        expect(s.sample(RandomStream.fromSeed(seed))).toEqual(value)
        const copy = spaceFromJSON(JSON.parse(JSON.stringify(s.toJSON())))
        expect(copy.equals(s) && s.equals(copy)).toBe(true)
        expect(copy.toString()).toBe(s.toString())
        expect(coerceToSpace(s, value)).toEqual(value)
      }),
      { numRuns: 200, seed: 1 },
    )
  })

  it('differs from every other', () => {
    const spaces = [
      new Discrete(2),
      new Discrete(3),
      new Discrete(2, 1),
      new Box(0, 1),
      new Box(0, 2),
      new Box(0, 1, [1, 1]),
      new Box(0, 1, [1], 'int32'),
      new MultiDiscrete([2, 2]),
      new MultiDiscrete([2, 2], [0, 1]),
      new MultiBinary(2),
      new MultiBinary([1, 2]),
      new Dict({ a: new Discrete(2) }),
      new Dict({ b: new Discrete(2) }),
      new Tuple([new Discrete(2)]),
      new Tuple([new Discrete(2), new Discrete(2)]),
    ]
    for (const [i, a] of spaces.entries()) {
      for (const [j, b] of spaces.entries()) expect(a.equals(b), `${a} and ${b}`).toBe(i === j)
    }
  })
})

describe('Discrete', () => {
  it('draws every value, and under a mask only allowed ones', () => {
    const random = RandomStream.fromSeed(0)
    const s = new Discrete(4, 10)
    const plain = new Set(Array.from({ length: 100 }, () => s.sample(random)))
    expect([...plain].sort()).toEqual([10, 11, 12, 13])
    const masked = new Set(Array.from({ length: 50 }, () => s.sample(random, Uint8Array.of(0, 1, 0, 1))))
    expect([...masked].sort()).toEqual([11, 13])
    expect(s.sample(random, [false, false, true, false])).toBe(12)
    expect(() => s.sample(random, [0, 0, 0, 0])).toThrow(/mask allows no action/)
    expect(() => s.sample(random, [1, 0])).toThrow(/mask has 2 entries, expected 4/)
  })

  it('says why a value is not in it', () => {
    const s = new Discrete(2)
    expect(s.explain(2)).toMatch(/got 2, expected an integer from 0 to 1/)
    expect(s.explain(0.5)).toMatch(/integer/)
    expect(s.explain('0')).toMatch(/the string "0", expected a number/)
    expect(s.explain(Int32Array.of(0))).toMatch(/Int32Array\(1\) \[0\]/)
    expect(s.contains(Number.NaN)).toBe(false)
    expect(() => s.flatten(7)).toThrow(/Discrete\(2\): cannot flatten, got 7/)
    expect(() => new Discrete(0)).toThrow(/n is the number 0/)
  })
})

describe('Box', () => {
  it('samples by its bounds: uniform, exponential, normal', () => {
    const random = RandomStream.fromSeed(3)
    const s = new Box([2, 5, -Infinity, -Infinity], [4, Infinity, -1, Infinity])
    const n = 4000
    const sums = [0, 0, 0, 0]
    for (let k = 0; k < n; k++) {
      const sample = s.sample(random)
      expect(s.contains(sample)).toBe(true)
      for (let i = 0; i < 4; i++) sums[i] = sums[i]! + sample[i]! / n
    }
    for (const [i, mean] of [3, 6, -2, 0].entries()) expect(Math.abs(sums[i]! - mean)).toBeLessThan(0.08)
    const bytes = new Box(0, 255, [2000], 'uint8').sample(random)
    expect([Math.min(...bytes), Math.max(...bytes)]).toEqual([0, 255])
  })

  it('rejects the wrong array type, length, NaN and values out of bounds', () => {
    const s = new Box(-1, 1, [2])
    expect(s.explain([0, 0])).toMatch(/Array\(2\) \[0, 0\], expected a Float32Array\(2\)/)
    expect(s.explain(Float32Array.of(0))).toMatch(/expected 2 entries/)
    expect(s.explain(Float32Array.of(0, Number.NaN))).toMatch(/entry 1 is NaN/)
    expect(s.explain(Float32Array.of(0, 1.5))).toMatch(/entry 1 is 1.5, expected -1 to 1/)
    expect(s.explainForm(Float32Array.of(0, 1.5))).toBeNull()
    expect(() => new Box(1, 0)).toThrow(/low\[0\] = 1 is not below/)
    expect(() => new Box([0, 0], [1, 1], [3])).toThrow(/low has 2 entries, the shape \[3\] has 3/)
    expect(() => new Box(0, Infinity, [1], 'int32')).toThrow(/no int32 number/)
  })
})

describe('nested spaces', () => {
  const s = new Dict({
    pos: new Box(0, 1, [2]),
    kind: new Discrete(3),
    pair: new Tuple([new Discrete(2), new MultiBinary(2)]),
  })

  it('flatten part by part in order of declaration', () => {
    const value = { pos: Float32Array.of(0.25, 0.5), kind: 2, pair: { 0: 1, 1: Uint8Array.of(1, 0) } }
    expect(Array.from(s.flatten(value))).toEqual([0.25, 0.5, 0, 0, 1, 0, 1, 1, 0])
  })

  it('name the place of what does not fit', () => {
    const value = { pos: Float32Array.of(0, 0), kind: 0, pair: { 0: 5, 1: Uint8Array.of(1, 0) } }
    expect(s.explain(value)).toMatch(/at "pair": at "0": got 5/)
    expect(s.explain({ pos: value.pos, kind: 0 })).toMatch(/key "pair" is missing/)
    expect(s.explain({ ...value, pair: { 0: 1, 1: Uint8Array.of(1, 0) }, extra: 1 })).toMatch(
      /"extra" is not of this space/,
    )
    expect(s.explain(3)).toMatch(/expected a record with keys pos, kind, pair/)
  })

  it('make plain arrays of Buffers, whose slice() would be no copy', () => {
    const bytes = coerceToSpace(new Box(0, 255, [2, 2], 'uint8'), Buffer.from([1, 2, 3, 4])) as Uint8Array
    expect(Buffer.isBuffer(bytes)).toBe(false)
    const copy = bytes.slice()
    bytes[0] = 9
    expect([...copy]).toEqual([1, 2, 3, 4])
  })

  it('take plain JavaScript values through coerceToSpace', () => {
    const value = coerceToSpace(s, { pos: [0.25, 0.5], kind: [2], pair: [1, [true, false]] })
    expect(s.explain(value)).toBeNull()
    expect(() => coerceToSpace(s, { pos: 'x', kind: 0, pair: [1, [0, 0]] })).toThrow(
      /the string "x", expected numbers/,
    )
  })

  it('are built from JSON only when it is one', () => {
    expect(() => spaceFromJSON({ type: 'Discret', n: 2 })).toThrow(/Did you mean "Discrete"/)
    expect(() => spaceFromJSON(null)).toThrow(/expected an object/)
  })
})
