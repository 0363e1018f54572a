import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { evaluate, serial_pipeline } from '../../../../entry/index.js'
import { smallDqn, temporaryFolder } from '../../../fixtures/configs.js'
import { decodeGif } from './gif_decoder.js'

const quiet = { console: 'quiet' } as const

it('evaluate writes an animation of each episode into replay_path, and training into that of the config', async () => {
  const work_dir = temporaryFolder()
  const at = join(work_dir, 'replays')
  await serial_pipeline(smallDqn(), 0, { ...quiet, work_dir, max_train_iter: 8 })
  const load_path = join(work_dir, 'small_dqn', 'ckpt', 'iteration_8.safetensors')
  const plain = await evaluate(smallDqn(), 0, { ...quiet, work_dir, load_path })
  expect(existsSync(at)).toBe(false)
  const config = smallDqn({}, { replay_size: 90, replay_frame_skip: 3 })
  const recorded = await evaluate(config, 0, { ...quiet, work_dir, load_path, replay_path: at })
  expect(recorded.eval_value_raw).toEqual(plain.eval_value_raw)
  const episodes = readdirSync(at).filter((name) => name.endsWith('.json'))
  const lengths = episodes.map((name) => {
    const { length } = JSON.parse(readFileSync(join(at, name), 'utf8'))
    const gif = decodeGif(readFileSync(join(at, name.replace('.json', '.gif'))))
    expect([gif.width, gif.frames.length]).toEqual([90, 1 + Math.ceil(length / 3)])
    return length
  })
  // CartPole's return is its length. The evaluator's envs finish no episode beyond those that it counts.
  expect(lengths.sort()).toEqual([...recorded.eval_value_raw].sort())

  const from_config = join(work_dir, 'training')
  const own = smallDqn({}, { replay_path: from_config, replay_size: 60 })
  await serial_pipeline(own, 0, { ...quiet, work_dir: temporaryFolder(), max_train_iter: 8 })
  expect(readdirSync(from_config).some((name) => name.endsWith('.gif'))).toBe(true)
})
