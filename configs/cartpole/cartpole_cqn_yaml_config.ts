import { defineConfig } from 'ding'

/**
 * CQN on CartPole-v1 offline, with the settings of AgileRL's configs/training/cqn.yaml: double Q-learning, batches of 256, an encoder and
 * a head of 64. See cartpole_cqn_config.ts for the data.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'cartpole_cqn_yaml_seed0',
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
        net_config: {
          latent_dim: 64,
          encoder_config: { hidden_size: [64] },
          head_config: { hidden_size: [64] },
        },
      },
      discount_factor: 0.99,
      double: true,
      learn: {
        batch_size: 256,
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
