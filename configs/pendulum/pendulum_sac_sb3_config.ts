import { defineConfig } from 'ding'

/**
 * SAC on Pendulum-v1 with the settings of rl-baselines3-zoo (hyperparams/sac.yml; 20,000 steps): SB3's defaults with learning rate 1e-3,
 * one environment and one update an env step. Published: -157 ± 89. Actions are in [-1, 1] and scaled to torques by the environment
 * (`act_scale`).
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'pendulum_sac_sb3_seed0',
    env: {
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 10,
      act_scale: true,
      stop_value: -130,
    },
    policy: {
      cuda: false,
      random_collect_size: 100,
      model: {
        obs_shape: 3,
        action_shape: 1,
        twin_critic: true,
        action_space: 'reparameterization',
        net_arch: [256, 256],
      },
      learn: {
        update_per_collect: 1,
        batch_size: 256,
        learning_rate_q: 0.001,
        learning_rate_policy: 0.001,
        learning_rate_alpha: 0.001,
        target_theta: 0.005,
        discount_factor: 0.99,
        ent_coef: 'auto',
        log_prob_eps: 1e-6,
        init_w: null,
      },
      collect: { n_sample: 1 },
      eval: { evaluator: { eval_freq: 1000 } },
      other: { replay_buffer: { replay_buffer_size: 1000000 } },
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
