import { defineConfig } from 'ding'

/**
 * DQN on MinAtar's Space Invaders with the network and the settings of Young and Tian (2019, arXiv:1903.03176, section 4): all six
 * actions, sticky actions, one update a frame for 5 million frames (run it with `--env-step 5000000`). The paper's optimizer is
 * centered RMSprop; here it is Adam at the same learning rate. A random player scores 2.8.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'space_invaders_dqn_seed0',
    env: {
      game: 'space_invaders',
      collector_env_num: 8,
      evaluator_env_num: 5,
      n_evaluator_episode: 10,
    },
    policy: {
      cuda: false,
      // The warm-up before the first update.
      random_collect_size: 5000,
      model: {
        obs_shape: [6, 10, 10],
        action_shape: 6,
        // 16 filters of 3 x 3, then 128 rectified units, then the action values.
        encoder_hidden_size_list: [16, 128],
        encoder_kernel_size_list: [3],
        encoder_activate_output: true,
        head_layer_num: 0,
        dueling: false,
      },
      nstep: 1,
      double: false,
      discount_factor: 0.99,
      learn: {
        // One update a frame: each of the 8 environments gives one.
        update_per_collect: 8,
        batch_size: 32,
        learning_rate: 0.00025,
        // Huber loss.
        criterion: 'smooth_l1',
        target_update_freq: 1000,
      },
      collect: { n_sample: 8 },
      eval: { evaluator: { eval_freq: 50_000 } },
      other: {
        eps: { type: 'linear', start: 1, end: 0.1, decay: 100_000 },
        replay_buffer: { replay_buffer_size: 100_000 },
      },
    },
  },
  {
    env: { type: 'minatar' },
    env_manager: { type: 'base' },
    policy: { type: 'dqn' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
