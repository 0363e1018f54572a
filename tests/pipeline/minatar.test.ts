import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resume_pipeline, serial_pipeline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

/** DQN with a small convolutional network on a game whose collector has unfinished episodes at any time. */
function imageDqn(env: Record<string, unknown> = {}): [object, object] {
  return [
    {
      exp_name: 'image_dqn',
      env: {
        collector_env_num: 3,
        evaluator_env_num: 2,
        n_evaluator_episode: 2,
        max_episode_steps: 60,
        ...env,
      },
      policy: {
        model: {
          obs_shape: [4, 10, 10],
          action_shape: 5,
          encoder_hidden_size_list: [4, 16],
          encoder_kernel_size_list: [3],
        },
        learn: { update_per_collect: 2, batch_size: 8 },
        collect: { n_sample: 16 },
        eval: { evaluator: { eval_freq: 20 } },
        other: { replay_buffer: { replay_buffer_size: 300 } },
      },
    },
    { env: { type: 'MinAtar/Asterix-v1' }, policy: { type: 'dqn' }, replay_buffer: { type: 'naive' } },
  ]
}

const quiet = { console: 'quiet' } as const

test('a run on images, stopped and resumed, ends in the state of one that went straight through', async () => {
  const straight = temporaryFolder()
  await serial_pipeline(imageDqn(), 0, { ...quiet, work_dir: straight, max_train_iter: 60 })
  const broken = temporaryFolder()
  await serial_pipeline(imageDqn(), 0, { ...quiet, work_dir: broken, max_train_iter: 40 })
  await resume_pipeline(join(broken, 'image_dqn'), { ...quiet, max_train_iter: 60 })
  const weights = (folder: string) =>
    readFileSync(join(folder, 'image_dqn', 'ckpt', 'iteration_60.safetensors'))
  expect(weights(broken).equals(weights(straight))).toBe(true)
})

test('images come through worker threads as they do through this thread', async () => {
  const weights = async (type: string) => {
    const work_dir = temporaryFolder()
    await serial_pipeline(imageDqn({ manager: { type } }), 0, { ...quiet, work_dir, max_train_iter: 10 })
    return readFileSync(join(work_dir, 'image_dqn', 'ckpt', 'iteration_10.safetensors'))
  }
  const [here, there] = [await weights('base'), await weights('subprocess')]
  expect(here.equals(there)).toBe(true)
})
