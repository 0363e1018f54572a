import { defineConfig } from 'ding'

/**
 * CrossQ on Hopper-v4 with SB3-contrib's defaults: critics 1024-1024 (paper and rl-baselines3-zoo: 2048-2048), actor 256-256, one update
 * an env step, the actor learns at every third. 5000 random steps, as the authors (adityab/CrossQ) and rl-baselines3-zoo
 * (hyperparams/crossq.yml). Published: 2764 ± 781 at 100,000 steps, 2467 ± 937 at a million: the return falls later on, in all published
 * curves.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'hopper_crossq_seed0',
    env: {
      env_id: 'Hopper-v4',
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 5,
      stop_value: 3800,
    },
    policy: {
      cuda: false,
      random_collect_size: 5000,
      model: {
        obs_shape: 11,
        action_shape: 3,
        net_arch: { pi: [256, 256], qf: [1024, 1024] },
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
      other: { replay_buffer: { replay_buffer_size: 1000000 } },
    },
  },
  {
    env: { type: 'mujoco' },
    env_manager: { type: 'base' },
    policy: { type: 'crossq' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
