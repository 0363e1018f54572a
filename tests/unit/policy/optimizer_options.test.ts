import { describe, expect, test } from 'vitest'
import { DDPGPolicy, SACPolicy, TD3Policy } from '../../../ding/index.js'
import type { Policy } from '../../../ding/policy/index.js'
import type { StateTree } from '../../../ding/utils/index.js'
import { buildDqn, QTable, tableBatch, tableOf } from '../../fixtures/q_table.js'
import { build, learn } from './continuous_support.js'

/** Names of one parameter's moments. */
const moments = (optimizer: unknown) =>
  Object.keys(Object.values((optimizer as { state: StateTree }).state)[0] as StateTree)

const kindOf = (optimizer: unknown) => (optimizer as StateTree)['optimizer']

/** torch's optimizer_kwargs: SB3 takes them for each of these. */
describe.each([
  ['sac', SACPolicy, { learning_rate_q: 0.01, learning_rate_policy: 0 }],
  ['td3', TD3Policy, { learning_rate_critic: 0.01, learning_rate_actor: 0 }],
  ['ddpg', DDPGPolicy, { learning_rate_critic: 0.01, learning_rate_actor: 0 }],
] as const)('%s', (_, kind, rates) => {
  const updated = async (given: Record<string, unknown>) => {
    const policy = await build<Policy>(kind, { learn: { ...rates, ...given } })
    const before = structuredClone(policy.learn_mode.state_dict()['model']) as StateTree
    await learn(policy)
    const state = policy.learn_mode.state_dict()
    const weight = (model: unknown) =>
      ((model as StateTree)['critic.q.0.weight'] as { data: Float32Array }).data[0] as number
    return { optimizer: state['optimizer_critic'], start: weight(before), weight: weight(state['model']) }
  }

  test('adamw shrinks the weights by lr weight_decay, apart from the step', async () => {
    const plain = await updated({})
    const decayed = await updated({ optimizer_type: 'adamw', weight_decay: 0.5 })
    expect([kindOf(plain.optimizer), kindOf(decayed.optimizer)]).toEqual(['Adam', 'AdamW'])
    expect(decayed.weight).toBeCloseTo(plain.weight - 0.005 * plain.start, 6)
  })

  test("adamw decays by torch's 0.01 where nothing is said", async () => {
    const silent = await updated({ optimizer_type: 'adamw' })
    expect(silent.weight).toBe((await updated({ optimizer_type: 'adamw', weight_decay: 0.01 })).weight)
    expect(silent.weight).not.toBe((await updated({ optimizer_type: 'adamw', weight_decay: 0 })).weight)
  })

  test('amsgrad keeps the largest second moments', async () => {
    expect(moments((await updated({ amsgrad: true })).optimizer)).toContain('max_exp_avg_sq')
    expect(moments((await updated({})).optimizer)).not.toContain('max_exp_avg_sq')
  })
})

describe('dqn', () => {
  const TABLE = [
    [1, 2],
    [3, 4],
  ]
  const STEP = { s: 0, a: 1, r: 5, s2: 1, done: true }

  const updated = async (given: Record<string, unknown>, updates = 1) => {
    const policy = await buildDqn({ learn: { learning_rate: 0.1, ...given } }, { model: new QTable(TABLE) })
    for (let i = 0; i < updates; i++) await policy.learn_mode.forward(tableBatch([STEP], 2))
    const state = policy.learn_mode.state_dict()
    return { optimizer: state['optimizer'], table: tableOf(state) }
  }

  test('adamw shrinks every entry, also those that the batch does not touch', async () => {
    const { optimizer, table } = await updated({ optimizer_type: 'adamw', weight_decay: 0.5 })
    expect(kindOf(optimizer)).toBe('AdamW')
    // 1 - lr weight_decay = 0.95, and one step of lr towards the reward.
    expect(table.map((v) => Math.round(v * 1e4) / 1e4)).toEqual([0.95, 2, 2.85, 3.8])
  })

  test('betas are those of the config', async () => {
    const [usual, short] = [await updated({}, 3), await updated({ optimizer_betas: [0, 0.5] }, 3)]
    expect(short.table[1]).not.toBeCloseTo(usual.table[1] as number, 6)
    await expect(updated({ optimizer_betas: [0.9] })).rejects.toThrow('optimizer_betas')
  })

  test('amsgrad keeps the largest second moments', async () => {
    expect(moments((await updated({ amsgrad: true })).optimizer)).toContain('max_exp_avg_sq')
  })
})
