import type { Action, ActionMask, Env, EnvManager, EnvTimestep, Obs } from '../envs/index.js'

/** One environment, several, or an environment manager. */
export type TestEnv = Env | readonly Env[] | EnvManager

type ById<T> = Record<number, T>

interface Stepper {
  reset(): Promise<ById<Obs>>
  step(actions: ById<Action>): Promise<ById<EnvTimestep>>
}

/** Whether environments are a manager's. */
export function isManager(env: unknown): env is EnvManager {
  return typeof env === 'object' && env !== null && 'env_num' in env
}

function stepperOf(env: TestEnv): Stepper {
  if (isManager(env)) {
    return {
      reset: async () => {
        await env.reset()
        return env.ready_obs
      },
      step: (actions) => env.step(actions),
    }
  }
  const envs = Array.isArray(env) ? (env as readonly Env[]) : [env as Env]
  return {
    reset: async () =>
      Object.fromEntries(await Promise.all(envs.map(async (one, id) => [id, await one.reset()] as const))),
    step: async (actions) => {
      const steps = Object.entries(actions).map(
        async ([id, action]) => [id, await envs[Number(id)]!.step(action)] as const,
      )
      return Object.fromEntries(await Promise.all(steps))
    },
  }
}

/** Seeds the episodes to come: the i-th environment by seed + i. */
export function seedTestEnv(env: TestEnv, seed: number): void {
  if (Array.isArray(env)) for (const [i, one] of (env as readonly Env[]).entries()) one.seed(seed + i)
  else (env as Env | EnvManager).seed(seed)
}

/**
 * Mean return of one episode of every environment, cut after `max_steps` steps (null: never).
 * @param act actions for the environments that are still at it, given their observations and, of those whose last step had one in its info, the
 * `action_mask`
 */
export async function meanReturn(
  env: TestEnv,
  act: (obs: ById<Obs>, masks: ById<ActionMask>) => Promise<ById<Action>>,
  max_steps: number | null,
): Promise<number> {
  const stepper = stepperOf(env)
  let running = { ...(await stepper.reset()) }
  let masks: ById<ActionMask> = {}
  const count = Object.keys(running).length
  let total = 0
  for (let step = 1; Object.keys(running).length > 0; step++) {
    const timesteps = await stepper.step(await act(running, masks))
    running = {}
    masks = {}
    for (const [id, { obs, reward, done, info }] of Object.entries(timesteps)) {
      total += reward
      if (done || step === max_steps) continue
      running[Number(id)] = obs
      const mask = info['action_mask'] as ActionMask | null | undefined
      if (mask !== undefined && mask !== null) masks[Number(id)] = mask
    }
  }
  return total / count
}
