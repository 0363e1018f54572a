import { defineConfig } from 'ding'

/**
 * CrossQ on Pendulum-v1 with the settings of rl-baselines3-zoo (hyperparams/crossq.yml): the actor learns at every second update, all hidden
 * layers are 256 wide. Actions are in [-1, 1] and scaled to torques by the environment (`act_scale`).
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'pendulum_crossq_seed0',
    env: {
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 10,
      act_scale: true,
      stop_value: -150,
    },
    policy: {
      cuda: false,
      random_collect_size: 100,
      model: {
        obs_shape: 3,
        action_shape: 1,
        net_arch: [256, 256],
      },
      learn: {
        update_per_collect: 1,
        batch_size: 256,
        learning_rate_q: 0.001,
        learning_rate_policy: 0.001,
        learning_rate_alpha: 0.001,
        actor_update_freq: 2,
        discount_factor: 0.99,
        ent_coef: 'auto',
      },
      collect: { n_sample: 1 },
      eval: { evaluator: { eval_freq: 1000 } },
      other: { replay_buffer: { replay_buffer_size: 1000000 } },
    },
  },
  {
    env: { type: 'pendulum' },
    env_manager: { type: 'base' },
    policy: { type: 'crossq' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
