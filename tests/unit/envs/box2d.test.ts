import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type Action,
  BipedalWalkerEnv,
  BipedalWalkerHardcoreEnv,
  BipedalWalkerHeuristic,
  Box,
  type Box2dEnv,
  type Box2dWorld,
  createEnv,
  createEnvManager,
  Discrete,
  type EnvManager,
  envSources,
  LunarLanderContinuousEnv,
  LunarLanderEnv,
  lunarLanderHeuristic,
} from '../../../ding/envs/index.js'
import { ENV_REGISTRY } from '../../../ding/registry/index.js'
import { CheckpointError, ConfigError, EnvError, type StateTree } from '../../../ding/utils/index.js'
import { envParityCase } from '../../parity/envs.js'

const GOLDEN = process.env['DING_GOLDEN'] ?? resolve(import.meta.dirname, '../../../../shared/golden')

type AnyEnv = Box2dEnv<Action, Box2dWorld>

/** Observations and rewards of random steps, with a reset at the end of each episode. */
function rollOut(env: AnyEnv, steps: number): number[] {
  const seen: number[] = []
  for (let i = 0; i < steps; i++) {
    const { obs, reward, done } = env.step(env.random_action())
    seen.push(...obs, reward)
    if (done) seen.push(...env.reset())
  }
  return seen
}

describe.skipIf(!existsSync(join(GOLDEN, 'envs')))(`golden episodes in ${GOLDEN}`, () => {
  const read = (name: string) =>
    JSON.parse(readFileSync(join(GOLDEN, 'envs', `${name}.json`), 'utf8')) as Record<string, unknown>

  it.each(['LunarLander-v3', 'LunarLanderContinuous-v3', 'BipedalWalker-v3'])(
    '%s: bodies, starts, single steps and free runs',
    async (name) => {
      const result = await envParityCase(read(name), name)
      if (!('cases' in result)) throw new Error(result.skipped)
      expect(result.cases.length).toBeGreaterThan(9)
      expect(result.cases.filter((each) => !each.pass)).toEqual([])
    },
  )

  it('spaces, limits and thresholds', async () => {
    const { envs } = read('registry') as { envs: Record<string, unknown>[] }
    const ours = envs.filter(({ id }) => /Lunar|Bipedal/.test(String(id)))
    const result = await envParityCase({ envs: ours }, 'registry')
    if (!('cases' in result)) throw new Error(result.skipped)
    expect(result.cases).toHaveLength(4)
    expect(result.cases.filter((each) => !each.pass)).toEqual([])
  })

  it('the fixed controllers choose the recorded actions', () => {
    for (const name of ['LunarLander-v3', 'LunarLanderContinuous-v3', 'BipedalWalker-v3']) {
      const file = read(name) as {
        episodes: { policy: string; reset_obs: number[]; obs: number[][]; actions: (number | number[])[] }[]
      }
      const episodes = file.episodes.filter(({ policy }) => policy !== 'pol_random')
      expect(episodes.length).toBeGreaterThan(0)
      for (const { reset_obs, obs, actions } of episodes) {
        const walker = new BipedalWalkerHeuristic()
        actions.forEach((action, t) => {
          const seen = t === 0 ? reset_obs : obs[t - 1]!
          const chosen =
            name === 'BipedalWalker-v3'
              ? walker.act(seen)
              : name === 'LunarLander-v3'
                ? [lunarLanderHeuristic(seen, false)]
                : lunarLanderHeuristic(seen, true)
          for (const [i, v] of [action].flat().entries()) expect(chosen[i]).toBeCloseTo(v, 4)
        })
      }
    }
  })
})

