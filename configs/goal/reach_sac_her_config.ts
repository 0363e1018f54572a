import { defineConfig } from 'ding'

/**
 * SAC with hindsight experience replay on reaching in 3-D, with the sparse reward of Gymnasium-Robotics' FetchReach: -1 for
 * every step away from the goal. An episode has 50 steps; a good one is at the goal after about ten. Solved after about
 * 3000 env steps.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'reach_sac_her_seed0',
    env: {
      body: 'point',
      dimensions: 3,
      collector_env_num: 4,
      evaluator_env_num: 5,
      n_evaluator_episode: 20,
      stop_value: -15,
    },
    policy: {
      cuda: false,
      random_collect_size: 1000,
      model: {
        obs_shape: { observation: 3, desired_goal: 3 },
        action_shape: 3,
        twin_critic: true,
        net_arch: [64, 64],
      },
      learn: {
        update_per_collect: 4,
        batch_size: 256,
        learning_rate_q: 0.001,
        learning_rate_policy: 0.001,
        learning_rate_alpha: 0.001,
        target_theta: 0.02,
        discount_factor: 0.95,
        auto_alpha: true,
      },
      collect: { n_sample: 4 },
      eval: { evaluator: { eval_freq: 500 } },
      other: {
        replay_buffer: {
          replay_buffer_size: 100000,
          // SB3's names and defaults.
          n_sampled_goal: 4,
          goal_selection_strategy: 'future',
        },
      },
    },
  },
  {
    env: { type: 'reach' },
    env_manager: { type: 'base' },
    policy: { type: 'sac' },
    replay_buffer: { type: 'her' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
