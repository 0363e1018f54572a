import { describe, expect, it } from 'vitest'
import { EvalCallback, evaluatePolicy } from '../../../ding/agent/index.js'
import { createEnv } from '../../../ding/envs/index.js'
import { closeAgents, crossq } from './support.js'

closeAgents()

/** Pendulum with short episodes. */
const env = (steps: number) => ({ type: 'Pendulum-v1', cfg: { max_episode_steps: steps } })

describe('evaluatePolicy', () => {
  it('says what is wrong with its options', async () => {
    const wrong = async (options: object, message: RegExp, where: unknown = env(3)) =>
      await expect(evaluatePolicy(crossq(), where as never, options)).rejects.toThrow(message)
    await wrong({ n_eval_episode: 1 }, /"n_eval_episodes"/)
    await wrong({ n_eval_episodes: 0 }, /n_eval_episodes is 0/)
    await wrong({ n_eval_episodes: 1.5 }, /n_eval_episodes is 1.5/)
    await wrong({}, /list of environments is empty/, [])
  })

  it("plays in an agent's own environments, which then begin anew", async () => {
    const agent = crossq({ env: env(7), n_envs: 2, n_steps: 3 })
    await agent.learn({ total_timesteps: 30 })
    const envs = await agent.getEnv()
    const both = { n_eval_episodes: 5, return_episode_rewards: true } as const
    const [rewards, lengths] = await evaluatePolicy(agent, envs, both)
    expect(lengths).toEqual([7, 7, 7, 7, 7])
    expect(new Set(rewards).size).toBe(5)
    await agent.learn({ total_timesteps: 14, reset_num_timesteps: false })
    // Whole episodes again, so that no transition is of two.
    expect(agent.monitor.ep_info_buffer.slice(-2).map(({ l }) => l)).toEqual([7, 7])
    const inside = new EvalCallback(envs, { eval_freq: 1 })
    await expect(agent.learn({ total_timesteps: 2, callback: inside })).rejects.toThrow(
      /cannot be evaluated in the environments that it collects in while it learns/,
    )
    const other = crossq({ seed: 4 })
    await expect(evaluatePolicy(other, envs, { n_eval_episodes: 1 })).resolves.toHaveLength(2)
    const turns = await evaluatePolicy(agent, [await createEnv(env(7))], both)
    expect(turns[1]).toEqual(lengths)
  })

  it('plays whole episodes with actions of the environment', async () => {
    const agent = crossq()
    const [rewards, lengths] = await evaluatePolicy(agent, env(7), {
      n_eval_episodes: 3,
      return_episode_rewards: true,
    })
    expect(lengths).toEqual([7, 7, 7])
    const [mean, std] = await evaluatePolicy(agent, env(7), { n_eval_episodes: 3 })
    expect(mean).toBeCloseTo(rewards.reduce((a, b) => a + b) / 3, 10)
    expect(std).toBeGreaterThan(0)
    // An environment that scales actions by itself sees the same torques.
    const scaling = await createEnv({ type: 'Pendulum-v1', cfg: { max_episode_steps: 7, act_scale: true } })
    scaling.seed(0)
    const same = await evaluatePolicy(agent, scaling, { n_eval_episodes: 3, return_episode_rewards: true })
    for (const [i, reward] of same[0].entries()) expect(reward).toBeCloseTo(rewards[i] as number, 4)
    await expect(evaluatePolicy(agent, env(7), { reward_threshold: 0 })).rejects.toThrow(/reward_threshold/)
    let steps = 0
    await evaluatePolicy(agent, [scaling], {
      n_eval_episodes: 2,
      deterministic: false,
      callback: () => steps++,
    })
    expect(steps).toBe(14)
  })
})
