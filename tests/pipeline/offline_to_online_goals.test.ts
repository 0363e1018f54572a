import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BaseEnv, Box, type ConfigPair, type StepOutcome } from '../../ding/index.js'
import { succeedsByReward } from '../../ding/pipeline/offline_to_online_episodes.js'
import { type HostTensor, loadState, type StateTree } from '../../ding/utils/index.js'
import { collect_demo_data, serial_pipeline_offline_to_online } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const
const OFFLINE = 4
const ONLINE = 14

/** Every other episode comes to its goal with the third step, which has the one reward and ends it; the others have a time limit of six steps. */
class Gate extends BaseEnv<Float32Array, Float32Array> {
  readonly observation_space = new Box(-10, 10, [2])
  readonly action_space = new Box(-1, 1, [1])
  private t = 0
  private episode = 0

  constructor() {
    super('gate', 6)
  }

  protected begin(): Float32Array {
    this.t = 0
    this.episode++
    return Float32Array.of(0, this.episode % 2)
  }

  protected advance(): StepOutcome<Float32Array> {
    this.t++
    const there = this.t === 3 && this.episode % 2 === 1
    return { obs: Float32Array.of(this.t, this.episode % 2), reward: Number(there), terminated: there }
  }
}

/** What a run with data of `env_id` logs, and the dones and rewards of what it collected. */
async function run(env_id: string, collect: object = {}) {
  const work_dir = temporaryFolder()
  const data_path = join(work_dir, 'random.hdf5')
  const config = [
    {
      exp_name: 'run',
      env: { collector_env_num: 1, evaluator_env_num: 1, n_evaluator_episode: 2, stop_value: 1e9 },
      policy: {
        model: { obs_shape: 2, action_shape: 1, net_arch: [8] },
        learn: { batch_size: 4, offline_iterations: OFFLINE, online_iterations: ONLINE },
        collect: { data_path, env_id, n_sample: 1, ...collect },
        eval: { evaluator: { eval_freq: OFFLINE } },
        other: { replay_buffer: { replay_buffer_size: 100 } },
      },
    },
    { env: { type: 'pendulum' }, policy: { type: 'td3_bc' }, replay_buffer: { type: 'naive' } },
  ] as unknown as ConfigPair
  const options = {
    ...quiet,
    work_dir,
    env_setting: { collector: [() => new Gate()], evaluator: [() => new Gate()] },
  }
  const random = { random_policy: true, collect_count: 30, expert_data_path: data_path }
  await collect_demo_data(config, 0, { ...options, ...random })
  await serial_pipeline_offline_to_online(config, 0, options)
  const logged = readFileSync(join(work_dir, 'run/log/serial/metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { tag: string; step: number; value: number })
  const { tree } = loadState(join(work_dir, 'run/ckpt/run_state.safetensors'))
  const columns = (tree['buffer'] as StateTree)['data'] as Record<string, HostTensor>
  const collected = (name: string) => Array.from((columns[name] as HostTensor).data).slice(-ONLINE)
  return {
    of: (wanted: string) => logged.flatMap(({ tag, step, value }) => (tag === wanted ? [[step, value]] : [])),
    done: collected('done'),
    reward: collected('reward'),
  }
}

const goals = [2, 11]
const atGoals = (there: number, elsewhere: number) =>
  Array.from({ length: ONLINE }, (_, i) => (goals.includes(i) ? there : elsewhere))

test('a positive reward of the environment is success in a task about a goal, whatever the data make of rewards', async () => {
  const { of, reward } = await run('antmaze-umaze-v2', { reward_scale: 10, reward_bias: -20 })
  expect(reward).toEqual(atGoals(-10, -20))
  // Episodes of 3, 6 and 3 steps.
  const ends = [3, 9, 12].map((env_step) => OFFLINE + env_step - 1)
  expect(of('train/episode_length')).toEqual(ends.map((at, i) => [at, [3, 6, 3][i]]))
  expect(of('train/is_success')).toEqual(ends.map((at, i) => [at, [1, 0, 1][i]]))
  expect(of('train/regret')).toEqual(ends.map((at, i) => [at, [0, 1 / 2, 1 - 2 / 3][i]]))
  expect(of('eval/success_rate').map(([, value]) => value)).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
})

test('elsewhere it is not; done is 1 where the environment ended an episode, 0 at a time limit', async () => {
  const { of, done } = await run('hopper-medium-v2')
  expect(done).toEqual(atGoals(1, 0))
  expect(of('train/episode_length')).toHaveLength(3)
  expect([...of('train/is_success'), ...of('train/regret'), ...of('eval/success_rate')]).toEqual([])
})

test('the tasks about a goal are those of CORL, as Minari names them too', () => {
  const goalTasks = [
    'antmaze-large-play-v2',
    'pen-human-v1',
    'door-cloned-v1',
    'hammer-expert-v1',
    'relocate-human-v1',
  ]
  for (const name of [...goalTasks, 'D4RL/antmaze/umaze-v1', 'D4RL/pen/human-v2'])
    expect(succeedsByReward(name), name).toBe(true)
  for (const name of ['hopper-medium-v2', 'maze2d-umaze-v1', 'pendulum', 'carpenter-v0', undefined])
    expect(succeedsByReward(name), name).toBe(false)
})
