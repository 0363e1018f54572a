import { createEnv, RandomStream } from 'ding'
import { type Figure, rate } from './measure.js'

const ENVS = [
  'CartPole-v1',
  'MountainCar-v0',
  'MountainCarContinuous-v0',
  'Pendulum-v1',
  'Acrobot-v1',
] as const
const STEPS = 100_000

/** Steps a second of each environment in one thread, random actions, resets included. */
export async function envFigures(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const type of ENVS) {
    const env = await createEnv({ type, cfg: {} })
    const random = RandomStream.fromSeed(0)
    const actions = Array.from({ length: 1000 }, () => env.action_space.sample(random))
    env.seed(0)
    await env.reset()
    figures.push(
      await rate(
        `env_${type}`,
        () => STEPS,
        async () => {
          for (let i = 0; i < STEPS; i++) {
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
