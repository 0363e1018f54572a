import { describe, expect, it, test } from 'vitest'
import {
  BaseEnv,
  BitFlipEnv,
  Box,
  createEnv,
  Discrete,
  ENV_REGISTRY,
  type Env,
  type GoalObs,
  goalRewardOf,
  goalSpace,
  RandomStream,
  ReachEnv,
  type Space,
  type StepOutcome,
  wrapEnv,
  wrapWith,
} from '../../../ding/index.js'

const bits = (...values: number[]) => Uint8Array.from(values)

/** Plays an episode and checks what every goal environment promises. */
function playThrough(env: BitFlipEnv | ReachEnv, act: (obs: GoalObs<never>, step: number) => never) {
  let obs = env.reset() as GoalObs<never>
  const { desired_goal } = obs
  for (let step = 0; ; step++) {
    expect(env.observation_space.explain(obs)).toBeNull()
    const timestep = env.step(act(obs, step))
    obs = timestep.obs as GoalObs<never>
    expect(obs.desired_goal).toEqual(desired_goal)
    expect(timestep.reward).toBe(
      (env as Env).compute_reward?.(obs.achieved_goal, obs.desired_goal, timestep.info),
    )
    expect(typeof timestep.info['is_success']).toBe('boolean')
    if (timestep.done) return { timestep, steps: step + 1 }
  }
}

describe('bit_flip', () => {
  it('is registered under the names of DI-engine too', () => {
    for (const name of ['bit_flip', 'bitflip', 'BitFlip-v0']) expect(ENV_REGISTRY.get(name)).toBe(BitFlipEnv)
  })

  it('flipping just the wrong bits ends it successfully, with a return of 1 - their number', () => {
    const env = new BitFlipEnv({ n_bits: 8 })
    env.seed(3)
    let wrong = 0
    const { timestep, steps } = playThrough(env, (obs, step) => {
      const { observation, desired_goal } = obs as unknown as {
        observation: Uint8Array
        desired_goal: Uint8Array
      }
      const differing = Array.from(observation).flatMap((bit, i) => (bit === desired_goal[i] ? [] : [i]))
      if (step === 0) wrong = differing.length
      return differing[0] as never
    })
    expect(steps).toBe(wrong)
    expect(timestep).toMatchObject({
      terminated: true,
      truncated: false,
      reward: 0,
      info: { is_success: true, eval_episode_return: 1 - wrong },
    })
  })

  it('is truncated after as many steps as there are bits, or after max_episode_steps', () => {
    const limits: [Record<string, unknown>, number][] = [
      [{ n_bits: 6, goal: 'ones' }, 6],
      [{ n_bits: 6, goal: 'ones', max_episode_steps: 4 }, 4],
    ]
    for (const [cfg, limit] of limits) {
      const env = new BitFlipEnv(cfg)
      env.seed(1)
      // Back and forth never gets there from a start with two wrong bits or more.
      const { timestep, steps } = playThrough(env, () => 0 as never)
      expect([steps, timestep.terminated, timestep.truncated, timestep.info['is_success']]).toEqual([
        limit,
        false,
        true,
        false,
      ])
    }
  })

  it('continuous: every bit with a positive number flips', () => {
    const env = new BitFlipEnv({ n_bits: 4, continuous: true, goal: 'ones' })
    expect(env.action_space.equals(new Box(-1, 1, [4]))).toBe(true)
    const { observation } = env.reset() as { observation: Uint8Array }
    const { obs } = env.step(Float32Array.of(0.3, -0.3, 0, 1))
    expect((obs as GoalObs<Uint8Array>).observation).toEqual(
      observation.map((bit, i) => (i === 0 || i === 3 ? 1 - bit : bit)),
    )
    expect(new BitFlipEnv({ n_bits: 4 }).action_space.equals(new Discrete(4))).toBe(true)
  })

  it("'ones' wants all bits 1, 'random' all sorts; no episode starts at its goal", () => {
    const goals = new Set<string>()
    for (const goal of ['ones', 'random']) {
      const env = new BitFlipEnv({ n_bits: 2, goal })
      for (let i = 0; i < 60; i++) {
        const { achieved_goal, desired_goal } = env.reset() as GoalObs<Uint8Array>
        if (goal === 'ones') expect(desired_goal).toEqual(bits(1, 1))
        else goals.add(desired_goal.join(''))
        expect(achieved_goal).not.toEqual(desired_goal)
      }
    }
    expect([...goals].sort()).toEqual(['00', '01', '10', '11'])
  })
})

