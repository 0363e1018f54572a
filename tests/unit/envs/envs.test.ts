import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { RandomStream } from '../../../ding/compute/index.js'
import { schema } from '../../../ding/config/index.js'
import {
  AcrobotEnv,
  ActionError,
  type Box,
  CartPoleEnv,
  CartPoleV1Env,
  CliffWalkingEnv,
  createEnv,
  Discrete,
  type Env,
  envSources,
  FrozenLakeEnv,
  MountainCarContinuousEnv,
  PendulumEnv,
  TaxiEnv,
  wrapEnv,
} from '../../../ding/envs/index.js'
import { ENV_REGISTRY } from '../../../ding/registry/index.js'
import { ConfigError, EnvError, type StateTree } from '../../../ding/utils/index.js'
import { envParityCase } from '../../parity/envs.js'

const GOLDEN = process.env['DING_GOLDEN'] ?? resolve(import.meta.dirname, '../../../../shared/golden')
const EXACT = ['CartPole-v1', 'MountainCar-v0', 'MountainCarContinuous-v0', 'Pendulum-v1', 'Acrobot-v1']
const TABLES = ['FrozenLake-v1', 'FrozenLake8x8-v1', 'CliffWalking-v1', 'CliffWalkingSlippery-v1', 'Taxi-v4']

describe.skipIf(!existsSync(join(GOLDEN, 'envs')))(`golden numbers in ${GOLDEN}`, () => {
  it.each([...EXACT, ...TABLES.map((id) => `toytext_${id}`)])('%s', async (name) => {
    const file = join(GOLDEN, 'envs', `${name}.json`)
    const result = await envParityCase(JSON.parse(readFileSync(file, 'utf8')), name)
    if (!('cases' in result)) throw new Error(result.skipped)
    expect(result.cases.length).toBeGreaterThan(1)
    expect(result.cases.filter((each) => !each.pass)).toEqual([])
  })

  it('the comparison notices a wrong number', async () => {
    const file = join(GOLDEN, 'envs', 'CartPole-v1.json')
    const json = JSON.parse(readFileSync(file, 'utf8'))
    json.episodes[0].state[3][1] += 1e-9
    json.episodes[1].terminated[4] = 1
    json.episodes[2].obs[0][0] += 1e-5
    const result = await envParityCase(json, 'x')
    if (!('cases' in result)) throw new Error(result.skipped)
    expect(result.cases.map((each) => each.pass)).toEqual([false, false, false, true, true])
  })
})

describe('parity runner', () => {
  it('skips what it has no env for', async () => {
    expect(await envParityCase({ env: 'Walker2d-v99', episodes: [] }, 'x')).toEqual({
      skipped: 'Walker2d-v99: not built',
    })
    expect(await envParityCase([], 'x')).toHaveProperty('skipped')
  })
})

const ALL: [string, () => Env<never, never>][] = [
  'CartPole-v0',
  'CartPole-v1',
  'MountainCar-v0',
  'MountainCarContinuous-v0',
  'Pendulum-v1',
  'Acrobot-v1',
  'FrozenLake-v1',
  'CliffWalkingSlippery-v1',
  'Taxi-v3',
].map((id) => [id, () => ENV_REGISTRY.build(id, {} as never) as Env<never, never>])

function log(env: Env, steps: number): unknown[] {
  const out: unknown[] = []
  let obs = env.reset()
  for (let t = 0; t < steps; t++) {
    const timestep = env.step(env.random_action?.() as never)
    if (timestep instanceof Promise) throw new Error('expected a synchronous env')
    out.push(obs, timestep)
    obs = timestep.done ? env.reset() : timestep.obs
  }
  return structuredClone(out)
}

describe.each(ALL)('%s', (_id, make) => {
  it('keeps to its spaces, reports the raw return, and repeats with the seed', () => {
    const env = make() as unknown as Env
    env.seed(5)
    expect(env.observation_space.explain(env.reset())).toBeNull()
    let sum = 0
    for (;;) {
      const timestep = env.step(env.random_action?.() as never) as Exclude<
        ReturnType<Env['step']>,
        Promise<unknown>
      >
      expect(env.observation_space.explain(timestep.obs)).toBeNull()
      expect(timestep.done).toBe(timestep.terminated || timestep.truncated)
      sum += timestep.reward
      if (!timestep.done) continue
      expect(timestep.info['eval_episode_return']).toBeCloseTo(sum, 8)
      break
    }
    expect(() => env.step(0)).toThrow(/no episode is running; call reset\(\)/)
    const other = make() as unknown as Env
    env.seed(5)
    other.seed(5)
    const first = log(env, 300)
    expect(log(other, 300)).toEqual(first)
    other.seed(6)
    expect(log(other, 300)).not.toEqual(first)
  })

  it('goes on bit for bit from a saved state', () => {
    const env = make() as unknown as Env
    env.seed(9)
    log(env, 77)
    const state = structuredClone(env.state_dict?.()) as StateTree
    const copy = make() as unknown as Env
    void copy.load_state_dict?.(state)
    const go = (e: Env) => [e.step(e.random_action?.() as never), ...log(e, 50)]
    expect(go(copy)).toEqual(go(env))
    expect(() => copy.load_state_dict?.({ steps: 1 })).toThrow(/no record "dynamics"/)
  })
})

