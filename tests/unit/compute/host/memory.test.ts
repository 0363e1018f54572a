import { describe, expect, it } from 'vitest'
import { ParameterArena } from '../../../../ding/compute/host/index.js'
import {
  allocateFloats,
  chunkOf,
  MemoryChunk,
  memoryUse,
  sliceView,
} from '../../../../ding/compute/host/memory.js'
import { follows, mergeRanges } from '../../../../ding/compute/host/ranges.js'
import { Parameter } from '../../../../ding/compute/parameter.js'
import { UsageError } from '../../../../ding/utils/index.js'

function parameters(...shapes: number[][]): Parameter[] {
  return shapes.map((shape, i) => {
    const parameter = new Parameter(shape, true, undefined, `p${i}`)
    parameter.data.forEach((_, j) => {
      parameter.data[j] = 100 * i + j
      parameter.grad[j] = -(100 * i + j)
    })
    return parameter
  })
}

describe('a chunk', () => {
  it('hands out disjoint pieces and joins them again when they come back in any order', () => {
    const chunk = new MemoryChunk(65536)
    const whole = chunk.freeBytes
    const spans = [64, 128, 256, 64].map((bytes) => chunk.take(bytes)!)
    expect(new Set(spans.map((span) => span.offset)).size).toBe(4)
    expect(chunk.freeBytes).toBe(whole - 512)
    for (const i of [2, 0, 3, 1]) chunk.give(spans[i]!)
    expect(chunk.idle).toBe(true)
    expect(chunk.take(whole)?.offset).toBe(64)
    expect(chunk.take(64)).toBeUndefined()
  })

  it('fills a gap that fits, with zeros', () => {
    const chunk = new MemoryChunk(65536)
    const [a] = [chunk.take(128)!, chunk.take(64)!]
    new Uint8Array(chunk.memory.buffer, a.offset, 128).fill(9)
    chunk.give(a)
    expect(chunk.take(256)!.offset).toBeGreaterThan(a.offset)
    const again = chunk.take(64)!
    expect(again.offset).toBe(a.offset)
    expect(new Uint8Array(chunk.memory.buffer, again.offset, 64).every((x) => x === 0)).toBe(true)
  })
})

describe('allocateFloats', () => {
  it('reserves address space only: what is not touched takes no memory', () => {
    allocateFloats([1])
    const before = process.memoryUsage().rss
    const [big] = allocateFloats([100 * 2 ** 20])
    expect(big!.byteLength).toBe(400 * 2 ** 20)
    expect(memoryUse().reserved).toBeGreaterThanOrEqual(400 * 2 ** 20)
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20)
  })

  it('keeps earlier views valid through many allocations', () => {
    const views = Array.from({ length: 300 }, (_, i) => allocateFloats([1000 + i])[0]!.fill(i))
    expect(views.every((view, i) => view.length === 1000 + i && view.every((x) => x === i))).toBe(true)
    expect(new Set(views.map((view) => view.byteOffset % 64))).toEqual(new Set([0]))
  })

  it('goes into the chunk of the array it is to be near', () => {
    const [a] = allocateFloats([10])
    const [b, c] = allocateFloats([20, 30], a)
    expect(chunkOf(b!)).toBe(chunkOf(a!))
    expect(chunkOf(c!)).toBe(chunkOf(a!))
    expect(chunkOf(new Float32Array(3))).toBeUndefined()
  })

  it('refuses what no chunk can hold', () => {
    expect(() => allocateFloats([2 ** 30, 1])).toThrow(UsageError)
  })

  it('gives spans back once their views are garbage, and not while a slice of them lives', async () => {
    const { setFlagsFromString } = await import('node:v8')
    const { runInNewContext } = await import('node:vm')
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const settle = async () => {
      for (let i = 0; i < 4; i++) {
        collect()
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      return memoryUse().used
    }
    const base = await settle()
    const kept = (() => {
      for (let i = 0; i < 50; i++) ParameterArena.pack(parameters([100, 100]))
      const [view] = allocateFloats([5000])
      return sliceView(view!.fill(3), 10, 5)
    })()
    const held = (await settle()) - base
    expect(held).toBeGreaterThanOrEqual(20_000)
    expect(held).toBeLessThan(20_000 + 64)
    expect(Array.from(kept)).toEqual([3, 3, 3, 3, 3])
  })
})

