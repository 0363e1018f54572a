import type { RandomStream } from '../../compute/index.js'
import type { Obs, Space } from '../../envs/index.js'
import type { ById, CollectMode, PolicyOutput } from '../../policy/index.js'

/**
 * A collect mode that acts uniformly at random in the action space and otherwise is the given one (DI-engine's
 * PolicyFactory.get_random_policy). Wrappers such as act_scale present the space that the policy acts in, so what is
 * stored is what was executed.
 */
export function randomCollectMode(policy: CollectMode, action_space: Space, random: RandomStream): CollectMode {
  return {
    ...policy,
    forward: async (data: ById<Obs>) => {
      const outputs: ById<PolicyOutput> = {}
      for (const id of Object.keys(data)) outputs[Number(id)] = { action: action_space.sample(random) as PolicyOutput['action'] }
      return outputs
    },
  }
}
