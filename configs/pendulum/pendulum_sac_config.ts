import { defineConfig } from 'ding'

/**
 * SAC on Pendulum-v1 with DI-engine's settings (dizoo/classic_control/pendulum/config/pendulum_sac_config.py). Actions are in [-1, 1] and scaled
 * to torques by the environment (`act_scale`).
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'pendulum_sac_seed0',
    env: {
      collector_env_num: 10,
      evaluator_env_num: 5,
      n_evaluator_episode: 5,
      act_scale: true,
      stop_value: -250,
    },
    policy: {
      cuda: false,
      random_collect_size: 1000,
      model: {
        obs_shape: 3,
        action_shape: 1,
        twin_critic: true,
        action_space: 'reparameterization',
        actor_head_hidden_size: 128,
        critic_head_hidden_size: 128,
      },
      learn: {
        update_per_collect: 1,
        batch_size: 128,
        learning_rate_q: 0.001,
        learning_rate_policy: 0.001,
        learning_rate_alpha: 0.0003,
        // Pendulum never terminates, so that this changes nothing; it is DI-engine's way around time limits.
        ignore_done: true,
        target_theta: 0.005,
        discount_factor: 0.99,
        auto_alpha: true,
      },
      collect: { n_sample: 10 },
      eval: { evaluator: { eval_freq: 100 } },
      other: { replay_buffer: { replay_buffer_size: 100000 } },
    },
  },
  {
    env: { type: 'pendulum' },
    env_manager: { type: 'base' },
    policy: { type: 'sac' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
