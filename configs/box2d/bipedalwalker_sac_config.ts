import { defineConfig } from 'ding'

/**
 * SAC with gSDE on BipedalWalker-v3 with the settings of rl-baselines3-zoo (hyperparams/sac.yml), which has 500,000 env steps: 64 steps and then 64
 * updates in turn, after 10,000 random steps. The target entropy is minus the number of joints.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'bipedalwalker_sac_seed0',
    env: {
      env_id: 'BipedalWalker-v3',
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 5,
      stop_value: 300,
    },
    policy: {
      cuda: false,
      random_collect_size: 10_000,
      model: {
        obs_shape: 24,
        action_shape: 4,
        net_arch: [400, 300],
        use_sde: true,
        log_std_init: -3,
      },
      learn: {
        update_per_collect: 64,
        batch_size: 256,
        learning_rate_q: 0.00073,
        learning_rate_policy: 0.00073,
        learning_rate_alpha: 0.00073,
        target_theta: 0.02,
        discount_factor: 0.98,
        ent_coef: 'auto',
        log_prob_eps: 1e-6,
        init_w: null,
      },
      collect: { n_sample: 64 },
      eval: { evaluator: { eval_freq: 10_000 } },
      other: { replay_buffer: { replay_buffer_size: 300_000 } },
    },
  },
  {
    env: { type: 'bipedalwalker' },
    env_manager: { type: 'base' },
    policy: { type: 'sac' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
