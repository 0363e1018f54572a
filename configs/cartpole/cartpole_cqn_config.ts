import { defineConfig } from 'ding'

/**
 * CQN on CartPole-v1 from AgileRL's dataset of random play, with the settings of its offline demo (demos/demo_offline.py): double Q-learning,
 * batches of 128, an encoder of 32-32. Its buffer keeps the last 10000 transitions only; here all are used, and its double terminal flags
 * are read as what they mean. Run it with `ding -m serial_offline`; the data is in AgileRL's repository (data/cartpole).
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'cartpole_cqn_seed0',
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
        net_config: { encoder_config: { hidden_size: [32, 32] } },
      },
      discount_factor: 0.99,
      double: true,
      learn: {
        batch_size: 128,
        learning_rate: 0.001,
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
