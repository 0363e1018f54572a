import { expect, test } from 'vitest'
import { MemoryLogger } from '../../../ding/index.js'
import { BrokenEnvs } from '../../../ding/worker/broken_envs.js'

test('a line at the first, second, fourth, ... episode lost for a reason, and one a round', () => {
  const logger = new MemoryLogger()
  const broken = new BrokenEnvs('Collector', logger)
  broken.beginRound()
  broken.note(3, { abnormal: true, reason: 'no power at step 7', at: 'at Lamp.step (lamp.ts:3:4)' })
  expect(logger.warnings).toEqual([
    'Collector: environment 3 lost its episode: no power at step 7 (at Lamp.step (lamp.ts:3:4)).',
  ])
  // Other numbers make no other reason, and one line a round is enough.
  for (let step = 8; step < 12; step++) broken.note(1, { reason: `no power at step ${step}` })
  broken.note(0, { reason: 'step took longer than 1 s' })
  expect(logger.warnings.slice(1)).toEqual([
    'Collector: environment 0 lost its episode: step took longer than 1 s.',
  ])
  for (let round = 0; round < 15; round++) {
    broken.beginRound()
    broken.note(2, { reason: 'no power at step 1' })
  }
  expect(logger.warnings.slice(2)).toEqual([
    'Collector: environment 2 lost its episode: no power at step 1. This was the episode number 6 lost like that.',
    'Collector: environment 2 lost its episode: no power at step 1. This was the episode number 12 lost like that.',
  ])
})
