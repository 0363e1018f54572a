import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CQN, OnlineCQN } from '../../../ding/agent/index.js'
import { Box, Discrete } from '../../../ding/envs/index.js'
import { CheckpointError } from '../../../ding/utils/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { closeAgents, dqn, keep } from './support.js'

closeAgents()

describe('exploration', () => {
  it('falls over exploration_fraction of the run, which is longer where it goes on', async () => {
    const eps: number[] = []
    const agent = dqn({
      exploration_fraction: 0.5,
      exploration_final_eps: 0.2,
      train_freq: 1,
      gradient_steps: 0,
    })
    const callback = () => void eps.push(agent.exploration_rate)
    await agent.learn({ total_timesteps: 40, callback })
    expect(eps[9]).toBeCloseTo(0.6, 10)
    expect(eps.at(-1)).toBeCloseTo(0.2, 10)
    await agent.learn({ total_timesteps: 120, reset_num_timesteps: false, callback })
    expect(eps[79]).toBeCloseTo(0.2, 10)
    expect(eps[59]).toBeCloseTo(1 - 0.8 * 0.75, 10)
  })

  it('is that of each step, also within a collect', async () => {
    const agent = dqn({
      learning_starts: 0,
      gradient_steps: 0,
      train_freq: 60,
      exploration_fraction: 1,
      exploration_initial_eps: 0,
      exploration_final_eps: 1,
    })
    // What is greedy at the first step is not so for long.
    const odd: boolean[] = []
    let obs: Float32Array | undefined
    await agent.learn({
      total_timesteps: 60,
      callback: async ({ actions, dones, new_obs }) => {
        const [action] = actions as number[]
        if (obs !== undefined) odd.push((await agent.predict(obs, { deterministic: true }))[0] !== action)
        obs = (dones as boolean[])[0] ? undefined : (new_obs as Float32Array[])[0]?.slice()
      },
    })
    expect(odd.filter(Boolean).length).toBeGreaterThan(5)
  })
})

describe('CQN', () => {
  it("is AgileRL's agent by spaces, SB3's by its environment", async () => {
    const spaces = [new Box(-1, 1, [4]), new Discrete(2)] as const
    const own = new CQN(...spaces, { seed: 0 })
    const loop = keep(
      new CQN({
        env: 'CartPole-v1',
        learning_starts: 10,
        batch_size: 8,
        seed: 0,
        net_config: { latent_dim: 8, encoder_config: { hidden_size: [8] } },
      }),
    )
    expect(own).toBeInstanceOf(CQN)
    expect(loop).toBeInstanceOf(OnlineCQN)
    expect(typeof (await own.getAction(new Float32Array(4)))).toBe('number')
    await loop.learn({ total_timesteps: 30 })
    expect(loop.n_updates).toBe(4)
    const [action] = await loop.predict(new Float32Array(4), { deterministic: true })
    expect([0, 1]).toContain(action)
    const folder = temporaryFolder()
    await own.save_checkpoint(join(folder, 'own.safetensors'))
    await loop.save(join(folder, 'loop.safetensors'))
    await own.clean_up()
    const again = await CQN.load(join(folder, 'own.safetensors'))
    expect(again.lr).toBe(1e-4)
    await again.clean_up()
    await expect(CQN.load(join(folder, 'loop.safetensors'))).rejects.toThrow(CheckpointError)
    const back = keep(await CQN.load(join(folder, 'loop.safetensors'), { env: 'CartPole-v1' }))
    expect(await back.getParameters()).toEqual(await loop.getParameters())
    const bare = keep(await OnlineCQN.load(join(folder, 'loop.safetensors')))
    expect(bare.n_updates).toBe(4)
  })
})
