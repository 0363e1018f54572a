import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CrossQ, type Locals, REDQ, SAC } from '../../../ding/agent/index.js'
import { Box, createTimestep, type Env } from '../../../ding/envs/index.js'
import { createRunLogger } from '../../../ding/logger/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { closeAgents, crossq, keep, smallNets } from './support.js'

closeAgents()
const upright = Float32Array.of(1, 0, 0)

/** Episodes of two steps, every other one a success. */
class Turns implements Env {
  readonly observation_space = new Box(-1, 1, [1])
  readonly action_space = new Box(-1, 1, [1])
  readonly reward_space = new Box(0, 1)
  private steps = 0

  reset() {
    return new Float32Array(1)
  }
  step() {
    const ends = ++this.steps % 2 === 0
    const info = ends ? { is_success: this.steps % 4 === 2, eval_episode_return: 2 } : {}
    return createTimestep(new Float32Array(1), 1, ends, false, info)
  }
  seed() {}
  close() {}
}

/** The values that a CrossQ agent has logged under a tag. */
function scalars(tensorboard_log: string, tag: string): number[] {
  return readFileSync(join(tensorboard_log, 'CrossQ_1', 'log', 'serial', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { tag: string; value: number })
    .flatMap((logged) => (logged.tag === tag ? [logged.value] : []))
}

describe('learn', () => {
  it('goes on, when called again, to where one longer run comes', async () => {
    const whole = crossq()
    await whole.learn({ total_timesteps: 60 })
    const parts = crossq()
    await parts.learn({ total_timesteps: 13 })
    // Neither looking nor saving changes anything.
    await parts.predict(upright)
    await parts.save(join(temporaryFolder(), 'agent.safetensors'))
    expect(await parts.learn({ total_timesteps: 47, reset_num_timesteps: false })).toBe(parts)
    expect([parts.num_timesteps, parts.n_updates, parts.total_timesteps]).toEqual([60, 40, 60])
    expect(await parts.getParameters()).toEqual(await whole.getParameters())
    expect(await parts.replayBufferSize()).toBe(60)
  })

  it('counts from 0 again by default, with buffer and networks kept', async () => {
    const agent = crossq()
    await agent.learn({ total_timesteps: 30 })
    const starts: number[] = []
    await agent.learn({
      total_timesteps: 25,
      callback: (_locals, { num_timesteps }) => {
        starts.push(num_timesteps)
      },
    })
    expect(starts).toEqual(Array.from({ length: 25 }, (_, i) => i + 1))
    expect([agent.num_timesteps, agent.n_updates]).toEqual([25, 10 + 5])
    expect(await agent.replayBufferSize()).toBe(55)
  })

  it('acts at random, and learns nothing, until learning_starts is behind', async () => {
    const agent = crossq({ learning_starts: 10 })
    const before = await agent.getParameters()
    await agent.learn({ total_timesteps: 10 })
    expect(agent.n_updates).toBe(0)
    expect(await agent.getParameters()).toEqual(before)
    await agent.learn({ total_timesteps: 1, reset_num_timesteps: false })
    expect(agent.n_updates).toBe(1)
  })

  it('counts train_freq in steps of all environments, and -1 gradient steps as collected', async () => {
    const agent = crossq({ n_envs: 2, train_freq: 3, gradient_steps: -1, learning_starts: 6 })
    await agent.learn({ total_timesteps: 20 })
    expect([agent.num_timesteps, agent.n_updates]).toEqual([24, 18])
  })

  it('counts train_freq in episodes', async () => {
    const env = { type: 'Pendulum-v1', cfg: { max_episode_steps: 10 } }
    const agent = crossq({ env, train_freq: [2, 'episode'], gradient_steps: 3, learning_starts: 20 })
    await agent.learn({ total_timesteps: 50 })
    expect([agent.num_timesteps, agent.n_updates]).toEqual([60, 6])
    expect(agent.monitor.episodes).toBe(6)
    const several = crossq({ env, train_freq: [1, 'episode'], n_envs: 2 })
    await expect(several.setup()).rejects.toThrow(/episodes can be counted of one alone/)
  })

  it('collects alone with gradient_steps 0', async () => {
    const agent = crossq({ gradient_steps: 0 })
    await agent.learn({ total_timesteps: 40 })
    expect([agent.num_timesteps, agent.n_updates]).toEqual([40, 0])
  })

  it('asks a learning rate function for every update, by what remains of the run', async () => {
    const asked: number[] = []
    const agent = crossq({
      learning_rate: (remaining) => {
        asked.push(remaining)
        return remaining * 1e-3
      },
    })
    expect((await agent.config()).main_config.policy.learn['learning_rate_q']).toBe(1e-3)
    asked.length = 0
    await agent.learn({ total_timesteps: 25 })
    expect(asked[0]).toBeCloseTo(1 - 21 / 25, 10)
    expect(asked.at(-1)).toBe(0)
    asked.length = 0
    await agent.learn({ total_timesteps: 25, reset_num_timesteps: false })
    expect(asked[0]).toBeCloseTo(1 - 26 / 50, 10)
  })

  const falling = (remaining: number) => 1e-3 * remaining
  // Begins where alpha's own rate is.
  const rising = (remaining: number) => 1e-3 * (1 - remaining)
  const learning = { env: 'Pendulum-v1', learning_starts: 5, batch_size: 8, policy_kwargs: smallNets }
  const redq = (learning_rate: (remaining: number) => number) =>
    new REDQ({
      ...learning,
      actor_delay: 1,
      gradient_steps: 1,
      ensemble_size: 2,
      ent_coef: 'auto',
      alpha_learning_rate: 0,
      learning_rate,
    })
  it.each([
    ["REDQ's alpha_learning_rate", () => redq(falling)],
    ['the same, where both begin alike', () => redq(rising)],
    [
      'one that config gives',
      () => new SAC({ ...learning, learning_rate: rising, config: { learn: { learning_rate_alpha: 0 } } }),
    ],
  ])(
    'leaves alpha the rate that it has of its own, whatever function learning_rate is: %s',
    async (_name, make) => {
      const agent = keep(make())
      await agent.learn({ total_timesteps: 10 })
      expect(agent.n_updates).toBe(5)
      // log alpha is where it began.
      expect(await agent.getParameters()).toMatchObject({ entropy: { value: { data: Float32Array.of(0) } } })
    },
  )

  it('writes the metrics of SB3 below tensorboard_log, and its config', async () => {
    const folder = temporaryFolder()
    const env = { type: 'Pendulum-v1', cfg: { max_episode_steps: 10 } }
    const agent = crossq({ env, tensorboard_log: folder, gradient_steps: 0 })
    await agent.learn({ total_timesteps: 50, log_interval: 2, tb_log_name: 'first' })
    await agent.close()
    const metrics = readFileSync(join(folder, 'first_1', 'log', 'serial', 'metrics.jsonl'), 'utf8')
    for (const tag of ['rollout/ep_rew_mean', 'rollout/ep_len_mean', 'time/total_timesteps', 'time/episodes'])
      expect(metrics).toContain(tag)
    expect(readdirSync(join(folder, 'first_1'))).toContain('total_config.json')
    expect(agent.monitor.ep_info_buffer.map(({ l }) => l)).toEqual([10, 10, 10, 10, 10])
  })

  it('logs means over the last stats_window_size episodes', async () => {
    const tensorboard_log = temporaryFolder()
    const cfg = { max_episode_steps: 5 }
    const agent = crossq({
      env: { type: 'Pendulum-v1', cfg },
      tensorboard_log,
      stats_window_size: 2,
      gradient_steps: 0,
    })
    const returns: number[] = []
    const callback = ({ infos }: Locals) => {
      const [{ episode }] = infos as [{ episode?: { r: number } }]
      if (episode !== undefined) returns.push(episode.r)
    }
    await agent.learn({ total_timesteps: 20, log_interval: 1, callback })
    await agent.close()
    expect(returns).toHaveLength(4)
    expect(agent.monitor.ep_info_buffer.map(({ r }) => r)).toEqual(returns.slice(2))
    const [a, b, c, d] = returns as [number, number, number, number]
    expect(scalars(tensorboard_log, 'rollout/ep_rew_mean')).toEqual([
      a,
      (a + b) / 2,
      (b + c) / 2,
      (c + d) / 2,
    ])
    expect(crossq().monitor.ep_info_buffer).toEqual([])
  })

  it('logs the share of successes as rollout/success_rate, where infos tell of it', async () => {
    const tensorboard_log = temporaryFolder()
    const agent = crossq({ env: () => new Turns(), tensorboard_log, stats_window_size: 3, gradient_steps: 0 })
    await agent.learn({ total_timesteps: 10, log_interval: 1 })
    await agent.close()
    // Every other episode of two steps, over the last three.
    expect(scalars(tensorboard_log, 'rollout/success_rate')).toEqual([1, 1 / 2, 2 / 3, 1 / 3, 2 / 3])
    expect(agent.monitor.ep_info_buffer.map(({ is_success }) => is_success)).toEqual([true, false, true])
  })

  it('writes into a folder of its own whenever it counts anew or has another name', async () => {
    const folder = temporaryFolder()
    const env = { type: 'Pendulum-v1', cfg: { max_episode_steps: 10 } }
    const agent = crossq({ env, tensorboard_log: folder })
    const steps = (name: string) =>
      readFileSync(join(folder, name, 'log', 'serial', 'metrics.jsonl'), 'utf8')
        .split('\n')
        .filter((line) => line.includes('rollout/ep_len_mean'))
        .map((line) => (JSON.parse(line) as { step: number }).step)
    const learn = (tb_log_name: string, more = {}) =>
      agent.learn({ total_timesteps: 20, log_interval: 1, tb_log_name, ...more })
    await learn('run')
    await learn('run', { reset_num_timesteps: false })
    await learn('run')
    await learn('other', { reset_num_timesteps: false })
    await learn('deep/run')
    await learn('deep/run')
    await agent.close()
    expect(readdirSync(folder).sort()).toEqual(['deep', 'other_1', 'run_1', 'run_2'])
    expect(readdirSync(join(folder, 'deep')).sort()).toEqual(['run_1', 'run_2'])
    expect([steps('run_1'), steps('run_2'), steps('other_1')]).toEqual([
      [10, 20, 30, 40],
      [10, 20],
      [30, 40],
    ])
    // The parts of the run, which are made once, log there too.
    const metrics = readFileSync(join(folder, 'run_2', 'log', 'serial', 'metrics.jsonl'), 'utf8')
    expect(metrics).toContain('collector_')
  })

  it('that cannot begin loses no parameters', async () => {
    const path = join(temporaryFolder(), 'agent.safetensors')
    const given = await crossq({ seed: 4 }).getParameters()
    const agent = crossq({ replay_buffer_class: 'HerReplayBuffer', n_steps: 3 })
    await agent.save(path)
    for (const one of [agent, keep(await CrossQ.load(path))]) {
      await one.setParameters(given)
      await expect(one.learn({ total_timesteps: 5 })).rejects.toThrow(/relabels single steps/)
      expect(await one.getParameters()).toEqual(given)
    }
  })

  describe('goes on with reset_num_timesteps false', () => {
    const env = { type: 'Pendulum-v1', cfg: { max_episode_steps: 5 } }
    const goOn = { total_timesteps: 10, reset_num_timesteps: false }

    it('in its folder, also after close, setEnv, setRandomSeed and load', async () => {
      const folder = temporaryFolder()
      const path = join(folder, 'agent.safetensors')
      const tensorboard_log = join(folder, 'logs')
      const agent = crossq({ env, tensorboard_log, gradient_steps: 0 })
      for (const change of [
        () => agent.close(),
        () => agent.setEnv(env),
        () => agent.setRandomSeed(5),
        () => agent.save(path),
      ]) {
        await agent.learn(goOn)
        await change()
      }
      await keep(await CrossQ.load(path)).learn(goOn)
      expect(readdirSync(tensorboard_log)).toEqual(['CrossQ_1'])
      // Another agent, which has nothing to go on from, does not mix in.
      await crossq({ env, tensorboard_log, gradient_steps: 0 }).learn(goOn)
      expect(readdirSync(tensorboard_log).sort()).toEqual(['CrossQ_1', 'CrossQ_2'])
    })

    it('in no other folder than that of its name, whatever was asked before', async () => {
      const folder = temporaryFolder()
      const [path, buffer] = [join(folder, 'agent.safetensors'), join(folder, 'buffer.safetensors')]
      const tensorboard_log = join(folder, 'logs')
      const agent = crossq({ env, tensorboard_log, gradient_steps: 0 })
      await agent.learn(goOn)
      await agent.save(path)
      await agent.saveReplayBuffer(buffer)
      const twin = keep(await CrossQ.load(path))
      await twin.loadReplayBuffer(buffer)
      await twin.learn({ ...goOn, tb_log_name: 'mine' })
      expect(readdirSync(tensorboard_log).sort()).toEqual(['CrossQ_1', 'mine_1'])
    })

    it('with episodes that it has not seen, after close and load', async () => {
      const path = join(temporaryFolder(), 'agent.safetensors')
      const starts: string[] = []
      const agent = crossq({ env, learning_starts: 1000 })
      const learn = (one: CrossQ, total_timesteps: number) => {
        let fresh = true
        const callback = ({ new_obs, dones }: Locals) => {
          if (fresh) starts.push(String((new_obs as Float32Array[])[0]))
          fresh = (dones as boolean[])[0] as boolean
        }
        return one.learn({ total_timesteps, reset_num_timesteps: false, callback })
      }
      await learn(agent, 10)
      await agent.save(path)
      await learn(keep(await CrossQ.load(path)), 10)
      await agent.close()
      // The same as the loaded agent's: it goes on from the same point.
      await learn(agent, 10)
      await agent.close()
      await learn(agent, 10)
      expect(starts).toHaveLength(8)
      expect(starts.slice(4, 6)).toEqual(starts.slice(2, 4))
      expect(new Set(starts).size).toBe(6)
      // A seed begins everything anew, and so does the first session.
      const other = crossq({ env, learning_starts: 1000, seed: 9 })
      await agent.setRandomSeed(9)
      await learn(agent, 5)
      await learn(other, 5)
      expect(starts[8]).toBe(starts[9])
    })
  })

  it('says what is wrong with its options', async () => {
    const agent = crossq()
    // @ts-expect-error: no such option
    await expect(agent.learn({ total_timestep: 10 })).rejects.toThrow(/did you mean "total_timesteps"/i)
    await expect(agent.learn({ total_timesteps: 0 })).rejects.toThrow(/total_timesteps is 0/)
    await expect(agent.learn(undefined as never)).rejects.toThrow(
      /learn takes its options as one object, \{ total_timesteps/,
    )
    await expect(agent.setEnv(null as never)).rejects.toThrow(/env must be an id/)
    await expect(agent.setParameters(null as never)).rejects.toThrow(
      /was given null, expected what getParameters gives/,
    )
    let inside: Promise<unknown> = Promise.resolve()
    await agent.learn({
      total_timesteps: 1,
      callback: () => {
        inside = agent.learn({ total_timesteps: 1 }).catch((error: Error) => error.message)
      },
    })
    expect(await inside).toMatch(/while it learns/)
  })

  it('logs to a logger of the user', async () => {
    const folder = temporaryFolder()
    const agent = crossq({ env: { type: 'Pendulum-v1', cfg: { max_episode_steps: 5 } } })
    await agent.setLogger(createRunLogger({ exp_name: folder, console: 'quiet', flush_seconds: 0 }))
    await agent.learn({ total_timesteps: 20, log_interval: 1 })
    expect(readFileSync(join(folder, 'log', 'serial', 'metrics.jsonl'), 'utf8')).toContain(
      'rollout/ep_rew_mean',
    )
  })

  it('goes on in the middle of an episode with another logger', async () => {
    const [whole, parts] = [crossq(), crossq()]
    await whole.learn({ total_timesteps: 40 })
    await parts.learn({ total_timesteps: 13 })
    const folder = temporaryFolder()
    await parts.setLogger(createRunLogger({ exp_name: folder, console: 'quiet', flush_seconds: 0 }))
    await parts.learn({ total_timesteps: 27, reset_num_timesteps: false })
    expect(await parts.getParameters()).toEqual(await whole.getParameters())
    const metrics = readFileSync(join(folder, 'log', 'serial', 'metrics.jsonl'), 'utf8')
    // The parts of the run, which were made before, log there too.
    expect(metrics).toContain('collector_')
  })
})
