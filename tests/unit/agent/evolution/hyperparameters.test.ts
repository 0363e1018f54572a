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

it('names that cannot mutate, and fractions for whole numbers, are refused', () => {
  expect(() => new HyperparameterConfig({ lrr: { min: 0, max: 1 } } as never)).toThrow(
    /"lrr" cannot mutate.*lr/,
  )
  expect(() => new HyperparameterConfig({ batch_size: { min: 8, max: 64 } })).toThrow(
    /whole number: give dtype 'int'/,
  )
  expect(() => new HyperparameterConfig({ learn_step: { min: 0, max: 8, dtype: 'int' } })).toThrow(
    /at least 1/,
  )
})
