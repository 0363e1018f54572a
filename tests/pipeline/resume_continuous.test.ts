import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ConfigPair } from '../../ding/index.js'
import { loadState, type StateTree } from '../../ding/utils/index.js'
import { resume_pipeline, serial_pipeline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

function configOf(type: string, model: object, collect: object, learn: object = {}): ConfigPair {
  return [
    {
      exp_name: 'run',
      env: {
        collector_env_num: 2,
        evaluator_env_num: 1,
        n_evaluator_episode: 1,
        max_episode_steps: 30,
        stop_value: 1e9,
      },
      policy: {
        priority: true,
        priority_IS_weight: true,
        nstep: 2,
        random_collect_size: 40,
        model: { obs_shape: 3, action_shape: 1, net_arch: [8], ...model },
        learn: {
          update_per_collect: 3,
          batch_size: 8,
          lr_schedule: { type: 'linear', steps: 200 },
          ...learn,
        },
        collect: { n_sample: 6, ...collect },
        eval: { evaluator: { eval_freq: 30 } },
        other: { replay_buffer: { replay_buffer_size: 300 } },
      },
    },
    { env: { type: 'pendulum' }, policy: { type }, replay_buffer: { type: 'advanced' } },
  ] as unknown as ConfigPair
}

test.each<[string, object, object, object?]>([
  ['sac', { use_sde: true }, { sde_sample_freq: 5 }],
  ['crossq', { use_sde: true }, { sde_sample_freq: 5 }],
  ['td3', {}, { noise_type: 'ou', noise_sigma: 0.3 }],
  [
    'redq',
    { ensemble_num: 3 },
    { noise_type: 'gauss', noise_sigma: 0.1 },
    { auto_alpha: true, actor_update_freq: 4, subset_size: 1.5 },
  ],
])(
  '%s: 60 updates straight, and with two stops, leave the same state, bit for bit',
  async (type, model, collect, learn) => {
    const state = async ([first, ...others]: readonly [number, ...number[]]) => {
      const work_dir = temporaryFolder()
      const options = { console: 'quiet', work_dir } as const
      const exp_dir = join(work_dir, 'run')
      await serial_pipeline(configOf(type, model, collect, learn), 0, { ...options, max_train_iter: first })
      for (const max_train_iter of others) await resume_pipeline(exp_dir, { ...options, max_train_iter })
      const { tree } = loadState(join(exp_dir, 'ckpt', 'run_state.safetensors'))
      // A stop is evaluated, which the evaluator remembers.
      const { evaluator: _evaluator, learner, ...rest } = tree
      return { ...rest, policy: (learner as StateTree)['policy'] }
    }
    const straight = await state([60])
    expect(Object.keys(straight['policy'] as StateTree)).toContain('exploration')
    expect(await state([15, 45, 60])).toEqual(straight)
  },
)