describe('ids, spaces and keys', () => {
  it.each([
    ['lunarlander', 'LunarLander-v3', 8, new Discrete(4), 1000],
    ['LunarLander-v3', 'LunarLander-v3', 8, new Discrete(4), 1000],
    ['LunarLanderContinuous-v3', 'LunarLanderContinuous-v3', 8, new Box(-1, 1, [2]), 1000],
    ['bipedalwalker', 'BipedalWalker-v3', 24, new Box(-1, 1, [4]), 1600],
    ['BipedalWalker-v3', 'BipedalWalker-v3', 24, new Box(-1, 1, [4]), 1600],
    ['BipedalWalkerHardcore-v3', 'BipedalWalkerHardcore-v3', 24, new Box(-1, 1, [4]), 2000],
  ])('%s', async (type, id, size, actions, limit) => {
    const env = (await createEnv({ type, cfg: {} })) as AnyEnv
    expect(env.name).toBe(id)
    expect(env.observation_space.shape).toEqual([size])
    expect(String(env.action_space)).toBe(String(actions))
    expect(env['maxEpisodeSteps']).toBe(limit)
    expect(env.render_fps).toBe(50)
    expect(env.reset()).toHaveLength(size)
    expect(ENV_REGISTRY.has(type)).toBe(true)
  })

  it('env_id and continuous or hardcore choose the variant', () => {
    expect(new LunarLanderEnv({ env_id: 'LunarLanderContinuous-v3' }).action_space).toBeInstanceOf(Box)
    expect(new LunarLanderEnv({ continuous: true }).action_space).toBeInstanceOf(Box)
    expect(new LunarLanderContinuousEnv({ continuous: false }).action_space).toBeInstanceOf(Discrete)
    const hard = new BipedalWalkerEnv({ hardcore: true })
    hard.reset({ seed: 1 })
    expect(hard.episode!.terrain.obstacles.length).toBeGreaterThan(0)
    expect(hard['maxEpisodeSteps']).toBe(1600)
  })

  it('refuses what it does not have, and says what it has', () => {
    expect(() => new LunarLanderEnv({ env_id: 'LunarLander-v2' })).toThrow(/LunarLander-v3.*Did you mean/s)
    expect(() => new LunarLanderEnv({ gravity: -12 })).toThrow(ConfigError)
    expect(() => new LunarLanderEnv({ gravity: 0 })).toThrow(/between -12 and 0/)
    expect(() => new LunarLanderEnv({ windpower: 3 })).toThrow(/wind_power/)
    const env = new LunarLanderEnv()
    expect(() => env.step(0)).toThrow(/reset/)
    expect(() => env.scene()).toThrow(/call reset\(\) first/)
    env.reset()
    expect(() => env.step(4)).toThrow(EnvError)
    const continuous = new LunarLanderContinuousEnv()
    continuous.reset()
    expect(() => continuous.step(Float32Array.of(1))).toThrow(EnvError)
  })

  it('act_scale changes nothing, and actions are clipped to the box', () => {
    const runs = [
      [{ act_scale: true }, 1],
      [{ act_scale: false }, 1],
      [{}, 3],
    ] as const
    const seen = runs.map(([cfg, factor]) => {
      const env = new BipedalWalkerEnv(cfg)
      env.reset({ seed: 4 })
      return [...env.step(Float32Array.of(factor, -factor, factor, 0.5)).obs]
    })
    expect(seen[1]).toEqual(seen[0])
    expect(seen[2]).toEqual(seen[0])
  })

  it('truncates at the limit', () => {
    const env = new BipedalWalkerEnv({ max_episode_steps: 3 })
    env.reset({ seed: 0 })
    const flags = [1, 2, 3].map(() => {
      const { truncated, terminated, done, info } = env.step(new Float32Array(4))
      return [truncated, terminated, done, 'eval_episode_return' in info]
    })
    expect(flags).toEqual([
      [false, false, false, false],
      [false, false, false, false],
      [true, false, true, true],
    ])
  })
})

const VARIANTS: [string, () => AnyEnv][] = [
  ['LunarLander-v3', () => new LunarLanderEnv()],
  ['LunarLanderContinuous-v3 with wind', () => new LunarLanderContinuousEnv({ enable_wind: true })],
  ['BipedalWalker-v3', () => new BipedalWalkerEnv()],
  ['BipedalWalkerHardcore-v3', () => new BipedalWalkerHardcoreEnv()],
]

describe.each(VARIANTS)('the same to the bit: %s', (_name, make) => {
  it('for the same seed, and otherwise for another', () => {
    const runs = [3, 3, 4].map((seed) => {
      const env = make()
      env.seed(seed)
      return [...env.reset(), ...rollOut(env, 150)]
    })
    expect(runs[1]).toEqual(runs[0])
    expect(runs[2]).not.toEqual(runs[0])
  })

  it('static seeding repeats the episode, dynamic seeding goes on', () => {
    const env = make()
    env.seed(5, false)
    expect(env.reset()).toEqual(env.reset())
    env.seed(5, true)
    const first = env.reset()
    expect(env.reset()).not.toEqual(first)
    env.seed(5)
    expect(env.reset()).toEqual(first)
  })

  it.each([0, 1, 57, 150])('goes on from a state that was saved after %i steps', (steps) => {
    const env = make()
    env.seed(11)
    env.reset()
    rollOut(env, steps)
    const state = structuredClone(env.state_dict()) as StateTree
    const rest = rollOut(env, 250)

    const other = make()
    other.seed(99)
    other.reset()
    rollOut(other, 20)
    other.load_state_dict(state)
    expect(rollOut(other, 250)).toEqual(rest)
  })

  it('a state saved before the first reset, or after the env was seeded again in mid-episode', () => {
    const fresh = make()
    fresh.seed(2)
    const copy = make()
    copy.load_state_dict(fresh.state_dict() as StateTree)
    expect(copy.reset()).toEqual(fresh.reset())

    rollOut(fresh, 30)
    fresh.seed(123)
    copy.load_state_dict(fresh.state_dict() as StateTree)
    expect(rollOut(copy, 100)).toEqual(rollOut(fresh, 100))
  })

  it('looking at it changes nothing', () => {
    const [watched, alone] = [make(), make()]
    const runs = [watched, alone].map((env) => {
      env.seed(6)
      env.reset()
      const seen: number[] = []
      for (let i = 0; i < 40; i++) {
        if (env === watched) env.scene()
        seen.push(...env.step(env.random_action()).obs)
      }
      return seen
    })
    expect(runs[0]).toEqual(runs[1])
  })
})

