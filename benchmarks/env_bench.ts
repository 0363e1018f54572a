import { createEnv, RandomStream } from 'ding'
import { type Figure, rate } from './measure.js'

const CLASSIC = [
  'CartPole-v1',
  'MountainCar-v0',
  'MountainCarContinuous-v0',
  'Pendulum-v1',
  'Acrobot-v1',
] as const
const BOX2D = [
  'LunarLander-v3',
  'LunarLanderContinuous-v3',
  'BipedalWalker-v3',
  'BipedalWalkerHardcore-v3',
] as const

/** Each environment and its steps in one measurement. */
const ENVS: readonly (readonly [type: string, steps: number])[] = [
  ...CLASSIC.map((type) => [type, 100_000] as const),
  ...BOX2D.map((type) => [type, 10_000] as const),
]

/** Steps a second of each environment in one thread, random actions, resets included. */
export async function envFigures(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [type, steps] of ENVS) {
    const env = await createEnv({ type, cfg: {} })
    const random = RandomStream.fromSeed(0)
    const actions = Array.from({ length: 1000 }, () => env.action_space.sample(random))
    env.seed(0)
    await env.reset()
    figures.push(
      await rate(
        `env_${type}`,
        () => steps,
        async () => {
          for (let i = 0; i < steps; i++) {
            const step = env.step(actions[i % actions.length] as never)
            const { done } = step instanceof Promise ? await step : step
            if (done) await env.reset()
          }
        },
      ),
    )
    await env.close()
  }
  return figures
}