describe('seeding', () => {
  it('static repeats each episode, dynamic goes on, reset({seed}) counts once', () => {
    const env = new CartPoleEnv()
    env.seed(1, false)
    const a = env.reset()
    expect(env.reset()).toEqual(a)
    env.seed(1)
    const b = [env.reset(), env.reset(), env.reset()]
    expect(b[0]).toEqual(a)
    expect(b[1]).not.toEqual(b[0])
    env.seed(1)
    env.reset()
    const once = env.reset({ seed: 42 })
    expect(env.reset()).toEqual(b[1])
    expect(env.reset({ seed: 42 })).toEqual(once)
  })

  it('touches no other env', () => {
    const one = new CartPoleEnv()
    const two = new CartPoleEnv()
    one.seed(1)
    one.reset()
    two.seed(2)
    two.reset()
    const alone = new CartPoleEnv()
    alone.seed(1)
    alone.reset()
    expect(one.reset()).toEqual(alone.reset())
  })

  it('starts as Gymnasium: uniform in the documented ranges', () => {
    const env = new PendulumEnv()
    const angles = Array.from({ length: 500 }, () => {
      env.reset()
      return env.getState()
    })
    expect(Math.max(...angles.map((s) => s[0]!))).toBeGreaterThan(3)
    expect(Math.min(...angles.map((s) => s[0]!))).toBeLessThan(-3)
    expect(Math.max(...angles.map((s) => Math.abs(s[1]!)))).toBeLessThanOrEqual(1)
    const acrobot = new AcrobotEnv()
    acrobot.reset()
    for (const v of acrobot.getState()) expect(Math.fround(v)).toBe(v)
  })
})

describe('actions', () => {
  it('of the wrong kind are refused, naming env and action space', () => {
    const cartpole = new CartPoleEnv()
    cartpole.reset()
    for (const action of [2, -1, 0.5, '1', null, Int32Array.of(1)]) {
      expect(() => cartpole.step(action as never)).toThrow(ActionError)
    }
    expect(() => cartpole.step(2)).toThrow(
      'CartPole-v0: bad action: got 2, expected an integer from 0 to 1. The action space is Discrete(2)',
    )
    const pendulum = new PendulumEnv()
    pendulum.reset()
    expect(() => pendulum.step(0.5)).toThrow(/expected a Float32Array\(1\)/)
    expect(() => pendulum.step(Float32Array.of(Number.NaN))).toThrow(/entry 0 is NaN/)
  })

  it('of Pendulum: act_scale shows and takes [-1, 1]; 11 discrete ones', () => {
    const at = (env: PendulumEnv, action: Float32Array | number) => {
      env.setState([1, 0.5])
      env.step(action)
      return env.getState()[1]!
    }
    const native = new PendulumEnv({ act_scale: false })
    const scaled = new PendulumEnv()
    const discrete = new PendulumEnv({ continuous: false })
    expect((native.action_space as Box).high[0]).toBe(2)
    expect((scaled.action_space as Box).high[0]).toBe(1)
    expect(discrete.action_space.equals(new Discrete(11))).toBe(true)
    expect(at(scaled, Float32Array.of(0.25))).toBe(at(native, Float32Array.of(0.5)))
    expect(at(scaled, Float32Array.of(7))).toBe(at(native, Float32Array.of(2)))
    expect(at(discrete, 0)).toBe(at(native, Float32Array.of(-2)))
    expect(at(discrete, 10)).toBe(at(native, Float32Array.of(2)))
    const random = RandomStream.fromSeed(0)
    for (let i = 0; i < 50; i++)
      expect(Math.abs((scaled.action_space.sample(random) as Float32Array)[0]!)).toBeLessThanOrEqual(1)
  })
})

