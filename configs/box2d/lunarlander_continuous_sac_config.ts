import { defineConfig } from 'ding'

/**
 * SAC on LunarLanderContinuous-v3 with the settings of rl-baselines3-zoo (hyperparams/sac.yml), which has 500,000 env steps: 10,000 random ones, one
 * update each, a learning rate that falls linearly to 0. Published with those: 260 ± 65 (LunarLanderContinuous-v2).
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'lunarlander_continuous_sac_seed0',
    env: {
      env_id: 'LunarLanderContinuous-v3',
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 10,
      stop_value: 250,
    },
    policy: {
      cuda: false,
      random_collect_size: 10_000,
      model: {
        obs_shape: 8,
        action_shape: 2,
        net_arch: [400, 300],
      },
      learn: {
        update_per_collect: 1,
        batch_size: 256,
        learning_rate_q: 0.00073,
        learning_rate_policy: 0.00073,
        learning_rate_alpha: 0.00073,
        lr_schedule: { type: 'linear', steps: 490_000 },
        target_theta: 0.01,
        discount_factor: 0.99,
        ent_coef: 'auto',
        log_prob_eps: 1e-6,
        init_w: null,
      },
      collect: { n_sample: 1 },
      eval: { evaluator: { eval_freq: 5000 } },
      other: { replay_buffer: { replay_buffer_size: 1_000_000 } },
    },
  },
  {
    env: { type: 'LunarLanderContinuous-v3' },
    env_manager: { type: 'base' },
    policy: { type: 'sac' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
