import { describe, expect, test } from 'vitest'
import {
  ActScaleWrapper,
  BaseEnv,
  Box,
  createTimestep,
  EnvError,
  type HostTensor,
  MemoryLogger,
  NumericError,
  RandomStream,
  randomCollectMode,
  SampleSerialCollector,
  type Transition,
} from '../../../ding/index.js'
import { type Event, FakeEnvManager } from '../../fixtures/fake_envs.js'
import { fakeCollectMode } from '../../fixtures/fake_modes.js'

const CFG = { deepcopy_obs: false, transform_obs: false, collect_print_freq: 100 }

function sampleCollector(
  lengths: number[][],
  values: Record<string, unknown> = {},
  events: Record<number, Record<number, Event>> = {},
) {
  const env = new FakeEnvManager(lengths, { events })
  const { mode, seen } = fakeCollectMode(values)
  const logger = new MemoryLogger()
  return { collector: new SampleSerialCollector(CFG, { env, policy: mode, logger }), env, seen, logger, mode }
}

/** A key of a transition that holds an array. */
const arrayOf = (t: Transition | undefined, key: string) => Array.from(t?.[key] as Float32Array)

/** [env, episode, step] of the observation that a transition starts from. */
const from = (t: Transition) => arrayOf(t, 'obs')

