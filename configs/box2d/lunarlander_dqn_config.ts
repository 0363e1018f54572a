import { defineConfig } from 'ding'

/**
 * DQN on LunarLander-v3 with the settings of rl-baselines3-zoo (hyperparams/dqn.yml), which has 100,000 env steps: one update an env step, in
 * fours, exploration down to 0.1 within the first 12 %. Double Q-learning and the dueling heads, which are ding's defaults, are off, as in SB3.
 * Published with those: 154 ± 79 (LunarLander-v2).
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'lunarlander_dqn_seed0',
    env: {
      env_id: 'LunarLander-v3',
      collector_env_num: 1,
      evaluator_env_num: 5,
      n_evaluator_episode: 10,
      stop_value: 200,
    },
    policy: {
      cuda: false,
      random_collect_size: 0,
      model: {
        obs_shape: 8,
        action_shape: 4,
        encoder_hidden_size_list: [256, 256],
        head_layer_num: 0,
        encoder_activate_output: true,
        dueling: false,
      },
      nstep: 1,
      double: false,
      discount_factor: 0.99,
      learn: {
        update_per_collect: 4,
        batch_size: 128,
        learning_rate: 0.00063,
        criterion: 'smooth_l1',
        target_update_freq: 250,
        grad_clip_type: 'clip_norm',
        grad_clip_value: 10,
      },
      collect: { n_sample: 4 },
      eval: { evaluator: { eval_freq: 5000 } },
      other: {
        eps: { type: 'linear', start: 1, end: 0.1, decay: 12_000 },
        replay_buffer: { replay_buffer_size: 50_000 },
      },
    },
  },
  {
    env: { type: 'lunarlander' },
    env_manager: { type: 'base' },
    policy: { type: 'dqn' },
    replay_buffer: { type: 'naive' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
