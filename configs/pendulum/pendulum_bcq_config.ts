import { defineConfig } from 'ding'

/**
 * BCQ on Pendulum-v1 from AgileRL's dataset of a learning agent (pendulum_v1.1.0.h5, in AgileRL's repository, data/pendulum; its mean return over 199
 * steps is -180, that of a random policy -1220). Run it with `ding -m serial_offline`. The learning rates are those of BCQ's authors; the
 * networks are smaller than theirs and DI-engine's, as the task is.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'pendulum_bcq_seed0',
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
        actor_head_hidden_size: [256, 256],
        critic_head_hidden_size: [256, 256],
        vae_hidden_dims: [256, 256],
        phi: 0.05,
      },
      learn: {
        batch_size: 100,
        learning_rate_q: 0.001,
        learning_rate_policy: 0.001,
        learning_rate_vae: 0.001,
        lmbda: 0.75,
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
    policy: { type: 'bcq' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
