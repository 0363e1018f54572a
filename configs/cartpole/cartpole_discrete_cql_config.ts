import { defineConfig } from 'ding'

/**
 * Discrete CQL on CartPole-v0 with DI-engine's settings (dizoo/classic_control/cartpole/config/cartpole_cql_config.py), from demonstrations of
 * the agent of cartpole_qrdqn_config.ts. Data of single steps, as `ding -m collect` writes them, become 3-step returns here.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'cartpole_cql_seed0',
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
        train_epoch: 3000,
        batch_size: 64,
        learning_rate: 0.001,
        target_update_freq: 100,
        kappa: 1,
        min_q_weight: 4,
      },
      collect: {
        data_type: 'auto',
        data_path: './cartpole_qrdqn_generation_data_seed0/expert_demos.hdf5',
      },
      eval: { evaluator: { eval_freq: 100 } },
    },
  },
  {
    env: { type: 'cartpole' },
    env_manager: { type: 'base' },
    policy: { type: 'discrete_cql' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
