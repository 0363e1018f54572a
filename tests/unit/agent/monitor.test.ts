import { describe, expect, it } from 'vitest'
import { EpisodeMonitor } from '../../../ding/agent/monitor.js'
import { createTimestep } from '../../../ding/envs/index.js'

const obs = Float32Array.of(0)
const going = createTimestep(obs, 1, false, false)
const ended = (eval_episode_return: number) => createTimestep(obs, 1, true, false, { eval_episode_return })
const broken = createTimestep(obs, 0, false, true, { abnormal: true, reason: 'a bolt came loose' })

describe('EpisodeMonitor', () => {
  it('keeps the last episodes only, and counts all', () => {
    const monitor = new EpisodeMonitor(2)
    for (const [i, total] of [3, 5, 7].entries()) {
      for (let step = 0; step < i; step++) expect(monitor.record({ 0: going })).toEqual({})
      expect(monitor.record({ 0: ended(total) })).toEqual({ 0: { r: total, l: i + 1 } })
    }
    expect(monitor.ep_info_buffer).toEqual([
      { r: 5, l: 2 },
      { r: 7, l: 3 },
    ])
    expect(monitor.episodes).toBe(3)
  })

  it('leaves out episodes that broke, and begins the next with its first step', () => {
    const monitor = new EpisodeMonitor(100)
    const ends = [
      { 0: going, 1: going },
      { 0: broken, 1: going },
      { 0: going, 1: going },
      { 0: ended(4), 1: ended(9) },
    ]
    expect(ends.map((timesteps) => monitor.record(timesteps))).toEqual([
      {},
      {},
      {},
      { 0: { r: 4, l: 2 }, 1: { r: 9, l: 4 } },
    ])
    expect(monitor.ep_info_buffer).toEqual([
      { r: 4, l: 2 },
      { r: 9, l: 4 },
    ])
    expect(monitor.episodes).toBe(2)
  })
})