describe('configs', () => {
  it('choose version and time limit, and are checked', () => {
    const steps = (env: MountainCarContinuousEnv | CliffWalkingEnv, action: never) => {
      env.reset()
      for (let t = 1; ; t++) if ((env.step(action) as { truncated: boolean }).truncated) return t
    }
    expect(steps(new MountainCarContinuousEnv(), Float32Array.of(0) as never)).toBe(999)
    expect(steps(new MountainCarContinuousEnv({ max_episode_steps: 7 }), Float32Array.of(0) as never)).toBe(7)
    expect(steps(new CliffWalkingEnv(), 0 as never)).toBe(300)
    expect(() => new CartPoleEnv({ env_id: 'CartPole-v2' })).toThrow(
      /serves CartPole-v0, CartPole-v1. Did you mean/,
    )
    expect(() => new CartPoleEnv({ max_episode_step: 3 })).toThrow(
      /no key "max_episode_step". Did you mean "max_episode_steps"/,
    )
    expect(() => new CartPoleEnv({ max_episode_steps: -3 })).toThrow(ConfigError)
    expect(new CartPoleEnv({ env_id: 'CartPole-v1' }).name).toBe('CartPole-v1')
    expect(new CartPoleV1Env().name).toBe('CartPole-v1')
    expect(() => new FrozenLakeEnv({ desc: ['SF', 'G'] })).toThrow(EnvError)
    expect(new FrozenLakeEnv({ desc: ['SG'], is_slippery: false }).observation_space.flatdim).toBe(2)
    expect(new TaxiEnv({ one_hot: false }).reset()).toBeTypeOf('number')
    const states = (cfg: Record<string, unknown>) => new FrozenLakeEnv(cfg).observation_space.flatdim
    expect(states({ env_id: 'FrozenLake8x8-v1' })).toBe(64)
    expect(states({ env_id: 'FrozenLake8x8-v1', map_name: '4x4' })).toBe(16)
    expect(states({ map_name: '8x8' })).toBe(64)
  })

  it('are copied for each env', () => {
    const cfg = { collector_env_num: 2, evaluator_env_num: 3, nested: { a: [1] } }
    const copies = CartPoleEnv.create_collector_env_cfg(cfg)
    expect(copies).toEqual([cfg, cfg])
    const first = copies[0] as typeof cfg
    first.nested.a.push(2)
    expect(copies[1]).toEqual(cfg)
    expect(CartPoleEnv.create_evaluator_env_cfg(cfg)).toHaveLength(3)
    const sources = envSources('evaluator', {
      type: 'cartpole',
      evaluator_env_num: 2,
      env_id: 'CartPole-v1',
      manager: {},
    })
    expect(sources.map((s) => s.cfg)).toEqual(Array(2).fill({ evaluator_env_num: 2, env_id: 'CartPole-v1' }))
  })

  it("are those of the schema where createEnv makes an env of one's own", async () => {
    const seen: unknown[] = []
    const bare = schema({ cells: { doc: 'Length.', format: 'positive_int', default: 9 } })
    const inGymnasiumManner = (cfg: unknown) => {
      seen.push(cfg)
      const { observation_space, action_space } = new CartPoleEnv()
      return wrapEnv({
        observation_space,
        action_space,
        reset: () => [0, 0, 0, 0],
        step: () => [[0, 0, 0, 0], -3, false, false, {}],
      })
    }
    const make = Object.assign((cfg: never) => inGymnasiumManner(cfg), { config: bare })
    ENV_REGISTRY.register('test_schema', make, { force_overwrite: true })
    await createEnv({ type: 'test_schema', cfg: {} })
    await createEnv({ type: 'test_schema', cfg: seen[0] as Record<string, unknown> })
    await createEnv({ type: 'test_schema', cfg: { cells: 4 } })
    expect(seen).toEqual([{ cells: 9 }, { cells: 9 }, { cells: 4 }])
    const wrapped = await createEnv({ type: 'test_schema', cfg: { env_wrapper: ['clip_reward'] } })
    await wrapped.reset()
    expect(await wrapped.step(0)).toMatchObject({ reward: -1 })
    await expect(createEnv({ type: 'test_schema', cfg: { cels: 4 } })).rejects.toThrow(
      /The config of env "test_schema" has no key "cels".*Did you mean "cells"/,
    )
    await expect(createEnv({ type: 'test_schema', cfg: { cells: 0 } })).rejects.toThrow(ConfigError)
    const schemaless = Object.assign((cfg: never) => inGymnasiumManner(cfg), {})
    ENV_REGISTRY.register('test_schemaless', schemaless, { force_overwrite: true })
    await createEnv({ type: 'test_schemaless', cfg: { anything: 1 } })
    expect(seen.at(-1)).toEqual({ anything: 1 })
  })

  it('apply env_wrapper', async () => {
    const cfg = { env_wrapper: ['clip_reward', { type: 'time_limit', max_episode_steps: 3 }] }
    const env = await createEnv({ type: 'pendulum', cfg })
    await env.reset()
    const steps = [0, 1, 2].map(
      () => env.step(Float32Array.of(0)) as { reward: number; truncated: boolean; info: object },
    )
    expect(steps.map((s) => s.reward)).toEqual([-1, -1, -1])
    expect(steps.map((s) => s.truncated)).toEqual([false, false, true])
    expect(steps[2]?.info).toHaveProperty('eval_episode_return')
    await expect(createEnv({ type: 'pendulum', cfg: { env_wrapper: ['frame_stak'] } })).rejects.toThrow(
      /Did you mean "frame_stack"/,
    )
    const wrong = { env_wrapper: [{ type: 'frame_stack', frames: 2 }] }
    await expect(createEnv({ type: 'pendulum', cfg: wrong })).rejects.toThrow(
      /Env wrapper "frame_stack" has no key "frames"/,
    )
  })

  it('record replays where asked', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ding-replay-'))
    const env = new CartPoleEnv()
    env.enable_save_replay(folder)
    for (let k = 0; k < 2; k++) {
      env.reset()
      while (!env.step(0).done);
    }
    const files = readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort()
    expect(files).toEqual(['CartPole-v0_episode_0.json', 'CartPole-v0_episode_1.json'])
    const episode = JSON.parse(readFileSync(join(folder, files[0]!), 'utf8'))
    expect(episode.obs).toHaveLength(episode.length + 1)
    expect(episode.eval_episode_return).toBe(episode.actions.length)
    rmSync(folder, { recursive: true })
  })
})

