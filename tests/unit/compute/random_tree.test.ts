import { expect, test } from 'vitest'
import { RandomTree } from '../../../ding/compute/index.js'

const draw = (tree: RandomTree, name: string) => tree.stream(name).nextUint32()

test('a stream depends on the seed and its path alone, and is one object a path', () => {
  const [a, b] = [RandomTree.fromSeed(1), RandomTree.fromSeed(1)]
  draw(a, 'noise')
  expect(draw(a.branch('policy'), 'collect')).toBe(draw(b.branch('policy'), 'collect'))
  expect(a.branch('policy').stream('collect')).toBe(a.branch('policy').stream('collect'))
  expect(draw(RandomTree.fromSeed(2).branch('policy'), 'collect')).not.toBe(
    draw(RandomTree.fromSeed(1).branch('policy'), 'collect'),
  )
})

test('state_dict restores streams in place, those not asked for yet as well, and keeps them', () => {
  const first = RandomTree.fromSeed(3)
  draw(first, 'early')
  draw(first.branch('policy'), 'late')
  const state = first.state_dict()
  const second = RandomTree.fromSeed(3)
  const early = second.stream('early')
  second.load_state_dict(state)
  expect(second.state_dict()).toEqual(state)
  expect(early.nextUint32()).toBe(draw(first, 'early'))
  expect(draw(second.branch('policy'), 'late')).toBe(draw(first.branch('policy'), 'late'))
})