describe('mergeRanges', () => {
  it('joins neighbours, and only where every list has neighbours', () => {
    const x = new Float32Array(10)
    const cut = (from: number, to: number) => x.subarray(from, to)
    const left = [cut(0, 2), cut(2, 3), cut(3, 5)]
    const y = new Float32Array(10)
    const right = [y.subarray(0, 2), y.subarray(4, 5), y.subarray(5, 7)]
    expect(mergeRanges([left]).map((range) => range.arrays[0]!.length)).toEqual([5])
    expect(mergeRanges([left, right]).map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 3],
    ])
    expect(mergeRanges([[]])).toEqual([])
    expect(follows(cut(0, 2), y.subarray(2, 3))).toBe(false)
  })
})

describe('ParameterArena.pack', () => {
  it('keeps values and gradients, in list order without gaps', () => {
    const list = parameters([2, 3], [], [5])
    const arena = ParameterArena.pack(list)
    expect(Array.from(arena.data)).toEqual([0, 1, 2, 3, 4, 5, 100, 200, 201, 202, 203, 204])
    expect(Array.from(arena.grad, (x) => -x)).toEqual(Array.from(arena.data))
    expect(arena.data.byteOffset % 16).toBe(0)
    expect(arena.grad.byteOffset % 16).toBe(0)
    list[1]!.set([7])
    list[2]!.grad[0] = 8
    expect(arena.data[6]).toBe(7)
    expect(arena.grad[7]).toBe(8)
  })

  it('leaves packed parameters where they are: the whole list, a run of it, and with doubles', () => {
    const list = parameters([4], [2], [3])
    const arena = ParameterArena.pack(list)
    const places = list.map((parameter) => parameter.data)
    const again = ParameterArena.pack([...list, list[0]!])
    expect(again.data.byteOffset).toBe(arena.data.byteOffset)
    expect(again.size).toBe(9)
    const tail = ParameterArena.pack(list.slice(1))
    expect([tail.data.byteOffset, tail.size]).toEqual([list[1]!.data.byteOffset, 5])
    expect(list.map((parameter) => parameter.data)).toEqual(places)
    expect(list.every((parameter, i) => parameter.data === places[i])).toBe(true)
  })

  it('moves parameters that lie in another order or apart', () => {
    const list = parameters([4], [2], [3])
    const arena = ParameterArena.pack(list)
    const other = ParameterArena.pack([list[2]!, list[0]!])
    expect(Array.from(other.data)).toEqual([200, 201, 202, 0, 1, 2, 3])
    expect(other.data.byteOffset).not.toBe(arena.data.byteOffset)
  })

  it('does not take neighbours from two arenas for one', () => {
    const [a, b] = [parameters([16]), parameters([16])]
    ParameterArena.pack(a)
    ParameterArena.pack(b)
    const joined = ParameterArena.pack([...a, ...b])
    expect(joined.size).toBe(32)
    a[0]!.data[0] = 5
    b[0]!.data[15] = 6
    expect([joined.data[0], joined.data[31]]).toEqual([5, 6])
  })

  it('puts a model and its copy into one chunk', () => {
    const [a, b] = [ParameterArena.pack(parameters([1000])), ParameterArena.pack(parameters([1000]))]
    expect(chunkOf(a.data)).toBe(chunkOf(b.grad))
  })

  it('packs nothing into an empty arena', () => {
    expect(ParameterArena.pack([]).size).toBe(0)
  })
})
