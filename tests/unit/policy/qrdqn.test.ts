import { describe, expect, it } from 'vitest'
import { RandomStream } from '../../../ding/compute/index.js'
import { defaultsOf } from '../../../ding/config/index.js'
import { createModel } from '../../../ding/model/index.js'
import {
  type LearnOutput,
  type QRDQNConfig,
  QRDQNPolicy,
  qrdqnPolicyConfig,
} from '../../../ding/policy/index.js'
import { POLICY_REGISTRY } from '../../../ding/registry/index.js'
import { batchOf, f32, mean, policyOptions, Table } from './support.js'

/** Two rows, two actions, three quantiles. */
const values = [0, 1, 2, 4, 4, 4, -1, 0, 1, 3, 2, 1]
const target = [1, 1, 1, 0, 0, 0, 2, 3, 4, 0, 1, 5]
const taus = [1 / 6, 1 / 2, 5 / 6]
const quantiles = (from: readonly number[], row: number, action: number) =>
  from.slice(row * 6 + action * 3, row * 6 + action * 3 + 3)

function config(kappa: number, more: Partial<QRDQNConfig> = {}): QRDQNConfig {
  const defaults = defaultsOf(qrdqnPolicyConfig)
  return { ...defaults, model: {}, ...more, learn: { ...defaults.learn, kappa } }
}

/** Dabney et al. 2018, eq. 10, summed over targets and averaged over own quantiles. */
function quantileLoss(own: readonly number[], targets: readonly number[], kappa: number): number {
  return mean(
    own.map((z, i) =>
      targets.reduce((sum, y) => {
        const u = y - z
        const size = Math.abs(u)
        const huber =
          kappa === 0 ? size : (size <= kappa ? 0.5 * u * u : kappa * (size - 0.5 * kappa)) / kappa
        return sum + Math.abs(taus[i]! - (u <= 0 ? 1 : 0)) * huber
      }, 0),
    ),
  )
}

async function learnOf(cfg: QRDQNConfig) {
  const policy = new QRDQNPolicy(cfg, await policyOptions(new Table([2, 2, 3], values, true)))
  const learn = policy.learn_mode
  learn.load_state_dict({ ...learn.state_dict(), target_model: { table: f32(target, [2, 2, 3]) } })
  return learn
}

const rows = [
  { obs: 0, action: 0, reward: 1, next: 1 },
  { obs: 1, action: 1, reward: 2, next: 0, done: true },
]

describe('qrdqn', () => {
  it("has DI-engine's defaults, its network by default", async () => {
    const cfg = defaultsOf(qrdqnPolicyConfig)
    expect(cfg).toMatchObject({ discount_factor: 0.97, nstep: 1, double: true })
    expect(cfg.learn).toMatchObject({
      update_per_collect: 3,
      batch_size: 64,
      learning_rate: 0.001,
      target_update_freq: 100,
      kappa: 1,
    })
    expect(POLICY_REGISTRY.get('qrdqn')).toBe(QRDQNPolicy)
    const policy = new QRDQNPolicy(
      { ...cfg, model: { obs_shape: 4, action_shape: 2 } },
      await policyOptions(),
    )
    expect(policy.defaultModel()[0]).toBe('qrdqn')
    expect((await policy.eval_mode.forward({ 3: new Float32Array(4) }))[3]?.action).toBeTypeOf('number')
  })

  it.each([
    // The online network's means at row 1 are 0 and 2: double Q-learning values the second action.
    [1, true, 1],
    [0.5, true, 1],
    [0, true, 1],
    [1, false, 0],
  ] as const)('has the loss worked out by hand: kappa %s, double %s', async (kappa, double, best) => {
    const learn = await learnOf(config(kappa, { double }))
    const out = (await learn.forward(batchOf(rows))) as LearnOutput
    const next = quantiles(target, 1, best).map((z) => 1 + 0.97 * z)
    const expected = [
      quantileLoss(quantiles(values, 0, 0), next, kappa),
      quantileLoss(quantiles(values, 1, 1), [2, 2, 2], kappa),
    ]
    expect(out['total_loss']).toBeCloseTo(mean(expected), 4)
    const priority = [...(out['priority'] as Float32Array)]
    expect(priority).toEqual(expected.map((value) => expect.closeTo(value, 4)))
  })

  it('goes on bit for bit from its state', async () => {
    const cfg = config(1, {
      model: { obs_shape: 1, action_shape: 2, encoder_hidden_size_list: [8] },
      nstep: 3,
    })
    const batch = { ...batchOf(rows), reward: f32([1, 2, 3, 4, 5, 6], [2, 3]), value_gamma: f32([0.9, 0.5]) }
    const make = async (seed: number) => new QRDQNPolicy(cfg, await policyOptions(undefined, seed)).learn_mode
    const [a, b] = [await make(0), await make(1)]
    for (let i = 0; i < 2; i++) await a.forward(batch)
    b.load_state_dict(structuredClone(a.state_dict()))
    for (const learn of [a, b]) await learn.forward(batch)
    expect(b.state_dict()).toEqual(a.state_dict())
  })

  it("is named and shaped as DI-engine's network, for several discrete actions too", () => {
    const random = RandomStream.fromSeed(0)
    const one = createModel(
      { type: 'qrdqn', obs_shape: 4, action_shape: 2, encoder_hidden_size_list: [8] },
      { random },
    )
    expect(one.namedParameters().map(([name, p]) => `${name} ${p.shape.join('x')}`)).toEqual([
      'encoder.init.weight 8x4',
      'encoder.init.bias 8',
      'head.Q.0.0.weight 8x8',
      'head.Q.0.0.bias 8',
      'head.Q.1.0.weight 64x8',
      'head.Q.1.0.bias 64',
    ])
    const many = createModel(
      { type: 'qrdqn', obs_shape: 4, action_shape: [2, 3], num_quantiles: 5, encoder_hidden_size_list: [8] },
      { random },
    )
    const outputs = many.namedParameters().filter(([name]) => name.endsWith('Q.1.0.weight'))
    expect(outputs.map(([, p]) => p.shape[0])).toEqual([10, 15])
  })
})
