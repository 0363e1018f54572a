import { expect, test } from 'vitest'
import {
  MemoryLogger,
  NaiveReplayBuffer,
  SampleSerialCollector,
  type Transition,
} from '../../../ding/index.js'
import { type Event, FakeEnvManager } from '../../fixtures/fake_envs.js'
import { fakeCollectMode } from '../../fixtures/fake_modes.js'
import { her } from './her_helpers.js'

const CFG = { deepcopy_obs: false, transform_obs: false, collect_print_freq: 100 }

function collectorOf(lengths: number[][], events: Record<number, Record<number, Event>> = {}) {
  const env = new FakeEnvManager(lengths, { events })
  const { mode } = fakeCollectMode()
  return new SampleSerialCollector(CFG, { env, policy: mode, logger: new MemoryLogger() })
}

/** [env, episode, step] of the observation that a transition starts from. */
const from = (t: Transition) => Array.from(t['obs'] as Float32Array)

test('nothing is noted for buffers that do not ask', async () => {
  const collector = collectorOf([[3]])
  expect(NaiveReplayBuffer.prototype).not.toHaveProperty('episode_marks')
  for (const t of await collector.collect(4)) expect(Object.keys(t)).not.toContain('episode')
})

test('environment, step and end of the episode are noted, through pieces, cuts and losses', async () => {
  // Environment 0: an episode of 3, which terminates, then one that a time limit cuts at its second step. Environment 1
  // breaks at its fourth step.
  const collector = collectorOf([[3, 99], [99]], { 0: { 5: 'truncated' }, 1: { 4: 'abnormal' } })
  collector.episode_marks = her().buffer.episode_marks
  const list: Transition[] = []
  for (let i = 0; i < 3; i++) list.push(...(await collector.collect(4)))
  for (const t of list) {
    const [env_id, episode, step] = from(t)
    const end = env_id === 0 && ((episode !== 1 && step === 2) || (episode === 1 && step === 1))
    expect(t['episode']).toEqual({ env_id, step, end })
    expect(Object.keys(t)).not.toContain('info')
  }
  const lost = list.filter((t) => from(t)[0] === 1 && from(t)[1] === 0)
  expect(lost.map((t) => from(t)[2])).toEqual([0, 1, 2])
})

test('with info, what can be kept of it', async () => {
  const collector = collectorOf([[2]])
  collector.episode_marks = { info: true }
  const list = await collector.collect(2)
  expect(list.map(({ info }) => info)).toEqual([{}, { eval_episode_return: 3 }])
})

test('steps are counted on after a resume in mid-episode', async () => {
  const collector = collectorOf([[5]])
  collector.episode_marks = { info: false }
  await collector.collect(3)
  const resumed = collectorOf([[5]])
  resumed.episode_marks = { info: false }
  resumed.load_state_dict(collector.state_dict())
  const [next] = await resumed.collect(1)
  expect(next?.['episode']).toMatchObject({ env_id: 0, step: 3 })
})
