import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type Action,
  ActionError,
  createEnvManager,
  Discrete,
  type EnvManager,
  type EnvSource,
  type EnvTimestep,
  envSources,
  wrapEnv,
  wrapWith,
} from '../../../ding/envs/index.js'
import { EnvError, type StateTree } from '../../../ding/utils/index.js'
import './fixtures/faulty_env.js'

const FIXTURE = fileURLToPath(new URL('./fixtures/faulty_env.ts', import.meta.url))
const open: EnvManager[] = []

function faulty(cfg: Record<string, unknown> = {}): EnvSource {
  return { type: 'test_faulty', import_names: [FIXTURE], cfg }
}

function manager(type: string, envs: EnvSource[], cfg: Record<string, unknown> = {}): EnvManager {
  // One worker for all envs unless a test is about workers: starting one from sources takes a second.
  const shared = type === 'subprocess' ? { env_num_per_worker: envs.length } : {}
  const made = createEnvManager({ type, retry_waiting_time: 0, ...shared, ...cfg }, envs)
  open.push(made)
  return made
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})

function everyone(env: EnvManager, action: Action): Record<number, Action> {
  return Object.fromEntries(env.ready_obs_id.map((id) => [id, action]))
}

/** Steps of a manager as plain numbers, with the seed's consequences in them. */
async function play(env: EnvManager, steps: number): Promise<unknown[]> {
  const log: unknown[] = []
  for (let t = 0; t < steps; t++) {
    const actions = Object.fromEntries(env.ready_obs_id.map((id) => [id, (id + t) % 2]))
    const timesteps = await env.step(actions)
    log.push(plain(timesteps), plain(env.ready_obs))
  }
  return log
}

function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, v: unknown) => (ArrayBuffer.isView(v) ? Array.from(v as never) : v)),
  )
}

const CARTPOLES = envSources('collector', { type: 'cartpole', collector_env_num: 3 })

describe.each(['base', 'subprocess'])('env manager "%s"', (type) => {
  it('goes through the states with auto_reset: final obs in the timestep, new obs ready', async () => {
    const env = manager(type, [faulty({ length: 2 }), faulty({ length: 3 })])
    expect(env.env_states).toEqual({ 0: 'VOID', 1: 'VOID' })
    await expect(env.step({ 0: 0 })).rejects.toThrow(/not launched/)
    env.seed(7)
    await env.launch()
    expect(env.closed).toBe(false)
    expect(env.env_states).toEqual({ 0: 'RUN', 1: 'RUN' })
    expect(env.observation_space.toString()).toBe('Box(-Infinity, Infinity, [3], float32)')
    await env.step({ 0: 0, 1: 0 })
    const second = await env.step({ 0: 0, 1: 0 })
    expect(second[0]).toMatchObject({ done: true, truncated: true, terminated: false })
    expect(second[0]?.info['eval_episode_return']).toBeGreaterThan(0)
    expect(Array.from(second[0]?.obs as Float32Array)[0]).toBe(2)
    expect((env.ready_obs[0] as Float32Array)[0]).toBe(0)
    expect(second[1]?.done).toBe(false)
    expect((env.ready_obs[1] as Float32Array)[0]).toBe(2)
    await expect(env.launch()).rejects.toThrow(/launched already/)
    await env.close()
    expect(env.env_states).toEqual({ 0: 'VOID', 1: 'VOID' })
  })

  it('charges an env that throws one episode and goes on', async () => {
    const env = manager(type, [faulty({ fault: 'throw' }), faulty()])
    await env.launch()
    await env.step({ 0: 0, 1: 0 })
    const broken = await env.step({ 0: 1, 1: 1 })
    expect(broken[0]?.info).toMatchObject({
      abnormal: true,
      reason: 'the engine fell off',
      at: expect.stringMatching(/^at .*faulty_env\.ts:\d+/),
    })
    expect(broken[0]).toMatchObject({ reward: 0, terminated: false, truncated: true, done: true })
    expect(Array.from(broken[0]?.obs as Float32Array)[0]).toBe(1)
    expect(broken[1]?.info['abnormal']).toBeUndefined()
    expect((env.ready_obs[0] as Float32Array)[0]).toBe(0)
    for (let t = 0; t < 5; t++) await env.step(everyone(env, 0))
    // A whole episode went well in between, so the next failure is again the first in a row.
    expect((await env.step({ 0: 1, 1: 0 }))[0]?.info['abnormal']).toBe(true)
  })

  it('tells why an env cannot be created or reset', async () => {
    await expect(manager(type, [faulty(), faulty({ fail_create: true })]).launch()).rejects.toThrow(
      /Env 1: creating it failed: constructor broke/,
    )
    await expect(manager(type, [faulty({ fail_reset: true })]).launch()).rejects.toThrow(
      /Env 0 failed 2 times in a row.*reset broke/,
    )
    await expect(manager(type, [{ type: 'cartpol', cfg: {} }]).launch()).rejects.toThrow(
      /Did you mean "cartpole"/,
    )
  })

  it('continues bit for bit from a saved state, in mid-episode', async () => {
    const sources = CARTPOLES.map((source) => ({
      ...source,
      cfg: { ...source.cfg, env_wrapper: ['obs_norm'] },
    }))
    const first = manager(type, sources)
    first.seed(11)
    await first.launch()
    await play(first, 25)
    const state = structuredClone(await first.state_dict()) as StateTree
    const expected = await play(first, 40)
    const second = manager(type, sources)
    await second.load_state_dict(state)
    expect(await play(second, 40)).toEqual(expected)
    expect(plain(await second.state_dict())).toEqual(plain(await first.state_dict()))
    await expect(manager(type, sources.slice(1)).load_state_dict(state)).rejects.toThrow(/of 3 envs.* has 2/)
  })
})