describe('wrapEnv', () => {
  const gymLike = (async_: boolean) => {
    let at = 0
    return {
      observation_space: new FrozenLakeEnv({ desc: ['SG'] }).observation_space,
      action_space: new Discrete(2),
      seeds: [] as (number | undefined)[],
      reset(options?: { seed?: number }) {
        this.seeds.push(options?.seed)
        at = 0
        return async_ ? Promise.resolve([[1, 0], { note: 1 }]) : [1, 0].map(Number)
      },
      step(action: number) {
        at++
        const result = [[0, 1], action + 1, at >= 3, false, { at }]
        return async_
          ? Promise.resolve(result)
          : { obs: [0, 1], reward: action + 1, terminated: at >= 3, truncated: false }
      },
    }
  }

  it.each([true, false])('makes an Env of a Gymnasium-like object (asynchronous: %s)', async (async_) => {
    const gym = gymLike(async_)
    const env = wrapEnv(gym, { env_id: 'mine', env_wrapper: [{ type: 'scale_reward', scale: 10 }] })
    env.seed(3)
    expect(await env.reset()).toEqual(Float32Array.of(1, 0))
    expect(await env.step(1)).toMatchObject({ obs: Float32Array.of(0, 1), reward: 20, done: false })
    await env.step(0)
    const last = await env.step(1)
    expect(last).toMatchObject({ terminated: true, done: true, reward: 20 })
    expect(last.info['eval_episode_return']).toBe(5)
    await env.reset()
    expect(new Set(gym.seeds).size).toBe(2)
    env.seed(3)
    await env.reset()
    expect(gym.seeds[2]).toBe(gym.seeds[0])
    const bad = () => env.step(4)
    expect(bad).toThrow(/mine: bad action: got 4/)
  })

  it('truncates, and says what is missing', async () => {
    const env = wrapEnv(gymLike(false), { max_episode_steps: 2 })
    await env.reset()
    await env.step(0)
    expect(await env.step(0)).toMatchObject({ truncated: true, done: true, info: { eval_episode_return: 2 } })
    expect(() => wrapEnv({ ...gymLike(false), action_space: 2 as never })).toThrow(
      /action_space is the number 2, expected a Space/,
    )
    const wrong = wrapEnv({ ...gymLike(false), step: () => [[0, 1], 1, false] })
    await wrong.reset()
    expect(() => wrong.step(0)).not.toThrow()
    const worse = wrapEnv({ ...gymLike(false), step: () => ({ obs: [0, 1], done: true }) })
    await worse.reset()
    expect(() => worse.step(0)).toThrow(/expected \[obs, reward, terminated, truncated, info\]/)
  })
})
