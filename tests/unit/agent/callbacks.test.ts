import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import {
  BaseCallback,
  CallbackList,
  CheckpointCallback,
  CrossQ,
  EvalCallback,
  EveryNTimesteps,
  evaluatePolicy,
  LogEveryNTimesteps,
  StopTrainingOnMaxEpisodes,
  StopTrainingOnNoModelImprovement,
  StopTrainingOnRewardThreshold,
} from '../../../ding/agent/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { closeAgents, crossq, keep } from './support.js'

closeAgents()

/** Pendulum with short episodes. */
const env = (steps: number) => ({ type: 'Pendulum-v1', cfg: { max_episode_steps: steps } })
/** An agent that only collects. */
const collector = (steps = 5, n_envs = 1) => crossq({ env: env(steps), gradient_steps: 0, n_envs })

class Recorder extends BaseCallback {
  readonly events: string[] = []

  constructor(private readonly last = Number.POSITIVE_INFINITY) {
    super()
  }

  protected override onInit() {
    this.events.push('init')
  }
  protected override onTrainingStart() {
    this.events.push(`training start of ${this.locals['total_timesteps']}`)
  }
  protected override onRolloutStart() {
    this.events.push('rollout start')
  }
  protected override onStep() {
    this.events.push(`step ${this.n_calls} at ${this.num_timesteps}`)
    return this.n_calls < this.last
  }
  protected override onRolloutEnd() {
    this.events.push('rollout end')
  }
  protected override onTrainingEnd() {
    this.events.push('training end')
  }
}

