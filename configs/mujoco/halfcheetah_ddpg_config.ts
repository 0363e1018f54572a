import { defineConfig } from 'ding'

/**
 * DDPG on HalfCheetah-v4 with rl-baselines3-zoo's settings (hyperparams/ddpg.yml, mujoco-defaults), those of TD3 there: hidden layers 400-300,
 * learning rate 1e-3, Gaussian noise of 0.1, 10,000 random steps before it learns; the rest are SB3's defaults. The zoo has no result of it.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'halfcheetah_ddpg_seed0',
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
        twin_critic: false,
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
        actor_update_freq: 1,
        noise: false,
      },
      collect: { n_sample: 1, noise_type: 'gauss', noise_sigma: 0.1 },
      eval: { evaluator: { eval_freq: 5000 } },
      other: { replay_buffer: { replay_buffer_size: 1000000 } },
    },
  },
  {
    env: { type: 'mujoco' },
    env_manager: { type: 'base' },
    policy: { type: 'ddpg' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
