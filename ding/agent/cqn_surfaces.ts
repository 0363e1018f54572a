import type { Space } from '../envs/index.js'
import { CheckpointError, loadState } from '../utils/index.js'
import { isAgentMeta } from './agent_file.js'
import { type CQNArguments, OnlineCQN } from './agents.js'
import { CQN as AgileCQN } from './cqn.js'
import type { CQNOptions } from './cqn_options.js'

/**
 * One name, two surfaces. `new CQN(observation_space, action_space, options)` is AgileRL's agent, for loops of one's own (`getAction`,
 * `learn(batch)`, `test`, `clone`); `new CQN({ env, ... })` is SB3's, which runs the loop (`learn({ total_timesteps })`, `predict`, `save`).
 */
export interface CQNClass {
  new (observation_space: Space, action_space: Space, options?: CQNOptions): AgileCQN
  new (args: CQNArguments): OnlineCQN
  readonly prototype: AgileCQN
  /** SB3's agent of a file that `save` wrote; `OnlineCQN.load` needs no env. */
  load(path: string, overrides: CQNArguments & { env: NonNullable<CQNArguments['env']> }): Promise<OnlineCQN>
  /** AgileRL's agent of a checkpoint that `save_checkpoint` wrote. */
  load(path: string, options?: Pick<CQNOptions, 'actor_network' | 'device'>): Promise<AgileCQN>
  population: typeof AgileCQN.population
}

/** Either agent, by the file and what is given beside it. */
async function load(path: string, options: object = {}): Promise<AgileCQN | OnlineCQN> {
  if (!isAgentMeta(loadState(path).meta)) return AgileCQN.load(path, options)
  if ('env' in options) return OnlineCQN.load(path, options as CQNArguments)
  throw new CheckpointError(
    `"${path}" holds a CQN agent with SB3's surface. Load it by OnlineCQN.load(path), or by CQN.load(path, { env }).`,
  )
}

/** Either agent, by the arguments of `new`. */
export const CQN = new Proxy(AgileCQN, {
  construct(target, args: unknown[], newTarget) {
    const [first] = args
    const isArguments = args.length === 1 && typeof first === 'object' && first !== null
    return isArguments ? new OnlineCQN(first as CQNArguments) : Reflect.construct(target, args, newTarget)
  },
  get: (target, name, receiver) => (name === 'load' ? load : Reflect.get(target, name, receiver)),
}) as unknown as CQNClass

/** AgileRL's agent, as `CQN` was before it had a second surface. */
export type CQN = AgileCQN