describe('callbacks', () => {
  it('are called in the order of SB3', async () => {
    const recorder = new Recorder()
    await crossq({ n_envs: 2, train_freq: 2 }).learn({ total_timesteps: 8, callback: [recorder] })
    expect(recorder.events).toEqual([
      'init',
      'training start of 8',
      'rollout start',
      'step 1 at 2',
      'step 2 at 4',
      'rollout end',
      'rollout start',
      'step 3 at 6',
      'step 4 at 8',
      'rollout end',
      'training end',
    ])
  })

  it('end the training at once, in the middle of a collect; nothing that was collected is lost', async () => {
    const recorder = new Recorder(3)
    const agent = crossq({ train_freq: 5, learning_starts: 0 })
    await agent.learn({ total_timesteps: 20, callback: recorder })
    expect(recorder.events.slice(-2)).toEqual(['step 3 at 3', 'training end'])
    expect([agent.num_timesteps, agent.n_updates, await agent.replayBufferSize()]).toEqual([3, 0, 3])
    await agent.learn({ total_timesteps: 2, reset_num_timesteps: false })
    // As in SB3, the three steps are in the buffer, and what follows is a collect of its own: five more.
    expect([agent.num_timesteps, await agent.replayBufferSize()]).toEqual([8, 8])
  })

  it('see what a step brought, by the names of SB3', async () => {
    let seen: Record<string, unknown> = {}
    let total = 0
    const agent = collector(3, 2)
    await agent.learn({
      total_timesteps: 6,
      callback: (locals) => {
        seen = { ...locals }
        total += (locals['rewards'] as number[])[0] as number
      },
    })
    expect(seen['self']).toBe(agent)
    expect(seen['dones']).toEqual([true, true])
    expect(seen['rewards']).toHaveLength(2)
    const infos = seen['infos'] as { truncated: boolean; eval_episode_return: number }[]
    expect(infos[0]).toMatchObject({ truncated: true, eval_episode_return: expect.any(Number) })
    // As SB3's Monitor: what the environment did, in its own units.
    expect(infos[0]).toMatchObject({ episode: { r: expect.closeTo(total, 4), l: 3 } })
    const [actions, buffer_actions] = [seen['actions'], seen['buffer_actions']] as [
      Float32Array[],
      Float32Array[],
    ]
    for (const [i, action] of actions.entries())
      expect(action[0]).toBe(2 * ((buffer_actions[i] as Float32Array)[0] as number))
    expect(Math.max(...buffer_actions.map(([a]) => Math.abs(a as number)))).toBeLessThanOrEqual(1)
  })

  it('every n timesteps', async () => {
    const at: number[] = []
    class Note extends BaseCallback {
      protected override onStep() {
        at.push(this.num_timesteps)
      }
    }
    const callback = new EveryNTimesteps({ n_steps: 10, callback: new Note() })
    await collector(100, 4).learn({ total_timesteps: 40, callback })
    expect(at).toEqual([12, 24, 36])
  })

  it('log every n timesteps', async () => {
    const folder = temporaryFolder()
    const agent = crossq({ env: env(5), gradient_steps: 0, tensorboard_log: folder })
    const callback = new LogEveryNTimesteps({ n_steps: 10 })
    await agent.learn({ total_timesteps: 35, log_interval: 1000, callback })
    await agent.close()
    const lines = readFileSync(join(folder, 'CrossQ_1', 'log', 'serial', 'metrics.jsonl'), 'utf8').split('\n')
    const logged = lines.filter((line) => line.includes('rollout/ep_len_mean'))
    expect(logged.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual([10, 20, 30])
  })

  it('max episodes, of each environment', async () => {
    const agent = collector(5, 2)
    const callback = new StopTrainingOnMaxEpisodes({ max_episodes: 3 })
    await agent.learn({ total_timesteps: 1000, callback })
    expect([agent.num_timesteps, callback.n_episodes]).toEqual([30, 6])
  })

  it('print by their own verbose, once', async () => {
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    try {
      for (const verbose of [0, 1] as const) {
        for (const agent of [collector(), crossq({ env: env(5), gradient_steps: 0, verbose: 1 })]) {
          written.mockClear()
          const callback = new EvalCallback(env(5), { eval_freq: 5, n_eval_episodes: 1, verbose })
          await agent.learn({ total_timesteps: 5, callback })
          const lines = written.mock.calls.filter(([text]) => String(text).includes('mean return'))
          expect(lines).toHaveLength(verbose)
        }
      }
    } finally {
      written.mockRestore()
    }
  })

  it('show how far the training is with progress_bar, once, also of an agent that is not silent', async () => {
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    try {
      for (const [progress_bar, verbose, shown] of [
        [true, 0, 1],
        [true, 1, 1],
        [false, 0, 0],
      ] as const) {
        written.mockClear()
        const agent = crossq({ env: env(5), gradient_steps: 0, verbose })
        await agent.learn({ total_timesteps: 7, progress_bar })
        const lines = written.mock.calls.map(([text]) => String(text))
        expect(lines.filter((line) => line.startsWith('env_step 7/7 (100%)'))).toHaveLength(shown)
      }
    } finally {
      written.mockRestore()
    }
  })

  it('checkpoints', async () => {
    const save_path = temporaryFolder()
    const agent = collector()
    const callback = new CheckpointCallback({ save_freq: 10, save_path, save_replay_buffer: true })
    await agent.learn({ total_timesteps: 25, callback })
    expect(readdirSync(save_path).sort()).toEqual([
      'rl_model_10_steps.safetensors',
      'rl_model_20_steps.safetensors',
      'rl_model_replay_buffer_10_steps.safetensors',
      'rl_model_replay_buffer_20_steps.safetensors',
    ])
    const twin = keep(await CrossQ.load(join(save_path, 'rl_model_20_steps.safetensors')))
    await twin.loadReplayBuffer(join(save_path, 'rl_model_replay_buffer_20_steps.safetensors'))
    // A step is stored after the callbacks have seen it, as in SB3.
    expect([twin.num_timesteps, await twin.replayBufferSize()]).toEqual([20, 19])
  })

  it('checkpoints by a name of your own, without the replay buffer unless asked', async () => {
    const save_path = temporaryFolder()
    const callback = new CheckpointCallback({ save_freq: 10, save_path, name_prefix: 'run-7' })
    await collector().learn({ total_timesteps: 10, callback })
    expect(readdirSync(save_path)).toEqual(['run-7_10_steps.safetensors'])
  })
})

describe('evaluation', () => {
  it('keeps results and the best agent, and does not disturb the training', async () => {
    const folder = temporaryFolder()
    const callback = new EvalCallback(env(10), {
      eval_freq: 15,
      n_eval_episodes: 2,
      log_path: folder,
      best_model_save_path: folder,
      verbose: 0,
    })
    const [evaluated, alone] = [crossq(), crossq()]
    await evaluated.learn({ total_timesteps: 45, callback })
    await alone.learn({ total_timesteps: 45 })
    expect(await evaluated.getParameters()).toEqual(await alone.getParameters())
    expect(callback.evaluations_timesteps).toEqual([15, 30, 45])
    const best = Math.max(
      ...callback.evaluations_results.map(([a, b]) => ((a as number) + (b as number)) / 2),
    )
    expect(callback.best_mean_reward).toBe(best)
    const kept = JSON.parse(readFileSync(join(folder, 'evaluations.json'), 'utf8'))
    expect(kept).toMatchObject({
      timesteps: [15, 30, 45],
      ep_lengths: [
        [10, 10],
        [10, 10],
        [10, 10],
      ],
    })
    const twin = keep(await CrossQ.load(join(folder, 'best_model.safetensors')))
    expect((await evaluatePolicy(twin, env(10), { n_eval_episodes: 2 }))[0]).toBeCloseTo(best, 5)
  })

  it("keeps and logs the share of successes, where the environment's infos have it", async () => {
    const log_path = temporaryFolder()
    const agent = crossq({ env: 'reach', learning_starts: 100, tensorboard_log: log_path })
    const callback = new EvalCallback(
      { type: 'reach' },
      { eval_freq: 5, n_eval_episodes: 2, log_path, warn: true, verbose: 0 },
    )
    await agent.learn({ total_timesteps: 10, callback })
    await agent.close()
    const saved = JSON.parse(readFileSync(join(log_path, 'evaluations.json'), 'utf8')) as {
      successes: boolean[][]
    }
    expect(saved.successes).toEqual(callback.evaluations_successes)
    expect(saved.successes.map((list) => list.length)).toEqual([2, 2])
    const metrics = readFileSync(join(log_path, 'CrossQ_1', 'log', 'serial', 'metrics.jsonl'), 'utf8')
    expect(metrics).toContain('eval/success_rate')
  })

  it('stops at a threshold of the mean return', async () => {
    const stop = new StopTrainingOnRewardThreshold({ reward_threshold: -1e6 })
    const agent = collector()
    const callback = new EvalCallback(env(5), { eval_freq: 10, callback_on_new_best: stop, verbose: 0 })
    await agent.learn({ total_timesteps: 1000, callback })
    expect(agent.num_timesteps).toBe(10)
    await expect(collector().learn({ total_timesteps: 5, callback: stop })).resolves.toBeDefined()
    const alone = new StopTrainingOnRewardThreshold({ reward_threshold: 0 })
    await expect(collector().learn({ total_timesteps: 5, callback: alone })).rejects.toThrow(/EvalCallback/)
  })

  it('asks callback_after_eval after every evaluation, but not once callback_on_new_best has said stop', async () => {
    const asked: number[] = []
    class Note extends BaseCallback {
      protected override onStep() {
        asked.push(this.num_timesteps)
      }
    }
    const evaluate = (callback_on_new_best: BaseCallback | null) =>
      new EvalCallback(env(5), {
        eval_freq: 10,
        verbose: 0,
        callback_after_eval: new Note(),
        callback_on_new_best,
      })
    await collector().learn({ total_timesteps: 30, callback: evaluate(null) })
    expect(asked.splice(0)).toEqual([10, 20, 30])
    const stop = new StopTrainingOnRewardThreshold({ reward_threshold: -1e6 })
    const agent = collector()
    await agent.learn({ total_timesteps: 30, callback: evaluate(stop) })
    expect([agent.num_timesteps, asked]).toEqual([10, []])
  })

  it.each([
    ['callback_after_eval', 40],
    ['callback_on_new_best', 10],
  ] as const)('has what is in a list, or in a list of it, as its %s', async (name, steps) => {
    const stop = new StopTrainingOnNoModelImprovement({ max_no_improvement_evals: 2, min_evals: 1 })
    const best = new StopTrainingOnRewardThreshold({ reward_threshold: -1e6 })
    const list = new CallbackList([new CallbackList([name === 'callback_after_eval' ? stop : best])])
    const agent = collector()
    await agent.learn({
      total_timesteps: 1000,
      callback: new EvalCallback(env(5), { eval_freq: 10, verbose: 0, [name]: list }),
    })
    expect(agent.num_timesteps).toBe(steps)
  })

  it('stops without improvement: after one evaluation that is the best, and max + 1 that are no better', async () => {
    const stop = new StopTrainingOnNoModelImprovement({ max_no_improvement_evals: 2, min_evals: 1 })
    const agent = collector()
    const callback = new EvalCallback(env(5), { eval_freq: 10, callback_after_eval: stop, verbose: 0 })
    await agent.learn({ total_timesteps: 1000, callback })
    expect(agent.num_timesteps).toBe(40)
  })
})

describe('wrong callbacks', () => {
  it.each([3, 'x', {}, [new EvalCallback('Pendulum-v1'), 5]])('%s is refused by learn', async (callback) => {
    const learning = collector().learn({ total_timesteps: 5, callback: callback as never })
    await expect(learning).rejects.toThrow(/expected a BaseCallback, a function, or a list of these/)
  })

  it('options that do not exist, or have no such value, are errors', () => {
    const wrong: [() => unknown, RegExp][] = [
      [() => new CheckpointCallback({ save_frequency: 3 } as never), /"save_freq"/],
      [() => new CheckpointCallback({ save_freq: 0, save_path: '.' }), /save_freq is 0/],
      [() => new CheckpointCallback({ save_freq: 1 } as never), /save_path is missing/],
      [() => new EvalCallback('Pendulum-v1', { eval_frequency: 3 } as never), /"eval_freq"/],
      [() => new EvalCallback('Pendulum-v1', { n_eval_episodes: 0 }), /n_eval_episodes is 0/],
      [() => new EvalCallback('Pendulum-v1', { eval_freq: 2.5 }), /eval_freq is 2.5/],
      [() => new EvalCallback('Pendulum-v1', { eval_freq: 'x' as never }), /eval_freq is x/],
      [() => new EvalCallback('Pendulum-v1', { render: true as never }), /render is not possible/],
      [() => new EvalCallback(undefined as never), /needs an environment/],
      [() => new EveryNTimesteps(500 as never), /takes its options as one object/],
      [() => new LogEveryNTimesteps({ n: 3 } as never), /no option "n"/],
      [() => new StopTrainingOnRewardThreshold({ threshold: 3 } as never), /"reward_threshold"/],
      [() => new StopTrainingOnRewardThreshold({} as never), /reward_threshold is undefined/],
      [() => new StopTrainingOnNoModelImprovement({} as never), /max_no_improvement_evals is undefined/],
      [() => new StopTrainingOnMaxEpisodes({ max_episode: 3 } as never), /"max_episodes"/],
      [
        () =>
          new EveryNTimesteps({
            n_steps: 0,
            callback: new CheckpointCallback({ save_freq: 1, save_path: '.' }),
          }),
        /n_steps is 0/,
      ],
    ]
    for (const [make, message] of wrong) expect(make).toThrow(message)
  })
})
