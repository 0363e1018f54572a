import { defineConfig } from 'ding'

/**
 * CrossQ on LunarLanderContinuous-v3 with the settings of rl-baselines3-zoo (hyperparams/crossq.yml): 200,000 env steps, of which 10,000 are random, one
 * update each. The critics are 256 wide in place of 1024, a fraction of the time; `net_arch.qf: [1024, 1024]` gives the zoo's.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'lunarlander_continuous_crossq_seed0',
    env: {
      env_id: 'LunarLanderContinuous-v3',
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 10,
      stop_value: 250,
    },
    policy: {
      cuda: false,
      random_collect_size: 10_000,
      model: {
        obs_shape: 8,
        action_shape: 2,
        net_arch: { pi: [256, 256], qf: [256, 256] },
      },
      learn: {
        update_per_collect: 1,
        batch_size: 256,
        learning_rate_q: 0.001,
        learning_rate_policy: 0.001,
        learning_rate_alpha: 0.001,
        actor_update_freq: 3,
        discount_factor: 0.99,
        ent_coef: 'auto',
      },
      collect: { n_sample: 1 },
      eval: { evaluator: { eval_freq: 5000 } },
      other: { replay_buffer: { replay_buffer_size: 1_000_000 } },
    },
  },
  {
    env: { type: 'LunarLanderContinuous-v3' },
    env_manager: { type: 'base' },
    policy: { type: 'crossq' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