describe('reach', () => {
  test.each([
    ['point', 2, 2],
    ['point', 3, 3],
    ['arm', 2, 4],
    ['arm', 3, 6],
  ] as const)('%s in %i-D: spaces, goals and 50 steps', (body, dimensions, size) => {
    const env = new ReachEnv({ body, dimensions })
    expect(
      env.observation_space.equals(goalSpace(new Box(-1, 1, [size]), new Box(-1, 1, [dimensions]))),
    ).toBe(true)
    env.seed(5)
    const random = RandomStream.fromSeed(0)
    const { timestep, steps } = playThrough(env, () => env.action_space.sample(random) as never)
    expect([steps, timestep.terminated, timestep.truncated]).toEqual([50, false, true])
  })

  it('the point goes where it is told, up to the walls, and the goal counts while it is there', () => {
    const env = new ReachEnv({ body: 'point', dimensions: 2 })
    env.seed(2)
    const towards = ({
      achieved_goal,
      desired_goal,
    }: {
      achieved_goal: Float32Array
      desired_goal: Float32Array
    }) => desired_goal.map((wanted, i) => (wanted - achieved_goal[i]!) / 0.1)
    const { timestep } = playThrough(env, (obs) => towards(obs as never) as never)
    expect(timestep.info['is_success']).toBe(true)
    expect(Number(timestep.info['eval_episode_return'])).toBeGreaterThan(-25)
    env.reset()
    let position: Float32Array = new Float32Array()
    for (let i = 0; i < 30; i++) position = (env.step(Float32Array.of(7, -7)).obs as GoalObs).achieved_goal
    expect(position).toEqual(Float32Array.of(1, -1))
  })

  it('succeeds within the threshold, and not a little beyond', () => {
    const distance_threshold = 0.1
    const env = new ReachEnv({ body: 'point', dimensions: 2, distance_threshold })
    env.seed(2)
    let obs = env.reset() as GoalObs<Float32Array>
    const seen = new Set<boolean>()
    for (let step = 0; step < 50; step++) {
      const gap = obs.desired_goal.map((wanted, i) => wanted - obs.achieved_goal[i]!)
      // Steps of 0.03: some end in the ring between the threshold and twice that.
      const timestep = env.step(gap.map((v) => (0.3 * v) / Math.hypot(...gap)))
      obs = timestep.obs as GoalObs<Float32Array>
      const distance = Math.hypot(...obs.desired_goal.map((wanted, i) => wanted - obs.achieved_goal[i]!))
      expect(timestep.info['is_success']).toBe(distance < distance_threshold)
      if (distance < 2 * distance_threshold) seen.add(timestep.info['is_success'] as boolean)
    }
    expect([...seen]).toEqual([false, true])
  })

  it("the arm's tip follows from its joints", () => {
    for (const dimensions of [2, 3]) {
      const env = new ReachEnv({ body: 'arm', dimensions })
      env.seed(4)
      env.reset()
      for (let step = 0; step < 20; step++) {
        const action = Float32Array.from({ length: dimensions }, (_, i) => Math.sin(step + i))
        const { observation, achieved_goal } = env.step(action).obs as unknown as Record<string, Float32Array>
        const angles = Array.from({ length: dimensions }, (_, i) =>
          Math.atan2(observation![2 * i + 1]!, observation![2 * i]!),
        )
        const [shoulder, elbow] = angles.slice(-2) as [number, number]
        const out = (Math.cos(shoulder) + Math.cos(shoulder + elbow)) / 2
        const up = (Math.sin(shoulder) + Math.sin(shoulder + elbow)) / 2
        const expected =
          dimensions === 2 ? [out, up] : [out * Math.cos(angles[0]!), out * Math.sin(angles[0]!), up]
        for (const [i, value] of expected.entries()) expect(achieved_goal![i]).toBeCloseTo(value, 5)
      }
    }
  })

  it('sparse and dense rewards', () => {
    const [a, b] = [Float32Array.of(0, 0), Float32Array.of(0.03, 0.04)]
    const of = (cfg: object) => new ReachEnv({ dimensions: 2, ...cfg }).compute_reward(a, b)
    expect(of({ distance_threshold: 0.06 })).toBe(0)
    expect(of({ distance_threshold: 0.04 })).toBe(-1)
    expect(of({ reward_type: 'dense' })).toBeCloseTo(-0.05, 6)
  })
})

