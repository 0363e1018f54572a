import { afterEach, describe, expect, it } from 'vitest'
import { createEnvManager, Discrete, type Env, type EnvManager, wrapEnv } from '../../../ding/envs/index.js'

const open: EnvManager[] = []

afterEach(async () => {
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
