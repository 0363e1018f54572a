import type { Transition } from '../data/index.js'
import type { EnvTimestep, Obs } from '../envs/index.js'
import type { PolicyOutput } from './types.js'

/** What off-policy learning keeps of a step. `done` is termination alone: targets bootstrap through time limits. */
export function standardTransition(obs: Obs, output: PolicyOutput, timestep: EnvTimestep<Obs>): Transition {
  return {
    obs: obs as Transition[string],
    next_obs: timestep.obs as Transition[string],
    action: output.action as Transition[string],
    reward: timestep.reward,
    done: timestep.terminated,
  }
}
