import type { RandomStream } from '../../compute/index.js'
import { type Action, Discrete, type Obs, type Space } from '../../envs/index.js'
import type { ById, CollectMode, PolicyOutput } from '../../policy/index.js'

/**
 * A collect mode that acts uniformly at random in the action space and otherwise is the given one (DI-engine's
 * PolicyFactory.get_random_policy). Wrappers such as act_scale present the space that the policy acts in, so what is
 * stored is what was executed. Actions that the observation's `action_mask` forbids are not taken.
 */
export function randomCollectMode(
  policy: CollectMode,
  action_space: Space,
  random: RandomStream,
): CollectMode {
  return {
    ...policy,
    forward: async (data: ById<Obs>) => {
      const outputs: ById<PolicyOutput> = {}
      for (const key in data) {
        const id = Number(key)
        outputs[id] = { action: randomAction(action_space, maskOf(data[id] as Obs), random) }
      }
      return outputs
    },
  }
}

function maskOf(obs: Obs): ArrayLike<number> | undefined {
  if (typeof obs === 'number' || ArrayBuffer.isView(obs)) return undefined
  const mask = obs['action_mask']
  return ArrayBuffer.isView(mask) ? mask : undefined
}

function randomAction(space: Space, mask: ArrayLike<number> | undefined, random: RandomStream): Action {
  return space instanceof Discrete ? space.sample(random, mask) : space.sample(random)
}
