import { describe, expect, test } from 'vitest'
import { didYouMean, nearest } from '../../../ding/utils/index.js'

const KEYS = ['batch_size', 'learn', 'eval', 'env', 'eps', 'lr', 'n', 'nstep', 'type', 'tau', 'x_axis']

describe('nearest', () => {
  test.each([
    ['bacth_size', ['batch_size']],
    ['lern', ['learn']],
    ['nsteps', ['nstep']],
    ['TYPE', ['type']],
    ['ep', ['eps']],
    ['lr_', ['lr']],
    ['size', ['batch_size']],
    ['the_x_axis', ['x_axis']],
  ])('%s is close to %j', (name, names) => {
    expect(nearest(name, KEYS)).toEqual(names)
  })

  test.each(['x', 'q', 'zz', 'qux', 'policy_type_of_mine', ''])(
    '"%s" is close to nothing: short names are not guessed',
    (name) => {
      expect(nearest(name, KEYS)).toEqual([])
      expect(didYouMean(name, KEYS)).toBe('')
    },
  )

  test('a name of one letter may differ in case', () => {
    expect(nearest('N', KEYS)).toEqual(['n'])
  })

  test.each([undefined, null, 3, {}])('%j, which is no name, is close to nothing', (name) => {
    expect(nearest(name, KEYS)).toEqual([])
    expect(didYouMean(name, KEYS)).toBe('')
  })
})

test('didYouMean names at most three, nearest first', () => {
  expect(didYouMean('learner', ['learner_', 'learners', 'learn', 'lerner', 'other'])).toBe(
    ' Did you mean "learner_" or "learners" or "lerner"?',
  )
})
