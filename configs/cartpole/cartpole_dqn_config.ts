import { defineConfig } from 'ding'

/**
 * DQN on CartPole-v0 with DI-engine's settings (dizoo/classic_control/cartpole/config/cartpole_dqn_config.py).
 * Solved (mean return of 195 over 5 episodes) after about 1000 env steps.
 */
const [main_config, create_config] = defineConfig(
  {
    exp_name: 'cartpole_dqn_seed0',
    env: {
      collector_env_num: 8,
      evaluator_env_num: 5,
      n_evaluator_episode: 5,
      stop_value: 195,
    },
    policy: {
      cuda: false,
      model: {
        obs_shape: 4,
        action_shape: 2,
        encoder_hidden_size_list: [128, 128, 64],
        dueling: true,
      },
      nstep: 1,
      discount_factor: 0.97,
      learn: {
        update_per_collect: 5,
        batch_size: 64,
        learning_rate: 0.001,
      },
      collect: { n_sample: 8 },
      // An evaluation every 40 updates: every 8 rounds of 8 env steps.
      eval: { evaluator: { eval_freq: 40 } },
      other: {
        eps: { type: 'exp', start: 0.95, end: 0.1, decay: 10000 },
        replay_buffer: { replay_buffer_size: 20000 },
      },
    },
  },
  {
    env: { type: 'cartpole' },
    env_manager: { type: 'base' },
    policy: { type: 'dqn' },
    replay_buffer: { type: 'deque' },
  },
)

export { create_config, main_config }
export default [main_config, create_config] as const
