import { describe, expect, it } from 'vitest'
import { extendAgentTable, SAC } from '../../../ding/agent/index.js'
import { explain } from '../../../ding/config/index.js'

/** What is said of an unknown key of a policy. */
async function answer(policy: string, path: string): Promise<string> {
  const error: unknown = await explain(policy, { overrides: [[path, 1]] }).catch((cause: unknown) => cause)
  return (error as Error).message.split(`${path}: unknown key (command line).`)[1]!
}

const called = (...keys: string[]) =>
  ` Here it is called "${keys.map((key) => `policy.${key}`).join('" and "')}".`

describe('an argument of an agent, written as a key of its policy, is answered with the key', () => {
  it.each<[policy: string, name: string, ...keys: string[]]>([
    ['cql', 'cql_alpha', 'learn.min_q_weight'],
    ['cql', 'cql_n_actions', 'learn.num_actions'],
    ['cql', 'cql_lagrange', 'learn.with_lagrange'],
    ['cql', 'cql_target_action_gap', 'learn.lagrange_thresh'],
    ['cql', 'policy_lr', 'learn.learning_rate_policy', 'learn.learning_rate_alpha'],
    ['cql', 'qf_lr', 'learn.learning_rate_q'],
    ['cql', 'soft_target_update_rate', 'learn.target_theta'],
    ['cql', 'use_automatic_entropy_tuning', 'learn.auto_alpha'],
    ['cql', 'discount', 'learn.discount_factor'],
    ['cql', 'normalize', 'collect.use_norm'],
    ['td3_bc', 'policy_noise', 'learn.noise_sigma'],
    ['td3_bc', 'noise_clip', 'learn.noise_range'],
    ['td3_bc', 'policy_freq', 'learn.actor_update_freq'],
    ['iql', 'vf_lr', 'learn.learning_rate_value'],
    ['iql', 'actor_lr_schedule', 'learn.policy_lr_schedule'],
    ['edac', 'num_critics', 'model.ensemble_num'],
    ['edac', 'hidden_dim', 'model.actor_head_hidden_size', 'model.critic_head_hidden_size'],
    // vec_normalize has a gamma, too.
    ['sac', 'gamma', 'learn.discount_factor'],
    ['sac', 'tau', 'learn.target_theta'],
    ['sac', 'buffer_size', 'other.replay_buffer.replay_buffer_size'],
    ['sac', 'learning_starts', 'random_collect_size'],
    ['sac', 'train_freq', 'collect.n_sample'],
    ['sac', 'gradient_steps', 'learn.update_per_collect'],
    ['td3', 'action_noise', 'collect.noise_type', 'collect.noise_sigma'],
    ['dqn', 'max_grad_norm', 'learn.grad_clip_type', 'learn.grad_clip_value'],
    ['dqn', 'tau', 'learn.target_theta'],
    ['cqn', 'target_update_interval', 'learn.target_update_freq'],
    ['bc', 'normalize', 'collect.use_norm'],
    ['td3', 'target_noise_clip', 'learn.noise_range'],
    ['crossq', 'policy_delay', 'learn.actor_update_freq'],
    ['redq', 'ensemble_size', 'model.ensemble_num'],
    ['dqn', 'exploration_final_eps', 'other.eps.end'],
    ['qrdqn', 'n_quantiles', 'model.num_quantiles'],
    ['cqn', 'n_steps', 'nstep'],
    ['bcq', 'dataset', 'collect.data_path'],
  ])('%s: %s', async (policy, name, ...keys) => {
    expect(await answer(policy, `policy.learn.${name}`)).toBe(called(...keys))
    expect(await answer(policy, `policy.${name}`)).toBe(called(...keys))
  })

  it('so are the arguments of a table of your own', async () => {
    expect(await answer('sac', 'policy.learn.slowness')).not.toContain('Here it is called')
    const slowness = { doc: 'Slow targets.', format: 'number', default: 0, to: 'learn.target_theta' } as const
    extendAgentTable(SAC.table, { name: 'Mine', arguments: { slowness } })
    expect(await answer('sac', 'policy.learn.slowness')).toBe(called('learn.target_theta'))
  })

  it('a name that is the key itself belongs where it is; another policy has other names', async () => {
    expect(await answer('iql', 'policy.iql_tau')).toBe(' It belongs at "policy.learn.iql_tau".')
    expect(await answer('cqn', 'policy.cql_alpha')).toBe(' It belongs at "policy.learn.cql_alpha".')
    expect(await answer('iql', 'policy.learn.min_q_wieght')).not.toContain('called')
    expect(await answer('cql', 'policy.learn.min_q_wieght')).toBe(' Did you mean "min_q_weight"?')
  })
})
