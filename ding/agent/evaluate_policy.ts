import {
  type Action,
  Box,
  createFromFactory,
  type Env,
  type EnvManager,
  type EnvTimestep,
  type Obs,
  type Space,
  type StepInfo,
} from '../envs/index.js'
import { checkOptions, UsageError } from '../utils/index.js'
import { type EnvArgument, envFactory, turnFor } from './agent_env.js'
import type { Predictor } from './callbacks/base.js'
import { isManager } from './episodes.js'
import { mean } from './monitor.js'
import { checkCount } from './options.js'

/** An environment to evaluate in, or several that share the episodes: a list, or a manager such as an agent's `getEnv()`. */
export type EvaluationEnv = EnvArgument | readonly Env[] | EnvManager

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
 * plays the episodes i, i + n, ... so that short episodes are not favoured. Images with their channels last are turned for the agent.
 * @throws UsageError for the environments that the agent collects in, while it learns
 */
export async function evaluatePolicy(
  model: Predictor,
  env: EvaluationEnv,
  options: EvaluatePolicyOptions & { return_episode_rewards: true },
): Promise<[episode_rewards: number[], episode_lengths: number[]]>
export async function evaluatePolicy(
  model: Predictor,
  env: EvaluationEnv,
  options?: EvaluatePolicyOptions & { return_episode_rewards?: false },
): Promise<[mean_reward: number, std_reward: number]>
export async function evaluatePolicy(
  model: Predictor,
  env: EvaluationEnv,
  options?: EvaluatePolicyOptions,
): Promise<[number[], number[]] | [number, number]>
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
  const played = new Played(callback)
  await model.setup?.()
  if (isManager(env)) {
    model.lend?.(env)
    await playTogether(model, env, n_eval_episodes, deterministic, played)
  } else await playInTurn(model, env, n_eval_episodes, deterministic, played)
  const { rewards, lengths } = played
  const average = mean(rewards)
  if (typeof reward_threshold === 'number' && !(average > reward_threshold)) {
    throw new UsageError(
      `The mean return ${average.toFixed(2)} is not above reward_threshold ${reward_threshold}.`,
    )
  }
  if (return_episode_rewards === true) return [rewards, lengths]
  return [average, Math.sqrt(mean(rewards.map((reward) => (reward - average) ** 2)))]
}

/** An episode that is going on. */
interface Episode {
  readonly number: number
  total: number
  length: number
}

/** What the episodes came to. */
class Played {
  readonly rewards: number[] = []
  readonly lengths: number[] = []

  constructor(private readonly callback: EvaluatePolicyOptions['callback']) {}

  /** Takes in a step. @returns whether the episode ended with it */
  take(episode: Episode, { reward, done, info }: EnvTimestep): boolean {
    const { number } = episode
    episode.total += reward
    episode.length++
    this.callback?.({ episode: number, step: episode.length, reward, done, info })
    if (!done) return false
    const raw = info['eval_episode_return']
    this.rewards[number] = typeof raw === 'number' ? raw : episode.total
    this.lengths[number] = episode.length
    return true
  }
}

/** One episode after the other. */
async function playInTurn(
  model: Predictor,
  env: Exclude<EvaluationEnv, EnvManager>,
  count: number,
  deterministic: boolean,
  played: Played,
): Promise<void> {
  const own = !isEnv(env) && !Array.isArray(env)
  const envs = Array.isArray(env)
    ? (env as readonly Env[])
    : [isEnv(env) ? env : await createFromFactory(await envFactory(env as EnvArgument))]
  // An environment that is made here plays the same episodes every time.
  if (own) envs[0]?.seed(0)
  try {
    const turns = envs.map(({ observation_space }) => turnFor(model.observation_space, observation_space))
    for (let number = 0; number < count; number++) {
      const at = envs[number % envs.length] as Env
      const turn = turns[number % envs.length] as (obs: Obs) => Obs
      const episode = { number, total: 0, length: 0 }
      let obs = await at.reset()
      for (let ended = false; !ended; ) {
        const [action] = await model.predict(turn(obs), { deterministic })
        const timestep = await at.step(rescaled(action, model.action_space, at.action_space))
        obs = timestep.obs
        ended = played.take(episode, timestep)
      }
    }
  } finally {
    if (own) await envs[0]?.close()
  }
}

/** All environments of a manager at once. An episode that an environment breaks in is played again. */
async function playTogether(
  model: Predictor,
  envs: EnvManager,
  count: number,
  deterministic: boolean,
  played: Played,
): Promise<void> {
  await envs.reset()
  const turn = turnFor(model.observation_space, envs.observation_space)
  const begin = (number: number): Episode => ({ number, total: 0, length: 0 })
  const playing = new Map(envs.ready_obs_id.filter((id) => id < count).map((id) => [id, begin(id)]))
  while (playing.size > 0) {
    const ids = [...playing.keys()]
    const over = ids.filter((id) => !envs.ready_obs_id.includes(id))
    if (over.length > 0) await envs.reset(Object.fromEntries(over.map((id) => [id, null])))
    const ready = envs.ready_obs
    const [actions] = await model.predict(
      ids.map((id) => turn(ready[id] as Obs)),
      { deterministic },
    )
    const given = ids.map((id, i) => [
      id,
      rescaled(actions[i] as Action, model.action_space, envs.action_space),
    ])
    const timesteps = await envs.step(Object.fromEntries(given) as Record<number, Action>)
    for (const [id, episode] of playing) {
      const timestep = timesteps[id] as EnvTimestep
      if (timestep.info['abnormal'] === true) playing.set(id, begin(episode.number))
      else if (played.take(episode, timestep)) {
        const next = episode.number + envs.env_num
        if (next < count) playing.set(id, begin(next))
        else playing.delete(id)
      }
    }
  }
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
