import { defineConfig } from 'ding'

/**
 * SAC on Ant-v4 with rl-baselines3-zoo's settings (hyperparams/sac.yml, mujoco-defaults): SB3's defaults, with 10,000 random steps before
 * it learns. Published: 747 ± 501 at 100,000 steps, 5734 ± 639 at a million. Without contact forces in the observation, as Gymnasium's
 * default of v4.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'ant_sac_seed0',
    env: {
      env_id: 'Ant-v4',
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 5,
      stop_value: 6000,
    },
    policy: {
      cuda: false,
      random_collect_size: 10000,
      model: {
        obs_shape: 27,
        action_shape: 8,
        twin_critic: true,
        action_space: 'reparameterization',
        net_arch: [256, 256],
      },
      learn: {
        update_per_collect: 1,
        batch_size: 256,
        learning_rate_q: 0.0003,
        learning_rate_policy: 0.0003,
        learning_rate_alpha: 0.0003,
        target_theta: 0.005,
        discount_factor: 0.99,
        ent_coef: 'auto',
        log_prob_eps: 1e-6,
        init_w: null,
      },
      collect: { n_sample: 1 },
      eval: { evaluator: { eval_freq: 5000 } },
      other: { replay_buffer: { replay_buffer_size: 1000000 } },
    },
  },
  {
    env: { type: 'mujoco' },
    env_manager: { type: 'base' },
    policy: { type: 'sac' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
