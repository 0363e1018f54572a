import { defineConfig } from 'ding'

/**
 * DQN with hindsight experience replay on bit flipping with 16 bits (Andrychowicz et al. 2017): solved after about 5000 env
 * steps, where the same config without HER (`replay_buffer: { type: 'naive' }`) never sees a reward. An episode that flips
 * just the wrong bits returns 1 - (their number), -7 in the mean.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'bit_flip_dqn_her_seed0',
    env: {
      n_bits: 16,
      collector_env_num: 8,
      evaluator_env_num: 5,
      n_evaluator_episode: 50,
      stop_value: -7.6,
    },
    policy: {
      cuda: false,
      model: {
        obs_shape: { observation: 16, desired_goal: 16 },
        action_shape: 16,
        encoder_hidden_size_list: [256],
        dueling: false,
      },
      discount_factor: 0.98,
      random_collect_size: 200,
      learn: {
        update_per_collect: 8,
        batch_size: 128,
        learning_rate: 0.001,
        target_update_freq: null,
        target_theta: 0.02,
      },
      collect: { n_sample: 16 },
      eval: { evaluator: { eval_freq: 400 } },
      other: {
        eps: { type: 'linear', start: 0.3, end: 0.05, decay: 5000 },
        // DI-engine's names; the buffer's own, goal_selection_strategy and n_sampled_goal, are SB3's.
        her: { her_strategy: 'future', her_replay_k: 4 },
        replay_buffer: { replay_buffer_size: 100000 },
      },
    },
  },
  {
    env: { type: 'bit_flip' },
    env_manager: { type: 'base' },
    policy: { type: 'dqn' },
    replay_buffer: { type: 'her' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
