import { expect, test } from 'vitest'
import { AcrobotEnv, PendulumEnv } from '../../../ding/envs/index.js'

test('Pendulum costs angle^2 + 0.1 speed^2 + 0.001 torque^2', () => {
  const env = new PendulumEnv()
  for (const action of [0.75, -1, 0]) {
    env.setState([0.5, -2])
    const { reward } = env.step(Float32Array.of(action)) as { reward: number }
    const torque = 2 * action
    expect(reward).toBeCloseTo(-(0.5 ** 2 + 0.1 * 2 ** 2 + 0.001 * torque ** 2), 12)
  }
})

test('Acrobot ends, for 0 instead of -1, with its free end more than one link above the axle', () => {
  const env = new AcrobotEnv()
  const ends: boolean[] = []
  for (let angle = 1.6; angle < 2.7; angle += 0.02) {
    env.setState([angle, 0, 0, 0])
    const { terminated, reward } = env.step(1) as { terminated: boolean; reward: number }
    const [first, second] = env.getState() as unknown as [number, number]
    const height = -Math.cos(first) - Math.cos(first + second)
    expect([terminated, reward]).toEqual(height > 1 ? [true, 0] : [false, -1])
    ends.push(terminated)
  }
  expect(new Set(ends)).toEqual(new Set([false, true]))
})
