import { defineConfig } from 'ding'

/**
 * CrossQ on InvertedPendulum-v5 with the settings that rl-baselines3-zoo has for Pendulum-v1 (hyperparams/crossq.yml): all hidden layers
 * 256 wide, the actor learns at every second update. It ends when ten episodes in a row reach the most there is, 1000.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'inverted_pendulum_crossq_seed0',
    env: {
      env_id: 'InvertedPendulum-v5',
      collector_env_num: 1,
      evaluator_env_num: 10,
      n_evaluator_episode: 10,
      stop_value: 1000,
    },
    policy: {
      cuda: false,
      random_collect_size: 100,
      model: {
        obs_shape: 4,
        action_shape: 1,
        net_arch: { pi: [256, 256], qf: [256, 256] },
      },
      learn: {
        update_per_collect: 1,
        batch_size: 256,
        learning_rate_q: 0.001,
        learning_rate_policy: 0.001,
        learning_rate_alpha: 0.001,
        actor_update_freq: 2,
        discount_factor: 0.99,
        ent_coef: 'auto',
      },
      collect: { n_sample: 1 },
      eval: { evaluator: { eval_freq: 1000 } },
      other: { replay_buffer: { replay_buffer_size: 1000000 } },
    },
  },
  {
    env: { type: 'mujoco' },
    env_manager: { type: 'base' },
    policy: { type: 'crossq' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
