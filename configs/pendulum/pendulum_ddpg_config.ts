import { defineConfig } from 'ding'

/**
 * DDPG on Pendulum-v1 with DI-engine's settings (dizoo/classic_control/pendulum/config/pendulum_ddpg_config.py). Actions are in [-1, 1] and scaled
 * to torques by the environment (`act_scale`).
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'pendulum_ddpg_seed0',
    env: {
      collector_env_num: 8,
      evaluator_env_num: 5,
      n_evaluator_episode: 5,
      act_scale: true,
      stop_value: -250,
    },
    policy: {
      cuda: false,
      random_collect_size: 800,
      model: {
        obs_shape: 3,
        action_shape: 1,
        twin_critic: false,
        action_space: 'regression',
      },
      learn: {
        update_per_collect: 2,
        batch_size: 128,
        learning_rate_actor: 0.001,
        learning_rate_critic: 0.001,
        // Pendulum never terminates, so that this changes nothing; it is DI-engine's way around time limits.
        ignore_done: true,
        target_theta: 0.005,
        discount_factor: 0.99,
        actor_update_freq: 1,
        noise: false,
      },
      collect: { n_sample: 48, noise_sigma: 0.1 },
      eval: { evaluator: { eval_freq: 100 } },
      other: { replay_buffer: { replay_buffer_size: 20000 } },
    },
  },
  {
    env: { type: 'pendulum' },
    env_manager: { type: 'base' },
    policy: { type: 'ddpg' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
