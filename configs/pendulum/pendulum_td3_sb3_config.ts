import { defineConfig } from 'ding'

/**
 * TD3 on Pendulum-v1 with the settings of rl-baselines3-zoo (hyperparams/td3.yml; 20,000 steps): hidden layers 400-300, learning rate
 * 1e-3, gamma 0.98, Gaussian noise of 0.1, 10,000 random steps first, one update an env step. Published: -152 ± 90. Actions are in [-1, 1]
 * and scaled to torques by the environment (`act_scale`).
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'pendulum_td3_sb3_seed0',
    env: {
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 10,
      act_scale: true,
      stop_value: -130,
    },
    policy: {
      cuda: false,
      random_collect_size: 10000,
      model: {
        obs_shape: 3,
        action_shape: 1,
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
        discount_factor: 0.98,
        actor_update_freq: 2,
        target_update_with_actor: true,
        noise: true,
        noise_sigma: 0.2,
        noise_range: { min: -0.5, max: 0.5 },
      },
      collect: { n_sample: 1, noise_type: 'gauss', noise_sigma: 0.1 },
      eval: { evaluator: { eval_freq: 1000 } },
      other: { replay_buffer: { replay_buffer_size: 200000 } },
    },
  },
  {
    env: { type: 'pendulum' },
    env_manager: { type: 'base' },
    policy: { type: 'td3' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
