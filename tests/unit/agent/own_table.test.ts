import { expect, it } from 'vitest'
import {
  defineAgentTable,
  extendAgentTable,
  OfflineAgent,
  OnlineAgent,
  offPolicyArguments,
  SAC,
  TD3BC,
  valueBasedKwargs,
} from '../../../ding/agent/index.js'
import { ConfigError } from '../../../ding/utils/index.js'
import { closeAgents, keep, policyOf, smallNets } from './support.js'

closeAgents()

it('a table says what the one that it extends does, and more, which wins', async () => {
  const table = extendAgentTable(SAC.table, {
    name: 'Mine',
    arguments: {
      slow: { doc: 'Slow targets.', format: 'boolean', default: false },
      policy_kwargs: { use_expln: { default: true } },
    },
    more: ({ slow, gamma, policy_kwargs: { log_std_init } }) => ({
      learn: { target_theta: slow ? 0.001 : 0.1, init_w: gamma - log_std_init },
      model: { full_std: false },
    }),
  })
  const agent = keep(new OnlineAgent(table, { env: 'Pendulum-v1', slow: true }))
  expect(await policyOf(agent)).toMatchObject({
    type: 'sac',
    learn: { target_theta: 0.001, init_w: 0.99 + 3, log_prob_eps: 1e-6 },
    model: { use_expln: true, full_std: false, net_arch: [256, 256] },
  })
  // The other table is as it was.
  expect(await policyOf(keep(new SAC({ env: 'Pendulum-v1' })))).toMatchObject({
    learn: { target_theta: 0.005, init_w: null },
    model: { use_expln: false },
  })
})

it('without arguments and policy it is the other agent by another name', async () => {
  const table = extendAgentTable(TD3BC.table, { name: 'Mine' })
  expect(Object.keys(table.definitions)).toEqual(Object.keys(TD3BC.table.definitions))
  expect(() => new OfflineAgent(table, { alhpa: 1 })).toThrow(/Mine has no argument "alhpa"/)
})

it('a table from groups of arguments trains its policy', async () => {
  const table = defineAgentTable({
    name: 'Plain',
    policy: 'dqn',
    continuous: false,
    sampling: 'epsilon',
    arguments: {
      ...offPolicyArguments,
      learning_starts: { ...offPolicyArguments.learning_starts, default: 8 },
      policy_kwargs: { activation_fn: valueBasedKwargs.activation_fn },
    },
  })
  const agent = keep(
    new OnlineAgent(table, {
      env: 'CartPole-v1',
      batch_size: 8,
      policy_kwargs: { activation_fn: 'Tanh' },
      config: { model: { encoder_hidden_size_list: smallNets.net_arch } },
    }),
  )
  await agent.learn({ total_timesteps: 12 })
  expect(agent.n_updates).toBe(4)
  expect(await policyOf(agent)).toMatchObject({ model: { activation: 'tanh' } })
})

it('a wrong definition is an error where it is made', () => {
  const arguments_ = { odd: { doc: 'Odd.', format: 'nubmer', default: 1 } } as never
  expect(() => extendAgentTable(SAC.table, { name: 'Mine', arguments: arguments_ })).toThrow(ConfigError)
  expect(() => defineAgentTable({ ...SAC.table, arguments: arguments_ })).toThrow(ConfigError)
})
