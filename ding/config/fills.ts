import { accepts } from './assemble.js'
import type { LayeredConfig } from './merge.js'
import { type Problems, show } from './problems.js'
import type { GroupNode } from './schema.js'

interface Fill {
  readonly from: readonly string[]
  readonly to: readonly string[]
  /** Where to look when `from` is null. */
  readonly otherwise?: readonly string[]
  /** A second name of `to`: null leaves it as it is. */
  readonly alias?: true
}

const EVALUATOR = ['policy', 'eval', 'evaluator']
const BUFFER = ['policy', 'other', 'replay_buffer']
const HER = ['policy', 'other', 'her']

/** Keys that have one place to set them, and are copied to where they are used. */
const FILLS: readonly Fill[] = [
  { from: ['policy', 'unroll_len'], to: ['policy', 'collect', 'unroll_len'] },
  { from: ['env', 'stop_value'], to: [...EVALUATOR, 'stop_value'] },
  {
    from: ['env', 'n_evaluator_episode'],
    to: [...EVALUATOR, 'n_episode'],
    otherwise: ['env', 'evaluator_env_num'],
  },
  { from: ['policy', 'priority'], to: [...BUFFER, 'priority'] },
  { from: ['policy', 'priority_IS_weight'], to: [...BUFFER, 'priority_IS_weight'] },
  { from: [...HER, 'her_strategy'], to: [...BUFFER, 'goal_selection_strategy'], alias: true },
  { from: [...HER, 'her_replay_k'], to: [...BUFFER, 'n_sampled_goal'], alias: true },
]

/**
 * Copies the keys that others follow. A follower that was set to something else, by the layer that sets the key it follows or by a later one, is a problem:
 * total_config.json has both, and there they agree until one of them is set anew.
 */
export function crossFill(root: GroupNode, config: LayeredConfig, problems: Problems): void {
  for (const { from, to, otherwise, alias } of FILLS) {
    let value = config.get(from)
    let source = from
    if (value === null && otherwise !== undefined) {
      value = config.get(otherwise)
      source = otherwise
    }
    if (alias === true && value === null) continue
    if (value === undefined || !accepts(root, to) || config.get(to.slice(0, -1)) === undefined) continue
    const present = config.get(to)
    if (present === value) continue
    const leads = Math.max(config.layerOf(from), config.layerOf(source))
    if (!config.isGiven(to) || config.layerOf(to) < leads) {
      config.fill(to, value, `filled from ${source.join('.')}`)
      continue
    }
    const name = source.join('.')
    problems.add(
      to.join('.'),
      `is ${show(present)} (${config.provenance.get(to.join('.'))}), but it follows ${name}, which is ${show(value)}. Set ${name} instead.`,
    )
  }
}
