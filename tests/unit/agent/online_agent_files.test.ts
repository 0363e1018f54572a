import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CrossQ, DDPG, NormalActionNoise, REDQ, SAC, TD3 } from '../../../ding/agent/index.js'
import { Box, createEnv } from '../../../ding/envs/index.js'
import { CheckpointError } from '../../../ding/utils/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { closeAgents, crossq, keep, smallNets } from './support.js'

closeAgents()
const upright = Float32Array.of(1, 0, 0)
const rows = [upright, Float32Array.of(0, 1, 2), Float32Array.of(-1, 0, -3)]

describe('save and load', () => {
  it('needs nothing but the file', async () => {
    const path = join(temporaryFolder(), 'agent.safetensors')
    const agent = crossq()
    await agent.learn({ total_timesteps: 30 })
    await agent.save(path)
    const twin = keep(await CrossQ.load(path))
    expect(await twin.getParameters()).toEqual(await agent.getParameters())
    expect(await twin.predict(rows)).toEqual(await agent.predict(rows))
    expect([twin.num_timesteps, twin.n_updates, twin.seed]).toEqual([30, 10, 3])
    await twin.learn({ total_timesteps: 5, reset_num_timesteps: false })
    expect([twin.num_timesteps, twin.n_updates]).toEqual([35, 15])
  })

  it('has the running statistics of an agent that normalises', async () => {
    const path = join(temporaryFolder(), 'agent.safetensors')
    const agent = crossq({ config: { vec_normalize: { norm_obs: true, norm_reward: true } } })
    await agent.learn({ total_timesteps: 30 })
    await agent.save(path)
    const seen = await agent.predict(rows, { deterministic: true })
    expect(await keep(await CrossQ.load(path)).predict(rows, { deterministic: true })).toEqual(seen)
    const plain = crossq()
    await plain.setParameters({ model: (await agent.getParameters())['model']! }, { exact_match: false })
    expect(await plain.predict(rows, { deterministic: true })).not.toEqual(seen)
  })

  it('keeps a seed that nobody chose, or that was set later', async () => {
    const path = join(temporaryFolder(), 'agent.safetensors')
    const agent = keep(new SAC({ env: 'Pendulum-v1', policy_kwargs: smallNets }))
    await agent.save(path)
    expect(keep(await SAC.load(path)).seed).toBe(agent.seed)
    await agent.setRandomSeed(9)
    await agent.save(path)
    expect(keep(await SAC.load(path)).seed).toBe(9)
    expect(keep(await SAC.load(path, { seed: 4 })).seed).toBe(4)
  })

  it('goes on with other arguments, another environment, and a replay buffer', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'agent.safetensors')
    const agent = crossq({ learning_rate: (remaining) => 1e-3 * remaining })
    await agent.learn({ total_timesteps: 30 })
    await agent.save(path)
    await agent.saveReplayBuffer(join(folder, 'buffer.safetensors'))
    const make = () => createEnv({ type: 'Pendulum-v1', cfg: { act_scale: false } })
    const twin = keep(await CrossQ.load(path, { env: make, batch_size: 8, learning_rate: 1e-4 }))
    await twin.loadReplayBuffer(join(folder, 'buffer.safetensors'))
    expect(await twin.replayBufferSize()).toBe(30)
    expect((await twin.config()).main_config.policy.learn['batch_size']).toBe(8)
    await twin.learn({ total_timesteps: 4, reset_num_timesteps: false })
    expect(twin.n_updates).toBe(14)
    const asIs = keep(await CrossQ.load(path))
    await asIs.predict(upright)
    await expect(asIs.learn({ total_timesteps: 30 })).rejects.toThrow(/is a function, which no file can hold/)
  })

  it('refuses an action space without bounds', async () => {
    const [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
    const spaces = { observation_space: new Box(low, high, [3]), action_space: new Box(low, high, [1]) }
    const agent = keep(new SAC({ ...spaces, policy_kwargs: smallNets }))
    await expect(agent.predict(upright)).rejects.toThrow(/has none. Give a Box with finite bounds/)
  })

  it('tells files of other agents', async () => {
    const path = join(temporaryFolder(), 'agent.safetensors')
    await crossq().save(path)
    await expect(SAC.load(path)).rejects.toThrow(/holds a CrossQ agent/)
  })

  it('sets parameters, all of them or some', async () => {
    const [a, b] = [crossq(), crossq({ seed: 4 })]
    await a.learn({ total_timesteps: 25 })
    const given = await a.getParameters()
    await expect(b.setParameters({ model: given['model']! })).rejects.toThrow(CheckpointError)
    await expect(b.setParameters({ modle: given['model']! }, { exact_match: false })).rejects.toThrow(/modle/)
    await b.setParameters({ model: given['model']! }, { exact_match: false })
    expect(await b.predict(rows, { deterministic: true })).toEqual(
      await a.predict(rows, { deterministic: true }),
    )
    await b.setParameters(given)
    expect(await b.getParameters()).toEqual(given)
  })
})

describe('every algorithm', () => {
  const common = { env: 'Pendulum-v1', learning_starts: 5, batch_size: 8, buffer_size: 200, seed: 0 }
  const agents = {
    SAC: () => new SAC({ ...common, policy_kwargs: smallNets, use_sde: true, ent_coef: 'auto_0.1' }),
    TD3: () =>
      new TD3({ ...common, policy_kwargs: smallNets, action_noise: new NormalActionNoise([0], [0.2]) }),
    DDPG: () => new DDPG({ ...common, policy_kwargs: smallNets, n_steps: 3 }),
    REDQ: () =>
      new REDQ({ ...common, policy_kwargs: smallNets, ensemble_size: 3, gradient_steps: 2, actor_delay: 2 }),
  }
  it.each(Object.keys(agents))('%s learns, predicts and comes back from its file', async (name) => {
    const agent = keep(agents[name as keyof typeof agents]())
    await agent.learn({ total_timesteps: 15 })
    expect(agent.n_updates).toBeGreaterThan(6)
    const path = join(temporaryFolder(), 'agent.safetensors')
    await agent.save(path)
    expect(existsSync(path)).toBe(true)
    const kind = { SAC, TD3, DDPG, REDQ }[name] as unknown as typeof SAC
    const twin = keep(await kind.load(path))
    expect(await twin.predict(rows)).toEqual(await agent.predict(rows))
  })
})