describe('a saved state that does not fit', () => {
  it('of another env, or of other keys, is refused', () => {
    const lander = new LunarLanderEnv()
    lander.seed(1)
    lander.reset()
    lander.step(2)
    const state = lander.state_dict() as StateTree
    expect(() => new LunarLanderEnv({ gravity: -5 }).load_state_dict(state)).toThrow(CheckpointError)
    expect(() => new LunarLanderContinuousEnv().load_state_dict(state)).toThrow(CheckpointError)
    expect(() => new BipedalWalkerEnv().load_state_dict(state)).toThrow(CheckpointError)
  })
})

describe('in an env manager', () => {
  it('walkers go on from the saved state of a manager', async () => {
    const [first, second] = [1, 2].map((seed) => {
      const cfg = { collector_env_num: 2 }
      const manager = createEnvManager({}, envSources('collector', { type: 'bipedalwalker', ...cfg }))
      manager.seed(seed)
      return manager
    }) as [EnvManager, EnvManager]
    const step = async (manager: EnvManager, t: number) => {
      const actions = manager.ready_obs_id.map((id) => [
        id,
        Float32Array.of(Math.sin(t + id), 0.4, -0.3, 0.2),
      ])
      return Object.values(await manager.step(Object.fromEntries(actions))).map(({ obs, reward }) => [
        obs,
        reward,
      ])
    }
    await first.launch()
    await second.launch()
    for (let t = 0; t < 30; t++) await step(first, t)
    await second.load_state_dict((await first.state_dict()) as never)
    for (let t = 30; t < 60; t++) expect(await step(second, t)).toEqual(await step(first, t))
    await first.close()
    await second.close()
  })
})

/** Returns of the first episodes of a fixed controller. */
function returnsOf(env: AnyEnv, act: (obs: Float32Array) => unknown, episodes: number): number[] {
  env.seed(0)
  return Array.from({ length: episodes }, () => {
    let obs = env.reset()
    for (;;) {
      const step = env.step(act(obs) as never)
      obs = step.obs
      if (step.done) return step.info['eval_episode_return'] as number
    }
  })
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length

// Gymnasium's controllers are known to land nearly always with 200 to 310 points, and to walk to the end, about 300, or fall on the way.
describe('returns of the fixed controllers', () => {
  it('the lander lands', () => {
    const discrete = returnsOf(new LunarLanderEnv(), (obs) => lunarLanderHeuristic(obs, false), 25)
    expect(mean(discrete)).toBeGreaterThan(190)
    expect(discrete.filter((r) => r > 200).length).toBeGreaterThanOrEqual(20)
    expect(Math.max(...discrete)).toBeLessThan(330)

    const continuous = returnsOf(new LunarLanderContinuousEnv(), (obs) => lunarLanderHeuristic(obs, true), 25)
    expect(mean(continuous)).toBeGreaterThan(260)
    expect(Math.min(...continuous)).toBeGreaterThan(200)
    expect(Math.max(...continuous)).toBeLessThan(330)
  })

  it('doing nothing crashes', () => {
    const returns = returnsOf(new LunarLanderEnv(), () => 0, 20)
    expect(mean(returns)).toBeGreaterThan(-200)
    expect(mean(returns)).toBeLessThan(-90)
  })

  it('the walker gets to the end or falls on the way', () => {
    let walker = new BipedalWalkerHeuristic()
    const env = new BipedalWalkerEnv()
    const begin = env.reset.bind(env)
    env.reset = (options) => {
      walker = new BipedalWalkerHeuristic()
      return begin(options)
    }
    const returns = returnsOf(env, (obs) => walker.act(obs), 8)
    expect(Math.max(...returns)).toBeGreaterThan(290)
    expect(Math.max(...returns)).toBeLessThan(320)
    expect(Math.min(...returns)).toBeGreaterThan(-125)
    expect(mean(returns)).toBeGreaterThan(0)
  })
})
