import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadState, saveState } from '../../../ding/utils/index.js'
import { episodic, ints, numbersIn, step, steps } from './helpers.js'

const folder = mkdtempSync(join(tmpdir(), 'ding-episode-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('episode buffer', () => {
  it('samples whole episodes, one after another', () => {
    const { buffer } = episodic()
    buffer.push(steps(0, 3))
    buffer.push([steps(10, 12), steps(20, 25)])
    expect(buffer.count()).toBe(3)
    expect(buffer.episode_len).toEqual([3, 2, 5])
    const batch = buffer.sample(2, 0)
    const rows = numbersIn(batch)
    const episodes = ints(batch, 'episode_idx')
    const places = ints(batch, 'episode_step')
    expect([5, 7, 8]).toContain(rows.length)
    for (let i = 1; i < rows.length; i++) {
      if (episodes[i] === episodes[i - 1]) {
        expect(rows[i]).toBe(rows[i - 1]! + 1)
        expect(places[i]).toBe(places[i - 1]! + 1)
      } else expect([episodes[i], places[i]]).toEqual([episodes[i - 1]! + 1, 0])
    }
    expect(numbersIn(buffer.sample(3, 0)).sort((a, b) => a - b)).toEqual([
      0, 1, 2, 10, 11, 20, 21, 22, 23, 24,
    ])
  })

  it('overwrites the oldest episode, gives null when there are too few, and checks what it is given', () => {
    const { buffer, logger } = episodic({ replay_buffer_size: 2 })
    expect(buffer.sample(1, 0)).toBeNull()
    buffer.push([steps(0, 1), steps(10, 12), steps(20, 23)])
    expect(buffer.episode_len).toEqual([3, 2])
    expect(buffer.sample(3, 0)).toBeNull()
    expect(logger.lines.at(-1)).toMatch(/2 episodes for a batch of 3/)
    expect(() => buffer.push(step(0))).toThrow(/whole episodes/)
    expect(() => buffer.push([steps(0, 2), []])).toThrow(/episode 1 of this push has no transitions/)
    expect(() => buffer.push([{ ...step(0), reward: true }])).toThrow(/"reward" of transition 0/)
    expect(buffer.episode_len).toEqual([3, 2])
    expect(numbersIn(episodicWithReplace().sample(4, 0))).toHaveLength(8)
  })

  function episodicWithReplace() {
    const { buffer } = episodic({ replace: true })
    buffer.push(steps(0, 2))
    return buffer
  }

  it('continues bit for bit from a saved state, and saves its data alone', () => {
    const path = join(folder, 'episodes.safetensors')
    const one = episodic({ replay_buffer_size: 3 }, 5)
    for (let i = 0; i < 5; i++) one.buffer.push(steps(10 * i, 10 * i + 1 + (i % 3)))
    saveState(path, { buffer: one.buffer.state_dict(), random: one.random.state() })
    const two = episodic({ replay_buffer_size: 3 }, 6)
    const { tree } = loadState(path)
    two.buffer.load_state_dict(tree.buffer as never)
    two.random.restore(tree.random as never)
    for (const { buffer } of [one, two]) buffer.push(steps(90, 94))
    expect(two.buffer.sample(2, 0)).toEqual(one.buffer.sample(2, 0))
    expect(two.buffer.state_dict()).toEqual(one.buffer.state_dict())
    one.buffer.save_data(path)
    const three = episodic({ replay_buffer_size: 2 })
    three.buffer.load_data(path)
    expect(three.buffer.episode_len).toEqual([4, 2])
    three.buffer.push(steps(50, 51))
    expect(three.buffer.episode_len).toEqual([4, 1])
    expect(() => three.buffer.load_state_dict(one.buffer.state_dict())).toThrow(/size 2, the saved one 3/)
    saveState(path, {})
    expect(() => three.buffer.load_data(path)).toThrow(/holds no episodes/)
  })
})
