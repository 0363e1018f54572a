import { describe, expect, test } from 'vitest'
import { EpisodeSerialCollector, MemoryLogger, type Transition } from '../../../ding/index.js'
import { FakeEnvManager } from '../../fixtures/fake_envs.js'
import { fakeCollectMode } from '../../fixtures/fake_modes.js'

const CFG = { deepcopy_obs: false, transform_obs: false, collect_print_freq: 100 }

/** A key of a transition that holds an array. */
const arrayOf = (t: Transition | undefined, key: string) => Array.from(t?.[key] as Float32Array)

/** [env, episode, step] of the observation that a transition starts from. */
const from = (t: Transition) => arrayOf(t, 'obs')

describe('episode collector', () => {
  const build = (lengths: number[][], get_train_sample = true, values: Record<string, unknown> = {}) =>
    new EpisodeSerialCollector(
      { ...CFG, get_train_sample },
      { env: new FakeEnvManager(lengths), policy: fakeCollectMode(values).mode, logger: new MemoryLogger() },
    )

  test('brings exactly the episodes asked for; those that ended at the same time wait', async () => {
    const collector = build([[2], [2], [5]])
    const first = await collector.collect_episodes(1)
    expect(first.map((episode) => episode.map(from))).toEqual([
      [
        [0, 0, 0],
        [0, 0, 1],
      ],
    ])
    const second = await collector.collect_episodes(1)
    expect(second.map((episode) => episode.map(from))).toEqual([
      [
        [1, 0, 0],
        [1, 0, 1],
      ],
    ])
    expect(collector.envstep).toBe(6)
    expect((await collector.collect(2)).map(from)).toHaveLength(4)
  })

  test('plain transitions without get_train_sample, n-step returns with it', async () => {
    const plain = await build([[3]], false, { nstep: 2 }).collect(1)
    expect(plain.map((t) => t['reward'])).toEqual([1, 2, 3])
    const returns = await build([[3]], true, { nstep: 2 }).collect(1)
    expect(returns.map((t) => arrayOf(t, 'reward'))).toEqual([
      [1, 2],
      [2, 3],
      [3, 0],
    ])
  })

  test('resumes with the waiting episodes', async () => {
    const a = build([[2], [2]])
    await a.collect(1)
    const b = build([[2], [2]])
    b.load_state_dict(structuredClone(a.state_dict()))
    expect(await b.collect_episodes(1)).toEqual(await a.collect_episodes(1))
    expect(b.envstep).toBe(4)
  })
})
