import { defineConfig } from 'ding'

/**
 * EDAC on Pendulum-v1 from AgileRL's dataset of a learning agent (pendulum_v1.1.0.h5, in AgileRL's repository, data/pendulum; its mean return over 199
 * steps is -180, that of a random policy -1220). Run it with `ding -m serial_offline`. The weight of diversity is CORL's; networks, learning rates
 * and the targets' speed suit a task as small as this.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'pendulum_edac_seed0',
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
        ensemble_num: 5,
        actor_head_hidden_size: 128,
        critic_head_hidden_size: 128,
        actor_head_layer_num: 1,
        critic_head_layer_num: 1,
      },
      learn: {
        batch_size: 128,
        learning_rate_q: 0.001,
        learning_rate_policy: 0.001,
        target_theta: 0.01,
        eta: 1,
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
    policy: { type: 'edac' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
