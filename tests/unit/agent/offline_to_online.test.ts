import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  BC,
  BCQ,
  CQL,
  EDAC,
  IQL,
  type OfflineAgent,
  StopTrainingOnMaxEpisodes,
  TD3BC,
  type TD3BCArguments,
} from '../../../ding/agent/index.js'
import { ConfigError, DatasetError, UsageError } from '../../../ding/utils/index.js'
import { serial_pipeline_offline_to_online } from '../../../entry/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { closeAgents, keep, pendulumData, smallNets } from './support.js'

closeAgents()

const env = { type: 'Pendulum-v1', cfg: { max_episode_steps: 5 } }
const small = { env, seed: 1, batch_size: 16, policy_kwargs: smallNets }

/** TD3BC, whose programs are made in no time. */
async function cloner(more: TD3BCArguments = {}): Promise<TD3BC> {
  return keep(new TD3BC({ ...small, dataset: await pendulumData(temporaryFolder()), ...more }))
}

describe('learn with online_iterations', () => {
  it('is serial_pipeline_offline_to_online with its config, bit for bit', async () => {
    const dataset = await pendulumData(temporaryFolder())
    const sizes = { hidden_dim: 8, cql_n_actions: 2, batch_size: 16 }
    const given = { dataset, env, seed: 1, ...sizes, cql_alpha_online: 0.5, reward_scale: 2 }
    const agent = keep(new CQL(given))
    await agent.learn({ train_iterations: 6, online_iterations: 9 })
    expect([agent.n_updates, agent.online_timesteps, agent.num_timesteps]).toEqual([15, 9, 15])
    expect(agent.monitor.ep_info_buffer.map(({ l }) => l)).toEqual([5])
    const { main_config, create_config, seed } = await agent.config()
    Object.assign(main_config.policy.learn, { offline_iterations: 6, online_iterations: 9 })
    const { policy, env_step, train_iter } = await serial_pipeline_offline_to_online(
      [main_config, create_config],
      seed,
      { console: 'quiet', work_dir: temporaryFolder() },
    )
    expect([env_step, train_iter]).toEqual([9, 15])
    expect(await agent.getParameters()).toEqual(policy.learn_mode.state_dict())
  })

  it('goes on, when called again, to where one longer call comes', async () => {
    const whole = await cloner()
    await whole.learn({ train_iterations: 4, online_iterations: 11 })
    const parts = await cloner()
    await parts.learn({ train_iterations: 4, online_iterations: 3 })
    await parts.learn({ online_iterations: 8 })
    expect([parts.n_updates, parts.online_timesteps, parts.total_timesteps]).toEqual([15, 11, 15])
    expect(await parts.getParameters()).toEqual(await whole.getParameters())
    await expect(parts.learn({ train_iterations: 1 })).rejects.toThrow(/has gone online/)
  })

  it('follows learning from the dataset alone, and counts from there', async () => {
    const agent = await cloner()
    await agent.learn({ train_iterations: 5 })
    expect(agent.online_timesteps).toBeUndefined()
    const learned = await agent.getParameters()
    const steps: number[] = []
    await agent.learn({
      online_iterations: 7,
      callback: (_locals, { num_timesteps }) => {
        steps.push(num_timesteps)
      },
    })
    expect(steps).toEqual([6, 7, 8, 9, 10, 11, 12])
    expect([agent.n_updates, agent.online_timesteps]).toEqual([12, 7])
    expect(await agent.getParameters()).not.toEqual(learned)
  })

  it('is stopped by a callback in either phase', async () => {
    const agent = await cloner()
    const stop =
      (at: number) =>
      (_locals: unknown, { num_timesteps }: { num_timesteps: number }) =>
        num_timesteps < at
    await agent.learn({ train_iterations: 5, online_iterations: 9, callback: stop(3) })
    expect([agent.n_updates, agent.online_timesteps]).toEqual([3, undefined])
    await agent.learn({ train_iterations: 2 })
    expect([agent.n_updates, agent.online_timesteps]).toEqual([5, undefined])
    await agent.learn({ online_iterations: 9, callback: stop(8) })
    expect([agent.n_updates, agent.online_timesteps]).toEqual([8, 3])
  })

  it('goes on online after close, in another environment, and from a file', async () => {
    const agent = await cloner()
    await agent.learn({ train_iterations: 3, online_iterations: 6 })
    const before = await agent.getParameters()
    await agent.setEnv('Pendulum-v1')
    expect([agent.n_updates, agent.online_timesteps]).toEqual([9, 6])
    expect(await agent.getParameters()).toEqual(before)
    await agent.learn({ online_iterations: 2 })
    expect([agent.n_updates, agent.online_timesteps]).toEqual([11, 8])
    const path = join(temporaryFolder(), 'agent.safetensors')
    await agent.save(path)
    const twin = keep(await TD3BC.load(path))
    expect([twin.n_updates, twin.online_timesteps]).toEqual([11, 8])
    await expect(twin.learn({ train_iterations: 1 })).rejects.toThrow(/has gone online/)
    await twin.learn({ online_iterations: 4 })
    expect([twin.n_updates, twin.online_timesteps]).toEqual([15, 12])
  })

  it('logs every log_interval updates from the data, then episodes, below its name and nowhere else', async () => {
    const tensorboard_log = temporaryFolder()
    const agent = await cloner({ tensorboard_log })
    const given = { tb_log_name: 'mine', log_interval: 2 }
    await agent.learn({ train_iterations: 3, ...given })
    await agent.learn({ train_iterations: 2, online_iterations: 12, ...given })
    await agent.learn({ online_iterations: 10, ...given })
    await agent.close()
    expect(readdirSync(tensorboard_log)).toEqual(['mine_1'])
    const metrics = readFileSync(join(tensorboard_log, 'mine_1', 'log', 'serial', 'metrics.jsonl'), 'utf8')
    const steps = (tag: string) =>
      metrics
        .split('\n')
        .filter((line) => line.includes(`"${tag}"`))
        .map((line) => (JSON.parse(line) as { step: number }).step)
    // Two updates, four, then 10 and 20 env steps, with an update each.
    expect(steps('rollout/ep_len_mean').map((step) => step - 5)).toEqual([9, 19])
    expect(steps('time/total_timesteps').slice(0, 2)).toEqual([2, 4])
    expect(steps('time/total_timesteps')).toHaveLength(4)
  })

  it('is stopped after so many episodes', async () => {
    const callback = new StopTrainingOnMaxEpisodes({ max_episodes: 2 })
    const agent = await cloner()
    await agent.learn({ train_iterations: 2, online_iterations: 30, callback })
    expect([agent.online_timesteps, callback.n_episodes]).toEqual([10, 2])
    const offline = await cloner()
    await expect(offline.learn({ train_iterations: 2, callback })).rejects.toThrow(/from a dataset alone/)
  })

  it('says what is wrong, and loses nothing by it', async () => {
    const dataset = await pendulumData(temporaryFolder())
    const agent = keep(new TD3BC({ ...small, dataset, buffer_size: 150 }))
    await agent.learn({ train_iterations: 3 })
    const learned = await agent.getParameters()
    await expect(agent.learn({ online_iterations: 2 })).rejects.toThrow(DatasetError)
    expect(await agent.getParameters()).toEqual(learned)
    await agent.learn({ train_iterations: 2 })
    expect([agent.n_updates, agent.online_timesteps]).toEqual([5, undefined])
    const running = keep(
      new TD3BC({ ...small, dataset, config: { vec_normalize: { norm_obs: true } }, normalize: false }),
    )
    await expect(running.learn({ train_iterations: 1, online_iterations: 1 })).rejects.toThrow(ConfigError)
    await agent.setup()
    const { observation_space, action_space } = agent
    const blind = keep(new TD3BC({ ...small, env: null, observation_space, action_space, dataset }))
    await expect(blind.learn({ online_iterations: 2 })).rejects.toThrow(/no environment/)
    await blind.learn({ train_iterations: 2 })
    await expect(blind.learn({ online_iterations: 2 })).rejects.toThrow(/no environment/)
    expect(blind.n_updates).toBe(2)
    await expect(keep(new TD3BC(small)).learn({ online_iterations: 2 })).rejects.toThrow(/no dataset/)
    await expect(agent.learn({ online_iterations: 0 })).rejects.toThrow(/online_iterations is 0/)
    // @ts-expect-error: one of the two is needed
    await expect(agent.learn({})).rejects.toThrow(UsageError)
  })

  it('is there for every offline agent with continuous actions', async () => {
    const base = { dataset: await pendulumData(temporaryFolder()), env, seed: 1, batch_size: 16 }
    const kinds: (() => OfflineAgent)[] = [
      () => new BCQ({ ...base, policy_kwargs: { ...smallNets, vae_hidden_dims: [8, 8] } }),
      () => new IQL({ ...base, policy_kwargs: smallNets }),
      () => new EDAC({ ...base, hidden_dim: 8, num_critics: 3 }),
      () => new BC({ ...base, policy_kwargs: smallNets, config: { collect: { n_sample: 1 } } }),
    ]
    for (const make of kinds) {
      const agent = keep(make())
      await agent.learn({ train_iterations: 2, online_iterations: 3 })
      expect([agent.n_updates, agent.online_timesteps]).toEqual([5, 3])
    }
  })
})
