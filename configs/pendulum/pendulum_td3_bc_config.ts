import { defineConfig } from 'ding'

/**
 * TD3+BC on Pendulum-v1 from AgileRL's dataset of a learning agent (pendulum_v1.1.0.h5, in AgileRL's repository, data/pendulum; its mean return over 199
 * steps is -180, that of a random policy -1220). Run it with `ding -m serial_offline`. Settings are CORL's.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'pendulum_td3_bc_seed0',
    env: {
      evaluator_env_num: 10,
      n_evaluator_episode: 10,
      act_scale: true,
      stop_value: -120,
    },
    policy: {
      cuda: false,
      model: {
        obs_shape: 3,
        action_shape: 1,
      },
      learn: {
        batch_size: 256,
        learning_rate_actor: 0.0003,
        learning_rate_critic: 0.0003,
        alpha: 2.5,
      },
      collect: {
        data_type: 'd3rlpy',
        data_path: './data/pendulum_v1.1.0.h5',
        // The data's actions are torques from -2 to 2, the policy's are in [-1, 1].
        action_scale: 0.5,
        use_norm: true,
      },
      eval: { evaluator: { eval_freq: 1000 } },
    },
  },
  {
    env: { type: 'pendulum' },
    env_manager: { type: 'base' },
    policy: { type: 'td3_bc' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
