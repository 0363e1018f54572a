import { describe, expect, it } from 'vitest'
import { defaultsOf } from '../../../ding/config/index.js'
import {
  type DiscreteCQLConfig,
  DiscreteCQLPolicy,
  discreteCQLPolicyConfig,
  type LearnOutput,
  type QRDQNConfig,
  QRDQNPolicy,
  qrdqnPolicyConfig,
} from '../../../ding/policy/index.js'
import { POLICY_REGISTRY } from '../../../ding/registry/index.js'
import { batchOf, logSumExp, mean, policyOptions, Table } from './support.js'

const values = [0, 1, 2, 4, 4, 4, -1, 0, 1, 3, 2, 1]
const table = () => new Table([2, 2, 3], values, true)
const q = (row: number) =>
  [0, 1].map((action) => mean(values.slice(row * 6 + action * 3, row * 6 + action * 3 + 3)))
const rows = [
  { obs: 0, action: 0, reward: 1, next: 1 },
  { obs: 1, action: 1, reward: 2, next: 0, done: true },
]

function config(min_q_weight: number): DiscreteCQLConfig {
  const defaults = defaultsOf(discreteCQLPolicyConfig)
  return { ...defaults, model: {}, learn: { ...defaults.learn, min_q_weight } }
}

describe('discrete_cql', () => {
  it("has DI-engine's defaults and names", () => {
    const cfg = defaultsOf(discreteCQLPolicyConfig)
    expect(cfg.learn).toMatchObject({
      update_per_collect: 1,
      batch_size: 64,
      learning_rate: 0.001,
      min_q_weight: 1,
      kappa: 1,
    })
    for (const name of ['discrete_cql', 'cql_discrete', 'discrete_cql_command']) {
      expect(POLICY_REGISTRY.get(name)).toBe(DiscreteCQLPolicy)
    }
  })

  it('adds the weighted conservative term of the mean values to the quantile loss', async () => {
    const quantile: QRDQNConfig = { ...defaultsOf(qrdqnPolicyConfig), model: {} }
    const plain = (await new QRDQNPolicy(quantile, await policyOptions(table())).learn_mode.forward(
      batchOf(rows),
    )) as LearnOutput
    const learn = new DiscreteCQLPolicy(config(4), await policyOptions(table())).learn_mode
    const out = (await learn.forward(batchOf(rows))) as LearnOutput
    const conservative = mean([logSumExp(q(0)) - q(0)[0]!, logSumExp(q(1)) - q(1)[1]!])
    expect(out['td_loss']).toBe(plain['total_loss'])
    expect(out['conservative_loss']).toBeCloseTo(conservative, 5)
    expect(out['total_loss']).toBeCloseTo((plain['total_loss'] as number) + 4 * conservative, 4)
  })

  it("raises the value of the data's action against the others", async () => {
    const model = table()
    const learn = new DiscreteCQLPolicy({ ...config(50), discount_factor: 0 }, await policyOptions(model))
      .learn_mode
    const gap = () => mean([...model.table.data.subarray(0, 3)]) - mean([...model.table.data.subarray(3, 6)])
    const before = gap()
    for (let i = 0; i < 20; i++) await learn.forward(batchOf([rows[0]!]))
    expect(gap()).toBeGreaterThan(before + 0.02)
  })

  it('goes on bit for bit from its state', async () => {
    const [a, b] = [
      new DiscreteCQLPolicy(config(1), await policyOptions(table())).learn_mode,
      new DiscreteCQLPolicy(config(1), await policyOptions(table())).learn_mode,
    ]
    await a.forward(batchOf(rows))
    b.load_state_dict(structuredClone(a.state_dict()))
    for (const learn of [a, b]) await learn.forward(batchOf(rows))
    expect(b.state_dict()).toEqual(a.state_dict())
  })
})
