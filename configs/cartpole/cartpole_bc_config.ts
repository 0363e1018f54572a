import { defineConfig } from 'ding'

/**
 * Behaviour cloning on CartPole-v0 with DI-engine's settings (dizoo/classic_control/cartpole/config/cartpole_bc_config.py), from
 * demonstrations of the agent of cartpole_qrdqn_config.ts.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'cartpole_bc_seed0',
    env: {
      collector_env_num: 8,
      evaluator_env_num: 5,
      n_evaluator_episode: 5,
      stop_value: 195,
    },
    policy: {
      cuda: false,
      continuous: false,
      model: {
        obs_shape: 4,
        action_shape: 2,
        encoder_hidden_size_list: [64, 64, 128],
      },
      learn: {
        train_epoch: 20,
        batch_size: 64,
        learning_rate: 0.01,
        learner: { hook: { save_ckpt_after_iter: 1000 } },
      },
      collect: {
        data_type: 'auto',
        data_path: './cartpole_qrdqn_generation_data_seed0/expert_demos.hdf5',
      },
      eval: { evaluator: { eval_freq: 40 } },
    },
  },
  {
    env: { type: 'cartpole' },
    env_manager: { type: 'base' },
    policy: { type: 'bc' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
