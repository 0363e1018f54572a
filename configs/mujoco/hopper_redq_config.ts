import { defineConfig } from 'ding'

/**
 * REDQ on Hopper-v4 with the settings of its authors (watchernyu/REDQ): ten critics, targets from two of them, 20 updates an env step,
 * 5000 random steps before the first, learning rates 3e-4, alpha adjusted from 1 on towards MBPO's entropy target (-1). Published: 2750 ±
 * 922 at 100,000 steps, 3299 ± 871 at a million. Tianshou's example has a fixed alpha of 0.2, learning rates of 1e-3 and 10,000 random
 * steps: the defaults of the policy.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'hopper_redq_seed0',
    env: {
      env_id: 'Hopper-v4',
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 5,
      stop_value: 3800,
    },
    policy: {
      cuda: false,
      // No critic may learn before there is enough data: with 20 updates a step the ensemble diverges on little.
      random_collect_size: 5000,
      model: {
        obs_shape: 11,
        action_shape: 3,
        ensemble_num: 10,
        net_arch: [256, 256],
        init: 'xavier_uniform',
      },
      learn: {
        update_per_collect: 20,
        batch_size: 256,
        learning_rate_q: 0.0003,
        learning_rate_policy: 0.0003,
        learning_rate_alpha: 0.0003,
        subset_size: 2,
        target_mode: 'min',
        actor_update_freq: 20,
        target_theta: 0.005,
        discount_factor: 0.99,
        auto_alpha: true,
        alpha: 1,
        target_entropy: -1,
      },
      collect: { n_sample: 1 },
      eval: { evaluator: { eval_freq: 100000 } },
      other: { replay_buffer: { replay_buffer_size: 1000000 } },
    },
  },
  {
    env: { type: 'mujoco' },
    env_manager: { type: 'base' },
    policy: { type: 'redq' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