test.each([
  ['bit_flip', { n_bits: 5 }],
  ['bit_flip', { n_bits: 5, continuous: true }],
  ['reach', { body: 'arm' }],
  ['reach', { body: 'point', dimensions: 2 }],
])('%s %j goes on from a saved state bit for bit', (type, cfg) => {
  const Kind = ENV_REGISTRY.get(type) as unknown as new (cfg: object) => BitFlipEnv
  const [straight, resumed] = [new Kind(cfg), new Kind(cfg)]
  straight.seed(9)
  const random = RandomStream.fromSeed(1)
  const run = (env: BitFlipEnv, steps: number, actions: RandomStream) =>
    Array.from({ length: steps }, () => {
      const { obs, reward, done } = env.step(env.action_space.sample(actions) as number)
      return JSON.stringify([obs, reward, done ? env.reset() : null])
    })
  straight.reset()
  run(straight, 33, random)
  resumed.load_state_dict(structuredClone(straight.state_dict()!))
  const again = RandomStream.fromSeed(1)
  again.restore(random.state())
  expect(run(resumed, 60, again)).toEqual(run(straight, 60, random))
})

describe('goalRewardOf', () => {
  const source = (env_wrapper: unknown[], cfg: object = {}) => ({
    type: 'reach',
    cfg: { ...cfg, env_wrapper },
  })
  const at = (...values: number[]) => Float32Array.from(values)

  it('knows the config, and looks through wrappers that change neither observations nor rewards', async () => {
    const wrappers = [{ type: 'time_limit', max_episode_steps: 3 }, 'act_scale', 'eval_episode_return']
    const env = await createEnv(source(wrappers))
    expect(env.compute_reward).toBeUndefined()
    const near = await goalRewardOf(source(wrappers, { distance_threshold: 0.5 }))
    const far = await goalRewardOf(source(wrappers, { distance_threshold: 0.1 }))
    expect([near, far].map((reward) => reward(at(0, 0, 0), at(0.2, 0, 0), {}))).toEqual([0, -1])
  })

  it('refuses wrappers that may change them, and environments without goals', async () => {
    await expect(goalRewardOf(source([{ type: 'scale_reward', scale: 2 }]))).rejects.toThrow(
      /ScaleRewardWrapper may change observations or rewards.*Take it out of env.env_wrapper/,
    )
    await expect(goalRewardOf({ type: 'pendulum', cfg: {} })).rejects.toThrow(
      /PendulumEnv is no goal environment: it has no compute_reward/,
    )
  })

  it('takes functions, and objects in the manner of Gymnasium', async () => {
    const gym = {
      observation_space: goalSpace(new Box(0, 1, [1]), new Box(0, 1, [1])),
      action_space: new Discrete(2),
      factor: 3,
      reset: () => ({ observation: [0], achieved_goal: [0], desired_goal: [1] }),
      step: () => [null, 0, true, false, {}],
      compute_reward(achieved: unknown, desired: unknown) {
        return this.factor * ((achieved as number) - (desired as number))
      },
    }
    const reward = await goalRewardOf(() => wrapEnv(gym, { max_episode_steps: 5 }))
    expect(reward(1, 3, {})).toBe(-6)
  })

  it('looks through images that are turned, if the goals are none', async () => {
    const image = new Box(0, 255, [4, 3, 2], 'uint8')
    const place = new Box(0, 1, [1])
    const make = (goal: Space) => () =>
      wrapWith(
        wrapEnv({
          observation_space: goalSpace(image, goal),
          action_space: new Discrete(2),
          reset: () => null,
          step: () => [null, 0, true, false, {}],
          compute_reward: () => 7,
        }),
        'obs_transpose',
      )
    expect((await goalRewardOf(make(place)))(at(0), at(1), {})).toBe(7)
    await expect(goalRewardOf(make(image))).rejects.toThrow(/ObsTransposeWrapper may change observations/)
  })

  it('closes the environment that it made', async () => {
    let closed = 0
    class Own extends BaseEnv<Float32Array, number> {
      readonly observation_space = new Box(0, 1, [1])
      readonly action_space = new Discrete(1)
      protected override begin() {
        return new Float32Array(1)
      }
      protected override advance(): StepOutcome<Float32Array> {
        return { obs: new Float32Array(1), reward: 0, terminated: true }
      }
      compute_reward(): number {
        return 5
      }
      override close(): void {
        closed++
      }
    }
    const reward = await goalRewardOf(() => new Own('own') as Env)
    expect([closed, reward(0, 0, {})]).toEqual([1, 5])
  })
})
