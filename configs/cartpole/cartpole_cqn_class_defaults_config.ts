import { defineConfig } from 'ding'

/**
 * CQN on CartPole-v1 offline, with the defaults of AgileRL's class: single Q-learning, batches of 64, learning rate 1e-4, its default
 * network. See cartpole_cqn_config.ts for the data.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'cartpole_cqn_class_defaults_seed0',
    env: {
      evaluator_env_num: 5,
      n_evaluator_episode: 20,
      stop_value: 500,
    },
    policy: {
      cuda: false,
      model: {
        obs_shape: 4,
        action_shape: 2,
      },
      discount_factor: 0.99,
      double: false,
      learn: {
        batch_size: 64,
        learning_rate: 0.0001,
        target_theta: 0.001,
        // AgileRL's term as written. The paper's is 'dataset', the policy's default: better where the data's actions mean
        // something; here they are coin flips, and docs/results/cqn.md measures both.
        conservative_term: 'mean',
      },
      collect: {
        data_type: 'd3rlpy',
        data_path: './data/cartpole_random_v1.1.0.h5',
      },
      eval: { evaluator: { eval_freq: 1000 } },
    },
  },
  {
    env: { type: 'CartPole-v1' },
    env_manager: { type: 'base' },
    policy: { type: 'cqn' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
