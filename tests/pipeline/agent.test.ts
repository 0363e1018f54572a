import { describe, expect, test } from 'vitest'
import { CrossQ, DQN, type OnlineAgent } from '../../ding/index.js'
import { serial_pipeline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

/** What a pipeline makes of an agent's own config. */
async function byPipeline(agent: OnlineAgent, max_env_step: number) {
  const { main_config, create_config, seed } = await agent.config()
  const options = { console: 'quiet', work_dir: temporaryFolder(), max_env_step } as const
  const { policy, env_step, train_iter } = await serial_pipeline([main_config, create_config], seed, options)
  return { parameters: policy.learn_mode.state_dict(), env_step, train_iter }
}

const common = { learning_starts: 8, batch_size: 16, buffer_size: 500, seed: 5 }
const agents = {
  CrossQ: () =>
    new CrossQ({
      ...common,
      env: { type: 'Pendulum-v1', cfg: { max_episode_steps: 20 } },
      policy_kwargs: { net_arch: [16, 16] },
      use_sde: true,
      sde_sample_freq: 4,
    }),
  'CrossQ of two environments, by rounds of three steps, with episodes that end before it learns': () =>
    new CrossQ({
      ...common,
      env: { type: 'Pendulum-v1', cfg: { max_episode_steps: 10 } },
      policy_kwargs: { net_arch: [16, 16] },
      n_envs: 2,
      learning_starts: 30,
      train_freq: 3,
      gradient_steps: 2,
      use_sde: true,
    }),
  DQN: () =>
    new DQN({ ...common, env: 'CartPole-v1', policy_kwargs: { net_arch: [16] }, train_freq: 2, n_steps: 1 }),
}

describe('an agent and serial_pipeline with its config', () => {
  test.each(Object.keys(agents))('%s: come to the same weights, bit for bit', async (name) => {
    const agent = agents[name as keyof typeof agents]()
    await agent.learn({ total_timesteps: 80 })
    const { parameters, env_step, train_iter } = await byPipeline(agent, 80)
    expect([agent.num_timesteps, agent.n_updates]).toEqual([env_step, train_iter])
    expect(await agent.getParameters()).toEqual(parameters)
    await agent.close()
  })
})
