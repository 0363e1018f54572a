import { defineConfig } from 'ding'

/**
 * CQN on MinAtar's Space Invaders, offline, from 100000 frames of random play (score 2.8). First make the dataset:
 *
 *     npx ding -m collect -e space_invaders -p cqn --random --collect-count 100000 --output data/minatar_space_invaders_random.hdf5
 *
 * then learn from it with `npx ding -m serial_offline -e space_invaders -p cqn --train-iter 100000`. The network is AgileRL's for images, with the sizes
 * of Young and Tian (2019, arXiv:1903.03176, section 4): 16 filters of 3 x 3, then 128 units. All six actions, sticky actions.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'space_invaders_cqn_seed0',
    env: {
      env_id: 'MinAtar/SpaceInvaders-v0',
      game: 'space_invaders',
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 10,
      // A greedy policy that does nothing useful may never end an episode.
      max_episode_steps: 5000,
    },
    policy: {
      cuda: false,
      model: {
        obs_shape: [6, 10, 10],
        action_shape: 6,
        // The planes are 0 and 1 already.
        normalize_images: false,
        net_config: {
          latent_dim: 128,
          encoder_config: { channel_size: [16], kernel_size: [3], stride_size: [1] },
        },
      },
      discount_factor: 0.99,
      double: true,
      learn: {
        batch_size: 32,
        learning_rate: 0.00025,
        target_update_freq: 1000,
        cql_alpha: 1,
        conservative_term: 'dataset',
      },
      collect: {
        data_type: 'd4rl',
        data_path: './data/minatar_space_invaders_random.hdf5',
      },
      eval: { evaluator: { eval_freq: 5000 } },
    },
  },
  {
    env: { type: 'minatar' },
    env_manager: { type: 'base' },
    policy: { type: 'cqn' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
