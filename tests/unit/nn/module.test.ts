import { describe, expect, it } from 'vitest'
import { Parameter, RandomStream } from '../../../ding/compute/index.js'
import { Linear, MLP, Module, NoisyLinear, Sequential } from '../../../ding/nn/index.js'
import { CheckpointError } from '../../../ding/utils/index.js'

class Net extends Module {
  readonly first: Linear
  readonly parts: Linear[]
  readonly byKey: Record<string, Linear>
  readonly count = new Parameter([1], false)
  readonly tied: Linear

  constructor(random: RandomStream) {
    super()
    this.first = new Linear(2, 3, random)
    this.parts = [new Linear(3, 1, random, { bias: false })]
    this.byKey = { a: new Linear(1, 1, random) }
    this.tied = this.first
  }
}

const stream = () => RandomStream.fromSeed(3)

describe('Module', () => {
  it('names parameters as torch does, in declaration order, shared ones once', () => {
    const names = new Net(stream()).namedParameters().map(([name]) => name)
    expect(names).toEqual([
      'first.weight',
      'first.bias',
      'parts.0.weight',
      'byKey.a.weight',
      'byKey.a.bias',
      'count',
    ])
    const nested = new Sequential(new MLP(2, 4, 4, 2, stream()), new Sequential(new Linear(4, 1, stream())))
    expect(nested.namedParameters().map(([name]) => name)).toEqual([
      '0.0.weight',
      '0.0.bias',
      '0.2.weight',
      '0.2.bias',
      '1.0.weight',
      '1.0.bias',
    ])
  })

  it('separates what is trained from what is not', () => {
    const net = new Net(stream())
    expect(net.parameters().length).toBe(5)
    expect(net.buffers()).toEqual([net.count])
    expect(net.parameterCount()).toBe(6 + 3 + 3 + 2)
    expect(new NoisyLinear(3, 2, stream()).buffers().map((p) => p.shape)).toEqual([[3], [2]])
  })

  it('round-trips its state by name, as copies', () => {
    const net = new Net(stream())
    const other = new Net(RandomStream.fromSeed(4))
    const saved = net.stateDict()
    other.loadStateDict(saved)
    expect(other.stateDict()).toEqual(saved)
    net.first.weight.data[0]! += 1
    expect(saved['first.weight']?.data[0]).not.toBe(net.first.weight.data[0])
    expect(other.first.weight.data[0]).toBe(saved['first.weight']?.data[0])
  })

  it('lists missing, unexpected and mismatched names and changes nothing then', () => {
    const net = new Net(stream())
    const before = net.stateDict()
    const saved = new Net(RandomStream.fromSeed(9)).stateDict()
    const { 'first.bias': _left, ...rest } = saved
    const wrong = {
      ...rest,
      'first.wait': saved['count']!,
      count: { dtype: 'float32' as const, shape: [2], data: new Float32Array(2) },
    }
    let message = ''
    try {
      net.loadStateDict(wrong)
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError)
      message = String(error)
    }
    expect(message).toContain('missing: first.bias')
    expect(message).toContain('unexpected: first.wait Did you mean "first.bias" or "first.weight"?')
    expect(message).toContain('count: needs float32 [1], got float32 [2]')
    expect(net.stateDict()).toEqual(before)
    const report = net.loadStateDict(rest, { strict: false })
    expect(report).toEqual({ missing: ['first.bias'], unexpected: [] })
    expect(net.first.weight.data[0]).toBe(saved['first.weight']?.data[0])
  })

  it('copies deeply, keeps ties, and packs the copy', () => {
    const net = new Net(stream())
    net.pack()
    const twin = net.copy()
    expect(twin).toBeInstanceOf(Net)
    expect(twin.stateDict()).toEqual(net.stateDict())
    expect(twin.tied).toBe(twin.first)
    expect(twin.first).not.toBe(net.first)
    twin.first.weight.data.fill(5)
    expect(net.first.weight.data[0]).not.toBe(5)
    // Contiguous: each array starts where the one before it ends.
    const arrays = twin.parameters().map((p) => p.data)
    const ends = arrays.map((data) => data.byteOffset + data.byteLength)
    expect(arrays.slice(1).map((data) => data.byteOffset)).toEqual(ends.slice(0, -1))
  })

  it('packs the trained parameters first, keeps values and gives names', () => {
    const net = new Net(stream())
    net.count.set([42])
    const before = net.stateDict()
    const arena = net.pack()
    expect(arena.size).toBe(15)
    expect(arena.data[14]).toBe(42)
    expect(net.stateDict()).toEqual(before)
    expect(net.parts[0]?.weight.name).toBe('parts.0.weight')
  })

  it('sets the training flag all the way down', () => {
    const net = new Sequential(new MLP(2, 4, 4, 2, stream()), new Linear(4, 1, stream()))
    net.eval()
    expect([...net.modules()].every((m) => !m.training)).toBe(true)
    net.train()
    expect([...net.modules()].every((m) => m.training)).toBe(true)
  })
})
