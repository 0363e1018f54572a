import { describe, expect, test } from 'vitest'
import type { ConfigPair } from '../../ding/index.js'
import { serial_pipeline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

const OFF = { use_norm: false }

interface Added {
  readonly env?: object
  readonly policy?: object
  readonly learn?: object
}

/** A short run on Hopper with what DI-engine's configs of MuJoCo say. */
function hopper(type: string, { env, policy, learn }: Added): ConfigPair {
  const action_space = type === 'sac' ? 'reparameterization' : 'regression'
  return [
    {
      exp_name: 'run',
      env: {
        env_id: 'Hopper-v4',
        collector_env_num: 1,
        evaluator_env_num: 2,
        n_evaluator_episode: 2,
        max_episode_steps: 5,
        stop_value: 6000,
        manager: { shared_memory: false, reset_inplace: true },
        ...env,
      },
      policy: {
        random_collect_size: 10,
        model: {
          obs_shape: 11,
          action_shape: 3,
          twin_critic: type !== 'ddpg',
          action_space,
          actor_head_hidden_size: 8,
          critic_head_hidden_size: 8,
        },
        learn: { update_per_collect: 1, batch_size: 4, ignore_done: false, ...learn },
        collect: { n_sample: 1, unroll_len: 1 },
        eval: {},
        other: { replay_buffer: { replay_buffer_size: 1000 } },
        ...policy,
      },
    },
    { env: { type: 'mujoco' }, policy: { type }, replay_buffer: { type: 'naive' } },
  ] as unknown as ConfigPair
}

async function run(type: string, added: Added) {
  const options = { console: 'quiet', work_dir: temporaryFolder(), max_env_step: 20 } as const
  const { policy, train_iter } = await serial_pipeline(hopper(type, added), 0, options)
  return { train_iter, weights: policy.learn_mode.state_dict() }
}

describe("DI-engine's configs of MuJoCo", () => {
  test.each([
    ['sac', { learn: { reparameterization: true }, policy: { command: {} } }],
    ['td3', {}],
    ['ddpg', { policy: { reward_batch_norm: false } }],
  ] as const)('%s: keys without effect are taken and change nothing', async (type, added) => {
    const whole = await run(type, {
      ...added,
      env: { norm_obs: OFF, norm_reward: { ...OFF, reward_discount: 0.9 } },
    })
    expect(whole).toEqual(await run(type, {}))
    expect(whole.train_iter).toBe(10)
  })

  test.each([
    [
      { env: { norm_obs: { use_norm: true } } },
      /env\.norm_obs: is .*policy\.vec_normalize.*anew with each episode/s,
    ],
    [{ env: { norm_reward: { use_norm: true } } }, /env\.norm_reward: is .*policy\.vec_normalize/s],
    [{ env: { norm_obs: false } }, /env\.norm_obs: is false.*Give \{use_norm: false\}/s],
    [{ env: { env_wrapper: 'mujoco_default' } }, /env\.env_wrapper: .*Leave it out/s],
    [{ policy: { command: { eps: 1 } } }, /policy\.command\.eps: unknown key/],
  ])('%j is an error that says what to do', async (added, message) => {
    await expect(run('sac', added)).rejects.toThrow(message)
  })
})
