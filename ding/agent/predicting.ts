import { type Action, Box, type Obs, type Space, scaleAction } from '../envs/index.js'
import type { Policy, RunProgress } from '../policy/index.js'
import type { AgentTable } from './arguments.js'
import type { Session } from './session.js'

export interface ChooseOptions {
  readonly table: AgentTable
  /** The environment's own. */
  readonly action_space: Space
  readonly deterministic: boolean
  readonly progress: RunProgress
  /** Another text whenever the weights are others. */
  readonly stamp: string
}

/** An action of the environment for each observation. Nothing that training depends on is changed. */
export async function chooseActions(
  session: Session,
  rows: readonly Obs[],
  { table, action_space: space, deterministic, progress, stamp }: ChooseOptions,
): Promise<Action[]> {
  const samples = !deterministic && table.sampling === 'distribution'
  const policy = samples ? await session.sampler(stamp) : session.policy
  const outputs = await policy.eval_mode.forward(Object.fromEntries(rows.entries()))
  const epsilon = deterministic ? 0 : epsilonAt(table, session.policy, progress)
  const random = session.random.branch('predict').stream('epsilon')
  return rows.map((_, i) => {
    if (epsilon > 0 && random.nextFloat() < epsilon) return space.sample(random)
    return environmentAction(table, space, (outputs[i] as { action: Action }).action)
  })
}

/** An action of an agent's policy, which acts in [-1, 1], as the environment takes it. */
export function environmentAction({ continuous }: AgentTable, space: Space, action: Action): Action {
  if (!continuous || !(space instanceof Box)) return action
  return Float32Array.from(scaleAction(action as Float32Array, space.low, space.high))
}

/** Probability of a random action, of agents that explore epsilon-greedily; 0 before anything was learned, as in SB3, and of others. */
export function epsilonAt(table: AgentTable, { command_mode }: Policy, progress: RunProgress): number {
  if (table.sampling !== 'epsilon' || progress.env_step === 0) return 0
  return command_mode.get_setting_collect(progress)['eps'] ?? 0
}
