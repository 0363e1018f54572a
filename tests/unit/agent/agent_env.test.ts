import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CrossQ } from '../../../ding/agent/index.js'
import { createEnv, type Env } from '../../../ding/envs/index.js'
import { UsageError } from '../../../ding/utils/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { closeAgents, crossq, dqn, keep } from './support.js'

closeAgents()
const upright = Float32Array.of(1, 0, 0)
const rows = [upright, Float32Array.of(0, 1, 2), Float32Array.of(-1, 0, -3)]

describe('environments', () => {
  const make = () => createEnv({ type: 'Pendulum-v1', cfg: { act_scale: false } }) as Promise<Env>

  it('are an id, a config, a function or an object, which is not closed', async () => {
    const made = await make()
    let closed = 0
    const close = made.close.bind(made)
    made.close = () => {
      closed++
      return close()
    }
    const results = []
    for (const env of ['Pendulum-v1', { type: 'pendulum', cfg: {} }, make, made]) {
      const agent = crossq({ env })
      await agent.learn({ total_timesteps: 25 })
      results.push(await agent.getParameters())
      await agent.close()
    }
    for (const parameters of results) expect(parameters).toEqual(results[0])
    expect(closed).toBe(0)
  })

  it('can be changed, to one with the same spaces', async () => {
    const agent = crossq()
    await agent.learn({ total_timesteps: 25 })
    const before = await agent.getParameters()
    await agent.setEnv(make)
    expect(await agent.getParameters()).toEqual(before)
    expect([agent.num_timesteps, agent.n_updates, await agent.replayBufferSize()]).toEqual([25, 5, 25])
    await agent.learn({ total_timesteps: 5, reset_num_timesteps: false })
    expect([agent.num_timesteps, agent.n_updates]).toEqual([30, 10])
    expect((await agent.getEnv()).env_num).toBe(1)
    await expect(agent.setEnv('CartPole-v1')).rejects.toThrow(UsageError)
    const path = join(temporaryFolder(), 'agent.safetensors')
    await agent.save(path)
    const elsewhere = keep(await CrossQ.load(path, { env: 'MountainCarContinuous-v0' }))
    await expect(elsewhere.predict(upright)).rejects.toThrow(/the agent was made for/)
  })

  it('are looked at before anything is given up, and what cannot be is replaced by another', async () => {
    const one = await make()
    const agent = crossq({ n_envs: 2 })
    await agent.learn({ total_timesteps: 24 })
    const learned = await agent.getParameters()
    await expect(agent.setEnv(one)).rejects.toThrow(/n_envs is 2, but env is one environment/)
    expect(await agent.getParameters()).toEqual(learned)
    const path = join(temporaryFolder(), 'agent.safetensors')
    await agent.save(path)
    await agent.learn({ total_timesteps: 2, reset_num_timesteps: false })
    const twin = keep(await CrossQ.load(path, { env: one }))
    await expect(twin.predict(upright)).rejects.toThrow(/n_envs is 2/)
    await twin.setEnv(make)
    expect(await twin.getParameters()).toEqual(learned)
    const fresh = crossq({ env: 'CartPole-v1' })
    await expect(fresh.predict(upright)).rejects.toThrow(/acts in/)
    await fresh.setEnv('Pendulum-v1')
    await expect(fresh.predict(upright)).resolves.toBeDefined()
  })

  it('count the lengths of their own episodes alone', async () => {
    const agent = crossq()
    await agent.learn({ total_timesteps: 50 })
    await agent.setEnv(make)
    await agent.learn({ total_timesteps: 200, reset_num_timesteps: false })
    expect(agent.monitor.ep_info_buffer.map(({ l }) => l)).toEqual([200])
  })

  it('must have the actions that the algorithm is for, before anything is predicted', async () => {
    const still = Float32Array.of(0, 0, 0, 0)
    await expect(crossq({ env: 'CartPole-v1' }).predict(still)).rejects.toThrow(/acts in \[-1, 1\].*Discrete/)
    await expect(dqn({ env: 'Pendulum-v1' }).predict(upright)).rejects.toThrow(/discrete actions.*Box/)
  })

  it('say what observations to predict from are like', async () => {
    const agent = crossq()
    await expect(agent.predict(Float32Array.of(1, 0, 0, 0))).rejects.toThrow(/has 4 values.*Box/)
    await expect(agent.predict([upright, Float32Array.of(1)])).rejects.toThrow(/has 1 values/)
    await expect(agent.predict('up' as never)).rejects.toThrow(UsageError)
    const goals = crossq({ env: 'reach' })
    const point = new Float32Array(3)
    await expect(goals.predict({ observation: point, achieved_goal: point })).rejects.toThrow(
      /lacks "desired_goal"/,
    )
    const short = { observation: point, achieved_goal: point, desired_goal: Float32Array.of(1) }
    await expect(goals.predict(short)).rejects.toThrow(/entry "desired_goal" has 1 values/)
  })

  it('are not needed to predict', async () => {
    const path = join(temporaryFolder(), 'agent.safetensors')
    const agent = crossq({ env: make })
    await agent.save(path)
    const tensorboard_log = join(temporaryFolder(), 'logs')
    const twin = keep(await CrossQ.load(path, { tensorboard_log }))
    expect(await twin.predict(rows)).toEqual(await agent.predict(rows))
    await expect(twin.learn({ total_timesteps: 5 })).rejects.toThrow(/no environment/)
    expect(existsSync(tensorboard_log)).toBe(false)
    expect(() => new CrossQ({}).action_space).toThrow(/not known yet/)
    await expect(new CrossQ({}).predict(upright)).rejects.toThrow(/give env/)
  })

  it('and actions are drawn anew from another seed', async () => {
    const [a, b] = [crossq({ gradient_steps: 0 }), crossq({ gradient_steps: 0, seed: 9 })]
    await a.setRandomSeed(9)
    const seen: unknown[][] = [[], []]
    for (const [i, agent] of [a, b].entries()) {
      await agent.learn({
        total_timesteps: 5,
        callback: ({ actions }) => {
          seen[i]?.push(actions)
        },
      })
    }
    expect(seen[0]).toEqual(seen[1])
  })

  it('does not step one environment as if it were two', async () => {
    const env = await createEnv({ type: 'Pendulum-v1', cfg: {} })
    const agent = crossq({ env, n_envs: 2 })
    await expect(agent.learn({ total_timesteps: 10 })).rejects.toThrow(
      /n_envs is 2, but env is one environment.*Give a function/,
    )
    await expect(crossq({ env }).learn({ total_timesteps: 5 })).resolves.toBeDefined()
  })
})