describe('sample collector', () => {
  test('brings exactly n_sample; what is over waits and comes first the next time', async () => {
    const { collector } = sampleCollector([[5], [5], [5]])
    const first = await collector.collect(4)
    expect(first.map(from)).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [2, 0, 0],
      [0, 0, 1],
    ])
    expect(collector.envstep).toBe(6)
    const second = await collector.collect(4)
    expect(second.slice(0, 2).map(from)).toEqual([
      [1, 0, 1],
      [2, 0, 1],
    ])
    expect(collector.envstep).toBe(9)
    const third = await collector.collect(4)
    expect(third.map(from)).toHaveLength(4)
    expect(collector.envstep).toBe(12)
    await collector.collect(2)
    const rest = await collector.collect(1)
    expect(rest.map(from)).toEqual([[2, 0, 4]])
    // The one over was enough.
    expect(collector.envstep).toBe(15)
  })

  test.each([
    [8, 1],
    [8, 3],
    [1, 1],
    [1, 3],
  ])(
    'no more steps are taken than are wanted, however episodes end (%i environments, nstep %i)',
    async (env_num, nstep) => {
      const { collector } = sampleCollector(Array(env_num).fill([30]), { nstep })
      await collector.collect(1000)
      // What is beyond n_sample are steps that n-step returns still wait for.
      const waiting = env_num * (nstep - 1)
      expect(collector.envstep - 1000).toBeLessThanOrEqual(waiting)
      for (let i = 1; i <= 10; i++) {
        await collector.collect(8)
        const beyond = collector.envstep - 1000 - i * 8
        expect(beyond).toBeGreaterThanOrEqual(0)
        expect(beyond).toBeLessThanOrEqual(waiting)
      }
    },
  )

  test('no transition is lost, none comes twice', async () => {
    const { collector } = sampleCollector([[5, 3], [4], [7, 1]])
    const seen: string[] = []
    for (const n of [4, 7, 1, 12, 5, 9]) for (const t of await collector.collect(n)) seen.push(from(t).join())
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toHaveLength(38)
  })

  test('resets the policy, by environment, where an episode ends', async () => {
    const { collector, seen } = sampleCollector([[2, 3]])
    const resets: number[][] = []
    for (let step = 0; step < 5; step++) {
      await collector.collect(1)
      resets.push([...seen.resets])
    }
    expect(resets).toEqual([[], [0], [0], [0], [0, 0]])
  })

  test('tells the policy its settings and the transitions their training iteration', async () => {
    const { collector, seen } = sampleCollector([[5]])
    const [t] = await collector.collect(1, { train_iter: 7, policy_kwargs: { eps: 0.25 } })
    expect(t).toMatchObject({ collect_iter: 7 })
    expect(seen.settings).toEqual([{ eps: 0.25 }])
  })

  test('asks settings that are a function before each step', async () => {
    const { collector, seen } = sampleCollector([[9]])
    await collector.collect(3, { policy_kwargs: () => ({ eps: collector.envstep }) })
    expect(seen.settings).toEqual([{ eps: 0 }, { eps: 1 }, { eps: 2 }])
  })

  test('n-step returns are whole across pieces, and cut by the end of an episode only', async () => {
    const { collector } = sampleCollector([[6]], { nstep: 3 })
    const samples: Transition[] = []
    while (samples.length < 12) samples.push(...(await collector.collect(1)))
    const rewards = samples.map((t) => arrayOf(t, 'reward'))
    const episode = [
      [1, 2, 3],
      [2, 3, 4],
      [3, 4, 5],
      [4, 5, 6],
      [5, 6, 0],
      [6, 0, 0],
    ]
    expect(rewards).toEqual([...episode, ...episode])
    const gammas = samples.slice(0, 6).map((t) => t['value_gamma'])
    expect(gammas).toEqual([0.125, 0.125, 0.125, 0.125, 0.25, 0.5])
    expect(samples.slice(0, 6).map((t) => t['done'])).toEqual([false, false, false, true, true, true])
    // The first bootstraps from three steps on.
    expect(arrayOf(samples[0], 'next_obs')).toEqual([0, 0, 3])
  })

  test('an episode that is truncated ends the returns too, without being done', async () => {
    const { collector } = sampleCollector([[100]], { nstep: 2 }, { 0: { 3: 'truncated' } })
    const samples = await collector.collect(3)
    expect(samples.map((t) => arrayOf(t, 'reward'))).toEqual([
      [1, 2],
      [2, 3],
      [3, 0],
    ])
    expect(samples.map((t) => t['done'])).toEqual([false, false, false])
    expect(samples.map((t) => t['value_gamma'])).toEqual([0.25, 0.25, 0.5])
    expect(arrayOf(samples[2], 'next_obs')).toEqual([0, 0, 3])
  })

  test('an abnormal step drops what is pending of that environment, and nothing else', async () => {
    const { collector, seen, logger } = sampleCollector(
      [[100], [100]],
      { nstep: 2 },
      { 1: { 3: 'abnormal' } },
    )
    const samples = await collector.collect(8)
    expect(logger.warnings).toEqual(['Collector: environment 1 lost its episode: scripted.'])
    const byEnv = (id: number) => samples.map(from).filter(([env]) => env === id)
    expect(byEnv(0)).toEqual([
      [0, 0, 0],
      [0, 0, 1],
      [0, 0, 2],
      [0, 0, 3],
      [0, 0, 4],
    ])
    // Episode 0 of environment 1 is gone with its second step, which still waited for the next; the abnormal step is no env step.
    expect(byEnv(1)).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 1],
    ])
    expect(seen.resets).toEqual([1])
    expect(collector.episode_count).toBe(0)
    expect(collector.envstep).toBe(2 * 6 - 1)
  })

  test('traj_len_inf waits for the end of episodes', async () => {
    const { collector } = sampleCollector([[4], [6]], { traj_len_inf: true, nstep: 3 })
    const samples = await collector.collect(2)
    expect(samples.map(from)).toEqual([
      [0, 0, 0],
      [0, 0, 1],
    ])
    expect(collector.envstep).toBe(8)
  })

  test('unroll_len makes pieces of at least that length', async () => {
    const { collector } = sampleCollector([[100], [100]], { unroll_len: 4 })
    const samples = await collector.collect(2)
    const shapes = samples.map((t) => t['reward'] as HostTensor)
    expect(shapes.map((s) => s.shape)).toEqual([[4], [4]])
    expect([...(shapes[0]?.data ?? [])]).toEqual([1, 2, 3, 4])
    expect(collector.envstep).toBe(8)
  })

  test('a smaller n_sample hands on at once all that a larger one left pending', async () => {
    const { collector } = sampleCollector([[100], [100]], { nstep: 2 })
    await collector.collect(30)
    const steps = collector.envstep
    const later = [
      ...(await collector.collect(2)),
      ...(await collector.collect(2)),
      ...(await collector.collect(2)),
    ]
    expect(later).toHaveLength(6)
    expect(collector.envstep - steps).toBeLessThanOrEqual(6)
  })

  test('statistics: returns and lengths of the finished episodes, once collect_print_freq has passed', async () => {
    const { collector, logger } = sampleCollector([[2], [3]])
    logger.time = 1000
    await collector.collect(6, { train_iter: 50 })
    expect(logger.tables).toEqual([])
    await collector.collect(4, { train_iter: 100 })
    expect(logger.tables).toHaveLength(1)
    const row = logger.tables[0]?.row
    // Steps of environment 0: 1 + 2; of environment 1: 11 + 12 + 13.
    expect(row).toMatchObject({
      episode_count: 3,
      envstep_count: 10,
      train_sample_count: 10,
      reward_mean: (3 + 3 + 36) / 3,
      reward_max: 36,
      reward_min: 3,
      total_envstep_count: 10,
      total_episode_count: 3,
      avg_envstep_per_sec: 0,
    })
    expect(logger.series('collector_iter/reward_mean')).toEqual([14])
    expect(logger.values.find((v) => v.tag === 'collector_step/reward_mean')?.step).toBe(10)
    expect(logger.series('collector_step/total_envstep_count')).toEqual([])
  })

  test('record: false counts env steps and leaves the statistics alone', async () => {
    const { collector, logger } = sampleCollector([[2]])
    await collector.collect(10, { train_iter: 1000, record: false })
    expect(collector.envstep).toBe(10)
    expect(collector.episode_count).toBe(0)
    expect(logger.tables).toEqual([])
  })

  test('resumes bit for bit from pieces, surplus and statistics', async () => {
    const setup = { lengths: [[5, 3], [4], [7, 2]], values: { nstep: 3 } }
    const a = sampleCollector(setup.lengths, setup.values)
    const b = sampleCollector(setup.lengths, setup.values)
    for (const n of [5, 3]) await a.collector.collect(n)
    await b.env.load_state_dict(await a.env.state_dict())
    b.collector.load_state_dict(structuredClone(a.collector.state_dict()))
    for (const n of [1, 4, 9, 2]) {
      expect(await b.collector.collect(n)).toEqual(await a.collector.collect(n))
    }
    expect(b.collector.state_dict()).toEqual(a.collector.state_dict())
  })

  test('rates after a resume are those of what was collected since', async () => {
    const timed = () => {
      const setup = sampleCollector([[2]])
      const { env, logger } = setup
      const step = env.step.bind(env)
      env.step = (actions) => {
        logger.time += 100
        return step(actions)
      }
      return setup
    }
    const [a, b] = [timed(), timed()]
    await a.collector.collect(40, { train_iter: 1 })
    b.collector.load_state_dict(a.collector.state_dict())
    await b.collector.collect(10, { train_iter: 100 })
    expect(b.logger.tables[0]?.row).toMatchObject({
      envstep_count: 50,
      episode_count: 25,
      avg_envstep_per_sec: 10,
      avg_train_sample_per_sec: 10,
      avg_episode_per_sec: 5,
    })
  })

  test('refuses NaN in observations and rewards, and environments that all rest', async () => {
    const nan = sampleCollector([[5]])
    nan.env.step = async () => ({ 0: createTimestep(Float32Array.of(0, Number.NaN, 0), 0, true) })
    await expect(nan.collector.collect(1)).rejects.toThrow(/Environment 0 gave obs\[1\] = NaN/)
    nan.env.step = async () => ({ 0: createTimestep(new Float32Array(3), Number.POSITIVE_INFINITY, false) })
    await expect(nan.collector.collect(1)).rejects.toThrow(NumericError)
    const env = new FakeEnvManager([[1]], { auto_reset: false })
    const collector = new SampleSerialCollector(CFG, {
      env,
      policy: fakeCollectMode().mode,
      logger: new MemoryLogger(),
    })
    await collector.collect(1)
    await expect(collector.collect(1)).rejects.toThrow(/env\.manager\.auto_reset/)
  })

  test('a NaN in mid-episode is told of by the step that brought it, before anything is handed on', async () => {
    const { collector, env } = sampleCollector([[5]])
    await collector.collect(1)
    env.step = async () => ({ 0: createTimestep(Float32Array.of(0, Number.NaN, 0), 0, false) })
    await expect(collector.collect(1)).rejects.toThrow(/Environment 0 gave obs\[1\] = NaN/)
  })

  test('an observation is looked at once', async () => {
    const { collector, env } = sampleCollector([[3]])
    let looks = 0
    const watched = () => {
      const obs: Record<string, Float32Array> = {}
      Object.defineProperty(obs, 'x', {
        enumerable: true,
        get: () => {
          looks++
          return new Float32Array(1)
        },
      })
      return obs
    }
    let ready = watched()
    let step = 0
    Object.defineProperty(env, 'ready_obs', { get: () => ({ 0: ready }) })
    env.step = async () => {
      const done = ++step % 3 === 0
      const obs = watched()
      ready = done ? watched() : obs
      return { 0: createTimestep(obs, 0, done, false, { eval_episode_return: 0 }) }
    }
    // Two episodes of a first observation and three more each.
    await collector.collect(6)
    expect(looks).toBe(8)
  })

  test.each([
    [
      Float64Array.of(0, 1, 2),
      /Environment 0 gave obs as a value of class Float64Array, expected a Float32Array/,
    ],
    [[0, 1, 2], /gave obs as a value of class Array/],
    [{ speed: Int8Array.of(1) }, /gave obs\.speed as a value of class Int8Array/],
    [undefined, /gave obs as undefined/],
  ])('an observation of another form is the environment`s fault: %j', async (obs, message) => {
    const { collector, env } = sampleCollector([[5]])
    env.step = async () => ({ 0: createTimestep(obs as never, 0, false) })
    await expect(collector.collect(1)).rejects.toThrow(message)
    Object.defineProperty(env, 'ready_obs', { get: () => ({ 0: obs }) })
    await expect(collector.collect(1)).rejects.toThrow(EnvError)
  })

  test('deepcopy_obs keeps observations of an environment that writes all of them into one array', async () => {
    const shared = new Float32Array(1)
    const env = new FakeEnvManager([[100]])
    Object.defineProperty(env, 'ready_obs', { get: () => ({ 0: shared }) })
    env.step = async () => {
      shared[0]!++
      return { 0: createTimestep(shared, 0, false) }
    }
    const policy = fakeCollectMode().mode
    const collector = new SampleSerialCollector(
      { ...CFG, deepcopy_obs: true },
      { env, policy, logger: new MemoryLogger() },
    )
    const samples = await collector.collect(3)
    expect(samples.map((t) => [(t['obs'] as Float32Array)[0], (t['next_obs'] as Float32Array)[0]])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ])
  })
})

test('random collect: actions of the space that the policy acts in, [-1, 1] with act_scale', async () => {
  class Wide extends BaseEnv<Float32Array, Float32Array> {
    readonly observation_space = new Box(-1, 1, [1])
    readonly action_space = new Box([-2, 10], [2, 30])
    protected begin = () => new Float32Array(1)
    protected advance = () => ({ obs: new Float32Array(1), reward: 0, terminated: false })
  }
  const env = new ActScaleWrapper(new Wide('wide'))
  const { mode } = fakeCollectMode()
  const random = randomCollectMode(mode, env.action_space, RandomStream.fromSeed(1))
  const actions: number[][] = []
  for (let i = 0; i < 200; i++) {
    const outputs = await random.forward({ 0: new Float32Array(1), 3: new Float32Array(1) })
    expect(Object.keys(outputs)).toEqual(['0', '3'])
    for (const { action } of Object.values(outputs)) actions.push([...(action as Float32Array)])
  }
  const values = actions.flat()
  expect(Math.min(...values)).toBeGreaterThanOrEqual(-1)
  expect(Math.max(...values)).toBeLessThanOrEqual(1)
  expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(1.9)
  expect(random.process_transition).toBe(mode.process_transition)
})
