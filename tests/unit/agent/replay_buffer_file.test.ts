import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CrossQ } from '../../../ding/agent/index.js'
import { CheckpointError } from '../../../ding/utils/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { closeAgents, crossq, dqn } from './support.js'

closeAgents()

describe('loadReplayBuffer', () => {
  it('takes no replay buffer of another environment', async () => {
    const folder = temporaryFolder()
    const [balance, goals, own] = ['a', 'b', 'c'].map((name) => join(folder, `${name}.safetensors`)) as [
      string,
      string,
      string,
    ]
    const others = [dqn(), crossq({ env: 'reach' }), crossq()]
    for (const [i, path] of [balance, goals, own].entries()) {
      await others[i]!.learn({ total_timesteps: 10 })
      await others[i]!.saveReplayBuffer(path)
    }
    const [fresh, agent] = [crossq(), crossq()]
    await agent.learn({ total_timesteps: 12 })
    const before = join(folder, 'before.safetensors')
    await agent.saveReplayBuffer(before)
    for (const [one, count] of [
      [fresh, 0],
      [agent, 12],
    ] as const) {
      await expect(one.loadReplayBuffer(balance)).rejects.toThrow(
        /"obs" is float32 \[4\] in the file, float32 \[3\] here;.*"action" is int32 \[\] in the file, float32 \[1\] here/,
      )
      await expect(one.loadReplayBuffer(goals)).rejects.toThrow(/"obs\.achieved_goal" is in the file/)
      await expect(one.loadReplayBuffer(goals)).rejects.toThrow(CheckpointError)
      expect(await one.replayBufferSize()).toBe(count)
    }
    const after = join(folder, 'after.safetensors')
    await agent.saveReplayBuffer(after)
    expect(readFileSync(after).equals(readFileSync(before))).toBe(true)
    await fresh.loadReplayBuffer(own)
    expect(await fresh.replayBufferSize()).toBe(10)
    await fresh.learn({ total_timesteps: 25 })
    await others[1]!.loadReplayBuffer(goals)
    await others[0]!.loadReplayBuffer(balance)
  })

  it('takes no replay buffer over other numbers of steps, nor one with episodes where nothing has them', async () => {
    const path = (name: string) => join(folder, `${name}.safetensors`)
    const folder = temporaryFolder()
    const goals = { env: { type: 'reach', cfg: { max_episode_steps: 5 } }, learning_starts: 100 } as const
    const agents = {
      single: crossq(),
      three: crossq({ n_steps: 3 }),
      plain: crossq(goals),
      her: crossq({ ...goals, replay_buffer_class: 'HerReplayBuffer' }),
    }
    for (const [name, agent] of Object.entries(agents)) {
      await agent.learn({ total_timesteps: 10 })
      await agent.saveReplayBuffer(path(name))
    }
    const refused = async (agent: CrossQ, name: string, what: RegExp) => {
      await expect(agent.loadReplayBuffer(path(name))).rejects.toThrow(what)
      await expect(agent.loadReplayBuffer(path(name))).rejects.toThrow(CheckpointError)
      expect(await agent.replayBufferSize()).toBe(0)
    }
    await refused(crossq(), 'three', /"reward" is float32 \[3\] in the file, float32 \[\] here/)
    await refused(
      crossq({ n_steps: 3 }),
      'single',
      /"reward" is float32 \[\] in the file, float32 \[3\] here/,
    )
    await refused(crossq(goals), 'her', /"episode\.end" is in the file, here there is none/)
    for (const [name, kwargs] of [
      ['three', { n_steps: 3 }],
      ['plain', goals],
      ['her', { ...goals, replay_buffer_class: 'HerReplayBuffer' }],
    ] as const) {
      const fresh = crossq(kwargs)
      await fresh.loadReplayBuffer(path(name))
      await fresh.learn({ total_timesteps: 10 })
      expect(await fresh.replayBufferSize()).toBeGreaterThan(10)
    }
  })

  it.each(['FrozenLake-v1', 'bit_flip', 'MinAtar/Breakout-v1', 'CartPole-v1'])(
    'takes the replay buffer of its own environment: %s',
    async (env) => {
      const path = join(temporaryFolder(), 'buffer.safetensors')
      const model = { encoder_hidden_size_list: [4, 8], encoder_kernel_size_list: [3] }
      const nets = env.startsWith('MinAtar') ? { config: { model } } : {}
      const agent = dqn({ env, n_envs: 2, gradient_steps: 0, ...nets })
      await agent.learn({ total_timesteps: 8 })
      await agent.saveReplayBuffer(path)
      const fresh = dqn({ env, gradient_steps: 0, ...nets })
      await fresh.loadReplayBuffer(path)
      await fresh.learn({ total_timesteps: 8 })
      expect(await fresh.replayBufferSize()).toBe(16)
    },
  )
})
