import { type CompiledConfig, configToJson } from '../config/index.js'
import { type Space, spaceFromJSON } from '../envs/index.js'
import {
  CheckpointError,
  isHostTensor,
  type JsonValue,
  loadState,
  type StateTree,
  saveState,
  UsageError,
} from '../utils/index.js'
import { envToJson } from './agent_env.js'
import type { Arguments, LostSchedule } from './arguments.js'

/** Where an agent stands: what a file keeps of it, and what it takes along to another environment. */
export interface AgentState {
  /** What the policy's learn mode saves: networks, targets, optimizers, entropy coefficient, normalisation. */
  readonly policy: StateTree
  readonly random?: StateTree
  readonly num_timesteps: number
  readonly total_timesteps: number
  readonly n_updates: number
  readonly episodes: number
  /** As the agent's; files of older versions have none. */
  readonly exploration_rate?: number
  /** Sessions in which environments have been played, each with episodes of its own; files of older versions have none. */
  readonly sessions?: number
  /** Env steps, of an agent that has gone from its dataset to its environment. */
  readonly online_timesteps?: number
  /** Not in files: they have their own. */
  readonly buffer?: StateTree
}

/** A state without what is large. */
export type AgentCounters = Omit<AgentState, 'policy' | 'random' | 'buffer'>

export const START: AgentCounters = { num_timesteps: 0, total_timesteps: 0, n_updates: 0, episodes: 0 }

export function countersOf({
  policy: _policy,
  random: _random,
  buffer: _buffer,
  ...counters
}: AgentState): AgentCounters {
  return counters
}

/** A state that begins all random streams anew, those of episodes included. */
export function withoutRandom({ random: _random, sessions: _sessions, ...state }: AgentState): AgentState {
  return state
}

/** What {@link loadAgentFile} finds. */
export interface AgentFile {
  readonly agent: string
  readonly args: Record<string, unknown>
  readonly observation_space: Space
  readonly action_space: Space
  readonly state: AgentState
}

/** Writes an agent to one safetensors file. */
export function saveAgentFile(
  path: string,
  agent: {
    name: string
    args: Arguments
    config: CompiledConfig
    observation_space: Space
    action_space: Space
  },
  state: AgentState,
): void {
  const { name, args, config, observation_space, action_space } = agent
  const { policy, random } = state
  saveState(
    path,
    { policy, ...(random && { random }) },
    {
      agent: name,
      agent_file: 1,
      arguments: {
        ...args.values,
        env: envToJson(args.given.env),
        config: args.given.config ?? {},
      } as unknown as JsonValue,
      has_schedule: args.schedule !== undefined,
      config: JSON.parse(configToJson(config)) as JsonValue,
      observation_space: observation_space.toJSON() as JsonValue,
      action_space: action_space.toJSON() as JsonValue,
      counters: { ...countersOf(state) },
    },
  )
}

/** Whether a file was written by an agent's `save`. */
export function isAgentMeta(meta: Readonly<Record<string, unknown>>): boolean {
  return meta['agent_file'] === 1
}

/** @throws CheckpointError for a file that no agent of that name wrote */
export function loadAgentFile(path: string, name: string): AgentFile {
  const { tree, meta } = loadState(path)
  if (!isAgentMeta(meta) || meta['agent'] !== name) {
    const found = typeof meta['agent'] === 'string' ? `a ${meta['agent']} agent` : 'no agent'
    throw new CheckpointError(
      `Cannot load "${path}": it holds ${found}, but ${name}.load wants what ${name}'s save wrote.`,
    )
  }
  const args = { ...(meta['arguments'] as Record<string, unknown>) }
  if (meta['has_schedule'] === true) args['learning_rate'] = lostSchedule(path, Number(args['learning_rate']))
  return {
    agent: name,
    args,
    observation_space: spaceFromJSON(meta['observation_space']),
    action_space: spaceFromJSON(meta['action_space']),
    state: {
      ...(meta['counters'] as unknown as AgentCounters),
      policy: part(tree, 'policy'),
      random: part(tree, 'random'),
    },
  }
}

/** In place of a learning rate function, which files cannot hold: asked for when the agent learns. */
function lostSchedule(path: string, start: number): LostSchedule {
  const ask = () => {
    throw new UsageError(
      `The learning rate of the agent in "${path}" is a function, which no file can hold. To go on learning, give it again: load(path, { learning_rate }).`,
    )
  }
  return Object.assign(ask, { start })
}

function part(tree: StateTree, name: string): StateTree {
  const found = tree[name]
  if (typeof found === 'object' && found !== null && !Array.isArray(found) && !isHostTensor(found))
    return found as StateTree
  throw new CheckpointError(`The agent's file has no "${name}".`)
}

/** The parameters of a dict or a file. */
export function parametersOf(source: string | StateTree): StateTree {
  if (typeof source === 'object' && source !== null) return source
  if (typeof source !== 'string') {
    throw new UsageError(
      `setParameters was given ${String(source)}, expected what getParameters gives, or the path of an agent's file.`,
    )
  }
  const { tree, meta } = loadState(source)
  return isAgentMeta(meta) ? part(tree, 'policy') : tree
}

/**
 * What {@link BaseAgent.setParameters} hands to the policy.
 * @throws CheckpointError for a part that the policy does not have, or, with `exact`, when one is missing
 */
export function mergedParameters(now: StateTree, given: StateTree, exact: boolean): StateTree {
  const known = Object.keys(now)
  const odd = Object.keys(given).find((name) => !known.includes(name))
  if (odd !== undefined)
    throw new CheckpointError(`There are no parameters "${odd}". There are: ${known.join(', ')}.`)
  const missing = known.filter((name) => !(name in given))
  if (exact && missing.length > 0) {
    throw new CheckpointError(
      `The parameters have no ${missing.join(', ')}. Give all of them, or set exact_match to false to leave these as they are.`,
    )
  }
  if (exact) return given
  const merge = (a: StateTree, b: StateTree): StateTree => {
    const merged: Record<string, StateTree[string]> = { ...a }
    for (const [name, value] of Object.entries(b)) {
      const old = merged[name]
      merged[name] = isTree(old) && isTree(value) ? merge(old, value) : value
    }
    return merged
  }
  return merge(now, given)
}

function isTree(value: unknown): value is StateTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isHostTensor(value)
}
