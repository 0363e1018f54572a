import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ReplayBuffer, Transition } from '../../../ding/data/index.js'
import { CheckpointError } from '../../../ding/utils/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { advanced, deque, episodic, naive, step, steps } from './helpers.js'
import { goalEpisode, her } from './her_helpers.js'

const small = { replay_buffer_size: 8 }

const kinds: Record<string, () => ReplayBuffer> = {
  naive: () => naive(small).buffer,
  advanced: () => advanced(small).buffer,
  deque: () => deque(small).buffer,
  'naive, optimize_memory_usage': () => naive({ ...small, optimize_memory_usage: true }).buffer,
  episode: () => episodic(small).buffer,
}

/** A file with transitions that are changed in one way. */
function fileOf(make: () => ReplayBuffer, change: (transition: Transition) => Transition): string {
  const path = join(temporaryFolder(), 'data.safetensors')
  const buffer = make()
  buffer.push(steps(20, 23).map(change))
  buffer.save_data(path)
  return path
}

const wide = (t: Transition): Transition => ({
  ...t,
  obs: Float32Array.of(1, 2, 3),
  next_obs: Float32Array.of(1, 2, 3),
})
const torque = (t: Transition): Transition => ({ ...t, action: Float32Array.of(0.5) })
const bytes = (t: Transition): Transition => ({
  ...t,
  obs: Uint8Array.of(1, 2),
  next_obs: Uint8Array.of(1, 2),
})
const records = (t: Transition): Transition => ({
  ...t,
  obs: { a: t['obs']! },
  next_obs: { a: t['next_obs']! },
})
const same = (t: Transition): Transition => t

describe.each(Object.keys(kinds))('load_data of the buffer %s', (kind) => {
  const make = kinds[kind] as () => ReplayBuffer

  it('refuses what does not go with what it holds, which it keeps', () => {
    const buffer = make()
    buffer.push(steps(0, 4))
    const before = JSON.stringify(buffer.state_dict())
    const refused = (change: (transition: Transition) => Transition, what: RegExp) => {
      const path = fileOf(make, change)
      expect(() => buffer.load_data(path)).toThrow(CheckpointError)
      expect(() => buffer.load_data(path)).toThrow(what)
      expect(JSON.stringify(buffer.state_dict())).toBe(before)
    }
    refused(wide, /"obs" is float32 \[3\] in the file, float32 \[2\] here; "next_obs" is/)
    refused(torque, /: "action" is float32 \[1\] in the file, int32 \[\] here\./)
    refused(bytes, /"obs" is uint8 \[2\] in the file, float32 \[2\] here/)
    refused(records, /"obs" is not in the file, here it is float32 \[2\];.*"obs\.a" is in the file/)
    refused((t) => ({ ...t, weight: 1 }), /: "weight" is in the file, here there is none\./)
    buffer.load_data(fileOf(make, same))
    expect(buffer.count()).toBe(kind === 'episode' ? 1 : 3)
  })

  it('holds an empty buffer to the transitions that are to come', () => {
    const like = step(0)
    const buffer = make()
    const more = (t: Transition): Transition => ({ ...t, weight: 1 })
    const summed = (t: Transition): Transition => ({ ...t, reward: Float32Array.of(1, 2, 3) })
    for (const change of [wide, torque, bytes, records, more, summed])
      expect(() => buffer.load_data(fileOf(make, change), like)).toThrow(/in the file.*another environment/)
    expect(buffer.count()).toBe(0)
    buffer.load_data(fileOf(make, same), like)
    // Without them it takes anything when it is empty.
    const free = make()
    free.load_data(fileOf(make, wide))
    expect(free.count()).toBe(buffer.count())
  })
})

it('load_data of the buffer her refuses transitions that tell of no episodes', () => {
  const path = fileOf(() => naive(small).buffer, same)
  const { buffer } = her({ replay_buffer_size: 8 })
  expect(() => buffer.load_data(path)).toThrow(/"episode"/)
  buffer.push(goalEpisode(0, 0, 4))
  expect(() => buffer.load_data(path)).toThrow(/"episode.env_id" is not in the file/)
  expect(buffer.count()).toBe(4)
})
