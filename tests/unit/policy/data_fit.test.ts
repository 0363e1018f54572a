import { describe, expect, test } from 'vitest'
import type { OfflineDataset } from '../../../ding/data/index.js'
import { checkDiscreteActions, checkModelData } from '../../../ding/policy/data_fit.js'
import type { HostTensor } from '../../../ding/utils/index.js'

/** A dataset of one row. */
function dataset(obs: HostTensor | number[], action: HostTensor, reach: number[]) {
  const column: HostTensor = Array.isArray(obs)
    ? { dtype: 'float32', shape: [1, ...obs], data: new Float32Array(obs.reduce((a, b) => a * b, 1)) }
    : obs
  const action_bounds = {
    min: Float32Array.from(reach, (x) => (action.dtype === 'int32' ? Math.min(x, 0) : -x)),
    max: Float32Array.from(reach),
  }
  return {
    statistics: { action_bounds },
    take: () => ({ obs: column, action }),
  } as unknown as Pick<OfflineDataset, 'statistics' | 'take'>
}

const continuous = (width: number): HostTensor => ({
  dtype: 'float32',
  shape: [1, width],
  data: new Float32Array(width),
})
const discrete: HostTensor = { dtype: 'int32', shape: [1], data: Int32Array.of(0) }
const unit = { scale: 1, bound: 1 }

describe('data that fit', () => {
  test('vectors, images and several forms of a shape', () => {
    const model = { obs_shape: 17, action_shape: 6 }
    expect(checkModelData(model, dataset([17], continuous(6), Array(6).fill(1)), unit)).toEqual([])
    const listed = { obs_shape: [17], action_shape: [6] }
    expect(checkModelData(listed, dataset([17], continuous(6), Array(6).fill(1)), unit)).toEqual([])
    const images = { obs_shape: [4, 8, 8], action_shape: 3 }
    expect(checkModelData(images, dataset([4, 8, 8], discrete, [2]), { scale: 1, bound: undefined })).toEqual(
      [],
    )
    expect(checkModelData({}, dataset([3], continuous(1), [9]), { scale: 1, bound: undefined })).toEqual([])
  })

  test('the bound is that of the scaled actions, and rounding is no excess', () => {
    const model = { obs_shape: 3, action_shape: 1 }
    expect(checkModelData(model, dataset([3], continuous(1), [2]), { scale: 0.5, bound: 1 })).toEqual([])
    expect(checkModelData(model, dataset([3], continuous(1), [2]), { scale: 1, bound: 2 })).toEqual([])
    expect(checkModelData(model, dataset([3], continuous(1), [1.0005]), unit)).toEqual([])
  })
})

describe('data that do not', () => {
  test('another number of entries', () => {
    expect(() =>
      checkModelData({ obs_shape: 17, action_shape: 6 }, dataset([11], continuous(6), [1]), unit),
    ).toThrow("The dataset's observations have the shape 11, but policy.model.obs_shape is 17.")
    const images = { obs_shape: [4, 8, 9], action_shape: 3 }
    const check = (shape: number[]) => () => checkModelData(images, dataset(shape, discrete, [2]), unit)
    expect(check([8, 9, 4])).toThrow(/shape \[8,9,4\].*channels last: bring them into the order/)
    expect(check([9, 8, 4])).toThrow(/shape \[9,8,4\].*Check policy.collect.data_path/)
    expect(() =>
      checkModelData({ obs_shape: 11, action_shape: 6 }, dataset([11], continuous(3), [1]), unit),
    ).toThrow("The dataset's actions have 3 entries, but policy.model.action_shape is 6.")
    expect(() =>
      checkModelData({ obs_shape: 4, action_shape: 2 }, dataset([4], discrete, [2]), unit),
    ).toThrow(
      "The dataset's actions go up to 2, but policy.model.action_shape is 2, for actions from 0 to 1.",
    )
  })

  test('discrete actions that are not counted from 0', () => {
    const model = { obs_shape: 4, action_shape: 2 }
    expect(() => checkModelData(model, dataset([4], discrete, [-1]), unit)).toThrow(
      "The dataset's actions go down to -1, but policy.model.action_shape is 2, for actions from 0 to 1. Use data of the same environment, " +
        'set policy.model.action_shape, or count the actions of the data from 0.',
    )
    const pairs: HostTensor = { dtype: 'int32', shape: [1, 2], data: Int32Array.of(0, 0) }
    const two = { obs_shape: 4, action_shape: [3, 2] }
    const choices = { scale: 1, bound: undefined }
    expect(checkModelData(two, dataset([4], pairs, [2, 1]), choices)).toEqual([])
    expect(() => checkModelData(two, dataset([4], pairs, [1, 2]), choices)).toThrow(
      /go up to 2, but .*\[3,2\]/,
    )
  })

  test('whole numbers that a continuous policy learns from are no choices', () => {
    const torques: HostTensor = { dtype: 'int32', shape: [1, 2], data: Int32Array.of(-1, 1) }
    const model = { obs_shape: 3, action_shape: 2 }
    expect(checkModelData(model, dataset([3], torques, [-1, 1]), unit)).toEqual([])
    const one: HostTensor = { dtype: 'int32', shape: [1, 1], data: Int32Array.of(-1) }
    expect(checkModelData({ ...model, action_shape: 1 }, dataset([3], one, [-1]), unit)).toEqual([])
  })

  test('actions of a batch that the model does not have, whatever batch it is', () => {
    const column = (...data: number[]): HostTensor => ({
      dtype: 'int32',
      shape: [data.length, 1],
      data: Int32Array.from(data),
    })
    checkDiscreteActions(column(0, 2, 1), 3)
    checkDiscreteActions(column(7), undefined)
    expect(() => checkDiscreteActions(column(0, 3), 3)).toThrow('has the action 3, but')
    expect(() => checkDiscreteActions(column(0, -1), [3])).toThrow('has the action -1, but')
    const pairs: HostTensor = { dtype: 'int32', shape: [2, 2], data: Int32Array.of(2, 1, 1, 2) }
    checkDiscreteActions(pairs, [3, 3])
    expect(() => checkDiscreteActions(pairs, [3, 2])).toThrow('has the action 2, but')
  })

  test('actions in other units are an error that says how to scale them, a little overshoot is a warning', () => {
    const model = { obs_shape: 3, action_shape: 1 }
    expect(() => checkModelData(model, dataset([3], continuous(1), [2]), unit)).toThrow(
      /actions reach 2, but the policy acts in \[-1, 1\].*policy\.collect\.action_scale.*0\.5 perhaps/,
    )
    expect(() => checkModelData(model, dataset([3], continuous(1), [2]), { scale: 2, bound: 1 })).toThrow(
      'times policy.collect.action_scale (2), reach 4',
    )
    const [odd] = checkModelData(model, dataset([3], continuous(1), [1.2]), unit)
    expect(odd).toContain('reach 1.2, but the policy acts in [-1, 1]')
  })
})
