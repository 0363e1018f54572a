import { createEnv, RandomStream } from 'ding'
import { type Figure, rate } from './measure.js'

const ENVS = [
  'HalfCheetah-v5',
  'Hopper-v5',
  'Walker2d-v5',
  'Ant-v5',
  'Humanoid-v5',
  'Swimmer-v5',
  'Reacher-v5',
  'Pusher-v5',
  'InvertedPendulum-v5',
  'InvertedDoublePendulum-v5',
] as const
const STEPS = 3000

/** Steps a second of each MuJoCo environment in one thread, random actions, resets included. */
export async function mujocoFigures(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const type of ENVS) {
    const env = await createEnv({ type, cfg: {} })
    const random = RandomStream.fromSeed(0)
    const actions = Array.from({ length: 1000 }, () => env.action_space.sample(random))
    env.seed(0)
    await env.reset()
    figures.push(
      await rate(
        `mujoco_${type}`,
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