describe('env manager "base"', () => {
  it('is done when each env has played episode_num', async () => {
    const env = manager('base', [faulty({ length: 1 }), faulty({ length: 2 })], { episode_num: 2 })
    await env.launch()
    for (let t = 0; t < 2; t++) await env.step(everyone(env, 0))
    expect(env.env_states).toEqual({ 0: 'DONE', 1: 'RUN' })
    expect(env.active_env).toEqual([1])
    for (let t = 0; t < 2; t++) await env.step(everyone(env, 0))
    expect(env.done).toBe(true)
  })

  it('gives up after more than max_retry failures in a row, with the original stack as cause', async () => {
    const env = manager('base', [faulty(), faulty({ fault: 'throw' })], { max_retry: 2 })
    await env.launch()
    for (let t = 0; t < 2; t++) expect((await env.step({ 1: 1 }))[1]?.info['abnormal']).toBe(true)
    const error = await env.step({ 1: 1 }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(EnvError)
    expect(error).toMatchObject({
      message: expect.stringMatching(/Env 1 failed 3 times in a row.*engine fell off/),
    })
    const cause = (error as Error).cause as Error
    expect(cause.name).toBe('TypeError')
    expect(cause.stack).toMatch(/faulty_env/)
    expect(env.env_states[1]).toBe('ERROR')
  })

  it('passes on an action that is not of the action space at once', async () => {
    const env = manager('base', CARTPOLES)
    await env.launch()
    const error = await env.step({ 0: 0, 1: 2, 2: 0 }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ActionError)
    expect((error as Error).message).toMatch(/Env 1: CartPole-v0: bad action: got 2.*Discrete\(2\)/)
  })

  it('gives random actions of the action space', async () => {
    const env = manager('base', CARTPOLES)
    await env.launch()
    const actions = await env.random_action()
    expect(Object.keys(actions)).toEqual(['0', '1', '2'])
    for (const action of Object.values(actions)) expect(env.action_space.contains(action)).toBe(true)
  })

  it('steps a subset, resets by id with a seed, and waits for resets without auto_reset', async () => {
    const env = manager('base', [faulty({ length: 1 }), faulty({ length: 9 })], { auto_reset: false })
    await env.reset({ 0: { seed: 5 }, 1: { seed: 5 } })
    const first = env.ready_obs[0] as Float32Array
    expect(Array.from(first)).toEqual(Array.from(env.ready_obs[1] as Float32Array))
    await env.step({ 0: 0 })
    expect(env.env_states).toEqual({ 0: 'NEED_RESET', 1: 'RUN' })
    expect(env.ready_obs_id).toEqual([1])
    await expect(env.step({ 0: 0 })).rejects.toThrow(/env 0 is in state NEED_RESET/)
    await expect(env.step({ 4: 0 })).rejects.toThrow(/no env 4; ids go from 0 to 1/)
    await env.reset({ 0: { seed: 5 } })
    expect(Array.from(env.ready_obs[0] as Float32Array)).toEqual(Array.from(first))
  })
})

describe('env manager "base" with functions', () => {
  const slow = () => {
    let resets = 0
    return wrapEnv({
      observation_space: new Discrete(9),
      action_space: new Discrete(2),
      reset: async () => resets++,
      step: (action: number) =>
        action === 1 ? new Promise(() => undefined) : Promise.resolve([5, 1, true, false, {}]),
    })
  }

  it('drops an asynchronous env that does not answer', async () => {
    const env = createEnvManager({ type: 'base', step_timeout: 0.05, retry_waiting_time: 0 }, [slow, slow])
    await env.launch()
    expect((await env.step({ 0: 0, 1: 0 }))[1]).toMatchObject({
      done: true,
      info: { eval_episode_return: 1 },
    })
    const late = await env.step({ 0: 1, 1: 0 })
    expect(late[0]?.info).toEqual({ abnormal: true, reason: 'step took longer than 0.05 s' })
    expect(late[1]?.info['abnormal']).toBeUndefined()
    // The late env was made anew (its resets count from 0), the other one goes on.
    expect(env.ready_obs).toEqual({ 0: 0, 1: 2 })
    await env.close()
  })

  it('starts a new episode, and says so, where an env cannot save itself', async () => {
    const env = createEnvManager({ type: 'base' }, [slow])
    await env.launch()
    const state = await env.state_dict()
    const other = createEnvManager({ type: 'base' }, [slow])
    await other.load_state_dict(state)
    expect((await other.step({ 0: 0 }))[0]?.info['reason']).toMatch(/cannot save itself/)
    expect((await other.step({ 0: 0 }))[0]?.info['abnormal']).toBeUndefined()
  })

  it('keeps what wrappers have learnt where the env in them cannot save itself', async () => {
    const limit = { type: 'time_limit', max_episode_steps: 9 }
    const make = () => wrapWith(wrapWith(slow(), { type: 'reward_norm', warmup: 2 }), limit)
    const env = createEnvManager({ type: 'base' }, [make])
    await env.launch()
    for (let t = 0; t < 4; t++) await env.step({ 0: 0 })
    const other = createEnvManager({ type: 'base' }, [make])
    await other.load_state_dict(structuredClone(await env.state_dict()) as StateTree)
    expect((await other.step({ 0: 0 }))[0]?.info['reason']).toMatch(/cannot save itself/)
    const [expected, resumed] = [await env.step({ 0: 0 }), await other.step({ 0: 0 })]
    // All returns were 1, so that the deviation is the floor of 1e-4; without statistics the reward would be 1.
    expect(expected[0]?.reward).toBeGreaterThan(100)
    expect(resumed[0]?.reward).toBe(expected[0]?.reward)
  })

  it('records replays, also when asked before the launch', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ding-replay-'))
    const env = createEnvManager({ type: 'base' }, [faulty({ length: 1 }), faulty({ length: 1 })])
    await env.enable_save_replay(folder)
    await env.launch()
    await env.step({ 0: 0, 1: 0 })
    expect(readdirSync(folder).sort()).toEqual(['faulty_episode_0.json', 'faulty_episode_1.json'])
    rmSync(folder, { recursive: true })
  })
})

