import { type ConfigPair, didYouMean, UsageError } from 'ding'
import { D4RL_POLICIES } from './policies.js'
import { D4RL_TASKS } from './tasks.js'

export { D4RL_POLICIES, type D4rlPolicy } from './policies.js'
export { D4RL_TASKS, type D4rlTask } from './tasks.js'

/** Every pair that there is a config for, policies in turn. */
export function d4rl_configs(): { policy: string; task: string }[] {
  return Object.entries(D4RL_POLICIES).flatMap(([policy, entry]) =>
    [...D4RL_TASKS.values()].filter((task) => entry.has(task)).map(({ name }) => ({ policy, task: name })),
  )
}

/**
 * The config of a policy for a dataset of D4RL, with the settings that were published for it. The file is looked for below ./data/d4rl by D4RL's
 * name; `policy.collect.data_path` says where it is otherwise. Where ding has no environment for the data, `env.type` is 'none'.
 * @param policy a name in {@link D4RL_POLICIES}
 * @param task a name in {@link D4RL_TASKS}, such as halfcheetah-medium-v2
 * @throws UsageError when there is none
 */
export function d4rl_config(policy: string, task: string): ConfigPair {
  const entry = Object.hasOwn(D4RL_POLICIES, policy) ? D4RL_POLICIES[policy] : undefined
  const data = D4RL_TASKS.get(task)
  if (data === undefined) {
    throw new UsageError(
      `There is no config for the D4RL dataset "${task}".${didYouMean(task, D4RL_TASKS.keys())} See ding config list.`,
    )
  }
  if (entry === undefined || !entry.has(data)) {
    const fit = Object.keys(D4RL_POLICIES).filter((name) => D4RL_POLICIES[name]?.has(data))
    throw new UsageError(
      `There are no settings of "${policy}" for ${task}.${didYouMean(policy, fit)} There are of: ${fit.join(', ')}.`,
    )
  }
  return entry.config(data, `${task}_${policy}_seed0`)
}

/** Updates of a whole run, as published. */
export function d4rl_train_iter(policy: string): number | undefined {
  return D4RL_POLICIES[policy]?.train_iter
}
