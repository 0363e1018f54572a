import { type Action, Box, createFromFactory, type Env, type Space, type StepInfo } from '../envs/index.js'
import { checkOptions, UsageError } from '../utils/index.js'
import { type EnvArgument, envFactory } from './agent_env.js'
import type { Predictor } from './callbacks/base.js'
import { mean } from './monitor.js'
import { checkCount } from './options.js'

/** An environment to evaluate in, or several that share the episodes. */
export type EvaluationEnv = EnvArgument | readonly Env[]

export interface EvaluatePolicyOptions {
  readonly n_eval_episodes?: number
  readonly deterministic?: boolean
  /** Called after every step. */
  readonly callback?: (locals: {
    readonly episode: number
    readonly step: number
    readonly reward: number
    readonly done: boolean
    readonly info: StepInfo
  }) => void
  /** Fails when the mean return is below. */
  readonly reward_threshold?: number | null
  readonly return_episode_rewards?: boolean
}

const OPTIONS = ['n_eval_episodes', 'deterministic', 'callback', 'reward_threshold', 'return_episode_rewards']

/**
 * Plays whole episodes and returns [mean, standard deviation] of the returns, or, with `return_episode_rewards`, the lists of returns and
 * lengths. Returns are those of the raw rewards (info.eval_episode_return) where the environment keeps them. The i-th of n environments
 * plays the episodes i, i + n, ... so that short episodes are not favoured.
 */
export async function evaluatePolicy(
  model: Predictor,
  env: EvaluationEnv,
  options: EvaluatePolicyOptions & { return_episode_rewards: true },
): Promise<[episode_rewards: number[], episode_lengths: number[]]>
export async function evaluatePolicy(
  model: Predictor,
  env: EvaluationEnv,
  options?: EvaluatePolicyOptions,
): Promise<[mean_reward: number, std_reward: number]>
export async function evaluatePolicy(
  model: Predictor,
  env: EvaluationEnv,
  options: EvaluatePolicyOptions = {},
): Promise<[number[], number[]] | [number, number]> {
  checkOptions('evaluatePolicy', options, OPTIONS)
  const {
    n_eval_episodes = 10,
    deterministic = true,
    callback,
    reward_threshold,
    return_episode_rewards,
  } = options
  checkCount('evaluatePolicy', 'n_eval_episodes', n_eval_episodes)
  if (Array.isArray(env) && env.length === 0)
    throw new UsageError('evaluatePolicy: the list of environments is empty.')
  const own = !isEnv(env) && !Array.isArray(env)
  const envs = Array.isArray(env)
    ? (env as readonly Env[])
    : [isEnv(env) ? env : await createFromFactory((await envFactory(env as EnvArgument)).factory)]
  // An environment that is made here plays the same episodes every time.
  if (own) envs[0]?.seed(0)
  const [rewards, lengths]: [number[], number[]] = [[], []]
  try {
    for (let episode = 0; episode < n_eval_episodes; episode++) {
      const at = envs[episode % envs.length] as Env
      let obs = await at.reset()
      let total = 0
      for (let step = 1; ; step++) {
        const [action] = await model.predict(obs, { deterministic })
        const timestep = await at.step(rescaled(action, model.action_space, at.action_space))
        total += timestep.reward
        obs = timestep.obs
        const { reward, done, info } = timestep
        callback?.({ episode, step, reward, done, info })
        if (!timestep.done) continue
        const raw = timestep.info['eval_episode_return']
        rewards.push(typeof raw === 'number' ? raw : total)
        lengths.push(step)
        break
      }
    }
  } finally {
    if (own) await envs[0]?.close()
  }
  const average = mean(rewards)
  if (typeof reward_threshold === 'number' && !(average > reward_threshold)) {
    throw new UsageError(
      `The mean return ${average.toFixed(2)} is not above reward_threshold ${reward_threshold}.`,
    )
  }
  if (return_episode_rewards === true) return [rewards, lengths]
  return [average, Math.sqrt(mean(rewards.map((reward) => (reward - average) ** 2)))]
}

function isEnv(env: EvaluationEnv): env is Env {
  return typeof env === 'object' && env !== null && 'step' in env
}

/** An action from one box in another: for environments that scale actions by themselves. */
function rescaled(action: Action, from: Space, to: Space): Action {
  if (!(from instanceof Box && to instanceof Box) || from.equals(to)) return action
  return Float32Array.from(action as Float32Array, (a, i) => {
    const [low, high] = [from.low[i] as number, from.high[i] as number]
    const share = (a - low) / (high - low)
    return (to.low[i] as number) + share * ((to.high[i] as number) - (to.low[i] as number))
  })
}
