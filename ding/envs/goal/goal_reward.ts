import { EnvError } from '../../utils/index.js'
import { createFromFactory, type EnvFactory } from '../create_env.js'
import type { Env } from '../types.js'
import { EnvWrapper } from '../wrappers/index.js'

/** `compute_reward` of an environment. */
export type ComputeReward = NonNullable<Env['compute_reward']>

/**
 * The goal reward of the environments that a factory makes, as their users see it. One is made here, in this thread, for
 * its `compute_reward` and closed at once; so it makes no difference whether the others live in worker threads, and the
 * function knows the config.
 * @throws EnvError when it has no compute_reward, or a wrapper around it changes observations or rewards
 */
export async function goalRewardOf(factory: EnvFactory): Promise<ComputeReward> {
  const env = await createFromFactory(factory)
  try {
    return findReward(env)
  } finally {
    await env.close()
  }
}

function findReward(env: Env): ComputeReward {
  let layer = env
  while (layer.compute_reward === undefined) {
    if (!(layer instanceof EnvWrapper)) {
      throw new EnvError(
        `${layer.constructor.name} is no goal environment: it has no compute_reward(achieved_goal, desired_goal, info), which ` +
          "hindsight experience replay needs. Add the method, or set create_config.replay_buffer.type to 'naive'.",
      )
    }
    if (!layer.transparent) {
      throw new EnvError(
        `${layer.constructor.name} may change observations or rewards, so that the environment's compute_reward is not the ` +
          'reward that comes out of it. Take it out of env.env_wrapper, or give it a compute_reward (or `transparent = true`).',
      )
    }
    layer = layer.env
  }
  return layer.compute_reward.bind(layer)
}