describe('both env managers', () => {
  it('give the same numbers whatever the workers', async () => {
    const logs: unknown[] = []
    for (const cfg of [
      { type: 'base' },
      { type: 'subprocess', env_num_per_worker: 1 },
      { type: 'subprocess', env_num_per_worker: 2 },
    ]) {
      const env = manager(cfg.type, CARTPOLES, cfg)
      env.seed(3)
      await env.launch()
      logs.push(await play(env, 60))
    }
    expect(logs[1]).toEqual(logs[0])
    expect(logs[2]).toEqual(logs[0])
  })

  it('seed by number, list and record, statically and dynamically', async () => {
    const start = async (seed: number | number[] | Record<number, number>, dynamic: boolean) => {
      const env = manager('base', CARTPOLES)
      env.seed(seed, dynamic)
      await env.launch()
      const first = plain(env.ready_obs)
      await env.reset()
      return [first, plain(env.ready_obs)]
    }
    const byNumber = await start(4, false)
    expect(byNumber[1]).toEqual(byNumber[0])
    expect(await start([4, 5, 6], false)).toEqual(byNumber)
    expect(await start({ 0: 4, 1: 5, 2: 6 }, false)).toEqual(byNumber)
    const dynamic = await start(4, true)
    expect(dynamic[0]).toEqual(byNumber[0])
    expect(dynamic[1]).not.toEqual(dynamic[0])
    expect(() => manager('base', CARTPOLES).seed([1, 2])).toThrow(/env 2 would get the seed undefined/)
  })
})

