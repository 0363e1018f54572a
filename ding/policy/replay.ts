import type { SchemaDefinition } from '../config/index.js'
import { type Batch, GOAL_SELECTION_STRATEGIES } from '../data/index.js'
import { ConfigError } from '../utils/index.js'

/** DI-engine's keys of hindsight experience replay, `policy.other.her`: other names of two keys of the `her` buffer. */
export const herKeys = {
  her_strategy: {
    doc: "Hindsight goals, with the replay buffer 'her': 'future', 'final' or 'episode'. null: its goal_selection_strategy.",
    format: GOAL_SELECTION_STRATEGIES,
    default: null,
    nullable: true,
  },
  her_replay_k: {
    doc: "Transitions with a hindsight goal for each one with its own, with the replay buffer 'her'. null: its n_sampled_goal.",
    format: 'nonnegative_int',
    default: null,
    nullable: true,
  },
} as const satisfies SchemaDefinition

/** The keys by which a policy says how it takes data from a replay buffer. */
interface ReplayConfig {
  readonly priority: boolean
  readonly priority_IS_weight: boolean
  readonly collect: { readonly unroll_len: number }
}

/** For policies that learn from single transitions. @throws ConfigError for keys that contradict each other or that */
export function checkReplayConfig(
  { priority, priority_IS_weight, collect }: ReplayConfig,
  policy: string,
): void {
  if (priority_IS_weight && !priority) {
    throw new ConfigError(
      'policy.priority_IS_weight is true, but policy.priority is false: there is no bias to correct. Set both or neither.',
      { path: 'policy.priority_IS_weight' },
    )
  }
  if (collect.unroll_len !== 1) {
    throw new ConfigError(
      `policy.collect.unroll_len is ${collect.unroll_len}, but ${policy} learns from single transitions. Set it to 1.`,
      { path: 'policy.collect.unroll_len' },
    )
  }
}

/** The weights of a batch's rows. @throws ConfigError when priorities are asked for and the buffer keeps none */
export function replayWeight(
  { priority, priority_IS_weight }: ReplayConfig,
  data: Batch,
): Batch[string] | undefined {
  const weight = priority_IS_weight ? data['IS'] : data['weight']
  if ((priority && data['replay_unique_id'] === undefined) || (priority_IS_weight && weight === undefined)) {
    throw new ConfigError(
      'policy.priority is true, but what is learned from keeps no priorities. A dataset never does: set policy.priority and ' +
        "policy.priority_IS_weight to false. Of replay buffers 'advanced' and 'deque' do (create_config.replay_buffer.type).",
      { path: 'policy.priority' },
    )
  }
  return weight
}
