// Keyword arguments of Gymnasium's classic control and toy text (classic_control/*.py, toy_text/*.py).
import { describe, expect, it } from 'vitest'
import {
  CartPoleEnv,
  CliffWalkingEnv,
  CliffWalkingSlipperyEnv,
  FrozenLakeEnv,
  MountainCarContinuousEnv,
  MountainCarEnv,
  PendulumEnv,
  TaxiEnv,
} from '../../../ding/envs/index.js'
import type { StateTree } from '../../../ding/utils/index.js'

interface Step {
  readonly reward: number
  readonly terminated: boolean
}

describe('classic control', () => {
  it('CartPole, sutton_barto_reward: 0 a step, -1 for the last', () => {
    const env = new CartPoleEnv({ sutton_barto_reward: true })
    env.setState([0, 0, 0.2, 0.1])
    const steps: Step[] = []
    while (!steps.at(-1)?.terminated) steps.push(env.step(1) as Step)
    expect(steps.length).toBeGreaterThan(1)
    expect(steps.map(({ reward }) => reward)).toEqual(steps.map((_, i) => (i === steps.length - 1 ? -1 : 0)))
    expect(env.reward_space.contains(Float32Array.of(-1))).toBe(true)
  })

  it.each([
    ['MountainCar', MountainCarEnv, 2],
    ['MountainCarContinuous', MountainCarContinuousEnv, Float32Array.of(1)],
  ] as const)('%s, goal_velocity: the goal counts at that speed only', (_name, Env, action) => {
    const ends = (goal_velocity: number, velocity: number) => {
      const env = new Env({ goal_velocity })
      env.setState([0.5, velocity])
      return (env.step(action as never) as Step).terminated
    }
    expect([ends(0, 0.01), ends(0.05, 0.01), ends(0.05, 0.06)]).toEqual([true, false, true])
  })

  it('MountainCarContinuous computes in float32 what a clipped force takes part in, as Gymnasium', () => {
    const env = new MountainCarContinuousEnv()
    // Only a state that a step has made is of float32 numbers.
    env.setState([-0.5, 0])
    env.step(Float32Array.of(0))
    const saved = env.state_dict() as StateTree
    const state = [-0.8002181053161621, -0.04841484874486923]
    env.load_state_dict({ ...saved, dynamics: { ...(saved['dynamics'] as StateTree), state } })
    env.step(Float32Array.of(2))
    expect(env.getState()[0]).toBe(-0.8452883958816528)
  })

  it('Pendulum, g: gravity', () => {
    const env = new PendulumEnv({ g: 9.81 })
    env.setState([1, 0])
    env.step(Float32Array.of(0))
    expect(env.getState()[1]).toBeCloseTo(((3 * 9.81) / 2) * Math.sin(1) * 0.05, 12)
  })
})

describe('toy text', () => {
  it('FrozenLake, success_rate and reward_schedule', () => {
    const { table } = new FrozenLakeEnv({ desc: ['SHG'], success_rate: 0.6, reward_schedule: [7, -2, -0.5] })
    // Right of the start is the hole; left and, by the sides, up and down there is nowhere to go.
    expect(table.P[0]?.[2]).toEqual([
      [0.2, 0, -0.5, 0],
      [0.6, 1, -2, 1],
      [0.2, 0, -0.5, 0],
    ])
    const rewards = (more: Record<string, unknown>) =>
      new FrozenLakeEnv({ desc: ['SFG'], is_slippery: false, ...more }).table.P[1]?.[2]
    expect(rewards({ reward_schedule: [7, -2, -0.5] })).toEqual([[1, 2, 7, 1]])
    expect(rewards({})).toEqual([[1, 2, 1, 1]])
    expect(() => new FrozenLakeEnv({ reward_schedule: [1, 0] })).toThrow(/three numbers/)
  })

  it('CliffWalking, is_slippery: overrides the id', () => {
    const outcomes = (env: CliffWalkingEnv) => env.table.P[0]?.[0]?.length
    expect(outcomes(new CliffWalkingEnv({ is_slippery: true }))).toBe(3)
    expect(outcomes(new CliffWalkingEnv())).toBe(1)
    expect(outcomes(new CliffWalkingSlipperyEnv({ is_slippery: false }))).toBe(1)
  })

  const taxiState = (row: number, column: number, passenger: number, destination: number) =>
    ((row * 5 + column) * 5 + passenger) * 4 + destination

  it('Taxi, is_rainy: a move goes astray to its left or right', () => {
    const { table } = new TaxiEnv({ is_rainy: true, rainy_probability: 0.6 })
    const south = table.P[taxiState(2, 2, 0, 1)]?.[0]
    expect(south?.map(([p, next, reward]) => [p, next, reward])).toEqual([
      [0.6, taxiState(3, 2, 0, 1), -1],
      [0.2, taxiState(2, 3, 0, 1), -1],
      [0.2, taxiState(2, 1, 0, 1), -1],
    ])
    // A wall east of (0, 1) stops the drift there; picking up never goes astray.
    expect(table.P[taxiState(0, 1, 0, 1)]?.[0]?.map(([, next]) => next)).toEqual([
      taxiState(1, 1, 0, 1),
      taxiState(0, 1, 0, 1),
      taxiState(0, 0, 0, 1),
    ])
    expect(table.P[taxiState(2, 2, 0, 1)]?.[4]).toHaveLength(1)
    expect(new TaxiEnv().table.P[taxiState(2, 2, 0, 1)]?.[0]).toHaveLength(1)
  })

  it('Taxi, fickle_passenger: the first move aboard changes the destination, once; the flag is saved', () => {
    const changes = (keys: Record<string, unknown>) => {
      let taxi = new TaxiEnv(keys)
      taxi.reset({ seed: 3 })
      const aboard = taxi.state_dict() as StateTree
      const dynamics = { ...(aboard['dynamics'] as StateTree), state: taxiState(2, 2, 4, 1) }
      taxi = new TaxiEnv(keys)
      taxi.load_state_dict({ ...aboard, dynamics })
      return [0, 1, 0, 1].map((action) => {
        taxi.step(action)
        return (((taxi.state_dict() as StateTree)['dynamics'] as StateTree)['state'] as number) % 4
      })
    }
    const [first, ...others] = changes({ fickle_passenger: true, fickle_probability: 1 })
    expect(first).not.toBe(1)
    expect(new Set(others)).toEqual(new Set([first]))
    expect(changes({ fickle_passenger: true, fickle_probability: 0 })).toEqual([1, 1, 1, 1])
    expect(changes({})).toEqual([1, 1, 1, 1])
  })
})
