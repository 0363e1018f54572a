import { expect, it } from 'vitest'
import { HyperparameterConfig, RLParameter } from '../../../../ding/agent/index.js'
import { RandomStream } from '../../../../ding/compute/index.js'
import { UsageError } from '../../../../ding/utils/index.js'
import { agent, small } from './support.js'

const random = RandomStream.fromSeed(1)

it('a parameter shrinks or grows, either as often, within its bounds; whole numbers stay whole', () => {
  const free = new RLParameter({ min: 0, max: 100 })
  const drawn = Array.from({ length: 400 }, () => free.mutate(10, random))
  expect(new Set(drawn)).toEqual(new Set([8, 12]))
  expect(drawn.filter((value) => value === 8).length).toBeGreaterThan(150)
  expect(drawn.filter((value) => value === 12).length).toBeGreaterThan(150)
  const narrow = new RLParameter({ min: 9, max: 11 })
  expect(new Set(drawn.map(() => narrow.mutate(10, random)))).toEqual(new Set([9, 11]))
  const whole = new RLParameter({ min: 1, max: 64, shrink_factor: 0.75, grow_factor: 1.5, dtype: 'int' })
  expect(new Set(drawn.map(() => whole.mutate(5, random)))).toEqual(new Set([3, 7]))
})

it('agents without ranges of their own have AgileRL’s', () => {
  const { hp_config } = agent({ ...small, lr: 0.01, batch_size: 6, learn_step: 2 })
  expect(hp_config.toJSON()).toEqual({
    lr: { min: 0.001, max: 0.1, shrink_factor: 0.8, grow_factor: 1.2, dtype: 'float' },
    batch_size: { min: 1, max: 24, shrink_factor: 0.75, grow_factor: 1.5, dtype: 'int' },
    learn_step: { min: 1, max: 8, shrink_factor: 0.75, grow_factor: 1.5, dtype: 'int' },
  })
  const own = agent({ ...small, hp_config: { gamma: { min: 0.9, max: 0.999 } } })
  expect(own.hp_config.names()).toEqual(['gamma'])
})

it.each([
  [{ min: 2, max: 1 }, /no range/],
  [{ min: 0, max: Number.POSITIVE_INFINITY }, /no range/],
  [{ min: 0, max: 1, shrink_factor: 1.2 }, /shrink_factor is 1.2/],
  [{ min: 0, max: 1, grow_factor: 0.5 }, /grow_factor is 0.5/],
  [{ min: 0, max: 1, dtype: 'double' as 'float' }, /dtype is "double"/],
  [{ min: 0, max: 1, shrink: 0.5 }, /no option "shrink".*shrink_factor/],
])('the range %o is refused', (range, message) => {
  expect(() => new RLParameter(range)).toThrow(UsageError)
  expect(() => new RLParameter(range)).toThrow(message)
})

it("the type of a value is its argument's: AgileRL's own ranges, which name none, do", () => {
  const ranges = {
    lr: { min: 1e-4, max: 1e-2 },
    batch_size: { min: 8, max: 1024 },
    learn_step: { min: 1, max: 10 },
  }
  const given = new HyperparameterConfig({ ...ranges, batch_size: new RLParameter(ranges.batch_size) })
  const types = Object.entries(given.toJSON()).map(([name, { dtype }]) => [name, dtype])
  expect(types).toEqual([
    ['lr', 'float'],
    ['batch_size', 'int'],
    ['learn_step', 'int'],
  ])
  const { parameters } = agent({ ...small, hp_config: ranges }).hp_config
  // 0.8 * 11 and 1.2 * 11, cut off.
  expect([8, 13]).toContain(parameters.get('batch_size')?.mutate(11, random))
  expect(new HyperparameterConfig(given.toJSON()).toJSON()).toEqual(given.toJSON())
})

it('names that cannot mutate, types that are not theirs, and fractions for whole numbers, are refused', () => {
  expect(() => new HyperparameterConfig({ lrr: { min: 0, max: 1 } } as never)).toThrow(
    /"lrr" cannot mutate.*lr/,
  )
  expect(() => new HyperparameterConfig({ batch_size: { min: 8, max: 64, dtype: 'float' } })).toThrow(
    /batch_size is 'float', but it is a whole number: leave dtype out, or give 'int'/,
  )
  expect(() => new HyperparameterConfig({ lr: { min: 0, max: 1, dtype: 'int' } })).toThrow(/give 'float'/)
  for (const learn_step of [
    { min: 0, max: 8 },
    { min: 1, max: 8.5 },
  ])
    expect(() => new HyperparameterConfig({ learn_step })).toThrow(/whole bounds of at least 1/)
})
