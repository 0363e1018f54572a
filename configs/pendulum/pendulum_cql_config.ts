import { defineConfig } from 'ding'

/**
 * CQL on Pendulum-v1 from AgileRL's dataset of a learning agent (pendulum_v1.1.0.h5, in AgileRL's repository, data/pendulum; its mean return over
 * 199 steps is -180, that of a random policy -1220). Run it with `ding -m serial_offline`. Settings are CORL's but for the weight of the
 * conservative term and the actor's learning rate, which suit data as good and a task as small as these.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'pendulum_cql_seed0',
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
        actor_head_hidden_size: 128,
        critic_head_hidden_size: 128,
      },
      learn: {
        batch_size: 128,
        min_q_weight: 1,
        learning_rate_policy: 3e-4,
        learning_rate_alpha: 3e-4,
      },
      collect: {
        data_type: 'd3rlpy',
        data_path: './data/pendulum_v1.1.0.h5',
        // The data's actions are torques from -2 to 2, the policy's are in [-1, 1].
        action_scale: 0.5,
        use_norm: true,
      },
      eval: { evaluator: { eval_freq: 500 } },
    },
  },
  {
    env: { type: 'pendulum' },
    env_manager: { type: 'base' },
    policy: { type: 'cql' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
