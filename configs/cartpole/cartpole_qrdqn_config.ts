import { defineConfig } from 'ding'

/** Quantile-regression DQN on CartPole-v0 with DI-engine's settings (dizoo/classic_control/cartpole/config/cartpole_qrdqn_config.py). */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'cartpole_qrdqn_seed0',
    env: {
      collector_env_num: 8,
      evaluator_env_num: 5,
      n_evaluator_episode: 5,
      stop_value: 195,
    },
    policy: {
      cuda: false,
      model: {
        obs_shape: 4,
        action_shape: 2,
        encoder_hidden_size_list: [128, 128, 64],
        num_quantiles: 64,
      },
      discount_factor: 0.97,
      nstep: 3,
      learn: {
        update_per_collect: 3,
        batch_size: 64,
        learning_rate: 0.001,
        target_update_freq: 100,
        kappa: 1,
      },
      collect: { n_sample: 80, unroll_len: 1 },
      eval: { evaluator: { eval_freq: 100 } },
      other: {
        eps: { type: 'exp', start: 0.95, end: 0.1, decay: 10000 },
        replay_buffer: { replay_buffer_size: 20000 },
      },
    },
  },
  {
    env: { type: 'cartpole' },
    env_manager: { type: 'base' },
    policy: { type: 'qrdqn' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
