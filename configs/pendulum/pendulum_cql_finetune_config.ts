import { defineConfig } from 'ding'

/**
 * CQL on Pendulum-v1, offline to online, from the first 10000 transitions of AgileRL's dataset of a learning agent (pendulum_v1.1.0.h5, in AgileRL's
 * repository, data/pendulum): those of an agent that has yet to learn. Run it with `ding -m serial_offline_to_online`. As CORL's finetune
 * but for sizes, learning rates and the weight of the conservative term, which suit a task as small as this.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'pendulum_cql_finetune_seed0',
    env: {
      collector_env_num: 1,
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
        init_variant: 'finetune',
        q_n_hidden_layers: 2,
        actor_head_hidden_size: 128,
        critic_head_hidden_size: 128,
      },
      learn: {
        offline_iterations: 3000,
        online_iterations: 5000,
        update_per_collect: 1,
        batch_size: 128,
        min_q_weight: 1,
        cql_alpha_online: 0.1,
        learning_rate_policy: 3e-4,
        learning_rate_alpha: 3e-4,
      },
      collect: {
        n_sample: 1,
        data_type: 'd3rlpy',
        data_path: './data/pendulum_v1.1.0.h5',
        max_transitions: 10_000,
        // The data's actions are torques from -2 to 2, the policy's are in [-1, 1].
        action_scale: 0.5,
        use_norm: true,
      },
      eval: { evaluator: { eval_freq: 500 } },
      other: { replay_buffer: { replay_buffer_size: 20_000, replace: true } },
    },
  },
  {
    env: { type: 'pendulum' },
    env_manager: { type: 'base' },
    policy: { type: 'cql' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
