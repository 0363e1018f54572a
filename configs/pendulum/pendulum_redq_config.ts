import { defineConfig } from 'ding'

/**
 * REDQ on Pendulum-v1 with the sizes of Tianshou's test (test/continuous/test_redq.py): 4 critics of 64-64, targets from 2 of them, 3 updates an
 * env step; its actor's learning rate, 1e-4, is raised to the critics' 1e-3. The full-size settings (10 critics, 20 updates) are the policy's
 * defaults. Actions are in [-1, 1] and scaled to torques by the environment (`act_scale`).
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'pendulum_redq_seed0',
    env: {
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 10,
      act_scale: true,
      stop_value: -150,
    },
    policy: {
      cuda: false,
      // No critic may learn before there is enough data: with many updates a step the ensemble diverges on little.
      random_collect_size: 1000,
      model: {
        obs_shape: 3,
        action_shape: 1,
        ensemble_num: 4,
        net_arch: [64, 64],
      },
      learn: {
        update_per_collect: 3,
        batch_size: 64,
        learning_rate_q: 0.001,
        learning_rate_policy: 0.001,
        subset_size: 2,
        target_mode: 'min',
        actor_update_freq: 3,
        target_theta: 0.005,
        discount_factor: 0.99,
        alpha: 0.2,
        auto_alpha: false,
      },
      collect: { n_sample: 1 },
      eval: { evaluator: { eval_freq: 3000 } },
      other: { replay_buffer: { replay_buffer_size: 20000 } },
    },
  },
  {
    env: { type: 'pendulum' },
    env_manager: { type: 'base' },
    policy: { type: 'redq' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
