import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  createEnvManager,
  Discrete,
  type Env,
  type EnvManager,
  goalRewardOf,
  wrapEnv,
} from '../../../ding/envs/index.js'
import { EnvError } from '../../../ding/utils/index.js'
import './fixtures/faulty_env.js'

const open: EnvManager[] = []

afterEach(async () => {
  vi.useRealTimers()
  await Promise.all(open.splice(0).map((each) => each.close()))
})

/** An env of one-step episodes whose methods can be replaced. */
function oneStep(own: { reset?: () => unknown; step?: () => unknown; close?: () => void | Promise<void> }) {
  return wrapEnv({
    observation_space: new Discrete(9),
    action_space: new Discrete(2),
    reset: () => 0,
    step: () => [5, 1, true, false, {}],
    ...own,
  })
}

function manager(envs: (() => Env)[], cfg: Record<string, unknown> = {}): EnvManager {
  const made = createEnvManager({ type: 'base', retry_waiting_time: 0, ...cfg }, envs)
  open.push(made)
  return made
}

const later = (milliseconds: number, value: unknown) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds, value))
const never = () => new Promise<never>(() => undefined)

describe('time limits of an env manager', () => {
  it('step_timeout does not hold for the reset at the end of an episode', async () => {
    const slow = () => oneStep({ reset: () => later(120, 3), step: async () => [5, 1, true, false, {}] })
    const env = manager([slow], { step_timeout: 0.05 })
    await env.launch()
    const { 0: timestep } = await env.step({ 0: 0 })
    expect(timestep).toMatchObject({ done: true, info: { eval_episode_return: 1 } })
    expect(timestep?.info['abnormal']).toBeUndefined()
    expect(env.ready_obs).toEqual({ 0: 3 })
  })

  it('reset_timeout does, and the episode that has ended keeps its timestep', async () => {
    let made = 0
    const hanging = () => {
      const number = made++
      let resets = 0
      return oneStep({ reset: () => (number === 0 && resets++ === 1 ? never() : Promise.resolve(number)) })
    }
    const env = manager([hanging], { reset_timeout: 0.05 })
    await env.launch()
    const { 0: timestep } = await env.step({ 0: 0 })
    expect(timestep).toMatchObject({ obs: 5, done: true, info: { eval_episode_return: 1 } })
    expect(timestep?.info['abnormal']).toBeUndefined()
    expect(env.ready_obs).toEqual({ 0: 1 })
  })
})

describe('an env that is given up', () => {
  it('is closed in the background when it does not answer, whatever its close() does', async () => {
    const closed: number[] = []
    let made = 0
    const hanging = () => {
      const number = made++
      return oneStep({
        step: () => (number === 0 ? never() : Promise.resolve([5, 1, true, false, {}])),
        close: () => {
          closed.push(number)
          if (number === 0) throw new Error('close broke')
        },
      })
    }
    const env = manager([hanging], { step_timeout: 0.05 })
    await env.launch()
    expect((await env.step({ 0: 0 }))[0]?.info['reason']).toMatch(/step took longer/)
    expect(closed).toEqual([0])
    expect((await env.step({ 0: 0 }))[0]?.info['abnormal']).toBeUndefined()
  })

  it.each<[string, () => void | Promise<void>]>([
    ['throws', () => Promise.reject(new Error('close broke'))],
    ['hangs', never],
  ])('is renewed although its close() %s', async (_, close) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let made = 0
    const breaking = () => {
      const number = made++
      const step = () => {
        if (number === 0) throw new Error('step broke')
        return [5, 1, true, false, {}]
      }
      return oneStep({ reset: () => number, step, close: number === 0 ? close : () => undefined })
    }
    const env = manager([breaking], { retry_type: 'renew' })
    await env.launch()
    let over = false
    const stepping = env.step({ 0: 0 }).finally(() => {
      over = true
    })
    while (!over) {
      await vi.advanceTimersByTimeAsync(1000)
      await new Promise(setImmediate)
    }
    expect((await stepping)[0]?.info['reason']).toBe('step broke')
    expect(env.ready_obs).toEqual({ 0: 1 })
  })

  it('leaves no env open behind a launch that fails', async () => {
    const closed: string[] = []
    const good = () => oneStep({ close: () => void closed.push('good') })
    const bad = () =>
      oneStep({
        reset: () => {
          throw new Error('reset broke')
        },
        close: () => void closed.push('bad'),
      })
    const env = manager([good, bad])
    await expect(env.launch()).rejects.toThrow(/Env 1 failed 2 times in a row.*reset broke/)
    expect(closed.sort()).toEqual(['bad', 'good'])
    expect(env.closed).toBe(true)
  })

  it('is closed where its compute_reward is asked for and it has none', async () => {
    let closed = 0
    const plain = () => oneStep({ close: () => void closed++ })
    await expect(goalRewardOf(plain)).rejects.toThrow(/no goal environment/)
    expect(closed).toBe(1)
  })
})

describe('calls and the end', () => {
  const source = (length: number) => ({
    type: 'test_faulty',
    import_names: [fileURLToPath(new URL('./fixtures/faulty_env.ts', import.meta.url))],
    cfg: { fault: 'hang', length },
  })

  it('close() ends a call that is under way, with an error', async () => {
    const env = createEnvManager({ type: 'subprocess', step_timeout: null }, [source(5)])
    await env.launch()
    const stepping = env.step({ 0: 1 }).catch((error: unknown) => error)
    await env.close()
    const error = await stepping
    expect(error).toBeInstanceOf(EnvError)
    expect((error as Error).message).toMatch(/env manager was closed/)
  })

  it('limits beyond what a timer can wait are long, not short', async () => {
    const slow = () => oneStep({ reset: () => later(30, 1), step: () => later(30, [5, 1, true, false, {}]) })
    const env = manager([slow], { step_timeout: 1e7, reset_timeout: 1e7 })
    await env.launch()
    expect((await env.step({ 0: 0 }))[0]?.info['abnormal']).toBeUndefined()
  })
})
