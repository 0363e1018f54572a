import { describe, expect, it } from 'vitest'
import {
  assignParameters,
  clipGradNorm,
  clipGradValue,
  gradientsFinite,
  type LrScheduleSpec,
  lrSchedule,
  ParameterArena,
  polyakUpdate,
  RandomStream,
} from '../../../../ding/compute/host/index.js'
import { Parameter } from '../../../../ding/compute/parameter.js'
import { ConfigError, UsageError } from '../../../../ding/utils/index.js'

function network(seed: number, packed: boolean): Parameter[] {
  const random = RandomStream.fromSeed(seed)
  const params = [[7], [3, 3], [1]].map((shape) => {
    const size = shape.reduce((a, b) => a * b, 1)
    const parameter = new Parameter(shape, true, random.normal(size))
    random.normal(parameter.grad)
    return parameter
  })
  if (packed) ParameterArena.pack(params)
  return params
}

const flat = (params: readonly Parameter[]) => params.flatMap((parameter) => Array.from(parameter.data))
const grads = (params: readonly Parameter[]) => params.flatMap((parameter) => Array.from(parameter.grad))

describe.each([true, false])('target updates, packed: %s', (packed) => {
  it('assignParameters copies values and shares no memory', () => {
    const [target, source] = [network(1, packed), network(2, packed)]
    assignParameters(target, source)
    expect(flat(target)).toEqual(flat(source))
    source[0]!.data[0]! += 1
    expect(flat(target)).not.toEqual(flat(source))
  })

  it('polyakUpdate rounds each product and the sum to float32', () => {
    const [target, source] = [network(1, packed), network(2, packed)]
    const theta = 0.005
    const expected = flat(target).map((t, i) => {
      const kept = Math.fround(Math.fround(1 - theta) * t)
      return Math.fround(kept + Math.fround(Math.fround(theta) * flat(source)[i]!))
    })
    polyakUpdate(target, source, theta)
    expect(flat(target)).toEqual(expected)
  })

  it('polyakUpdate with theta 1 is a copy, with theta 0 nothing', () => {
    const [target, source] = [network(1, packed), network(2, packed)]
    const before = flat(target)
    polyakUpdate(target, source, 0)
    expect(flat(target)).toEqual(before)
    polyakUpdate(target, source, 1)
    expect(flat(target)).toEqual(flat(source))
  })

  it('clipGradNorm returns the norm and scales to the limit, for every norm type', () => {
    for (const type of [2, 1, 3, Infinity]) {
      const params = network(3, packed)
      const before = grads(params)
      const norm = (values: number[]) =>
        type === Infinity
          ? Math.max(...values.map(Math.abs))
          : values.reduce((sum, x) => sum + Math.abs(x) ** type, 0) ** (1 / type)
      expect(clipGradNorm(params, 1e9, type)).toBeCloseTo(norm(before), 6)
      expect(grads(params)).toEqual(before)
      clipGradNorm(params, 0.5, type)
      expect(norm(grads(params))).toBeCloseTo(0.5, 5)
      expect(grads(params)[3]! / before[3]!).toBeCloseTo(0.5 / norm(before), 5)
    }
  })

  it('clipGradValue limits each element', () => {
    const params = network(3, packed)
    const before = grads(params)
    clipGradValue(params, 0.25)
    expect(grads(params)).toEqual(before.map((x) => Math.min(Math.max(x, -0.25), 0.25)))
  })

  it('gradientsFinite sees one bad element, and clipping does not hide it', () => {
    for (const bad of [Number.NaN, Infinity]) {
      const params = network(3, packed)
      expect(gradientsFinite(params)).toBe(true)
      params[1]!.grad[8] = bad
      expect(gradientsFinite(params)).toBe(false)
      clipGradNorm(params, 1)
      expect(gradientsFinite(params)).toBe(false)
    }
  })
})

describe('target updates', () => {
  it('work between a packed and an unpacked network, and between arenas in another order', () => {
    const [target, source] = [network(1, true), network(2, false)]
    assignParameters(target, source)
    expect(flat(target)).toEqual(flat(source))
    const other = network(4, false)
    ParameterArena.pack([...other].reverse())
    polyakUpdate(target, other, 1)
    expect(flat(target)).toEqual(flat(other))
  })

  it('refuse lists that do not match', () => {
    const params = network(1, false)
    expect(() => assignParameters(params, params.slice(1))).toThrow(/3 parameters, the source 2/)
    expect(() => polyakUpdate(params, [...params].reverse(), 0.1)).toThrow(/shape \[7\].*shape \[1\]/)
    expect(() => polyakUpdate(params, params, 1.5)).toThrow(UsageError)
    expect(() => clipGradNorm(params, 1, 0)).toThrow(UsageError)
    expect(() => clipGradValue(params, -1)).toThrow(UsageError)
  })
})

describe('lrSchedule', () => {
  const at = (spec: LrScheduleSpec, step: number, remaining: number) => lrSchedule(spec)({ step, remaining })

  it('follows each shape', () => {
    expect(at(3e-4, 50, 0.5)).toBe(3e-4)
    expect(at({ type: 'constant', lr: 0.1 }, 9, 0.1)).toBe(0.1)
    expect(at({ type: 'linear', lr: 1 }, 0, 0.25)).toBe(0.25)
    expect(at({ type: 'linear', lr: 1, end_lr: 0.5, steps: 10 }, 4, 0.99)).toBeCloseTo(0.8, 12)
    expect(at({ type: 'linear', lr: 1, end_lr: 0.5, steps: 10 }, 40, 0.99)).toBe(0.5)
    expect(at({ type: 'cosine', lr: 1, end_lr: 0.2 }, 0, 1)).toBe(1)
    expect(at({ type: 'cosine', lr: 1, end_lr: 0.2 }, 0, 0.5)).toBeCloseTo(0.6, 12)
    expect(at({ type: 'cosine', lr: 1, end_lr: 0.2 }, 0, 0)).toBeCloseTo(0.2, 12)
    expect(at({ type: 'exponential', lr: 1, gamma: 0.9 }, 3, 0)).toBeCloseTo(0.729, 12)
    expect(at({ type: 'step', lr: 1, step_size: 10 }, 29, 0)).toBeCloseTo(0.01, 12)
    expect(at({ type: 'step', lr: 1, step_size: 10, gamma: 0.5 }, 9, 0)).toBe(1)
    expect(at((remaining, step) => remaining * 2 + step, 1, 0.5)).toBe(2)
  })

  it('refuses wrong specs and names the mend', () => {
    const wrong = (spec: unknown) => () => lrSchedule(spec as LrScheduleSpec)
    expect(wrong({ type: 'linaer', lr: 1 })).toThrow(/Did you mean "linear"/)
    expect(wrong({ type: 'linear' })).toThrow(/needs lr/)
    expect(wrong({ type: 'linear', lr: 1, endlr: 1 })).toThrow(
      /no "endlr".*Did you mean "end_lr".*type, lr, end_lr, steps/,
    )
    expect(wrong({ type: 'constant', lr: 1, steps: 5 })).toThrow(/"constant" has no "steps"/)
    expect(wrong({ type: 'exponential', lr: 1 })).toThrow(/needs gamma/)
    expect(wrong({ type: 'step', lr: 1, step_size: 0 })).toThrow(ConfigError)
    expect(wrong(Number.NaN)).toThrow(ConfigError)
  })
})
