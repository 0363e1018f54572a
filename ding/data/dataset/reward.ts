import type { DatasetConfig } from './config.js'
import { problem } from './problems.js'
import type { DatasetStatistics, RewardTransform } from './types.js'

type RewardConfig = Pick<
  DatasetConfig,
  'reward_norm' | 'normalize_reward' | 'reward_scale' | 'reward_bias' | 'max_episode_steps'
>

const LOCOMOTION = /halfcheetah|hopper|walker2d/i
const ANTMAZE = /antmaze/i
/** Steps of an episode in the environments that rewards are scaled for. */
const USUAL_STEPS = 1000

/** A reward r becomes `factor * r + shift`, before scale and bias. */
interface Affine {
  readonly factor: number
  readonly shift: number
}

function rangeOf(path: string, { returns, episodes }: DatasetStatistics, steps: number): Affine {
  const range = returns.max - returns.min
  if (range > 0) return { factor: steps / range, shift: 0 }
  throw problem(
    path,
    episodes === 0
      ? 'it holds no whole episode'
      : `all its ${episodes} episodes have the return ${returns.min}`,
    'Rewards cannot be divided by the range of returns: choose another policy.collect.reward_norm.',
  )
}

function normOf(path: string, cfg: RewardConfig, statistics: DatasetStatistics, env_id: string): Affine {
  const steps = cfg.max_episode_steps ?? USUAL_STEPS
  switch (cfg.reward_norm) {
    case 'normalize': {
      const { mean, std } = statistics.rewards
      if (std > 0) return { factor: 1 / std, shift: -mean / std }
      throw problem(path, `all its rewards are ${mean}`, 'Choose another policy.collect.reward_norm.')
    }
    case 'return_range':
      return rangeOf(path, statistics, steps)
    case 'iql_locomotion':
      return rangeOf(path, statistics, USUAL_STEPS)
    case 'iql_antmaze':
      return { factor: 1, shift: -1 }
    case 'cql_antmaze':
      return { factor: 4, shift: -2 }
    case 'antmaze':
      return { factor: 2, shift: -0.5 }
    case 'corl':
      checkKnown(path, env_id, 'reward_norm "corl"')
      if (ANTMAZE.test(env_id)) return { factor: 1, shift: -1 }
      return LOCOMOTION.test(env_id) ? rangeOf(path, statistics, steps) : { factor: 1, shift: 0 }
    default:
      if (!cfg.normalize_reward) return { factor: 1, shift: 0 }
      checkKnown(path, env_id, 'normalize_reward')
      return LOCOMOTION.test(env_id) ? rangeOf(path, statistics, steps) : { factor: 1, shift: 0 }
  }
}

function checkKnown(path: string, env_id: string, key: string): void {
  if (env_id !== '') return
  throw problem(
    path,
    `it does not say which environment it comes from, on which ${key} depends`,
    'Set policy.collect.env_id, or another reward_norm.',
  )
}

/** A reward as it is learned from: as a float32, times scale, plus bias. The same for data and for what is collected beside them. */
export function transformedReward(reward: number, { scale, bias }: RewardTransform): number {
  return Math.fround(reward) * scale + bias
}

/**
 * Changes rewards in place: normalisation (DI-engine's `reward_norm`, CORL's `modify_reward`), then `reward_scale` and
 * `reward_bias`.
 * @returns what it did to each
 * @throws DatasetError when the data have no range to divide by.
 */
export function transformRewards(
  path: string,
  rewards: Float32Array,
  cfg: RewardConfig,
  statistics: DatasetStatistics,
  env_id = '',
): RewardTransform {
  const { factor, shift } = normOf(path, cfg, statistics, env_id)
  const transform = { scale: factor * cfg.reward_scale, bias: shift * cfg.reward_scale + cfg.reward_bias }
  if (transform.scale === 1 && transform.bias === 0) return transform
  for (let i = 0; i < rewards.length; i++) rewards[i] = transformedReward(rewards[i]!, transform)
  return transform
}
