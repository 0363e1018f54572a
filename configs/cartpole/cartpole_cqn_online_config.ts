import { defineConfig } from 'ding'

/**
 * CQN with its own data: AgileRL's learn_step of 5 env steps between updates. The conservative term has little to do online; the config
 * shows that the policy collects too.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'cartpole_cqn_online_seed0',
    env: {
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 5,
      stop_value: 195,
    },
    policy: {
      cuda: false,
      random_collect_size: 500,
      model: { obs_shape: 4, action_shape: 2 },
      discount_factor: 0.99,
      double: true,
      learn: {
        update_per_collect: 1,
        batch_size: 64,
        learning_rate: 0.001,
        target_theta: 0.01,
        cql_alpha: 0.1,
      },
      collect: { n_sample: 5 },
      eval: { evaluator: { eval_freq: 200 } },
      other: {
        eps: { type: 'exp', start: 1, end: 0.05, decay: 3000 },
        replay_buffer: { replay_buffer_size: 20000 },
      },
    },
  },
  {
    env: { type: 'cartpole' },
    env_manager: { type: 'base' },
    policy: { type: 'cqn' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