describe('env manager "subprocess"', () => {
  const abnormal = (timestep: EnvTimestep | undefined) => timestep?.info['reason']

  it('outlives a worker that exits, and one that dies of an uncaught error', async () => {
    const envs = [faulty({ fault: 'exit' }), faulty({ fault: 'throw_late' })]
    const env = manager('subprocess', envs, { env_num_per_worker: 1 })
    env.seed(1)
    await env.launch()
    const started = Array.from(env.ready_obs[0] as Float32Array)
    const exit = await env.step({ 0: 1, 1: 0 })
    expect(abnormal(exit[0])).toMatch(/ended with exit code 3/)
    expect(exit[1]?.reward).toBeGreaterThan(0)
    // A new env under dynamic seeding does not play its first episode again.
    expect(Array.from(env.ready_obs[0] as Float32Array)).not.toEqual(started)
    // The failure may reach the manager with the reply to this very step, or with a later one.
    let late = await env.step({ 1: 1 })
    for (let i = 0; i < 200 && abnormal(late[1]) === undefined; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      late = await env.step({ 0: 0, 1: 0 })
    }
    expect(abnormal(late[1])).toMatch(/died: late failure/)
    expect(abnormal(late[0])).toBeUndefined()
    expect(env.ready_obs_id).toEqual([0, 1])
  })

  it('replaces a worker that hangs', async () => {
    const envs = [faulty({ fault: 'hang' }), faulty()]
    const env = manager('subprocess', envs, { env_num_per_worker: 1, step_timeout: 2 })
    await env.launch()
    const step = await env.step({ 0: 1, 1: 0 })
    expect(abnormal(step[0])).toMatch(/step took longer than 2 s/)
    expect(step[1]?.info).toEqual({})
    expect((await env.step({ 0: 0, 1: 0 }))[0]?.info).toEqual({})
  })

  it('charges every env of a lost worker its episode, each once', async () => {
    const envs = [faulty({ fault: 'exit', length: 9 }), faulty({ length: 9 }), faulty({ length: 9 })]
    const env = manager('subprocess', envs, { env_num_per_worker: 3 })
    await env.launch()
    const lost = await env.step({ 0: 1, 1: 0 })
    expect([abnormal(lost[0]), abnormal(lost[1])]).toEqual([
      expect.stringMatching(/exit code 3/),
      expect.stringMatching(/exit code 3/),
    ])
    const next = await env.step({ 0: 0, 1: 0, 2: 0 })
    expect(abnormal(next[2])).toMatch(/lost with env 0, which shares it/)
    expect([abnormal(next[0]), abnormal(next[1])]).toEqual([undefined, undefined])
    expect(abnormal((await env.step({ 2: 0 }))[2])).toBeUndefined()
  })

  it('explains results that cannot leave a thread, and functions as envs', async () => {
    const env = manager('subprocess', [faulty({ fault: 'unclonable' })])
    await env.launch()
    expect(abnormal((await env.step({ 0: 1 }))[0])).toMatch(/cannot leave its worker thread/)
    expect(() => createEnvManager({ type: 'subprocess' }, [() => Promise.reject(new Error('no'))])).toThrow(
      /given as a function/,
    )
  })

  it('hands large observations over unharmed', async () => {
    const env = manager('subprocess', [faulty({ obs_size: 5000 })])
    await env.launch()
    const { 0: timestep } = await env.step({ 0: 0 })
    expect(timestep?.obs).toHaveLength(5000)
    expect(Array.from(timestep?.obs as Float32Array)[0]).toBe(1)
  })
})
