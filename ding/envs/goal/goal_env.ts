import { BaseEnv } from '../base_env.js'
import { copiesOf } from '../env_config.js'
import { Dict, type Space } from '../spaces/index.js'
import type { Action, Obs, StepInfo } from '../types.js'

/** What a goal environment shows, in Gymnasium-Robotics' form. `G` is the form of goals. */
export type GoalObs<G extends Obs = Float32Array> = {
  observation: Obs
  achieved_goal: G
  desired_goal: G
}

/** The observation space of a goal environment. */
export function goalSpace(observation: Space, goal: Space): Dict {
  return new Dict({ observation, achieved_goal: goal, desired_goal: goal })
}

/**
 * Base of goal environments: observations {observation, achieved_goal, desired_goal}, and rewards that are a function of the
 * two goals, `compute_reward`. Report `info.is_success` in every step, from which evaluations take their `success_rate`.
 */
export abstract class GoalEnv<A extends Action, G extends Obs = Float32Array> extends BaseEnv<GoalObs<G>, A> {
  static create_collector_env_cfg(cfg: Record<string, unknown>): Record<string, unknown>[] {
    return copiesOf(cfg, Number(cfg['collector_env_num'] ?? 8))
  }

  static create_evaluator_env_cfg(cfg: Record<string, unknown>): Record<string, unknown>[] {
    return copiesOf(cfg, Number(cfg['evaluator_env_num'] ?? 5))
  }

  /** The reward of coming to `achieved_goal`. A pure function of its arguments and the config. */
  abstract compute_reward(achieved_goal: G, desired_goal: G, info: Readonly<StepInfo>): number
}
