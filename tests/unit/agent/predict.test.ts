import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DQN } from '../../../ding/agent/index.js'
import type { Box } from '../../../ding/envs/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { closeAgents, crossq, dqn, keep } from './support.js'

closeAgents()

const upright = Float32Array.of(1, 0, 0)
const rows = [upright, Float32Array.of(0, 1, 2), Float32Array.of(-1, 0, -3)]

describe('predict', () => {
  it("gives actions in the environment's own scale, of one observation or of several", async () => {
    const agent = crossq()
    await agent.setup()
    expect([...(agent.action_space as Box).high]).toEqual([2])
    const [action, state] = await agent.predict(upright, { deterministic: true })
    expect(state).toBeNull()
    const [several] = await agent.predict(rows, { deterministic: true, state: 'kept' })
    expect(several).toHaveLength(3)
    expect((several[0] as Float32Array)[0]).toBeCloseTo((action as Float32Array)[0] as number, 6)
    const many = await Promise.all(Array.from({ length: 40 }, () => agent.predict(upright)))
    const values = many.map(([one]) => (one as Float32Array)[0] as number)
    expect(new Set(values).size).toBe(40)
    expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(1)
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(2)
  })

  it('samples by the weights of now', async () => {
    const agent = crossq({ learning_rate: 0.1 })
    await agent.predict(upright)
    await agent.learn({ total_timesteps: 60 })
    const [mode] = await agent.predict(upright, { deterministic: true })
    const samples = await agent.predict(Array.from({ length: 200 }, () => upright))
    const mean = (samples[0] as Float32Array[]).reduce((sum, [a]) => sum + (a as number), 0) / 200
    expect(Math.sign(mean)).toBe(Math.sign((mode as Float32Array)[0] as number))
  })

  it('is greedy before an epsilon-greedy agent has learned, and explores by its epsilon afterwards', async () => {
    const agent = dqn({ exploration_fraction: 0.5, exploration_final_eps: 0.5 })
    const obs = Array.from({ length: 100 }, () => Float32Array.of(0.1, 0.2, 0.3, 0.4))
    const [before] = await agent.predict(obs)
    expect(new Set(before).size).toBe(1)
    await agent.learn({ total_timesteps: 40 })
    const [after] = await agent.predict(obs)
    expect(new Set(after).size).toBe(2)
    const [greedy] = await agent.predict(obs, { deterministic: true })
    expect(new Set(greedy).size).toBe(1)
  })

  it('explores by the exploration_rate, also of a new, a closed, an opened and a loaded agent', async () => {
    const path = join(temporaryFolder(), 'agent.safetensors')
    const agent = dqn({ exploration_fraction: 0.5, exploration_final_eps: 0.5 })
    await agent.replayBufferSize()
    const rates = [agent.exploration_rate]
    await agent.learn({ total_timesteps: 40 })
    await agent.save(path)
    rates.push(agent.exploration_rate)
    await agent.close()
    rates.push(agent.exploration_rate)
    await agent.setup()
    rates.push(agent.exploration_rate)
    const twin = keep(await DQN.load(path))
    rates.push(twin.exploration_rate)
    await twin.setup()
    rates.push(twin.exploration_rate)
    expect(rates).toEqual([0, 0.5, 0.5, 0.5, 0.5, 0.5])
    expect(crossq().exploration_rate).toBe(0)
  })
})
