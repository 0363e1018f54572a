import { expect, test } from 'vitest'
import { obsShapeOf } from '../../../ding/agent/spaces.js'
import { Box, ConfigError, Dict, Discrete, MultiDiscrete, type Space, Tuple } from '../../../ding/index.js'
import { checkModelShapes } from '../../../ding/policy/spaces.js'
import { buildDqn, QTable } from '../../fixtures/q_table.js'

const vector = new Box(-1, 1, [4])
const image = new Box(0, 255, [1, 8, 8], 'uint8')
const masked = new Dict({ obs: vector, action_mask: new Box(0, 1, [2]) })
const both = new Dict({ camera: image, speed: vector })
const act = new Discrete(2)

const fits: [unknown, Space][] = [
  [4, vector],
  [[4], vector],
  [64, image],
  [[1, 8, 8], image],
  [{ one_hot: 5 }, new Discrete(5)],
  [{ one_hot: [2, 3] }, new MultiDiscrete([2, 3])],
  [{ one_hot: 5, start: -1 }, new Discrete(5, -1)],
  [{ one_hot: [2, 3, 2, 2] }, vector],
  [{ one_hot: 5, start: 0 }, new Discrete(5)],
  [{ one_hot: [2, 3], start: [0, 1] }, new MultiDiscrete([2, 3], [0, 1])],
  [4, masked],
  [{ obs: 4 }, masked],
  [{ camera: [1, 8, 8], speed: 4 }, both],
  [{ speed: 4 }, both],
  [[4, [1, 8, 8]], new Tuple([vector, image])],
  [undefined, vector],
]

test.each(fits)('obs_shape %j fits', (obs_shape, space) => {
  expect(() => checkModelShapes({ obs_shape, action_shape: 2 }, space, act)).not.toThrow()
})

const misfits: [unknown, Space][] = [
  [5, vector],
  [[2, 2], vector],
  [[8, 8, 1], image],
  [{ one_hot: 4 }, new Discrete(5)],
  [{ one_hot: [3, 2] }, new MultiDiscrete([2, 3])],
  [{ one_hot: 5 }, new Discrete(5, 1)],
  [{ one_hot: 4 }, vector],
  [{ one_hot: [2, 3] }, new MultiDiscrete([2, 3], [0, 1])],
  [{ obs: 5 }, masked],
  [5, masked],
  [4, both],
  [{ camera: [1, 8, 8], pace: 4 }, both],
  [{ a: 4 }, vector],
]

test.each(misfits)('obs_shape %j does not, and both are named', (obs_shape, space) => {
  const check = () => checkModelShapes({ obs_shape }, space, act)
  expect(check).toThrow(ConfigError)
  expect(check).toThrow(`policy.model.obs_shape is ${JSON.stringify(obs_shape)}`)
  expect(check).toThrow(String(space))
})

test('agents describe such observations by themselves', () => {
  expect(obsShapeOf(new Discrete(5, 1))).toEqual({ one_hot: 5, start: 1 })
  expect(obsShapeOf(new MultiDiscrete([2, 3]))).toEqual({ one_hot: [2, 3] })
})

test('observations that are not counted from 0 say how to describe them', () => {
  expect(() => checkModelShapes({ obs_shape: { one_hot: 5 } }, new Discrete(5, 1), act)).toThrow(
    'Set policy.model.obs_shape to {"one_hot":5,"start":1}',
  )
  const several = new Dict({ kind: new MultiDiscrete([2, 3], [0, 1]), speed: vector })
  expect(() => checkModelShapes({ obs_shape: 9 }, several, act)).toThrow(
    '{"kind":{"one_hot":[2,3],"start":[0,1]},"speed":4}',
  )
})

test.each([
  [2, act],
  [[2], act],
  [[2, 3], new MultiDiscrete([2, 3])],
  [6, new Box(-1, 1, [2, 3])],
])('action_shape %j fits', (action_shape, space) => {
  expect(() => checkModelShapes({ action_shape }, vector, space as Space)).not.toThrow()
})

test.each([
  [3, act],
  [[2, 2], act],
  [5, new MultiDiscrete([2, 3])],
  [1, new Box(-1, 1, [2])],
])('action_shape %j does not, and both are named', (action_shape, space) => {
  const check = () => checkModelShapes({ action_shape }, vector, space as Space)
  expect(check).toThrow(`policy.model.action_shape is ${JSON.stringify(action_shape)}`)
  expect(check).toThrow(String(space))
})

test('dqn needs discrete actions counted from 0', async () => {
  const policy = await buildDqn({}, { model: new QTable([[1, 2]]) })
  expect(() => policy.checkSpaces(vector, act)).not.toThrow()
  expect(() => policy.checkSpaces(vector, new Box(-1, 1, [1]))).toThrow(/"dqn".*Box/)
  expect(() => policy.checkSpaces(vector, new Discrete(2, 1))).toThrow(ConfigError)
})
