import { defineConfig } from 'ding'

/**
 * TD3 on HalfCheetah-v4 with rl-baselines3-zoo's settings (hyperparams/td3.yml, mujoco-defaults): hidden layers 400-300, learning rate 1e-3,
 * Gaussian noise of 0.1, 10,000 random steps before it learns; the rest are SB3's defaults. Published at a million steps: 9656 ± 970 (one run
 * of the zoo, HalfCheetah-v3).
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'halfcheetah_td3_seed0',
    env: {
      env_id: 'HalfCheetah-v4',
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 5,
      stop_value: 15000,
    },
    policy: {
      cuda: false,
      random_collect_size: 10000,
      model: {
        obs_shape: 17,
        action_shape: 6,
        twin_critic: true,
        action_space: 'regression',
        net_arch: [400, 300],
      },
      learn: {
        update_per_collect: 1,
        batch_size: 256,
        learning_rate_actor: 0.001,
        learning_rate_critic: 0.001,
        target_theta: 0.005,
        discount_factor: 0.99,
        actor_update_freq: 2,
        // Actor and targets together, as the paper and SB3.
        target_update_with_actor: true,
        noise: true,
        noise_sigma: 0.2,
        noise_range: { min: -0.5, max: 0.5 },
      },
      collect: { n_sample: 1, noise_type: 'gauss', noise_sigma: 0.1 },
      eval: { evaluator: { eval_freq: 5000 } },
      other: { replay_buffer: { replay_buffer_size: 1000000 } },
    },
  },
  {
    env: { type: 'mujoco' },
    env_manager: { type: 'base' },
    policy: { type: 'td3' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
